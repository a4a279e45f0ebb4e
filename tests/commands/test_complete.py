"""complete: from the code to the token in its secrets."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

from provisioner.commands.run import Prompts, perform
from provisioner.errors import ActionRequiredError, IncompleteError, ProvisionerError
from provisioner.mastodon.client import MAX_SCOPES
from provisioner.report import Exit, Report, Run, Set
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from provisioner.secret import MAX_LENGTH
from tests.support.told import (
    assert_in_turn,
    fails,
    pages,
    runs,
    said,
    says_no_code_is_needed,
    says_revoked,
    says_token_comes_back,
    says_token_may_be_lost,
)
from tests.support.world import NAME, ORIGIN, START, Fault, FaultKind, World

PAGE = f"{ORIGIN}/oauth/authorized_applications"
"""Where a person removes an application."""
BEGUN = "15 January 2027, 08:00 UTC"
ACTIONS = f"/repos/{NAME}/actions"
JOURNAL = f"{ACTIONS}/variables/MASTODON_JOURNAL"


def rewrite(world: World, path: str, change: Callable[[Response], Response]) -> None:
    """Let the instance answer differently at one path."""

    def handler(request: Request) -> Response:
        answer = world.instance(request)
        return change(answer) if request.path == path else answer

    world.wire.hosts["social.example"] = handler


def told(report: Report, name: str) -> list[str]:
    """A fact of each old token in a report."""
    old_tokens = report.facts["old-tokens"]
    assert isinstance(old_tokens, list)
    return [old[name] for old in old_tokens]


def would(report: Report) -> Sequence[str]:
    """What a dry run says that a real one would do."""
    steps = report.facts["would"]
    assert isinstance(steps, tuple)
    return steps


def says_same_code_again(error: ProvisionerError) -> bool:
    """Whether it says that the code was not used, and to run the command again."""
    return "same code" in said(error) and runs(error.next) == ["again"]


def typed(world: World, ask: Callable[[], str], code: str = "", **raw: str) -> Report:
    """Complete with a code that a person types when asked."""
    prompts = Prompts(ask, lambda _: pytest.fail("asked for a password"))
    return perform(world.session("complete", code, **raw), prompts)


def fields(**changed: object) -> Callable[[Response], Response]:
    """A change of an answer's JSON fields."""

    def change(answer: Response) -> Response:
        body = json.dumps(json.loads(answer.body) | changed).encode()
        return Response(answer.status, (("Content-Type", "application/json"),), body)

    return change


def test_secret_holds_the_one_living_token(world: World) -> None:
    world.provision()
    assert world.live() == [world.stored()]
    assert world.repository.variables["MASTODON_BASE_URL"] == ORIGIN


def test_report_says_whose_token_was_written_where(world: World) -> None:
    report = world.provision()
    assert report.status == "provisioned"
    assert report.outputs == {
        "account": "mybot@social.example",
        "scopes": "profile write:statuses write:media",
        "expires-at": "never",
    }
    assert report.items == ()
    assert report.facts == {
        "overwritten": [],
        "remove-at": PAGE,
        "unsettled-since": "",
        "same-since": "",
        "old-tokens": [],
    }
    facts = " ".join(report.table.values())
    for fact in (ORIGIN, NAME, "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"):
        assert fact in facts
    assert "${{ secrets.MASTODON_ACCESS_TOKEN }}" in report.snippet


def test_requests_come_in_the_order_that_is_safe(world: World) -> None:
    """Read; attempted; exchanged; staged; verified and looked; written; looked; current.

    Nothing comes between the instance's answer and the write that stages its token.
    """
    code = world.approve(world.link())
    since = len(world.wire.log)
    world.complete(code)
    assert world.requests(since) == [
        f"GET /repos/{NAME}",
        f"GET {ACTIONS}/secrets",
        f"GET {JOURNAL}",
        "GET /.well-known/oauth-authorization-server",
        f"GET {ACTIONS}/secrets/public-key",
        f"GET {ACTIONS}/variables/MASTODON_BASE_URL",
        f"PATCH {JOURNAL}",
        "POST /oauth/token",
        f"PATCH {JOURNAL}",
        "GET /api/v1/accounts/verify_credentials",
        f"GET {JOURNAL}",
        f"PUT {ACTIONS}/secrets/MASTODON_ACCESS_TOKEN",
        f"POST {ACTIONS}/variables",
        f"GET {JOURNAL}",
        f"PATCH {JOURNAL}",
    ]


def test_journal_knows_the_current_credential(world: World) -> None:
    world.provision()
    journal = world.journal()
    assert journal.pending is None
    assert journal.current is not None
    assert journal.current.token.reveal() == world.stored()
    assert journal.current.account_id == str(world.instance.accounts[0].id)
    assert [place.name for place in journal.current.known] == [
        "MASTODON_ACCESS_TOKEN",
        "MASTODON_BASE_URL",
    ]
    assert journal.current.may_hold == ()


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
def test_code_may_be_pasted_in_many_forms(world: World, paste: str) -> None:
    code = world.approve(world.link())
    world.complete(paste.format(code=code, first=code[:9], rest=code[9:]))
    assert world.live() == [world.stored()]


