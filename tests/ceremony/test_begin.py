"""begin: from an account's name to the link."""

import base64
import hashlib
import json
import re
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest

from provisioner.errors import Exit, HalfWayError, PersonNeededError, ProvisionerError
from provisioner.outcomes import ApprovalPending, DryRun
from provisioner.sandbox import Request, Response
from tests.stage import NAME, ORIGIN, Fault, Stage
from tests.told import assert_in_turn, fails, said, says_token_comes_back

POST = "profile write:statuses write:media"


def test_the_link_asks_for_a_code_out_of_band_with_pkce(stage: Stage) -> None:
    """The link's parameters are those of the protocol, with the hash of the journal's verifier."""
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
        "scope": "profile write:statuses write:media",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "force_login": "true",
    }


def test_the_first_run_stores_the_key_that_was_handed_in(stage: Stage) -> None:
    """The journal's key goes to its secret before anything is registered."""
    stage.begin()
    assert stage.stored("MASTODON_JOURNAL_KEY") == stage.key


def test_the_first_run_makes_a_key_where_none_was_handed_in(stage: Stage) -> None:
    """Without a key, one is made, stored, and seals the journal."""
    stage.begin(journal_key="")
    stage.key = stage.stored("MASTODON_JOURNAL_KEY")
    assert stage.journal().account == "mybot@social.example"


def test_a_key_that_cannot_be_written_stops_before_the_registration(stage: Stage) -> None:
    """A token that may not write secrets is found out before anybody is asked to approve."""
    token = stage.github.add_token(permissions={"secrets": "read", "actions_variables": "write"})
    with fails("github-permission", Exit.PERSON):
        stage.begin(github_token=token)
    assert stage.instance.applications == []


def test_a_key_that_was_perhaps_written_is_a_half_way_stop(stage: Stage) -> None:
    """“Nothing changed” could be untrue."""
    stage.wire.faults = [Fault("answer lost", method="PUT", times=99)]
    with pytest.raises(HalfWayError):
        stage.begin()
    assert stage.stored("MASTODON_JOURNAL_KEY") == stage.key


def test_the_key_is_written_by_the_first_begin_alone(stage: Stage) -> None:
    """The next begin finds a journal under it, even if the first one registered nothing."""
    stage.wire.faults = [Fault("500", path="/api/v1/apps", times=99)]
    with suppress(ProvisionerError):
        stage.begin()
    assert (stage.journal().generation, stage.journal().account) == (1, "mybot@social.example")
    stage.wire.faults = []
    since = len(stage.wire.log)
    stage.begin()
    assert "PUT" not in [line.split()[0] for line in stage.requests(since)]


def test_nothing_comes_between_the_look_and_the_key(stage: Stage) -> None:
    """A second first run has as little time as can be to put its own key there meanwhile."""
    stage.begin()
    actions = f"/repos/{NAME}/actions"
    written = stage.wire.log.index(f"PUT {actions}/secrets/MASTODON_JOURNAL_KEY")
    assert stage.wire.log[written - 1] == f"GET {actions}/variables/MASTODON_JOURNAL"


def test_a_key_out_of_a_secret_stays_there(stage: Stage) -> None:
    """A workflow handed it in, perhaps from a protected environment: it is written nowhere else."""
    stage.repository.set_secret("MASTODON_JOURNAL_KEY", stage.key)
    stage.in_workflow = True
    stage.begin()
    assert not [line for line in stage.wire.log if "/secrets/" in line and "KEY" in line]
    assert stage.journal().pending is not None


def test_begin_again_shows_the_same_link(stage: Stage) -> None:
    """While an approval is pending, no second application is registered."""
    first, second = stage.begin(), stage.begin()
    pending = stage.journal().pending
    assert pending is not None
    assert first == ApprovalPending(
        account="mybot@social.example",
        instance=ORIGIN,
        repository=NAME,
        scopes=("profile", "write:statuses", "write:media"),
        authorize_url=pending.link,
        code_good_for="10 minutes",
        again=False,
    )
    assert second == replace(first, again=True)
    assert len(stage.instance.applications) == 1


