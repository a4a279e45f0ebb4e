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
from tests.support.told import assert_in_turn, fails, pages, runs, said, says_token_comes_back
from tests.support.world import NAME, ORIGIN, Fault, World

POST = "profile write:statuses write:media"
BEGUN = "15 January 2027, 08:00 UTC"
ACTIONS = f"/repos/{NAME}/actions"
JOURNAL = f"{ACTIONS}/variables/MASTODON_JOURNAL"
OTHER_KEY = base64.b64encode(b"k" * 32).decode()


def test_link_asks_for_a_code_out_of_band_with_pkce(world: World) -> None:
    link = httpx.URL(world.link())
    pending = world.journal().pending
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


def test_first_run_claims_then_writes_key_then_registers_then_writes_journal(world: World) -> None:
    """The claim decides between two first runs; the key proves that secrets can be written."""
    world.begin()
    log = world.wire.log
    assert log[log.index(f"POST {ACTIONS}/variables") :] == [
        f"POST {ACTIONS}/variables",
        f"GET {ACTIONS}/secrets/public-key",
        f"PUT {ACTIONS}/secrets/MASTODON_JOURNAL_KEY",
        "POST /api/v1/apps",
        f"GET {JOURNAL}",
        f"PATCH {JOURNAL}",
    ]


def test_first_run_stores_the_key_that_was_handed_in(world: World) -> None:
    world.begin()
    assert world.stored("MASTODON_JOURNAL_KEY") == world.key


def test_first_run_makes_a_key_where_none_was_handed_in(world: World) -> None:
    world.begin(journal_key="")
    world.key = world.stored("MASTODON_JOURNAL_KEY")
    assert world.journal().account == "mybot@social.example"


def test_refused_key_takes_the_claim_back_before_anything_is_registered(world: World) -> None:
    """A token that may not write secrets is found out before anybody is asked to approve."""
    token = world.github.add_token(permissions={"secrets": "read", "actions_variables": "write"})
    with fails("github-permission", Exit.ACTION_REQUIRED):
        world.begin(github_token=token)
    assert world.instance.applications == []
    assert world.repository.variables == {}


def test_key_that_was_perhaps_written_leaves_the_run_incomplete(world: World) -> None:
    """“Nothing changed” could be untrue."""
    world.wire.faults = [Fault("answer lost", method="PUT", times=99)]
    with pytest.raises(IncompleteError):
        world.begin()
    assert world.stored("MASTODON_JOURNAL_KEY") == world.key


def test_begin_goes_on_with_a_claim_whose_run_registered_nothing(world: World) -> None:
    world.wire.faults = [Fault("500", path="/api/v1/apps", times=99)]
    with suppress(ProvisionerError):
        world.begin()
    assert ":claim:" in world.repository.variables["MASTODON_JOURNAL"]
    world.wire.faults = []
    world.provision()
    assert world.live() == [world.stored()]


def test_second_begin_writes_no_key(world: World) -> None:
    world.begin()
    since = len(world.wire.log)
    world.begin(scopes="full")
    assert "PUT" not in [line.split()[0] for line in world.requests(since)]


def test_key_out_of_a_secret_is_written_nowhere_else(world: World) -> None:
    """A workflow handed it in, perhaps from a protected environment."""
    world.repository.set_secret("MASTODON_JOURNAL_KEY", world.key)
    world.in_workflow = True
    world.begin()
    assert not [line for line in world.wire.log if "/secrets/" in line and "KEY" in line]
    assert world.journal().pending is not None


def test_report_tells_link_account_scopes_and_where_the_token_goes(world: World) -> None:
    report = world.begin()
    pending = world.journal().pending
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


def test_begin_again_shows_the_same_link(world: World) -> None:
    first, second = world.begin(), world.begin()
    assert second.link == first.link
    assert second.outputs == first.outputs
    assert len(world.instance.applications) == 1
    assert world.warned == []