def test_code_of_another_instance_is_not_sent(world: World) -> None:
    code = world.approve(world.link())
    with fails("foreign-code", Exit.INPUT) as caught:
        world.complete(f"https://other.example/oauth/authorize/native?code={code}")
    assert "other.example" in said(caught.value)
    assert "POST /oauth/token" not in world.wire.log


def test_without_a_code_the_link_is_shown_and_nothing_sent(world: World) -> None:
    link = world.link()
    with fails("no-code", Exit.INPUT) as caught:
        world.complete("")
    assert caught.value.link == link
    assert "POST /oauth/token" not in world.wire.log


def test_part_of_the_link_is_no_code(world: World) -> None:
    """The client id, say: it must not be masked either, since the link has to be shown."""
    link = world.link()
    with fails("bad-code", Exit.INPUT) as caught:
        world.complete(world.instance.applications[0].client_id)
    assert caught.value.link == link
    assert "POST /oauth/token" not in world.wire.log


def test_link_for_another_account_is_not_completed(world: World) -> None:
    """A journal remembers one bot, from its first link on."""
    code = world.approve(world.link())
    with fails("journal-other-account", Exit.INPUT) as caught:
        world.complete(code, account="alice@social.example")
    assert "mybot@social.example" in said(caught.value)
    assert "alice@social.example" in said(caught.value)
    assert "POST /oauth/token" not in world.wire.log


@pytest.mark.parametrize(("scopes", "warned"), [("", False), ("post", False), ("full", True)])
def test_other_scopes_than_the_links_are_warned_of(
    world: World, scopes: str, *, warned: bool
) -> None:
    code = world.approve(world.link())
    world.complete(code, **({"scopes": scopes} if scopes else {}))
    asked = "profile write:statuses write:media"
    assert [asked in warning for warning in world.warned] == [True] * warned


def test_fields_are_written_under_the_names_that_were_asked_for(world: World) -> None:
    world.provision(
        secrets="TOOT_TOKEN=access_token\nTOOT_ID=client_id\nTOOT_SECRET=client_secret",
        variables="TOOT_URL=base_url\nTOOT_WHO=account\nTOOT_MAY=scopes\nTOOT_UNTIL=expires_at",
    )
    application = world.instance.applications[0]
    read = [world.stored(name) for name in ("TOOT_TOKEN", "TOOT_ID", "TOOT_SECRET")]
    assert read == [*world.live(), application.client_id, application.client_secret]
    variables = dict(world.repository.variables)
    variables.pop("MASTODON_JOURNAL")
    assert variables == {
        "TOOT_URL": ORIGIN,
        "TOOT_WHO": "mybot@social.example",
        "TOOT_MAY": "profile write:statuses write:media",
        "TOOT_UNTIL": "never",
    }


def test_token_of_another_account_is_revoked_and_not_stored(world: World) -> None:
    link = world.link()
    code = world.approve(link, "alice")
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert "alice@social.example" in said(caught.value)
    assert says_revoked(caught.value)
    assert PAGE not in said(caught.value)
    assert caught.value.link == link
    assert world.live() == []
    assert "MASTODON_ACCESS_TOKEN" not in world.repository.secrets


def test_after_a_wrong_account_the_same_link_serves_the_right_one(world: World) -> None:
    link = world.link()
    with suppress(ActionRequiredError):
        world.complete(world.approve(link, "alice"))
    assert world.link() == link
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


def test_wrong_token_that_cannot_be_revoked_stays_in_the_journal(world: World) -> None:
    code = world.approve(world.link(), "alice")
    world.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert "alice@social.example" in said(caught.value)
    assert not says_revoked(caught.value)
    assert PAGE in said(caught.value)
    [old] = world.journal().superseded
    assert [old.credential.token.reveal()] == world.live()
    assert old.credential.destinations == ()  # it was written nowhere
    world.wire.faults = []
    world.provision()
    assert world.live() == [world.stored()]


def test_wrong_token_joins_the_superseded_ones(world: World) -> None:
    world.provision()
    world.provision()
    code = world.approve(world.link(), "alice")
    world.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    with suppress(ActionRequiredError):
        world.complete(code)
    known = [credential.token.reveal() for credential in world.journal().credentials()]
    assert sorted(known) == sorted(world.live())
    assert len(known) == 3


@pytest.mark.parametrize("again", [True, False], ids=["the same code", "no code"])
def test_completing_again_says_when_it_was_done(world: World, *, again: bool) -> None:
    code = world.approve(world.link())
    world.complete(code)
    with fails("completed-already", Exit.ACTION_REQUIRED) as caught:
        world.complete(code if again else "")
    assert BEGUN in said(caught.value)
    assert world.wire.log.count("POST /oauth/token") == 1
    assert world.live() == [world.stored()]


