"""complete: from the code to the token in its secrets."""

import json
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from provisioner import ceremony
from provisioner.destinations import Mapping
from provisioner.errors import Exit, HalfWayError, PersonNeededError, ProvisionerError
from provisioner.mastodon import MOST_SCOPES
from provisioner.outcomes import DryRun, Provisioned
from provisioner.sandbox import Request, Response
from provisioner.secret import LONGEST
from tests.stage import NAME, ORIGIN, Fault, Stage
from tests.told import assert_in_turn, fails, said, says_no_code_is_needed, says_revoked

PAGE = f"{ORIGIN}/oauth/authorized_applications"
"""Where a person removes an application."""


def rewrite(stage: Stage, path: str, change: Callable[[Response], Response]) -> None:
    """Let the instance answer differently at one path."""

    def handler(request: Request) -> Response:
        answer = stage.instance(request)
        return change(answer) if request.path == path else answer

    stage.wire.hosts["social.example"] = handler


def fields(**changed: object) -> Callable[[Response], Response]:
    """A change of an answer's JSON fields."""

    def change(answer: Response) -> Response:
        body = json.dumps(json.loads(answer.body) | changed).encode()
        return Response(answer.status, (("Content-Type", "application/json"),), body)

    return change


def test_the_token_ends_up_in_the_secret(stage: Stage) -> None:
    """What a workflow reads is the one living token, and the instance beside it."""
    stage.provision()
    assert stage.live() == [stage.stored()]
    assert stage.repository.variables["MASTODON_BASE_URL"] == ORIGIN


def test_the_outcome_says_what_was_done(stage: Stage) -> None:
    """Whose token it is, where it is from, what it may do and where it was written."""
    assert stage.provision() == Provisioned(
        status="provisioned",
        account="mybot@social.example",
        instance=ORIGIN,
        repository=NAME,
        scopes=("profile", "write:statuses", "write:media"),
        expires_at="never",
        written=(
            Mapping("secrets", "MASTODON_ACCESS_TOKEN", "access_token"),
            Mapping("variables", "MASTODON_BASE_URL", "base_url"),
        ),
        overwritten=(),
        old_tokens=(),
        unsettled_since="",
        remove_at=PAGE,
    )


def test_everything_happens_in_the_order_that_is_safe(stage: Stage) -> None:
    """Looked before; attempted; exchanged; staged; verified, written ahead; written; current.

    The journal is read before it is written, since another run may have written it; but nothing
    comes between the instance's answer and the write that stages its token.
    """
    code = stage.approve(stage.link())
    since = len(stage.wire.log)
    stage.complete(code)
    actions = f"/repos/{NAME}/actions"
    journal = f"{actions}/variables/MASTODON_JOURNAL"
    assert stage.requests(since) == [
        f"GET /repos/{NAME}",
        f"GET {journal}",
        f"GET {actions}/secrets/public-key",
        f"GET {actions}/secrets/MASTODON_ACCESS_TOKEN",
        *(f"GET {journal}", f"PATCH {journal}"),
        "POST /oauth/token",
        f"PATCH {journal}",
        "GET /api/v1/accounts/verify_credentials",
        *(f"GET {journal}", f"PATCH {journal}"),
        f"PUT {actions}/secrets/MASTODON_ACCESS_TOKEN",
        *(f"PATCH {actions}/variables/MASTODON_BASE_URL", f"POST {actions}/variables"),
        *(f"GET {journal}", f"PATCH {journal}"),
        f"GET {journal}",
    ]


def test_the_journal_knows_the_current_credential(stage: Stage) -> None:
    """Token, account number, scopes and where it was written; nothing pending any more."""
    stage.provision()
    journal = stage.journal()
    assert journal.pending is None
    assert journal.current is not None
    assert journal.current.token.reveal() == stage.stored()
    assert journal.current.account_id == str(stage.instance.accounts[0].id)
    assert [place.name for place in journal.current.destinations] == [
        "MASTODON_ACCESS_TOKEN",
        "MASTODON_BASE_URL",
    ]


@pytest.mark.parametrize(
    "paste",
    [
        "{code}",
        "  {code}\n",
        f"{ORIGIN}/oauth/authorize/native?code={{code}}",
        "code={code}&state=xyz",
        "{code}&state=xyz",
        "{first} {rest}",
    ],
)
def test_a_code_may_be_pasted_in_many_forms(stage: Stage, paste: str) -> None:
    """Bare, with white space, as the page's address, with a state."""
    code = stage.approve(stage.link())
    stage.complete(paste.format(code=code, first=code[:9], rest=code[9:]))
    assert stage.live() == [stage.stored()]