def test_link_that_is_shown_again_has_the_way_out_beside_it(world: World) -> None:
    """The instance may have deleted the application, which nobody but the person sees."""
    first = world.begin()
    world.instance.delete_application(world.instance.applications[0].client_id)
    again = world.begin()
    assert runs(first.next) == ["complete"]
    assert runs(again.next) == ["complete", "abandon", "begin"]
    world.abandon()
    world.provision()
    assert world.live() == [world.stored()]


@pytest.mark.parametrize(
    ("personality", "page"),
    [("mastodon-4.7", ""), ("gotosocial", f"{ORIGIN}/settings/user/tokens")],
)
def test_link_of_a_lost_exchange_tells_how_its_token_comes_back_or_is_removed(
    world: World, page: str
) -> None:
    link = world.link()
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ProvisionerError):
        world.complete(world.approve(link))
    world.shown.clear()
    report = world.begin()
    assert report.link == link
    (warning,) = world.warned
    assert BEGUN in warning
    assert says_token_comes_back(warning) == (not page)
    (item,) = report.items
    assert pages(item.next) == ([page] if page else [])
    assert runs(report.next) == ["complete", "abandon", "begin"]


@pytest.mark.parametrize("personality", ["mastodon-4.7", "mastodon-4.2", "gotosocial"])
def test_link_of_a_lost_exchange_does_not_grow_old(world: World) -> None:
    """Its application may have a token: then no server deletes it, and no other one takes over."""
    link = world.link()
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ProvisionerError):
        world.complete(world.approve(link))
    world.time += 30 * 86400
    assert world.link() == link


def test_other_scopes_make_another_link(world: World) -> None:
    assert world.link() != world.link(scopes="read write")


def test_link_is_shown_again_for_a_week(world: World) -> None:
    first = world.link()
    world.time += 7 * 86400 - 1
    assert world.link() == first
    world.time += 1
    assert world.link() != first


def test_server_that_forgets_applications_gets_a_new_one_sooner(world: World) -> None:
    """Pleroma deletes unused applications after 15 minutes: after 10 there is a new link."""
    world.instance.server.version = "2.7.2 (compatible; Pleroma 2.9.1)"

    def older(request: Request) -> Response:
        if request.path == "/.well-known/oauth-authorization-server":
            return Response(404)
        return world.instance(request)

    world.wire.hosts["social.example"] = older
    first = world.link()
    world.time += 10 * 60 - 1
    assert world.link() == first
    world.time += 1
    assert world.link() != first


def test_unmanaged_secret_is_announced_before_the_link(world: World) -> None:
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    world.begin()
    (warning,) = world.warned
    assert "MASTODON_ACCESS_TOKEN" in warning
    link = next(i for i, line in enumerate(world.shown) if "client_id=" in line)
    assert world.shown.index(warning) < link


def test_secret_by_the_name_of_our_variable_is_unmanaged(world: World) -> None:
    """They are two things to GitHub: we wrote the variable only."""
    world.provision()
    world.repository.set_secret("MASTODON_BASE_URL", "from-before-us")
    world.begin(secrets="MASTODON_BASE_URL=access_token", variables="")
    assert [warning for warning in world.warned if "MASTODON_BASE_URL" in warning]


def test_rotation_announces_no_secret_of_ours(world: World) -> None:
    world.provision()
    world.shown.clear()
    world.begin()
    assert world.warned == []


@pytest.mark.parametrize(
    ("scopes", "less"),
    [("profile write:statuses", "write:media"), ("", ""), ("read write", "")],
    ids=["fewer", "the same", "more"],
)
def test_rotation_to_fewer_scopes_is_announced(world: World, scopes: str, less: str) -> None:
    """A workflow may need what the token in use may do and the new one may not."""
    world.provision()
    world.shown.clear()
    world.begin(scopes=scopes)
    assert_in_turn(world.warned, *([less] if less else []))


def test_other_scopes_than_those_of_an_unsettled_link_are_warned_of(world: World) -> None:
    """The link that may bring a lost token back is shown again, and asks for what it did before."""
    world.provision(scopes=POST)
    code = world.approve(world.link(scopes="profile write:statuses"))
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ActionRequiredError):
        world.complete(code)
    world.shown.clear()
    world.begin(scopes=POST)
    of_the_link, of_the_rotation = world.warned[:2]
    assert "profile write:statuses" in of_the_link
    assert "write:media" not in of_the_link
    assert "write:media" in of_the_rotation


