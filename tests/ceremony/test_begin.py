"""begin: from an account's name to the link."""

import base64
import hashlib
import json
import re
from contextlib import suppress

import httpx
import pytest

from provisioner.errors import ActionRequiredError, IncompleteError, ProvisionerError
from provisioner.report import Exit
from provisioner.sandbox import Request, Response
from tests.stage import NAME, ORIGIN, Fault, Stage
from tests.told import assert_in_turn, fails, pages, runs, said, says_token_comes_back

POST = "profile write:statuses write:media"
BEGUN = "15 January 2027, 08:00 UTC"
ACTIONS = f"/repos/{NAME}/actions"
JOURNAL = f"{ACTIONS}/variables/MASTODON_JOURNAL"
OTHER_KEY = base64.b64encode(b"k" * 32).decode()


def test_link_asks_for_a_code_out_of_band_with_pkce(stage: Stage) -> None:
    link = httpx.URL(stage.link())
    pending = stage.journal().pending
    assert pending is not None
    assert pending.verifier is not None
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", pending.verifier.reveal())  # RFC 7636, section 4.1
    digest = hashlib.sha256(pending.verifier.reveal().encode()).digest()
    assert dict(link.params) == {
        "response_type": "code",
        "client_id": pending.application.client_id,
        "redirect_uri": "urn:ietf:wg:oauth:2.0:oob",
        "scope": POST,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "force_login": "true",
    }


def test_first_run_claims_then_writes_key_then_registers_then_writes_journal(stage: Stage) -> None:
    """The claim decides between two first runs; the key proves that secrets can be written."""
    stage.begin()
    log = stage.wire.log
    assert log[log.index(f"POST {ACTIONS}/variables") :] == [
        f"POST {ACTIONS}/variables",
        f"GET {ACTIONS}/secrets/public-key",
        f"PUT {ACTIONS}/secrets/MASTODON_JOURNAL_KEY",
        "POST /api/v1/apps",
        f"GET {JOURNAL}",
        f"PATCH {JOURNAL}",
    ]


def test_first_run_stores_the_key_that_was_handed_in(stage: Stage) -> None:
    stage.begin()
    assert stage.stored("MASTODON_JOURNAL_KEY") == stage.key


def test_first_run_makes_a_key_where_none_was_handed_in(stage: Stage) -> None:
    stage.begin(journal_key="")
    stage.key = stage.stored("MASTODON_JOURNAL_KEY")
    assert stage.journal().account == "mybot@social.example"


def test_refused_key_takes_the_claim_back_before_anything_is_registered(stage: Stage) -> None:
    """A token that may not write secrets is found out before anybody is asked to approve."""
    token = stage.github.add_token(permissions={"secrets": "read", "actions_variables": "write"})
    with fails("github-permission", Exit.ACTION_REQUIRED):
        stage.begin(github_token=token)
    assert stage.instance.applications == []
    assert stage.repository.variables == {}


def test_key_that_was_perhaps_written_leaves_the_run_incomplete(stage: Stage) -> None:
    """“Nothing changed” could be untrue."""
    stage.wire.faults = [Fault("answer lost", method="PUT", times=99)]
    with pytest.raises(IncompleteError):
        stage.begin()
    assert stage.stored("MASTODON_JOURNAL_KEY") == stage.key


def test_begin_goes_on_with_a_claim_whose_run_registered_nothing(stage: Stage) -> None:
    stage.wire.faults = [Fault("500", path="/api/v1/apps", times=99)]
    with suppress(ProvisionerError):
        stage.begin()
    assert ":claim:" in stage.repository.variables["MASTODON_JOURNAL"]
    stage.wire.faults = []
    stage.provision()
    assert stage.live() == [stage.stored()]


def test_second_begin_writes_no_key(stage: Stage) -> None:
    stage.begin()
    since = len(stage.wire.log)
    stage.begin(scopes="full")
    assert "PUT" not in [line.split()[0] for line in stage.requests(since)]


def test_key_out_of_a_secret_is_written_nowhere_else(stage: Stage) -> None:
    """A workflow handed it in, perhaps from a protected environment."""
    stage.repository.set_secret("MASTODON_JOURNAL_KEY", stage.key)
    stage.in_workflow = True
    stage.begin()
    assert not [line for line in stage.wire.log if "/secrets/" in line and "KEY" in line]
    assert stage.journal().pending is not None