def test_a_page_of_another_instance_is_refused_before_the_exchange(stage: Stage) -> None:
    """A code goes only to the instance that issued it."""
    code = stage.approve(stage.link())
    with fails("foreign-code", Exit.INPUT) as caught:
        stage.complete(f"https://other.example/oauth/authorize/native?code={code}")
    assert "other.example" in said(caught.value)
    assert "POST /oauth/token" not in stage.wire.log


def test_nothing_is_no_code(stage: Stage) -> None:
    """It is asked for again, with the link, and nothing is sent."""
    link = stage.link()
    with fails("no-code", Exit.INPUT) as caught:
        stage.complete("")
    assert caught.value.link == link
    assert "POST /oauth/token" not in stage.wire.log


def test_a_part_of_the_link_is_no_code(stage: Stage) -> None:
    """The client id, say: it must not be masked either, since the link has to be shown."""
    link = stage.link()
    with fails("bad-code", Exit.INPUT) as caught:
        stage.complete(stage.instance.applications[0].client_id)
    assert caught.value.link == link
    assert "POST /oauth/token" not in stage.wire.log


def test_a_link_for_another_account_is_not_completed(stage: Stage) -> None:
    """A journal remembers one bot, from its first link on."""
    code = stage.approve(stage.link())
    with fails("journal-other-account", Exit.INPUT) as caught:
        stage.complete(code, account="alice@social.example")
    assert "mybot@social.example" in said(caught.value)
    assert "alice@social.example" in said(caught.value)
    assert "POST /oauth/token" not in stage.wire.log


@pytest.mark.parametrize(("scopes", "warned"), [("", False), ("post", False), ("full", True)])
def test_other_scopes_than_the_links_are_warned_of(
    stage: Stage, scopes: str, *, warned: bool
) -> None:
    """The token gets those that the link asked for: the warning names them."""
    code = stage.approve(stage.link())
    stage.complete(code, **({"scopes": scopes} if scopes else {}))
    asked = "profile write:statuses write:media"
    assert [asked in warning for warning in stage.warned] == [True] * warned


def test_fields_are_written_under_the_names_that_were_asked_for(stage: Stage) -> None:
    """`secrets` and `variables` say what goes where."""
    stage.provision(
        secrets="TOOT_TOKEN=access_token\nTOOT_ID=client_id\nTOOT_SECRET=client_secret",
        variables="TOOT_URL=base_url\nTOOT_WHO=account\nTOOT_MAY=scopes\nTOOT_UNTIL=expires_at",
    )
    application = stage.instance.applications[0]
    read = [stage.stored(name) for name in ("TOOT_TOKEN", "TOOT_ID", "TOOT_SECRET")]
    assert read == [*stage.live(), application.client_id, application.client_secret]
    variables = dict(stage.repository.variables)
    variables.pop("MASTODON_JOURNAL")
    assert variables == {
        "TOOT_URL": ORIGIN,
        "TOOT_WHO": "mybot@social.example",
        "TOOT_MAY": "profile write:statuses write:media",
        "TOOT_UNTIL": "never",
    }


def test_another_accounts_token_is_revoked_and_not_stored(stage: Stage) -> None:
    """The browser was signed in as alice: the message says so, and nothing is left to remove."""
    link = stage.link()
    code = stage.approve(link, "alice")
    with fails("wrong-account", Exit.PERSON) as caught:
        stage.complete(code)
    assert "alice@social.example" in said(caught.value)
    assert says_revoked(caught.value)
    assert PAGE not in said(caught.value)
    assert caught.value.link == link
    assert stage.live() == []
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