def test_unapproved_link_may_be_given_up_for_another_account(world: World) -> None:
    """No token can have been issued for it."""
    world.begin(account="mybto@social.example")
    world.provision()
    assert world.journal().account == "mybot@social.example"


def test_another_account_does_not_take_over_a_journal_with_a_token(world: World) -> None:
    world.provision()
    with fails("journal-other-account", Exit.INPUT):
        world.begin(account="alice@social.example")


def test_journal_without_its_key_is_left_as_it_is(world: World) -> None:
    world.begin()
    before = dict(world.repository.variables)
    with fails("journal-key-missing", Exit.INPUT) as caught:
        world.begin(journal_key="")
    assert "MASTODON_JOURNAL_KEY" in caught.value.why
    assert dict(world.repository.variables) == before
    assert world.stored("MASTODON_JOURNAL_KEY") == world.key


def test_key_is_not_overwritten_where_variables_cannot_be_seen(world: World) -> None:
    """404 for every variable, and a key in its secret: there may be a journal under that key."""
    world.provision()

    def blind(request: Request) -> Response:
        if "/actions/variables" in request.path:
            return Response(404, (), b'{"message": "Not Found"}')
        return world.github(request)

    world.wire.hosts["api.github.test"] = blind
    with fails("github-not-found", Exit.ACTION_REQUIRED):
        world.begin(journal_key=OTHER_KEY)
    assert world.stored("MASTODON_JOURNAL_KEY") == world.key


def test_journal_under_another_key_is_left_as_it_is(world: World) -> None:
    world.begin()
    before = dict(world.repository.variables)
    with fails("journal-key-wrong", Exit.INPUT):
        world.begin(journal_key=OTHER_KEY)
    assert dict(world.repository.variables) == before


def test_journal_of_another_repository_is_refused(world: World) -> None:
    """A variable that was copied must not make this repository rotate the other one's token."""
    world.begin()
    other = world.github.add_repository("octocat/other")
    other.variables["MASTODON_JOURNAL"] = world.repository.variables["MASTODON_JOURNAL"]
    with fails("journal-foreign", Exit.INPUT):
        world.begin(repository="octocat/other")


def test_two_bots_in_one_repository_have_a_journal_each(world: World) -> None:
    world.provision()
    names = {"journal": "ALICE", "secrets": "ALICE_TOKEN=access_token", "variables": ""}
    link = world.link(account="alice@social.example", **names)
    world.complete(world.approve(link, "alice"), account="alice@social.example", **names)
    assert sorted(world.live()) == sorted([world.stored(), world.stored("ALICE_TOKEN")])


def would(world: World, **raw: str) -> tuple[str, ...]:
    """What a dry run of begin says that a real one would do."""
    steps = world.begin(dry_run="true", **raw).facts["would"]
    assert isinstance(steps, tuple)
    return steps


def test_dry_run_changes_nothing(world: World) -> None:
    report = world.begin(dry_run="true")
    assert report.status == "dry-run"
    assert report.outputs == {"account": world.account}
    assert world.instance.applications == []
    assert dict(world.repository.secrets) == {}
    assert world.repository.variables == {}
    assert not [line for line in world.wire.log if not line.startswith("GET")]


def test_dry_run_says_what_a_real_run_would_do(world: World) -> None:
    key, application, journal, _link = would(world)
    assert "MASTODON_JOURNAL_KEY" in key
    for fact in ("mybot", ORIGIN, POST):
        assert fact in application
    assert f"MASTODON_JOURNAL of {NAME}" in journal


def test_dry_run_leaves_out_what_is_there_already(world: World) -> None:
    """The key, of a journal that was written; the application, that somebody made by hand."""
    world.provision()
    journal, _link = would(world, client_id="id", client_secret="secret-of-that-client")
    assert f"MASTODON_JOURNAL of {NAME}" in journal