def test_report_tells_link_account_scopes_and_where_the_token_goes(stage: Stage) -> None:
    report = stage.begin()
    pending = stage.journal().pending
    assert pending is not None
    assert report.status == "approval-pending"
    assert report.link == pending.link
    assert report.outputs == {
        "authorize-url": pending.link,
        "account": "mybot@social.example",
        "scopes": POST,
    }
    assert runs(report.next) == ["complete"]
    facts = list(report.table.values())
    assert ORIGIN in facts
    assert any(fact.startswith(NAME) for fact in facts)
    assert any("10 minutes" in fact for fact in facts)


def test_begin_again_shows_the_same_link(stage: Stage) -> None:
    first, second = stage.begin(), stage.begin()
    assert second == first
    assert len(stage.instance.applications) == 1
    assert stage.warned == []


@pytest.mark.parametrize(
    ("personality", "page"),
    [("mastodon-4.7", ""), ("gotosocial", f"{ORIGIN}/settings/user/tokens")],
)
def test_link_of_a_lost_exchange_tells_how_its_token_comes_back_or_is_removed(
    stage: Stage, page: str
) -> None:
    link = stage.link()
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ProvisionerError):
        stage.complete(stage.approve(link))
    stage.shown.clear()
    report = stage.begin()
    assert report.link == link
    (warning,) = stage.warned
    assert BEGUN in warning
    assert says_token_comes_back(warning) == (not page)
    (item,) = report.items
    assert pages(item.next) == ([page] if page else [])
    assert runs(item.next) == ["abandon"]


@pytest.mark.parametrize("personality", ["mastodon-4.7", "mastodon-4.2", "gotosocial"])
def test_link_of_a_lost_exchange_does_not_grow_old(stage: Stage) -> None:
    """Its application may have a token: then no server deletes it, and no other one takes over."""
    link = stage.link()
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ProvisionerError):
        stage.complete(stage.approve(link))
    stage.time += 30 * 86400
    assert stage.link() == link


def test_other_scopes_make_another_link(stage: Stage) -> None:
    assert stage.link() != stage.link(scopes="read write")


def test_link_is_shown_again_for_a_week(stage: Stage) -> None:
    first = stage.link()
    stage.time += 7 * 86400 - 1
    assert stage.link() == first
    stage.time += 1
    assert stage.link() != first


def test_server_that_forgets_applications_gets_a_new_one_sooner(stage: Stage) -> None:
    """Pleroma deletes unused applications after 15 minutes: after 10 there is a new link."""
    stage.instance.server.version = "2.7.2 (compatible; Pleroma 2.9.1)"

    def older(request: Request) -> Response:
        if request.path == "/.well-known/oauth-authorization-server":
            return Response(404)
        return stage.instance(request)

    stage.wire.hosts["social.example"] = older
    first = stage.link()
    stage.time += 10 * 60 - 1
    assert stage.link() == first
    stage.time += 1
    assert stage.link() != first


def test_unmanaged_secret_is_announced_before_the_link(stage: Stage) -> None:
    stage.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    stage.begin()
    (warning,) = stage.warned
    assert "MASTODON_ACCESS_TOKEN" in warning
    link = next(i for i, line in enumerate(stage.shown) if "client_id=" in line)
    assert stage.shown.index(warning) < link


def test_secret_by_the_name_of_our_variable_is_unmanaged(stage: Stage) -> None:
    """They are two things to GitHub: we wrote the variable only."""
    stage.provision()
    stage.repository.set_secret("MASTODON_BASE_URL", "from-before-us")
    stage.begin(secrets="MASTODON_BASE_URL=access_token", variables="")
    assert [warning for warning in stage.warned if "MASTODON_BASE_URL" in warning]


def test_rotation_announces_no_secret_of_ours(stage: Stage) -> None:
    stage.provision()
    stage.shown.clear()
    stage.begin()
    assert stage.warned == []


@pytest.mark.parametrize(
    ("scopes", "less"),
    [("profile write:statuses", "write:media"), ("", ""), ("read write", "")],
    ids=["fewer", "the same", "more"],
)
def test_rotation_to_fewer_scopes_is_announced(stage: Stage, scopes: str, less: str) -> None:
    """A workflow may need what the token in use may do and the new one may not."""
    stage.provision()
    stage.shown.clear()
    stage.begin(scopes=scopes)
    assert_in_turn(stage.warned, *([less] if less else []))