def test_after_a_wrong_account_the_same_link_serves_the_right_one(stage: Stage) -> None:
    """No second application is needed to mend it."""
    link = stage.link()
    with suppress(PersonNeededError):
        stage.complete(stage.approve(link, "alice"))
    assert stage.link() == link
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_a_wrong_token_that_cannot_be_revoked_stays_known(stage: Stage) -> None:
    """A revocation that fails leaves the token in the journal, to be revoked later."""
    code = stage.approve(stage.link(), "alice")
    stage.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    with fails("wrong-account", Exit.PERSON) as caught:
        stage.complete(code)
    assert "alice@social.example" in said(caught.value)
    assert not says_revoked(caught.value)
    assert PAGE in said(caught.value)
    [old] = stage.journal().superseded
    assert [old.credential.token.reveal()] == stage.live()
    assert old.credential.destinations == ()  # it was written nowhere
    stage.wire.faults = []
    stage.provision()
    assert stage.live() == [stage.stored()]


def test_a_wrong_token_joins_the_replaced_ones(stage: Stage) -> None:
    """Each is known until it is revoked."""
    stage.provision()
    stage.provision()
    code = stage.approve(stage.link(), "alice")
    stage.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    with suppress(PersonNeededError):
        stage.complete(code)
    known = [credential.token.reveal() for credential in stage.journal().credentials()]
    assert sorted(known) == sorted(stage.live())
    assert len(known) == 3


@pytest.mark.parametrize("again", [True, False], ids=["the same code", "no code"])
def test_completing_again_says_when_it_was_done(stage: Stage, *, again: bool) -> None:
    """No code is looked at where nothing is pending, and the first token lives on."""
    code = stage.approve(stage.link())
    stage.complete(code)
    with fails("completed-already", Exit.PERSON) as caught:
        stage.complete(code if again else "")
    assert "2027-01-15T08:00:00Z" in said(caught.value)
    assert stage.wire.log.count("POST /oauth/token") == 1
    assert stage.live() == [stage.stored()]


def test_a_code_of_before_is_not_sent_again(stage: Stage) -> None:
    """A re-run brings the first attempt's code: the server might revoke what it gave for it."""
    code = stage.approve(stage.link())
    stage.complete(code)
    stage.begin()
    with fails("code-used", Exit.PERSON) as caught:
        stage.complete(code)
    assert "2027-01-15T08:00:00Z" in said(caught.value)
    assert stage.wire.log.count("POST /oauth/token") == 1
    assert stage.live() == [stage.stored()]


def test_an_expired_code_leaves_the_link_good(stage: Stage) -> None:
    """The error shows the link again, and a fresh code from it works."""
    link = stage.link()
    code = stage.approve(link)
    stage.time += 601
    with fails("code-refused", Exit.PERSON) as caught:
        stage.complete(code)
    assert caught.value.link == link
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_a_refused_code_leaves_no_attempt_behind(stage: Stage) -> None:
    """After a definite refusal the application may be given up for another one day."""
    stage.begin()
    with suppress(PersonNeededError):
        stage.complete("not-the-code")
    pending = stage.journal().pending
    assert pending is not None
    assert pending.attempted_at is None


def test_a_lost_exchange_is_recovered_by_approving_again(stage: Stage) -> None:
    """Mastodon gives the same application the same token: no second one comes to life."""
    link = stage.link()
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    code = stage.approve(link)
    with fails("no-answer", Exit.PERSON) as caught:
        stage.complete(code)
    assert caught.value.link == link
    assert len(stage.live()) == 1
    stage.complete(stage.approve(stage.link()))
    assert stage.live() == [stage.stored()]


def test_an_old_code_does_not_discard_an_attempted_application(stage: Stage) -> None:
    """While an attempt is unsettled, invalid_grant is no reason to forget the application."""
    link = stage.link()
    code = stage.approve(link)
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    for _ in range(2):
        with suppress(PersonNeededError):
            stage.complete(code)
    stage.time += 30 * 86400
    assert stage.link(scopes="read write") == link


def test_an_exchange_is_never_repeated(stage: Stage) -> None:
    """A lost answer may have issued a token: one request, whatever happens."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("request lost", path="/oauth/token", times=99)]
    with suppress(ProvisionerError):
        stage.complete(code)
    assert stage.wire.log.count("POST /oauth/token") == 1


def test_the_attempt_is_written_before_the_exchange(stage: Stage) -> None:
    """Where the journal can't be written, the code is not spent."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", method="PATCH", times=99)]
    with fails("journal-unconfirmed", Exit.HALF_WAY) as caught:
        stage.complete(code)
    assert not says_no_code_is_needed(caught.value)
    assert "POST /oauth/token" not in stage.wire.log
    stage.wire.faults = []
    stage.complete(code)