def test_begin_again_warns_of_nothing(stage: Stage) -> None:
    """Nothing was lost."""
    stage.begin()
    stage.begin()
    assert stage.warned == []


@pytest.mark.parametrize(
    ("personality", "page"),
    [("mastodon-4.7", ""), ("gotosocial", f"{ORIGIN}/settings/user/tokens")],
)
def test_begin_again_after_a_lost_exchange(stage: Stage, page: str) -> None:
    """The same link, and how the token that may have been lost comes back, or is removed."""
    link = stage.link()
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ProvisionerError):
        stage.complete(stage.approve(link))
    stage.shown.clear()
    assert stage.link() == link
    (warning,) = stage.warned
    assert "2027-01-15T08:00:00Z" in warning
    assert says_token_comes_back(warning) == (not page)
    assert page in warning
    assert (ORIGIN in warning) == bool(page)


@pytest.mark.parametrize("personality", ["mastodon-4.7", "mastodon-4.2", "gotosocial"])
def test_the_link_of_a_lost_exchange_does_not_grow_old(stage: Stage) -> None:
    """Its application may have a token: then no server deletes it, and no other one takes over."""
    link = stage.link()
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ProvisionerError):
        stage.complete(stage.approve(link))
    stage.time += 30 * 86400
    assert stage.link() == link


def test_other_scopes_make_another_application(stage: Stage) -> None:
    """The link of an approval for other scopes is not shown again."""
    assert stage.link() != stage.link(scopes="read write")


def test_an_old_link_is_not_shown_again(stage: Stage) -> None:
    """After a week a new application is registered."""
    first = stage.link()
    stage.time += 7 * 86400 - 1
    assert stage.link() == first
    stage.time += 1
    assert stage.link() != first


def test_a_server_that_forgets_applications_gets_a_new_one_sooner(stage: Stage) -> None:
    """Pleroma deletes unused applications after 15 minutes: after 10 there is a new link."""
    stage.instance.version = "2.7.2 (compatible; Pleroma 2.9.1)"

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


def test_an_existing_secret_is_announced_before_the_link(stage: Stage) -> None:
    """A secret of that name that is not ours is warned of; the link comes after."""
    stage.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    stage.begin()
    (warning,) = stage.warned
    assert "MASTODON_ACCESS_TOKEN" in warning
    link = next(i for i, line in enumerate(stage.shown) if "/oauth/authorize" in line)
    assert stage.shown.index(warning) < link


def test_a_secret_by_the_name_of_our_variable_is_announced(stage: Stage) -> None:
    """They are two things to GitHub: we wrote the variable only."""
    stage.provision()
    stage.repository.set_secret("MASTODON_BASE_URL", "from-before-us")
    stage.begin(secrets="MASTODON_BASE_URL=access_token", variables="")
    assert [warning for warning in stage.warned if "MASTODON_BASE_URL" in warning]


def test_our_own_secret_is_not_announced(stage: Stage) -> None:
    """A rotation overwrites what we wrote, without a warning."""
    stage.provision()
    stage.shown.clear()
    stage.begin()
    assert stage.warned == []


@pytest.mark.parametrize(
    ("scopes", "less"),
    [("profile write:statuses", "write:media"), ("", ""), ("read write", "")],
    ids=["fewer", "the same", "more"],
)
def test_a_rotation_to_fewer_scopes_is_announced(stage: Stage, scopes: str, less: str) -> None:
    """What the token in use may do and the new one may not, since a workflow may need it."""
    stage.provision()
    stage.shown.clear()
    stage.begin(scopes=scopes)
    assert_in_turn(stage.warned, *([less] if less else []))


def test_other_scopes_than_those_of_an_unsettled_link_are_warned_of(stage: Stage) -> None:
    """The link that may bring a lost token back is shown again, and asks for what it did before."""
    stage.provision(scopes="profile write:statuses write:media")
    code = stage.approve(stage.link(scopes="profile write:statuses"))
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(PersonNeededError):
        stage.complete(code)
    stage.shown.clear()
    stage.begin(scopes="profile write:statuses write:media")
    of_the_link, of_the_rotation = stage.warned[:2]
    assert "profile write:statuses" in of_the_link
    assert "write:media" not in of_the_link
    assert "write:media" in of_the_rotation