def test_code_of_before_is_not_sent_again(world: World) -> None:
    """A re-run brings the first attempt's code: the server might revoke what it gave for it."""
    code = world.approve(world.link())
    world.complete(code)
    world.begin()
    with fails("code-used", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert BEGUN in said(caught.value)
    assert world.wire.log.count("POST /oauth/token") == 1
    assert world.live() == [world.stored()]


def test_expired_code_leaves_the_link_good(world: World) -> None:
    link = world.link()
    code = world.approve(link)
    world.time += 601
    with fails("code-refused", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert caught.value.link == link
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


def test_refused_code_leaves_no_attempt_behind(world: World) -> None:
    """After a definite refusal the application may be given up for another one day."""
    world.begin()
    with suppress(ActionRequiredError):
        world.complete("not-the-code")
    pending = world.journal().pending
    assert pending is not None
    assert pending.attempts == ()


def test_lost_exchange_is_recovered_by_approving_again(world: World) -> None:
    """Mastodon gives the same application the same token: no second one comes to life."""
    link = world.link()
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    code = world.approve(link)
    with fails("no-answer", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert caught.value.link == link
    assert len(world.live()) == 1
    world.complete(world.approve(world.link()))
    assert world.live() == [world.stored()]


def test_refused_code_does_not_settle_an_earlier_attempt(world: World) -> None:
    """While an attempt is unsettled, invalid_grant is no reason to forget the application."""
    link = world.link()
    code = world.approve(link)
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    for _ in range(2):
        with suppress(ActionRequiredError):
            world.complete(code)
    world.time += 30 * 86400
    assert world.link(scopes="read write") == link


def test_exchange_is_never_repeated(world: World) -> None:
    """A lost answer may have issued a token: one request, whatever happens."""
    code = world.approve(world.link())
    world.wire.faults = [Fault("request lost", path="/oauth/token", times=99)]
    with suppress(ProvisionerError):
        world.complete(code)
    assert world.wire.log.count("POST /oauth/token") == 1


def test_code_is_not_sent_where_the_attempt_cannot_be_written(world: World) -> None:
    code = world.approve(world.link())
    world.wire.faults = [Fault("500", method="PATCH", times=99)]
    with fails("journal-unconfirmed", Exit.INCOMPLETE) as caught:
        world.complete(code)
    assert not says_no_code_is_needed(caught.value)
    assert "POST /oauth/token" not in world.wire.log
    world.wire.faults = []
    world.complete(code)


def test_token_is_used_for_nothing_before_its_staging_is_confirmed(world: World) -> None:
    code = world.approve(world.link())
    world.wire.faults = [Fault("request lost", method="PATCH", first=1, times=99)]
    with fails("journal-unconfirmed", Exit.INCOMPLETE):
        world.complete(code)
    assert "GET /api/v1/accounts/verify_credentials" not in world.wire.log
    assert "MASTODON_ACCESS_TOKEN" not in world.repository.secrets


def test_lost_answer_of_the_staging_write_is_settled_by_reading_back(world: World) -> None:
    code = world.approve(world.link())
    world.wire.faults = [Fault("answer lost", method="PATCH", first=1)]
    world.complete(code)
    assert world.live() == [world.stored()]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "secrets/MASTODON_ACCESS_TOKEN"),
        ("PATCH", "variables/MASTODON_BASE_URL"),
        ("POST", "actions/variables"),
    ],
)
def test_page_with_200_does_not_count_as_a_write(world: World, method: str, path: str) -> None:
    """GitHub answers 201 or 204: the page came from something in between, and nothing is stored.

    The token stays staged, and the next run writes it.
    """
    if method == "PATCH":
        world.repository.variables["MASTODON_BASE_URL"] = "https://elsewhere.example"
    code = world.approve(world.link())
    world.wire.faults = [Fault("html", method=method, path=path, times=99)]
    with pytest.raises(IncompleteError) as caught:
        world.complete(code)
    assert caught.value.code == "github-unwell"
    assert world.journal().current is None
    world.wire.faults = []
    world.complete("")
    assert world.live() == [world.stored()]
    assert world.repository.variables["MASTODON_BASE_URL"] == ORIGIN


def test_staging_write_that_a_page_answered_is_made_again(world: World) -> None:
    """Else the token would be in use, and in no journal."""
    code = world.approve(world.link())
    world.wire.faults = [Fault("html", method="PATCH", first=1)]
    world.complete(code)
    assert world.live() == [world.stored()]