def test_nothing_goes_on_past_an_unconfirmed_staging_write(stage: Stage) -> None:
    """The token is used for nothing before the journal holds it for certain."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("request lost", method="PATCH", first=1, times=99)]
    with fails("journal-unconfirmed", Exit.HALF_WAY):
        stage.complete(code)
    assert "GET /api/v1/accounts/verify_credentials" not in stage.wire.log
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


def test_a_staging_write_whose_answer_was_lost_is_settled_by_reading_back(stage: Stage) -> None:
    """The write landed: the run sees that, and goes on."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("answer lost", method="PATCH", first=1)]
    stage.complete(code)
    assert stage.live() == [stage.stored()]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "secrets/MASTODON_ACCESS_TOKEN"),
        ("PATCH", "variables/MASTODON_BASE_URL"),
        ("POST", "actions/variables"),
    ],
)
def test_a_write_that_a_page_answered_with_200_does_not_count(
    stage: Stage, method: str, path: str
) -> None:
    """GitHub answers 201 or 204: the page came from something in between, and nothing is stored.

    The token stays staged, and the next run writes it.
    """
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("html", method=method, path=path, times=99)]
    with pytest.raises(HalfWayError) as caught:
        stage.complete(code)
    assert caught.value.ident == "github-unwell"
    assert stage.journal().current is None
    stage.wire.faults = []
    stage.complete("")
    assert stage.live() == [stage.stored()]
    assert stage.repository.variables["MASTODON_BASE_URL"] == ORIGIN


def test_a_staging_write_that_a_page_answered_with_200_is_made_again(stage: Stage) -> None:
    """Else the token would be in use, and in no journal."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("html", method="PATCH", first=1)]
    stage.complete(code)
    assert stage.live() == [stage.stored()]


def test_a_new_token_is_masked_before_any_other_request(stage: Stage) -> None:
    """A request may fail, and what is said of that must not show the token."""
    code, unmasked = stage.approve(stage.link()), []

    def watched(handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            if set(stage.live()) - stage.hidden:
                unmasked.append(f"{request.method} {request.path}")
            return handler(request)

        return handle

    stage.wire.hosts = {host: watched(handler) for host, handler in stage.wire.hosts.items()}
    stage.complete(code)
    assert stage.live()
    assert unmasked == []


@pytest.mark.parametrize("paste", ["{code}", "{first} {rest}", "code={code}&state=xyz"])
def test_a_code_is_masked_before_it_is_sent(stage: Stage, paste: str) -> None:
    """As it is sent, that is whole, however it was pasted."""
    code, masked = stage.approve(stage.link()), []

    def handle(request: Request) -> Response:
        masked.append(code in stage.hidden)
        return stage.instance(request)

    stage.wire.hosts["social.example"] = handle
    stage.complete(paste.format(code=code, first=code[:20], rest=code[20:]))
    assert all(masked)


def test_a_staged_token_is_finished_without_a_code(stage: Stage) -> None:
    """The instance would not say whose token it is: it stays staged, and the next run goes on."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with fails("unverified", Exit.HALF_WAY):
        stage.complete(code)
    stage.wire.faults = []
    stage.complete("")
    assert stage.live() == [stage.stored()]


@pytest.mark.parametrize("status", [400, 403, 418, 429, 503])
def test_an_ambiguous_answer_does_not_condemn_a_staged_token(stage: Stage, status: int) -> None:
    """Only the instance's own 401 makes a token dead."""
    code = stage.approve(stage.link())
    rewrite(stage, "/api/v1/accounts/verify_credentials", lambda _: Response(status))
    with fails("unverified", Exit.HALF_WAY):
        stage.complete(code)
    assert stage.journal().pending is not None
    assert len(stage.live()) == 1