def test_an_unapproved_link_may_be_given_up_for_another_account(stage: Stage) -> None:
    """As long as no token can have been issued, begin may start over for somebody else."""
    stage.begin(account="mybto@social.example")
    stage.provision()
    assert stage.journal().account == "mybot@social.example"


def test_another_account_does_not_take_over_a_journal_with_a_token(stage: Stage) -> None:
    """A journal remembers one bot."""
    stage.provision()
    with fails("journal-other-account", Exit.INPUT):
        stage.begin(account="alice@social.example")


def test_a_journal_needs_its_key(stage: Stage) -> None:
    """The variable is there, but no key was handed in: nothing is overwritten."""
    stage.begin()
    before = dict(stage.repository.variables)
    with fails("journal-key-missing", Exit.INPUT) as caught:
        stage.begin(journal_key="")
    assert "MASTODON_JOURNAL_KEY" in caught.value.why
    assert dict(stage.repository.variables) == before
    assert stage.stored("MASTODON_JOURNAL_KEY") == stage.key


def test_a_key_is_not_overwritten_where_variables_cannot_be_seen(stage: Stage) -> None:
    """404 for every variable, and a key in its secret: there may be a journal under that key."""
    stage.provision()

    def blind(request: Request) -> Response:
        if "/actions/variables" in request.path:
            return Response(404, (), b'{"message": "Not Found"}')
        return stage.github(request)

    stage.wire.hosts["api.github.test"] = blind
    with fails("github-not-found", Exit.PERSON):
        stage.begin(journal_key=base64.b64encode(b"k" * 32).decode())
    assert stage.stored("MASTODON_JOURNAL_KEY") == stage.key


def test_another_key_opens_nothing(stage: Stage) -> None:
    """A journal under another key is refused, and left as it is."""
    stage.begin()
    before = dict(stage.repository.variables)
    with fails("journal-key-wrong", Exit.INPUT):
        stage.begin(journal_key=base64.b64encode(b"k" * 32).decode())
    assert dict(stage.repository.variables) == before


def test_a_journal_of_another_repository_is_refused(stage: Stage) -> None:
    """A variable copied elsewhere does not make the tool rotate a stranger's token."""
    stage.begin()
    other = stage.github.add_repository("octocat/other")
    other.variables["MASTODON_JOURNAL"] = stage.repository.variables["MASTODON_JOURNAL"]
    with fails("journal-foreign", Exit.INPUT):
        stage.begin(repository="octocat/other")


def test_a_second_bot_has_a_journal_of_its_own(stage: Stage) -> None:
    """Two bots in one repository don't get into each other's way."""
    stage.provision()
    names = {"journal": "ALICE", "secrets": "ALICE_TOKEN=access_token", "variables": ""}
    link = stage.link(account="alice@social.example", **names)
    stage.complete(stage.approve(link, "alice"), account="alice@social.example", **names)
    assert sorted(stage.live()) == sorted([stage.stored(), stage.stored("ALICE_TOKEN")])


def test_a_dry_run_changes_nothing(stage: Stage) -> None:
    """No application, no secret, no variable; and it says what a real run would do."""
    outcome = stage.begin(dry_run="true")
    assert isinstance(outcome, DryRun)
    key, application, journal, _link = outcome.would
    assert "MASTODON_JOURNAL_KEY" in key
    for fact in ("mybot", ORIGIN, POST):
        assert fact in application
    assert f"MASTODON_JOURNAL of {NAME}" in journal
    assert outcome.outputs() == {"status": "dry-run", "account": stage.account}
    assert stage.instance.applications == []
    assert (dict(stage.repository.secrets), stage.repository.variables) == ({}, {})
    assert not [line for line in stage.wire.log if not line.startswith("GET")]