def test_new_token_is_masked_before_the_next_request(world: World) -> None:
    """A request may fail, and what is said of that must not show the token."""
    code, unmasked = world.approve(world.link()), []

    def watched(handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            if set(world.live()) - world.hidden:
                unmasked.append(f"{request.method} {request.path}")
            return handler(request)

        return handle

    world.wire.hosts = {host: watched(handler) for host, handler in world.wire.hosts.items()}
    world.complete(code)
    assert world.live()
    assert unmasked == []


@pytest.mark.parametrize("paste", ["{code}", "{first} {rest}", "code={code}&state=xyz"])
def test_code_is_masked_before_it_is_sent(world: World, paste: str) -> None:
    """Whole, as it is sent, however it was pasted."""
    code, masked = world.approve(world.link()), []

    def handle(request: Request) -> Response:
        if code.encode() in request.body:
            masked.append(code in world.hidden)
        return world.instance(request)

    world.wire.hosts["social.example"] = handle
    world.complete(paste.format(code=code, first=code[:20], rest=code[20:]))
    assert masked == [True]


def test_staged_token_is_finished_without_a_code(world: World) -> None:
    code = world.approve(world.link())
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with fails("unverified", Exit.INCOMPLETE):
        world.complete(code)
    world.wire.faults = []
    world.complete("")
    assert world.live() == [world.stored()]


@pytest.mark.parametrize("status", [400, 403, 418, 429, 503])
def test_ambiguous_answer_leaves_the_token_staged_and_alive(world: World, status: int) -> None:
    """Only the instance's own 401 makes a token dead."""
    code = world.approve(world.link())
    rewrite(world, "/api/v1/accounts/verify_credentials", lambda _: Response(status))
    with fails("unverified", Exit.INCOMPLETE):
        world.complete(code)
    assert world.journal().pending is not None
    assert len(world.live()) == 1


def test_staged_token_that_died_makes_room_for_another(world: World) -> None:
    """Revoked at the instance meanwhile: the link serves for another one."""
    link = world.link()
    code = world.approve(link)
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        world.complete(code)
    world.wire.faults = []
    world.instance.revoke_access("mybot")
    with fails("token-stillborn", Exit.ACTION_REQUIRED) as caught:
        world.complete("")
    assert caught.value.link == link
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


def test_begin_refuses_while_a_token_is_staged(world: World) -> None:
    code = world.approve(world.link())
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        world.complete(code)
    world.wire.faults = []
    with fails("already-staged", Exit.INCOMPLETE):
        world.begin()


def test_token_with_fewer_scopes_is_revoked(world: World) -> None:
    code = world.approve(world.link())
    rewrite(world, "/oauth/token", fields(scope="read:accounts"))
    with fails("scopes-missing", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert "write:statuses write:media" in said(caught.value)
    assert world.live() == []


@pytest.mark.parametrize("echo", ["{}", "read:{}"])
def test_token_among_the_granted_scopes_is_not_shown(world: World, echo: str) -> None:
    """The fixture looks for it in all that is shown (I4)."""
    code, asked = world.approve(world.link()), "profile write:statuses write:media"

    def echoing(answer: Response) -> Response:
        token = json.loads(answer.body)["access_token"]
        return fields(scope=f"{asked} {echo.format(token)}")(answer)

    rewrite(world, "/oauth/token", echoing)
    assert world.complete(code).outputs["scopes"] == asked
    assert world.check().status == "healthy"


@pytest.mark.parametrize("rotates", [False, True])
def test_scopes_that_are_not_granted_lead_to_a_begin_that_can_be_run(
    world: World, *, rotates: bool
) -> None:
    """In a workflow a rotation begins only where *rotate* is ticked; no option lacks its value."""
    if rotates:
        world.provision()
    code = world.approve(world.link())
    rewrite(world, "/oauth/token", fields(scope="read:accounts"))
    with fails("scopes-missing", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert {Set("scopes"), Run("begin", rotate=rotates)} <= {*caught.value.next}


def test_broader_scope_covers_its_parts(world: World) -> None:
    code = world.approve(world.link())
    rewrite(world, "/oauth/token", fields(scope="read write"))
    world.complete(code)
    assert world.live() == [world.stored()]


def test_answer_without_scopes_means_the_requested_ones(world: World) -> None:
    """RFC 6749, section 5.1: `scope` may be left out if nothing differs."""
    code = world.approve(world.link())
    rewrite(world, "/oauth/token", fields(scope=""))
    outcome = world.complete(code)
    assert outcome.outputs["scopes"] == "profile write:statuses write:media"


def test_expiry_is_told_and_written(world: World) -> None:
    """Pixelfed's tokens live a year."""
    code = world.approve(world.link())
    rewrite(world, "/oauth/token", fields(expires_in=365 * 86400))
    outcome = world.complete(code, variables="UNTIL=expires_at")
    assert outcome.outputs["expires-at"] == "2028-01-15T08:00:00Z"
    assert world.repository.variables["UNTIL"] == "2028-01-15T08:00:00Z"


def test_times_are_told_in_utc(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the machine stands: the log of a laptop and of a runner say the same."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        world.provision()
        report = world.provision()
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert told(report, "issued-at") == ["2027-01-15T08:00:00Z"]


@pytest.mark.parametrize(
    "token", ["x", "0123456789abcdef\n0123456789", "x" * 5000, "", "tökèn" * 9]
)
def test_what_cannot_be_a_token_is_not_stored(world: World, token: str) -> None:
    code = world.approve(world.link())
    rewrite(world, "/oauth/token", fields(access_token=token))
    with fails("bad-token", Exit.ACTION_REQUIRED):
        world.complete(code)
    assert "MASTODON_ACCESS_TOKEN" not in world.repository.secrets


def test_rotation_leaves_the_old_token_alive_for_its_grace(world: World) -> None:
    """A new application gives a different token; the old one is superseded, not dead."""
    world.provision()
    old = world.stored()
    outcome = world.provision(grace="2h")
    new = world.stored()
    assert outcome.status == "rotated"
    assert told(outcome, "fate") == ["waiting"]
    assert told(outcome, "revoke-after") == ["2027-01-15T10:00:00Z"]
    assert old != new
    assert sorted(world.live()) == sorted([old, new])
    assert [s.credential.token.reveal() for s in world.journal().superseded] == [old]


def test_rotation_refuses_another_account_by_the_same_name(world: World) -> None:
    """A name that was given to somebody else is not the same account."""
    world.provision()
    code = world.approve(world.link())
    rewrite(world, "/api/v1/accounts/verify_credentials", fields(id="999"))
    old = world.stored()
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert "999" in said(caught.value)
    assert world.stored() == old


def test_overwritten_secret_is_told_with_where_its_token_is_removed(world: World) -> None:
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    outcome = world.provision()
    assert outcome.facts["overwritten"] == ["MASTODON_ACCESS_TOKEN"]
    (item,) = outcome.items
    assert "MASTODON_ACCESS_TOKEN" in item.text
    assert pages(item.next) == [PAGE]


def test_undone_token_does_not_settle_an_earlier_attempt(world: World) -> None:
    """A token was lost; then somebody else approved: the first attempt is still unsettled."""
    link = world.link()
    code = world.approve(link)
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ActionRequiredError):
        world.complete(code)
    with suppress(ActionRequiredError):
        world.complete(world.approve(link, "alice"))
    assert world.link(scopes="read write") == link
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


def test_token_of_another_account_that_comes_back_is_not_called_the_one_in_use(
    world: World,
) -> None:
    world.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    link = world.link()
    for _ in range(2):
        with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
            world.complete(world.approve(link, "alice"))
        assert "alice@social.example" in said(caught.value)
        assert not says_revoked(caught.value)
        assert PAGE in said(caught.value)
    assert len(world.journal().superseded) == 1


@pytest.mark.parametrize("status", [403, 418, 429])
def test_refused_look_does_not_make_up_for_a_failed_revocation(world: World, status: int) -> None:
    """Revocation failed, and then something in front refuses: the token may well be alive."""
    code = world.approve(world.link(), "alice")
    seen = []

    def blocking(request: Request) -> Response:
        if request.path == "/oauth/revoke":
            return Response(500)
        if "verify_credentials" in request.path:
            seen.append(request)
            return Response(status) if len(seen) > 1 else world.instance(request)
        return world.instance(request)

    world.wire.hosts["social.example"] = blocking
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert "alice@social.example" in said(caught.value)
    assert [old.credential.token.reveal() for old in world.journal().superseded] == world.live()


def test_token_without_the_scope_to_verify_is_revoked(world: World) -> None:
    """`write:statuses` alone answers 403 for ever: seen from the grant, not from the 403."""
    code = world.approve(world.link())
    rewrite(world, "/oauth/token", fields(scope="write:statuses"))
    with fails("scopes-missing", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert "profile write:media" in said(caught.value)
    assert world.live() == []


def test_token_equal_to_the_current_one_is_not_revoked(world: World) -> None:
    """A server that answers with the very token in use, and fewer scopes: the bot lives on."""
    world.provision()
    code = world.approve(world.link())
    rewrite(world, "/oauth/token", fields(access_token=world.stored(), scope="read:accounts"))
    with fails("scopes-missing", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert not says_revoked(caught.value)
    assert PAGE not in said(caught.value)
    assert world.stored() in world.live()
    assert world.journal().superseded == ()


def test_token_that_a_gateway_called_dead_stays_in_the_journal(world: World) -> None:
    """Taken for dead, it is kept among those to be revoked: it may live."""
    code = world.approve(world.link())
    body = b'{"error":"gateway: login required"}'
    rewrite(world, "/api/v1/accounts/verify_credentials", lambda _: Response(401, (), body))
    world.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    with suppress(ActionRequiredError):
        world.complete(code)
    known = [credential.token.reveal() for credential in world.journal().credentials()]
    assert known in ([], world.live())


def test_run_that_waited_for_its_code_while_another_completed_sends_nothing(world: World) -> None:
    link = world.link()
    first, second = world.approve(link), world.approve(link)

    def type_slowly() -> str:
        world.complete(first)
        return second

    with fails("completed-already", Exit.ACTION_REQUIRED):
        typed(world, type_slowly)
    assert world.wire.log.count("POST /oauth/token") == 1
    assert world.live() == [world.stored()]
    assert world.journal().current is not None


def test_everything_is_read_again_once_a_code_was_typed(world: World) -> None:
    code = world.approve(world.link())
    asked_at: list[int] = []

    def type_it() -> str:
        asked_at.append(len(world.wire.log))
        return code

    typed(world, type_it)
    read_before = world.wire.log[: asked_at[0]][-6:]
    assert world.requests(asked_at[0])[:6] == read_before
    assert [line.split()[0] for line in read_before] == ["GET"] * 6


def test_warning_is_given_once_where_a_code_was_typed(world: World) -> None:
    code = world.approve(world.link())
    report = typed(world, lambda: code, scopes="full")
    assert len(world.warned) == 1
    assert len(report.items) == 1


def test_code_that_was_handed_in_is_not_asked_for(world: World) -> None:
    code = world.approve(world.link())
    typed(world, lambda: pytest.fail("asked for a code"), code)
    assert world.live() == [world.stored()]


def test_undo_that_cannot_be_written_tells_both_problems_and_is_finished_by_the_next_run(
    world: World,
) -> None:
    """Wrong account, and then no journal: the next run, without a code, finishes the undo."""
    link = world.link()
    code = world.approve(link, "alice")
    world.wire.faults = [Fault("500", method="PATCH", first=2, times=99)]
    with fails("journal-unconfirmed", Exit.INCOMPLETE) as caught:
        world.complete(code)
    assert "alice@social.example" in said(caught.value)
    world.wire.faults = []
    with suppress(ActionRequiredError):
        world.complete("")
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


def test_same_name_at_another_domain_is_another_account(world: World) -> None:
    """Takahē serves many domains, and lets the person choose: `acct` tells them apart."""
    code = world.approve(world.link())
    rewrite(world, "/api/v1/accounts/verify_credentials", fields(acct="mybot@other.example"))
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert "mybot@other.example" in said(caught.value)
    assert world.live() == []


def test_unmanaged_secret_that_was_left_alone_is_not_reported(world: World) -> None:
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    link = world.link()
    with suppress(ActionRequiredError):
        world.complete("wrong")
    outcome = world.complete(world.approve(link), secrets="MY_TOKEN=access_token")
    assert outcome.facts["overwritten"] == []


def test_token_that_may_have_been_lost_is_told_of(world: World) -> None:
    """An exchange of alice's lost its answer; then mybot completed: hers may live on."""
    link = world.link()
    code = world.approve(link, "alice")
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ActionRequiredError):
        world.complete(code)
    outcome = world.complete(world.approve(link))
    assert outcome.facts["unsettled-since"] == "2027-01-15T08:00:00Z"


def test_equal_token_is_known_wherever_it_was_written(world: World) -> None:
    world.provision()
    code = world.approve(world.link())
    rewrite(world, "/oauth/token", fields(access_token=world.stored()))
    world.complete(code, secrets="OTHER=access_token")
    current = world.journal().current
    assert current is not None
    names = {place.name for place in current.destinations}
    assert names == {"MASTODON_ACCESS_TOKEN", "OTHER", "MASTODON_BASE_URL"}


def test_full_journal_does_not_cost_the_code(world: World) -> None:
    """Replaced tokens that nobody removed fill it up: that is seen before the exchange."""
    with fails("journal-full", Exit.ACTION_REQUIRED) as caught:
        for _ in range(99):
            world.provision()
    assert pages(caught.value.next) == [PAGE]
    assert len(world.live()) == world.wire.log.count("POST /oauth/token")
    assert world.stored() in world.live()


def test_full_journal_is_emptied_as_its_error_says_first(world: World) -> None:
    """Deleting the variable would leave tokens alive that nobody knows of (I3)."""
    with fails("journal-full", Exit.ACTION_REQUIRED) as caught:
        for _ in range(99):
            world.provision()
    assert runs(caught.value.next)[:2] == ["check", "again"]
    assert Run("check", options=(Set("grace", "0"),)) in caught.value.next
    world.check(grace="0")
    assert world.live() == [world.stored()]
    world.complete(world.codes[-1])


@pytest.mark.parametrize("padding", range(22_000, 26_000, 500))
def test_code_is_spent_only_where_the_longest_answer_has_room(world: World, padding: int) -> None:
    names = [f"{'X' * 90}_{number}" for number in range(9)]
    for name in names:
        world.repository.set_secret(name, "from-before-us")
    code = world.approve(world.link())
    pending = world.journal().pending
    assert pending is not None
    world.rewrite(pending=pending.replace(app_name="x" * padding))
    scopes = [*pending.scopes, *(f"{number:064}" for number in range(MAX_SCOPES - 3))]
    longest = fields(access_token="x" * MAX_LENGTH, scope=" ".join(scopes))
    account = {"id": "x" * 64, "username": "mybot", "acct": "mybot"}

    def handler(request: Request) -> Response:
        if request.path == "/oauth/token":
            return longest(world.instance(request))
        if request.path == "/api/v1/accounts/verify_credentials":
            return json_response(200, account)
        return world.instance(request)

    world.wire.hosts["social.example"] = handler
    with suppress(ActionRequiredError):
        world.complete(code, secrets="\n".join(f"{name}=access_token" for name in names))
    spent = "POST /oauth/token" in world.wire.log
    assert world.stored(names[-1]) == ("x" * MAX_LENGTH if spent else "from-before-us")


def test_refused_connection_keeps_the_code_good(world: World) -> None:
    code = world.approve(world.link())
    before = world.journal().pending
    world.wire.faults = [Fault("refused", path="/oauth/token", times=99)]
    with fails("unreachable", Exit.INCOMPLETE) as caught:
        world.complete(code)
    assert says_same_code_again(caught.value)
    assert world.journal().pending == before
    world.wire.faults = []
    world.complete(code)


@pytest.mark.parametrize("status", [429, 503])
def test_busy_instance_keeps_the_code_good(world: World, status: int) -> None:
    code = world.approve(world.link())
    before = world.journal().pending
    rewrite(world, "/oauth/token", lambda _: Response(status, (("Retry-After", "600"),)))
    with fails("instance-busy", Exit.INCOMPLETE) as caught:
        world.complete(code)
    assert says_same_code_again(caught.value)
    assert "10 minutes" in said(caught.value)
    assert world.journal().pending == before


@pytest.mark.parametrize("kind", ["refused", "request lost"])
def test_code_is_not_sent_where_the_instance_does_not_answer(world: World, kind: FaultKind) -> None:
    code = world.approve(world.link())
    before, since = dict(world.repository.variables), len(world.wire.log)
    world.wire.faults = [Fault(kind, path="/.well-known/", times=99)]
    with pytest.raises(ProvisionerError) as caught:
        world.complete(code)
    assert caught.value.exit_code is Exit.FAILED
    assert {line.split()[0] for line in world.requests(since)} == {"GET"}
    assert dict(world.repository.variables) == before
    world.wire.faults = []
    world.complete(code)
    assert world.live() == [world.stored()]


def test_any_answer_shows_that_the_instance_answers(world: World) -> None:
    """Only that it answers counts: the exchange itself tells the rest."""
    code = world.approve(world.link())
    world.wire.faults = [Fault("500", path="/.well-known/", times=99)]
    world.complete(code)
    assert world.live() == [world.stored()]


def test_instance_under_another_name_than_the_accounts_is_seen_to_answer(world: World) -> None:
    """The account's domain is asked in the batch, and its instance once the journal names it."""
    world.instance.own_domain = "example.org"
    world.account = "mybot@example.org"
    world.wire.hosts["example.org"] = world.instance
    code = world.approve(world.link(instance=ORIGIN))
    del world.wire.hosts["example.org"]
    asked: list[str] = []

    def handler(request: Request) -> Response:
        asked.append(f"{request.method} {request.path}")
        return world.instance(request)

    world.wire.hosts["social.example"] = handler
    world.complete(code)
    assert asked[:2] == ["GET /.well-known/oauth-authorization-server", "POST /oauth/token"]
    assert world.live() == [world.stored()]


def test_lost_answer_says_that_a_token_may_have_been_issued(world: World) -> None:
    code = world.approve(world.link())
    world.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with fails("no-answer", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert says_token_may_be_lost(said(caught.value))
    assert says_token_comes_back(said(caught.value))
    pending = world.journal().pending
    assert pending is not None
    assert pending.attempts == (int(START),)


def test_each_lost_answer_keeps_its_time_until_a_person_is_told(world: World) -> None:
    link = world.link()
    for _ in range(2):
        world.wire.faults = [Fault("answer lost", path="/oauth/token")]
        with suppress(ActionRequiredError):
            world.complete(world.approve(link))
        world.time += 3600
    pending = world.journal().pending
    assert pending is not None
    assert len(pending.attempts) == 2
    report = world.complete(world.approve(link))
    assert_in_turn([item.text for item in report.items], BEGUN, "15 January 2027, 09:00 UTC")


def test_page_in_front_of_the_exchange_leaves_the_attempt_unsettled(world: World) -> None:
    code = world.approve(world.link())
    rewrite(world, "/oauth/token", lambda _: Response(403, (), b"<h1>Blocked</h1>"))
    with fails("exchange-unclear", Exit.ACTION_REQUIRED):
        world.complete(code)
    assert world.journal().holds_tokens


def test_rotation_to_another_name_says_where_the_old_token_stands(world: World) -> None:
    """It can't be revoked as long as a workflow may read it there."""
    world.provision()
    outcome = world.provision(secrets="BOT_TOKEN=access_token")
    (reason,) = told(outcome, "reason")
    assert "MASTODON_ACCESS_TOKEN" in reason


def test_resumed_run_may_write_other_names(world: World) -> None:
    """What the first run never wrote is not missed afterwards."""
    code = world.approve(world.link())
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        world.complete(code)
    world.wire.faults = []
    world.complete("", secrets="OTHER=access_token")
    assert world.live() == [world.stored("OTHER")]
    assert world.check().status == "healthy"


def test_resumed_run_that_fails_is_incomplete(world: World) -> None:
    """Its first write may have landed: “nothing changed” would be untrue."""
    code = world.approve(world.link())
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        world.complete(code)
    world.wire.faults = [Fault("500", method="PUT", times=99)]
    with fails("github-unwell", Exit.INCOMPLETE) as caught:
        world.complete("")
    assert says_no_code_is_needed(caught.value)


def test_run_that_stops_where_the_one_before_did_is_incomplete(world: World) -> None:
    """It changed nothing itself, but goes on with what the other one changed."""
    code = world.approve(world.link())
    world.wire.faults = [Fault("500", method="PUT", times=99)]
    for given in (code, ""):
        with pytest.raises(IncompleteError):
            world.complete(given)


def test_resumed_run_that_fails_before_it_writes_is_incomplete(world: World) -> None:
    """The run before this one changed things."""
    code = world.approve(world.link())
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        world.complete(code)
    world.wire.faults = [Fault("500", method="GET", path=JOURNAL, first=1, times=99)]
    with fails("github-unwell", Exit.INCOMPLETE) as caught:
        world.complete("", secrets="OTHER=access_token")
    assert "MASTODON_JOURNAL" in said(caught.value)
    assert says_no_code_is_needed(caught.value)


def test_another_repository_can_be_provisioned(world: World) -> None:
    world.github.add_repository("octocat/elsewhere")
    world.provision(repository="octocat/elsewhere")
    read = world.github.queue("octocat/elsewhere").secret("MASTODON_ACCESS_TOKEN")
    assert world.live() == [read]


def test_renamed_repository_is_followed(world: World) -> None:
    """Renamed between begin and complete: the journal knows it by its number."""
    code = world.approve(world.link())
    world.github.rename(NAME, "octocat/newname")
    world.complete(code)
    assert world.live() == [world.github.queue("octocat/newname").secret("MASTODON_ACCESS_TOKEN")]


def test_bad_public_key_does_not_cost_the_code(world: World) -> None:
    """33 bytes, as in GitHub's own example: seen before the exchange."""
    code = world.approve(world.link())
    body = json.dumps({"key_id": "1", "key": "2Sg8iYjAxxmI2LvUXpJjkYrMxURPc8r+dB7TJyvv1234"})

    def handler(request: Request) -> Response:
        if request.path.endswith("public-key"):
            return Response(200, (), body.encode())
        return world.github(request)

    world.wire.hosts["api.github.test"] = handler
    with fails("bad-public-key", Exit.FAILED):
        world.complete(code)
    assert "POST /oauth/token" not in world.wire.log


def test_dry_run_does_not_spend_the_code(world: World) -> None:
    code = world.approve(world.link())
    outcome = world.complete(code, dry_run="true")
    assert_in_turn(
        would(outcome), ORIGIN, world.account, "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"
    )
    assert outcome.status == "dry-run"
    assert outcome.outputs == {"account": world.account}
    world.complete(code)


def test_dry_run_checks_a_code_and_needs_none(world: World) -> None:
    world.begin()
    assert world.complete("", dry_run="true").status == "dry-run"
    with fails("foreign-code", Exit.INPUT):
        world.complete("https://other.example/oauth/authorize/native?code=x", dry_run="true")


def test_dry_run_exchanges_no_code_for_a_staged_token(world: World) -> None:
    code = world.approve(world.link())
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        world.complete(code)
    outcome = world.complete("", dry_run="true")
    assert_in_turn(would(outcome), world.account, "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL")


def test_application_that_the_instance_forgot_makes_room_for_a_new_one(world: World) -> None:
    code = world.approve(world.link())
    world.instance.delete_application(world.instance.applications[0].client_id)
    with fails("unknown-application", Exit.ACTION_REQUIRED):
        world.complete(code)
    world.provision()
    assert world.live() == [world.stored()]


def test_server_that_echoes_its_request_is_quoted_without_secrets(world: World) -> None:
    code = world.approve(world.link())

    def echo(request: Request) -> Response:
        if request.path == "/oauth/token":
            said = {"error": "invalid_grant", "error_description": request.body.decode()}
            return Response(400, (), json.dumps(said).encode())
        return world.instance(request)

    world.wire.hosts["social.example"] = echo
    with fails("code-refused", Exit.ACTION_REQUIRED):
        world.complete(code)


def staged_names(world: World, **raw: str) -> list[str]:
    """Where a staged token may stand, of a run that stops before it is verified."""
    code = world.approve(world.link(**raw))
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with fails("unverified", Exit.INCOMPLETE):
        world.complete(code, **raw)
    world.wire.faults = []
    staged = world.journal().staged
    assert staged is not None
    return [place.name for place in staged.may_hold]


def test_staged_token_names_destinations_that_are_empty(world: World) -> None:
    assert staged_names(world) == ["MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"]


def test_staged_token_names_destinations_of_the_current_one(world: World) -> None:
    world.provision()
    assert staged_names(world) == ["MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"]


def test_staged_token_names_no_destination_that_holds_something_else(world: World) -> None:
    """The token is not verified yet, and whoever gives it up deletes what is named."""
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    world.repository.variables["MASTODON_BASE_URL"] = "https://elsewhere.example"
    assert staged_names(world) == []
    world.abandon()
    assert world.stored() == "from-before-us"


def test_destination_that_holds_something_else_is_named_before_it_is_overwritten(
    world: World,
) -> None:
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    code = world.approve(world.link())
    world.wire.faults = [Fault("500", method="PUT", times=99)]
    with pytest.raises(IncompleteError):
        world.complete(code)
    staged = world.journal().staged
    assert staged is not None
    assert [place.name for place in staged.may_hold] == [
        "MASTODON_ACCESS_TOKEN",
        "MASTODON_BASE_URL",
    ]
    assert [place.name for place in staged.overwrites] == ["MASTODON_ACCESS_TOKEN"]