def test_a_staged_token_that_died_makes_room_for_another(stage: Stage) -> None:
    """Revoked at the instance meanwhile: the link serves for another one."""
    link = stage.link()
    code = stage.approve(link)
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(HalfWayError):
        stage.complete(code)
    stage.wire.faults = []
    stage.instance.revoke_access("mybot")
    with fails("token-stillborn", Exit.PERSON) as caught:
        stage.complete("")
    assert caught.value.link == link
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_begin_points_to_a_staged_token(stage: Stage) -> None:
    """Nothing new is begun while a token waits to be finished."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(HalfWayError):
        stage.complete(code)
    stage.wire.faults = []
    with fails("already-staged", Exit.HALF_WAY):
        stage.begin()


def test_fewer_scopes_than_asked_for_are_not_accepted(stage: Stage) -> None:
    """The token is revoked, and the message names what is missing."""
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(scope="read:accounts"))
    with fails("scopes-missing", Exit.PERSON) as caught:
        stage.complete(code)
    assert "write:statuses write:media" in said(caught.value)
    assert stage.live() == []


def test_a_broader_scope_covers_its_parts(stage: Stage) -> None:
    """`read write` is no less than what was asked for."""
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(scope="read write"))
    stage.complete(code)
    assert stage.live() == [stage.stored()]


def test_an_answer_without_scopes_means_those_that_were_asked_for(stage: Stage) -> None:
    """RFC 6749, section 5.1: `scope` may be left out if nothing differs."""
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(scope=""))
    outcome = stage.complete(code)
    assert outcome.outputs()["scopes"] == "profile write:statuses write:media"


def test_an_expiry_is_told_and_remembered(stage: Stage) -> None:
    """Pixelfed's tokens live a year."""
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(expires_in=365 * 86400))
    outcome = stage.complete(code, variables="UNTIL=expires_at")
    assert outcome.outputs()["expires-at"] == "2028-01-15T08:00:00Z"
    assert stage.repository.variables["UNTIL"] == "2028-01-15T08:00:00Z"


def test_times_are_told_in_utc(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the machine stands: the log of a laptop and of a runner say the same."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        outcome = stage.provision(), stage.provision()
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert isinstance(outcome[1], Provisioned)
    assert outcome[1].old_tokens[0].issued_at == "2027-01-15T08:00:00Z"


@pytest.mark.parametrize(
    "token", ["x", "0123456789abcdef\n0123456789", "x" * 5000, "", "tökèn" * 9]
)
def test_what_cannot_be_a_token_is_not_stored(stage: Stage, token: str) -> None:
    """One character, a line break, 5,000 characters: refused before it is staged."""
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(access_token=token))
    with fails("bad-token", Exit.PERSON):
        stage.complete(code)
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


def test_a_rotation_leaves_the_old_token_alive_for_its_grace(stage: Stage) -> None:
    """A new application gives a different token; the old one is superseded, not dead."""
    stage.provision()
    old = stage.stored()
    outcome = stage.provision(grace="2h")
    new = stage.stored()
    assert isinstance(outcome, Provisioned)
    [token] = outcome.old_tokens
    assert (outcome.status, token.fate) == ("rotated", "waiting")
    assert token.revoke_after == "2027-01-15T10:00:00Z"
    assert old != new
    assert sorted(stage.live()) == sorted([old, new])
    assert [s.credential.token.reveal() for s in stage.journal().superseded] == [old]


def test_a_rotation_keeps_to_the_accounts_number(stage: Stage) -> None:
    """A name that was given to somebody else is not the same account."""
    stage.provision()
    code = stage.approve(stage.link())
    rewrite(stage, "/api/v1/accounts/verify_credentials", fields(id="999"))
    old = stage.stored()
    with fails("wrong-account", Exit.PERSON) as caught:
        stage.complete(code)
    assert "999" in said(caught.value)
    assert stage.stored() == old


def test_the_person_is_told_of_the_token_that_was_overwritten(stage: Stage) -> None:
    """A secret from before us: afterwards it is said where its token can be revoked."""
    stage.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    outcome = stage.provision()
    assert isinstance(outcome, Provisioned)
    assert outcome.overwritten == ("MASTODON_ACCESS_TOKEN",)
    assert outcome.remove_at == PAGE


def test_an_undone_token_does_not_settle_an_earlier_attempt(stage: Stage) -> None:
    """A token was lost; then somebody else approved: the first attempt is still unsettled."""
    link = stage.link()
    code = stage.approve(link)
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(PersonNeededError):
        stage.complete(code)
    with suppress(PersonNeededError):
        stage.complete(stage.approve(link, "alice"))
    assert stage.link(scopes="read write") == link
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_a_strangers_token_again(stage: Stage) -> None:
    """It could not be revoked, and came back: nobody calls it the one that is in use."""
    stage.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    link = stage.link()
    for _ in range(2):
        with fails("wrong-account", Exit.PERSON) as caught:
            stage.complete(stage.approve(link, "alice"))
        assert "alice@social.example" in said(caught.value)
        assert not says_revoked(caught.value)
        assert PAGE in said(caught.value)
    assert len(stage.journal().superseded) == 1