def test_a_dry_run_leaves_out_what_is_there_already(stage: Stage) -> None:
    """The key, of a journal that was written; the application, that somebody made by hand."""
    stage.provision()
    outcome = stage.begin(dry_run="true", client_id="id", client_secret="secret-of-that-client")
    assert isinstance(outcome, DryRun)
    journal, _link = outcome.would
    assert f"MASTODON_JOURNAL of {NAME}" in journal


def test_a_dry_run_shows_no_link_again(stage: Stage) -> None:
    """It says that the pending link would be shown again, as of when; it does not show it."""
    link = stage.link()
    outcome = stage.begin(dry_run="true")
    assert isinstance(outcome, DryRun)
    (would,) = outcome.would
    assert "2027-01-15T08:00:00Z" in would
    assert link not in would


def test_a_dry_run_replaces_no_link(stage: Stage) -> None:
    """It says that a pending link of other scopes would be replaced by a new one."""
    stage.begin()
    outcome = stage.begin(dry_run="true", scopes="full")
    assert isinstance(outcome, DryRun)
    assert "2027-01-15T08:00:00Z" in outcome.would[-1]


def test_a_link_is_replaced_once_it_is(stage: Stage) -> None:
    """It is said when the new one is in the journal, and not where none could be registered."""
    stage.begin()
    begun_at = "2027-01-15T08:00:00Z"
    stage.wire.faults = [Fault("refused", path="/api/v1/apps", times=99)]
    with pytest.raises(ProvisionerError):
        stage.begin(scopes="full")
    assert not [line for line in stage.shown if begun_at in line]
    stage.wire.faults = []
    stage.begin(scopes="full")
    assert [line for line in stage.shown if begun_at in line]


def test_who_completes_is_told_of_the_application(stage: Stage) -> None:
    """Of one's own, complete is to be told as well; of one that begin made, it is not."""
    application = stage.hand_made()
    own = {"client_id": application.client_id, "client_secret": application.client_secret}
    outcomes = (stage.begin(**own), stage.begin(app_name="other"))
    ids = [outcome.client_id for outcome in outcomes if isinstance(outcome, ApprovalPending)]
    assert ids == [application.client_id, ""]


def test_a_begin_that_lost_its_journal_can_be_repeated(stage: Stage) -> None:
    """The journal could not be written: stopped half-way; the next begin starts over."""
    stage.wire.faults = [Fault("request lost", method="POST", path="/variables", times=99)]
    with pytest.raises(HalfWayError):
        stage.begin()
    stage.wire.faults = []
    stage.provision()
    assert stage.live() == [stage.stored()]


def test_the_throttle_says_when_to_come_back(stage: Stage) -> None:
    """Five registrations in ten minutes: the sixth names the minutes to wait."""
    stage.instance.registration_limit = 5
    for scopes in ("read", "read write", "read follow", "read push", "read write push"):
        stage.begin(scopes=scopes)
    with fails("registration-throttled", Exit.FAILED) as caught:  # nothing was changed
        stage.begin()
    assert "10 minutes" in caught.value.todo


def test_a_journal_that_is_full_is_no_half_way_stop(stage: Stage) -> None:
    """Its write is refused before it is sent, and no token waits to be finished."""
    stage.provision()
    stage.provision()
    stage.rewrite(superseded=stage.journal().superseded * 99)
    with fails("value-too-large", Exit.INPUT):
        stage.begin()


def test_an_instance_under_another_name_is_found_by_webfinger(stage: Stage) -> None:
    """The account's domain delegates to the web domain by redirect and by the self link."""
    domain = "example.org"
    stage.instance.store.domain = domain

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


def test_a_misspelt_account_is_warned_of(stage: Stage) -> None:
    """The domain does not know it; the guard would find out only after the approval."""
    stage.begin(account="mybto@social.example")
    (warning,) = stage.warned
    assert "mybto@social.example" in warning


def test_the_application_bears_the_accounts_name(stage: Stage) -> None:
    """What stands in public under each post is the bot's name, never the repository's."""
    stage.begin()
    assert [application.name for application in stage.instance.applications] == ["mybot"]
    assert NAME not in stage.instance.applications[0].name