def test_other_scopes_than_those_of_an_unsettled_link_are_warned_of(stage: Stage) -> None:
    """The link that may bring a lost token back is shown again, and asks for what it did before."""
    stage.provision(scopes=POST)
    code = stage.approve(stage.link(scopes="profile write:statuses"))
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ActionRequiredError):
        stage.complete(code)
    stage.shown.clear()
    stage.begin(scopes=POST)
    of_the_link, of_the_rotation = stage.warned[:2]
    assert "profile write:statuses" in of_the_link
    assert "write:media" not in of_the_link
    assert "write:media" in of_the_rotation


def test_unapproved_link_may_be_given_up_for_another_account(stage: Stage) -> None:
    """No token can have been issued for it."""
    stage.begin(account="mybto@social.example")
    stage.provision()
    assert stage.journal().account == "mybot@social.example"


def test_another_account_does_not_take_over_a_journal_with_a_token(stage: Stage) -> None:
    stage.provision()
    with fails("journal-other-account", Exit.INPUT):
        stage.begin(account="alice@social.example")


def test_journal_without_its_key_is_left_as_it_is(stage: Stage) -> None:
    stage.begin()
    before = dict(stage.repository.variables)
    with fails("journal-key-missing", Exit.INPUT) as caught:
        stage.begin(journal_key="")
    assert "MASTODON_JOURNAL_KEY" in caught.value.why
    assert dict(stage.repository.variables) == before
    assert stage.stored("MASTODON_JOURNAL_KEY") == stage.key


def test_key_is_not_overwritten_where_variables_cannot_be_seen(stage: Stage) -> None:
    """404 for every variable, and a key in its secret: there may be a journal under that key."""
    stage.provision()

    def blind(request: Request) -> Response:
        if "/actions/variables" in request.path:
            return Response(404, (), b'{"message": "Not Found"}')
        return stage.github(request)

    stage.wire.hosts["api.github.test"] = blind
    with fails("github-not-found", Exit.ACTION_REQUIRED):
        stage.begin(journal_key=OTHER_KEY)
    assert stage.stored("MASTODON_JOURNAL_KEY") == stage.key


def test_journal_under_another_key_is_left_as_it_is(stage: Stage) -> None:
    stage.begin()
    before = dict(stage.repository.variables)
    with fails("journal-key-wrong", Exit.INPUT):
        stage.begin(journal_key=OTHER_KEY)
    assert dict(stage.repository.variables) == before


def test_journal_of_another_repository_is_refused(stage: Stage) -> None:
    """A variable that was copied must not make this repository rotate the other one's token."""
    stage.begin()
    other = stage.github.add_repository("octocat/other")
    other.variables["MASTODON_JOURNAL"] = stage.repository.variables["MASTODON_JOURNAL"]
    with fails("journal-foreign", Exit.INPUT):
        stage.begin(repository="octocat/other")


def test_two_bots_in_one_repository_have_a_journal_each(stage: Stage) -> None:
    stage.provision()
    names = {"journal": "ALICE", "secrets": "ALICE_TOKEN=access_token", "variables": ""}
    link = stage.link(account="alice@social.example", **names)
    stage.complete(stage.approve(link, "alice"), account="alice@social.example", **names)
    assert sorted(stage.live()) == sorted([stage.stored(), stage.stored("ALICE_TOKEN")])


def would(stage: Stage, **raw: str) -> tuple[str, ...]:
    """What a dry run of begin says that a real one would do."""
    steps = stage.begin(dry_run="true", **raw).facts["would"]
    assert isinstance(steps, tuple)
    return steps


def test_dry_run_changes_nothing(stage: Stage) -> None:
    report = stage.begin(dry_run="true")
    assert report.status == "dry-run"
    assert report.outputs == {"account": stage.account}
    assert stage.instance.applications == []
    assert dict(stage.repository.secrets) == {}
    assert stage.repository.variables == {}
    assert not [line for line in stage.wire.log if not line.startswith("GET")]


def test_dry_run_says_what_a_real_run_would_do(stage: Stage) -> None:
    key, application, journal, _link = would(stage)
    assert "MASTODON_JOURNAL_KEY" in key
    for fact in ("mybot", ORIGIN, POST):
        assert fact in application
    assert f"MASTODON_JOURNAL of {NAME}" in journal