@pytest.mark.parametrize("status", [403, 418, 429])
def test_a_refused_look_does_not_make_up_for_a_failed_revocation(stage: Stage, status: int) -> None:
    """Revocation failed, and then something in front refuses: the token may well be alive."""
    code = stage.approve(stage.link(), "alice")
    seen = []

    def blocking(request: Request) -> Response:
        if request.path == "/oauth/revoke":
            return Response(500)
        if "verify_credentials" in request.path:
            seen.append(request)
            return Response(status) if len(seen) > 1 else stage.instance(request)
        return stage.instance(request)

    stage.wire.hosts["social.example"] = blocking
    with fails("wrong-account", Exit.PERSON) as caught:
        stage.complete(code)
    assert "alice@social.example" in said(caught.value)
    assert [old.credential.token.reveal() for old in stage.journal().superseded] == stage.live()


def test_a_token_without_the_scope_to_verify_is_undone(stage: Stage) -> None:
    """`write:statuses` alone answers 403 for ever: seen from the grant, not from the 403."""
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(scope="write:statuses"))
    with fails("scopes-missing", Exit.PERSON) as caught:
        stage.complete(code)
    assert "profile write:media" in said(caught.value)
    assert stage.live() == []


def test_a_token_equal_to_the_current_one_is_not_revoked(stage: Stage) -> None:
    """A server that answers with the very token in use, and fewer scopes: the bot lives on."""
    stage.provision()
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(access_token=stage.stored(), scope="read:accounts"))
    with fails("scopes-missing", Exit.PERSON) as caught:
        stage.complete(code)
    assert not says_revoked(caught.value)
    assert PAGE not in said(caught.value)
    assert stage.stored() in stage.live()
    assert stage.journal().superseded == ()


def test_a_gateways_401_does_not_lose_a_token(stage: Stage) -> None:
    """Taken for dead, it is kept among those to be revoked: it may live."""
    code = stage.approve(stage.link())
    body = b'{"error":"gateway: login required"}'
    rewrite(stage, "/api/v1/accounts/verify_credentials", lambda _: Response(401, (), body))
    stage.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    with suppress(PersonNeededError):
        stage.complete(code)
    known = [credential.token.reveal() for credential in stage.journal().credentials()]
    assert known in ([], stage.live())


def test_a_run_that_was_overtaken_spends_nothing(stage: Stage) -> None:
    """Another run completed while this one waited for its code to be typed."""
    link = stage.link()
    first, second = stage.approve(link), stage.approve(link)

    def type_slowly() -> str:
        stage.complete(first)
        return second

    with fails("overtaken", Exit.HALF_WAY):
        ceremony.complete(desk := stage.desk(), ceremony.open_case(desk), type_slowly)
    assert stage.live() == [stage.stored()]
    assert stage.journal().current is not None


def test_an_undo_that_cannot_be_written_says_all_of_it(stage: Stage) -> None:
    """Wrong account, and then no journal: the next run, without a code, finishes the undo."""
    link = stage.link()
    code = stage.approve(link, "alice")
    stage.wire.faults = [Fault("500", method="PATCH", first=2, times=99)]
    with fails("journal-unconfirmed", Exit.HALF_WAY) as caught:
        stage.complete(code)
    assert "alice@social.example" in said(caught.value)
    stage.wire.faults = []
    with suppress(PersonNeededError):
        stage.complete("")
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_a_namesake_of_another_domain_is_another_account(stage: Stage) -> None:
    """Takahē serves many domains, and lets the person choose: `acct` tells them apart."""
    code = stage.approve(stage.link())
    rewrite(stage, "/api/v1/accounts/verify_credentials", fields(acct="mybot@other.example"))
    with fails("wrong-account", Exit.PERSON) as caught:
        stage.complete(code)
    assert "mybot@other.example" in said(caught.value)
    assert stage.live() == []


def test_only_what_was_overwritten_is_reported(stage: Stage) -> None:
    """A stranger's secret that was left alone in the end is not to be revoked."""
    stage.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    link = stage.link()
    with suppress(PersonNeededError):
        stage.complete("wrong")
    outcome = stage.complete(stage.approve(link), secrets="MY_TOKEN=access_token")
    assert isinstance(outcome, Provisioned)
    assert outcome.overwritten == ()