def test_dry_run_says_which_link_would_be_shown_again_and_does_not_show_it(world: World) -> None:
    link = world.link()
    (step,) = would(world)
    assert BEGUN in step
    assert link not in step


def test_dry_run_says_which_link_of_other_scopes_would_be_replaced(world: World) -> None:
    world.begin()
    *_, replaced, _link = would(world, scopes="full")
    assert BEGUN in replaced


def test_replaced_link_is_told_once_the_new_one_is_in_the_journal(world: World) -> None:
    world.begin()
    world.wire.faults = [Fault("refused", path="/api/v1/apps", times=99)]
    with pytest.raises(ProvisionerError):
        world.begin(scopes="full")
    assert not [line for line in world.shown if BEGUN in line]
    world.wire.faults = []
    world.begin(scopes="full")
    assert [line for line in world.shown if BEGUN in line]


def test_begin_that_could_not_write_its_journal_can_be_repeated(world: World) -> None:
    world.wire.faults = [Fault("request lost", method="PATCH", path="/variables", times=99)]
    with pytest.raises(IncompleteError):
        world.begin()
    world.wire.faults = []
    world.provision()
    assert world.live() == [world.stored()]


def test_throttle_says_when_to_come_back(world: World) -> None:
    """Five registrations in ten minutes: the sixth names the minutes to wait."""
    world.instance.registration_limit = 5
    for scopes in ("read", "read write", "read follow", "read push", "read write push"):
        world.begin(scopes=scopes)
    with fails("registration-throttled", Exit.FAILED) as caught:  # nothing was changed
        world.begin()
    assert "10 minutes" in said(caught.value)


def test_full_journal_is_refused_as_input(world: World) -> None:
    """Its write is refused before it is sent, and no token waits to be finished."""
    world.provision()
    world.provision()
    world.rewrite(superseded=world.journal().superseded * 99)
    with fails("value-too-large", Exit.INPUT):
        world.begin()


def test_instance_under_another_name_is_found_by_webfinger(world: World) -> None:
    """The account's domain delegates to the web domain by redirect and by the self link."""
    domain = "example.org"
    world.instance.own_domain = domain

    def delegates(request: Request) -> Response:
        where = f"{ORIGIN}{request.path}?{request.query}"
        return Response(301, (("Location", where),))

    world.wire.hosts[domain] = delegates
    assert world.link(account=f"mybot@{domain}").startswith(f"{ORIGIN}/oauth/authorize")


def test_metadata_of_another_origin_is_refused(world: World) -> None:
    """Whoever controls a foreign token endpoint would get code and client secret."""

    def mixed(request: Request) -> Response:
        answer = world.instance(request)
        if request.path == "/.well-known/oauth-authorization-server":
            fields = json.loads(answer.body) | {"token_endpoint": "https://evil.example/token"}
            return Response(200, answer.headers, json.dumps(fields).encode())
        return answer

    world.wire.hosts["social.example"] = mixed
    with fails("foreign-metadata", Exit.INPUT) as caught:
        world.begin()
    assert "evil.example" in said(caught.value)
    assert world.instance.applications == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_with_webfinger_is_not_a_misspelling(world: World, status: int) -> None:
    """A domain that is in trouble says nothing of its accounts: the web domain may be another."""

    def unwell(request: Request) -> Response:
        if request.path == "/.well-known/webfinger":
            return Response(status)
        return world.instance(request)

    world.wire.hosts["social.example"] = unwell
    with fails("instance-unwell", Exit.FAILED):
        world.begin()


def test_misspelt_account_is_warned_of(world: World) -> None:
    """Its domain does not know it; else it would be found out only after the approval."""
    world.begin(account="mybto@social.example")
    (warning,) = world.warned
    assert "mybto@social.example" in warning


def test_application_bears_the_name_of_the_account(world: World) -> None:
    """It stands in public under each post; the repository's name may be private."""
    world.begin()
    assert [application.name for application in world.instance.applications] == ["mybot"]