def test_dry_run_leaves_out_what_is_there_already(stage: Stage) -> None:
    """The key, of a journal that was written; the application, that somebody made by hand."""
    stage.provision()
    journal, _link = would(stage, client_id="id", client_secret="secret-of-that-client")
    assert f"MASTODON_JOURNAL of {NAME}" in journal


def test_dry_run_says_which_link_would_be_shown_again_and_does_not_show_it(stage: Stage) -> None:
    link = stage.link()
    (step,) = would(stage)
    assert BEGUN in step
    assert link not in step


def test_dry_run_says_which_link_of_other_scopes_would_be_replaced(stage: Stage) -> None:
    stage.begin()
    *_, replaced, _link = would(stage, scopes="full")
    assert BEGUN in replaced


def test_replaced_link_is_told_once_the_new_one_is_in_the_journal(stage: Stage) -> None:
    stage.begin()
    stage.wire.faults = [Fault("refused", path="/api/v1/apps", times=99)]
    with pytest.raises(ProvisionerError):
        stage.begin(scopes="full")
    assert not [line for line in stage.shown if BEGUN in line]
    stage.wire.faults = []
    stage.begin(scopes="full")
    assert [line for line in stage.shown if BEGUN in line]


def test_begin_that_could_not_write_its_journal_can_be_repeated(stage: Stage) -> None:
    stage.wire.faults = [Fault("request lost", method="PATCH", path="/variables", times=99)]
    with pytest.raises(IncompleteError):
        stage.begin()
    stage.wire.faults = []
    stage.provision()
    assert stage.live() == [stage.stored()]


def test_throttle_says_when_to_come_back(stage: Stage) -> None:
    """Five registrations in ten minutes: the sixth names the minutes to wait."""
    stage.instance.registration_limit = 5
    for scopes in ("read", "read write", "read follow", "read push", "read write push"):
        stage.begin(scopes=scopes)
    with fails("registration-throttled", Exit.FAILED) as caught:  # nothing was changed
        stage.begin()
    assert "10 minutes" in said(caught.value)


def test_full_journal_is_refused_as_input(stage: Stage) -> None:
    """Its write is refused before it is sent, and no token waits to be finished."""
    stage.provision()
    stage.provision()
    stage.rewrite(superseded=stage.journal().superseded * 99)
    with fails("value-too-large", Exit.INPUT):
        stage.begin()


def test_instance_under_another_name_is_found_by_webfinger(stage: Stage) -> None:
    """The account's domain delegates to the web domain by redirect and by the self link."""
    domain = "example.org"
    stage.instance.own_domain = domain

    def delegates(request: Request) -> Response:
        where = f"{ORIGIN}{request.path}?{request.query}"
        return Response(301, (("Location", where),))

    stage.wire.hosts[domain] = delegates
    assert stage.link(account=f"mybot@{domain}").startswith(f"{ORIGIN}/oauth/authorize")


def test_metadata_of_another_origin_is_refused(stage: Stage) -> None:
    """Whoever controls a foreign token endpoint would get code and client secret."""

    def mixed(request: Request) -> Response:
        answer = stage.instance(request)
        if request.path == "/.well-known/oauth-authorization-server":
            fields = json.loads(answer.body) | {"token_endpoint": "https://evil.example/token"}
            return Response(200, answer.headers, json.dumps(fields).encode())
        return answer

    stage.wire.hosts["social.example"] = mixed
    with fails("foreign-metadata", Exit.INPUT) as caught:
        stage.begin()
    assert "evil.example" in said(caught.value)
    assert stage.instance.applications == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_with_webfinger_is_not_a_misspelling(stage: Stage, status: int) -> None:
    """A domain that is in trouble says nothing of its accounts: the web domain may be another."""

    def unwell(request: Request) -> Response:
        if request.path == "/.well-known/webfinger":
            return Response(status)
        return stage.instance(request)

    stage.wire.hosts["social.example"] = unwell
    with fails("instance-unwell", Exit.FAILED):
        stage.begin()


def test_misspelt_account_is_warned_of(stage: Stage) -> None:
    """Its domain does not know it; else it would be found out only after the approval."""
    stage.begin(account="mybto@social.example")
    (warning,) = stage.warned
    assert "mybto@social.example" in warning


def test_application_bears_the_name_of_the_account(stage: Stage) -> None:
    """It stands in public under each post; the repository's name may be private."""
    stage.begin()
    assert [application.name for application in stage.instance.applications] == ["mybot"]