def test_a_token_that_may_have_been_lost_is_told_of(stage: Stage) -> None:
    """An exchange of alice's lost its answer; then mybot completed: hers may live on."""
    link = stage.link()
    code = stage.approve(link, "alice")
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(PersonNeededError):
        stage.complete(code)
    outcome = stage.complete(stage.approve(link))
    assert isinstance(outcome, Provisioned)
    assert outcome.unsettled_since == "2027-01-15T08:00:00Z"


def test_an_equal_token_is_remembered_wherever_it_stands(stage: Stage) -> None:
    """The server gave the token that is in use once more, to be written elsewhere."""
    stage.provision()
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(access_token=stage.stored()))
    stage.complete(code, secrets="OTHER=access_token")
    current = stage.journal().current
    assert current is not None
    names = {place.name for place in current.destinations}
    assert names == {"MASTODON_ACCESS_TOKEN", "OTHER", "MASTODON_BASE_URL"}


def test_a_full_journal_does_not_cost_the_code(stage: Stage) -> None:
    """Replaced tokens that nobody removed fill it up: that is seen before the exchange."""
    with fails("journal-full", Exit.PERSON) as caught:
        for _ in range(99):
            stage.provision()
    assert caught.value.link == PAGE
    assert len(stage.live()) == stage.wire.log.count("POST /oauth/token")
    assert stage.stored() in stage.live()


@pytest.mark.parametrize("padding", range(24_000, 36_000, 1_000))
def test_what_has_room_beforehand_has_it_afterwards(stage: Stage, padding: int) -> None:
    """The longest answer that we take fits into the journal, or the code is not spent for it."""
    code = stage.approve(stage.link())
    pending = stage.journal().pending
    assert pending is not None
    stage.rewrite(pending=pending.model_copy(update={"app_name": "x" * padding}))
    scopes = [*pending.scopes, *(f"{number:064}" for number in range(MOST_SCOPES - 3))]
    longest = fields(access_token="x" * LONGEST, scope=" ".join(scopes))
    rewrite(stage, "/oauth/token", longest)
    with pytest.raises(PersonNeededError) as caught:
        stage.complete(code)
    spent = "POST /oauth/token" in stage.wire.log
    assert caught.value.ident == ("token-stillborn" if spent else "journal-full")


def test_a_refused_connection_keeps_the_code_good(stage: Stage) -> None:
    """The exchange never reached the instance: the same code works in the next run."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("refused", path="/oauth/token", times=99)]
    with fails("unreachable", Exit.HALF_WAY):
        stage.complete(code)
    stage.wire.faults = []
    stage.complete(code)


def test_a_wall_in_front_of_the_exchange_is_no_refusal(stage: Stage) -> None:
    """403 with a page: whether the code was spent is unclear, and the attempt stays."""
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", lambda _: Response(403, (), b"<h1>Blocked</h1>"))
    with fails("exchange-unclear", Exit.PERSON):
        stage.complete(code)
    assert stage.journal().holds_tokens


def test_rotating_to_another_name_says_where_the_old_token_stands(stage: Stage) -> None:
    """It can't be revoked as long as a workflow may read it there."""
    stage.provision()
    outcome = stage.provision(secrets="BOT_TOKEN=access_token")
    assert isinstance(outcome, Provisioned)
    assert "MASTODON_ACCESS_TOKEN" in outcome.old_tokens[0].reason


def test_a_resumed_run_may_write_other_names(stage: Stage) -> None:
    """What the first run never wrote is not missed afterwards."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(HalfWayError):
        stage.complete(code)
    stage.wire.faults = []
    stage.complete("", secrets="OTHER=access_token")
    assert stage.live() == [stage.stored("OTHER")]
    assert stage.check().outputs()["status"] == "healthy"


def test_a_resumed_run_that_fails_has_stopped_half_way(stage: Stage) -> None:
    """Its first write may have landed: “nothing changed” would be untrue."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(HalfWayError):
        stage.complete(code)
    stage.wire.faults = [Fault("500", method="PUT", times=99)]
    with fails("github-unwell", Exit.HALF_WAY) as caught:
        stage.complete("")
    assert says_no_code_is_needed(caught.value)


def test_a_run_that_stops_where_the_one_before_did_has_stopped_half_way(stage: Stage) -> None:
    """It changed nothing itself, but goes on with what the other one changed."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", method="PUT", times=99)]
    for given in (code, ""):
        with pytest.raises(HalfWayError):
            stage.complete(given)


def test_a_resumed_run_that_fails_before_it_writes_has_stopped_half_way(stage: Stage) -> None:
    """Where else its token may stand could not be seen: the run before this one changed things."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(HalfWayError):
        stage.complete(code)
    stage.wire.faults = [Fault("500", path="secrets/MASTODON_ACCESS_TOKEN", times=99)]
    with fails("github-unwell", Exit.HALF_WAY) as caught:
        stage.complete("", secrets="OTHER=access_token")
    assert "MASTODON_ACCESS_TOKEN" in said(caught.value)
    assert says_no_code_is_needed(caught.value)


def test_another_repository_can_be_provisioned(stage: Stage) -> None:
    """`repository` names where everything goes."""
    stage.github.add_repository("octocat/elsewhere")
    stage.provision(repository="octocat/elsewhere")
    read = stage.github.queue("octocat/elsewhere").secret("MASTODON_ACCESS_TOKEN")
    assert stage.live() == [read]


def test_a_renamed_repository_is_followed(stage: Stage) -> None:
    """Renamed between begin and complete: the journal knows it by its number."""
    code = stage.approve(stage.link())
    stage.github.rename(NAME, "octocat/newname")
    stage.complete(code)
    assert stage.live() == [stage.github.queue("octocat/newname").secret("MASTODON_ACCESS_TOKEN")]


def test_a_bad_public_key_does_not_cost_the_code(stage: Stage) -> None:
    """33 bytes, as in GitHub's own example: seen before the exchange."""
    code = stage.approve(stage.link())
    body = json.dumps({"key_id": "1", "key": "2Sg8iYjAxxmI2LvUXpJjkYrMxURPc8r+dB7TJyvv1234"})

    def handler(request: Request) -> Response:
        if request.path.endswith("public-key"):
            return Response(200, (), body.encode())
        return stage.github(request)

    stage.wire.hosts["api.github.test"] = handler
    with fails("bad-public-key", Exit.FAILED):
        stage.complete(code)
    assert "POST /oauth/token" not in stage.wire.log


def test_a_dry_run_does_not_spend_the_code(stage: Stage) -> None:
    """It says what would be done, and the code is good afterwards."""
    code = stage.approve(stage.link())
    outcome = stage.complete(code, dry_run="true")
    assert isinstance(outcome, DryRun)
    assert_in_turn(
        outcome.would, ORIGIN, stage.account, "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"
    )
    assert outcome.outputs() == {"status": "dry-run", "account": stage.account}
    stage.complete(code)


def test_a_dry_run_looks_at_its_code(stage: Stage) -> None:
    """Or goes without one."""
    stage.begin()
    assert stage.complete("", dry_run="true").outputs()["status"] == "dry-run"
    with fails("foreign-code", Exit.INPUT):
        stage.complete("https://other.example/oauth/authorize/native?code=x", dry_run="true")


def test_a_dry_run_exchanges_no_code_for_a_staged_token(stage: Stage) -> None:
    """It would go on where the run before it stopped."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(HalfWayError):
        stage.complete(code)
    outcome = stage.complete("", dry_run="true")
    assert isinstance(outcome, DryRun)
    assert_in_turn(outcome.would, stage.account, "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL")


def test_a_vanished_application_makes_room_for_a_new_one(stage: Stage) -> None:
    """invalid_client: begin registers another one."""
    code = stage.approve(stage.link())
    stage.instance.delete_application(stage.instance.applications[0].client_id)
    with fails("unknown-application", Exit.PERSON):
        stage.complete(code)
    stage.provision()
    assert stage.live() == [stage.stored()]


def test_an_echoing_server_does_not_make_us_leak(stage: Stage) -> None:
    """The instance quotes code and client secret in its error: neither is shown."""
    code = stage.approve(stage.link())

    def echo(request: Request) -> Response:
        if request.path == "/oauth/token":
            said = {"error": "invalid_grant", "error_description": request.body.decode()}
            return Response(400, (), json.dumps(said).encode())
        return stage.instance(request)

    stage.wire.hosts["social.example"] = echo
    with fails("code-refused", Exit.PERSON):
        stage.complete(code)
