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
from tests.stage import NAME, ORIGIN, START, Fault, FaultKind, Stage
from tests.told import (
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

PAGE = f"{ORIGIN}/oauth/authorized_applications"
"""Where a person removes an application."""
BEGUN = "15 January 2027, 08:00 UTC"
ACTIONS = f"/repos/{NAME}/actions"
JOURNAL = f"{ACTIONS}/variables/MASTODON_JOURNAL"


def rewrite(stage: Stage, path: str, change: Callable[[Response], Response]) -> None:
    """Let the instance answer differently at one path."""

    def handler(request: Request) -> Response:
        answer = stage.instance(request)
        return change(answer) if request.path == path else answer

    stage.wire.hosts["social.example"] = handler


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


def typed(stage: Stage, ask: Callable[[], str], code: str = "", **raw: str) -> Report:
    """Complete with a code that a person types when asked."""
    prompts = Prompts(ask, lambda _: pytest.fail("asked for a password"))
    return perform(stage.session("complete", code, **raw), prompts)


def fields(**changed: object) -> Callable[[Response], Response]:
    """A change of an answer's JSON fields."""

    def change(answer: Response) -> Response:
        body = json.dumps(json.loads(answer.body) | changed).encode()
        return Response(answer.status, (("Content-Type", "application/json"),), body)

    return change


def test_secret_holds_the_one_living_token(stage: Stage) -> None:
    stage.provision()
    assert stage.live() == [stage.stored()]
    assert stage.repository.variables["MASTODON_BASE_URL"] == ORIGIN


def test_report_says_whose_token_was_written_where(stage: Stage) -> None:
    report = stage.provision()
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


def test_requests_come_in_the_order_that_is_safe(stage: Stage) -> None:
    """Read; attempted; exchanged; staged; verified and looked; written; looked; current.

    Nothing comes between the instance's answer and the write that stages its token.
    """
    code = stage.approve(stage.link())
    since = len(stage.wire.log)
    stage.complete(code)
    assert stage.requests(since) == [
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


def test_journal_knows_the_current_credential(stage: Stage) -> None:
    stage.provision()
    journal = stage.journal()
    assert journal.pending is None
    assert journal.current is not None
    assert journal.current.token.reveal() == stage.stored()
    assert journal.current.account_id == str(stage.instance.accounts[0].id)
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
def test_code_may_be_pasted_in_many_forms(stage: Stage, paste: str) -> None:
    code = stage.approve(stage.link())
    stage.complete(paste.format(code=code, first=code[:9], rest=code[9:]))
    assert stage.live() == [stage.stored()]


def test_code_of_another_instance_is_not_sent(stage: Stage) -> None:
    code = stage.approve(stage.link())
    with fails("foreign-code", Exit.INPUT) as caught:
        stage.complete(f"https://other.example/oauth/authorize/native?code={code}")
    assert "other.example" in said(caught.value)
    assert "POST /oauth/token" not in stage.wire.log


def test_without_a_code_the_link_is_shown_and_nothing_sent(stage: Stage) -> None:
    link = stage.link()
    with fails("no-code", Exit.INPUT) as caught:
        stage.complete("")
    assert caught.value.link == link
    assert "POST /oauth/token" not in stage.wire.log


def test_part_of_the_link_is_no_code(stage: Stage) -> None:
    """The client id, say: it must not be masked either, since the link has to be shown."""
    link = stage.link()
    with fails("bad-code", Exit.INPUT) as caught:
        stage.complete(stage.instance.applications[0].client_id)
    assert caught.value.link == link
    assert "POST /oauth/token" not in stage.wire.log


def test_link_for_another_account_is_not_completed(stage: Stage) -> None:
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
    code = stage.approve(stage.link())
    stage.complete(code, **({"scopes": scopes} if scopes else {}))
    asked = "profile write:statuses write:media"
    assert [asked in warning for warning in stage.warned] == [True] * warned


def test_fields_are_written_under_the_names_that_were_asked_for(stage: Stage) -> None:
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


def test_token_of_another_account_is_revoked_and_not_stored(stage: Stage) -> None:
    link = stage.link()
    code = stage.approve(link, "alice")
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert "alice@social.example" in said(caught.value)
    assert says_revoked(caught.value)
    assert PAGE not in said(caught.value)
    assert caught.value.link == link
    assert stage.live() == []
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


def test_after_a_wrong_account_the_same_link_serves_the_right_one(stage: Stage) -> None:
    link = stage.link()
    with suppress(ActionRequiredError):
        stage.complete(stage.approve(link, "alice"))
    assert stage.link() == link
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_wrong_token_that_cannot_be_revoked_stays_in_the_journal(stage: Stage) -> None:
    code = stage.approve(stage.link(), "alice")
    stage.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
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


def test_wrong_token_joins_the_superseded_ones(stage: Stage) -> None:
    stage.provision()
    stage.provision()
    code = stage.approve(stage.link(), "alice")
    stage.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    with suppress(ActionRequiredError):
        stage.complete(code)
    known = [credential.token.reveal() for credential in stage.journal().credentials()]
    assert sorted(known) == sorted(stage.live())
    assert len(known) == 3


@pytest.mark.parametrize("again", [True, False], ids=["the same code", "no code"])
def test_completing_again_says_when_it_was_done(stage: Stage, *, again: bool) -> None:
    code = stage.approve(stage.link())
    stage.complete(code)
    with fails("completed-already", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code if again else "")
    assert BEGUN in said(caught.value)
    assert stage.wire.log.count("POST /oauth/token") == 1
    assert stage.live() == [stage.stored()]


def test_code_of_before_is_not_sent_again(stage: Stage) -> None:
    """A re-run brings the first attempt's code: the server might revoke what it gave for it."""
    code = stage.approve(stage.link())
    stage.complete(code)
    stage.begin()
    with fails("code-used", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert BEGUN in said(caught.value)
    assert stage.wire.log.count("POST /oauth/token") == 1
    assert stage.live() == [stage.stored()]


def test_expired_code_leaves_the_link_good(stage: Stage) -> None:
    link = stage.link()
    code = stage.approve(link)
    stage.time += 601
    with fails("code-refused", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert caught.value.link == link
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_refused_code_leaves_no_attempt_behind(stage: Stage) -> None:
    """After a definite refusal the application may be given up for another one day."""
    stage.begin()
    with suppress(ActionRequiredError):
        stage.complete("not-the-code")
    pending = stage.journal().pending
    assert pending is not None
    assert pending.attempts == ()


def test_lost_exchange_is_recovered_by_approving_again(stage: Stage) -> None:
    """Mastodon gives the same application the same token: no second one comes to life."""
    link = stage.link()
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    code = stage.approve(link)
    with fails("no-answer", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert caught.value.link == link
    assert len(stage.live()) == 1
    stage.complete(stage.approve(stage.link()))
    assert stage.live() == [stage.stored()]


def test_refused_code_does_not_settle_an_earlier_attempt(stage: Stage) -> None:
    """While an attempt is unsettled, invalid_grant is no reason to forget the application."""
    link = stage.link()
    code = stage.approve(link)
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    for _ in range(2):
        with suppress(ActionRequiredError):
            stage.complete(code)
    stage.time += 30 * 86400
    assert stage.link(scopes="read write") == link


def test_exchange_is_never_repeated(stage: Stage) -> None:
    """A lost answer may have issued a token: one request, whatever happens."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("request lost", path="/oauth/token", times=99)]
    with suppress(ProvisionerError):
        stage.complete(code)
    assert stage.wire.log.count("POST /oauth/token") == 1


def test_code_is_not_sent_where_the_attempt_cannot_be_written(stage: Stage) -> None:
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", method="PATCH", times=99)]
    with fails("journal-unconfirmed", Exit.INCOMPLETE) as caught:
        stage.complete(code)
    assert not says_no_code_is_needed(caught.value)
    assert "POST /oauth/token" not in stage.wire.log
    stage.wire.faults = []
    stage.complete(code)


def test_token_is_used_for_nothing_before_its_staging_is_confirmed(stage: Stage) -> None:
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("request lost", method="PATCH", first=1, times=99)]
    with fails("journal-unconfirmed", Exit.INCOMPLETE):
        stage.complete(code)
    assert "GET /api/v1/accounts/verify_credentials" not in stage.wire.log
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


def test_lost_answer_of_the_staging_write_is_settled_by_reading_back(stage: Stage) -> None:
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
def test_page_with_200_does_not_count_as_a_write(stage: Stage, method: str, path: str) -> None:
    """GitHub answers 201 or 204: the page came from something in between, and nothing is stored.

    The token stays staged, and the next run writes it.
    """
    if method == "PATCH":
        stage.repository.variables["MASTODON_BASE_URL"] = "https://elsewhere.example"
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("html", method=method, path=path, times=99)]
    with pytest.raises(IncompleteError) as caught:
        stage.complete(code)
    assert caught.value.code == "github-unwell"
    assert stage.journal().current is None
    stage.wire.faults = []
    stage.complete("")
    assert stage.live() == [stage.stored()]
    assert stage.repository.variables["MASTODON_BASE_URL"] == ORIGIN


def test_staging_write_that_a_page_answered_is_made_again(stage: Stage) -> None:
    """Else the token would be in use, and in no journal."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("html", method="PATCH", first=1)]
    stage.complete(code)
    assert stage.live() == [stage.stored()]


def test_new_token_is_masked_before_the_next_request(stage: Stage) -> None:
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
def test_code_is_masked_before_it_is_sent(stage: Stage, paste: str) -> None:
    """Whole, as it is sent, however it was pasted."""
    code, masked = stage.approve(stage.link()), []

    def handle(request: Request) -> Response:
        if code.encode() in request.body:
            masked.append(code in stage.hidden)
        return stage.instance(request)

    stage.wire.hosts["social.example"] = handle
    stage.complete(paste.format(code=code, first=code[:20], rest=code[20:]))
    assert masked == [True]


def test_staged_token_is_finished_without_a_code(stage: Stage) -> None:
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with fails("unverified", Exit.INCOMPLETE):
        stage.complete(code)
    stage.wire.faults = []
    stage.complete("")
    assert stage.live() == [stage.stored()]


@pytest.mark.parametrize("status", [400, 403, 418, 429, 503])
def test_ambiguous_answer_leaves_the_token_staged_and_alive(stage: Stage, status: int) -> None:
    """Only the instance's own 401 makes a token dead."""
    code = stage.approve(stage.link())
    rewrite(stage, "/api/v1/accounts/verify_credentials", lambda _: Response(status))
    with fails("unverified", Exit.INCOMPLETE):
        stage.complete(code)
    assert stage.journal().pending is not None
    assert len(stage.live()) == 1


def test_staged_token_that_died_makes_room_for_another(stage: Stage) -> None:
    """Revoked at the instance meanwhile: the link serves for another one."""
    link = stage.link()
    code = stage.approve(link)
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        stage.complete(code)
    stage.wire.faults = []
    stage.instance.revoke_access("mybot")
    with fails("token-stillborn", Exit.ACTION_REQUIRED) as caught:
        stage.complete("")
    assert caught.value.link == link
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_begin_refuses_while_a_token_is_staged(stage: Stage) -> None:
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        stage.complete(code)
    stage.wire.faults = []
    with fails("already-staged", Exit.INCOMPLETE):
        stage.begin()


def test_token_with_fewer_scopes_is_revoked(stage: Stage) -> None:
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(scope="read:accounts"))
    with fails("scopes-missing", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert "write:statuses write:media" in said(caught.value)
    assert stage.live() == []


@pytest.mark.parametrize("echo", ["{}", "read:{}"])
def test_token_among_the_granted_scopes_is_not_shown(stage: Stage, echo: str) -> None:
    """The fixture looks for it in all that is shown (I4)."""
    code, asked = stage.approve(stage.link()), "profile write:statuses write:media"

    def echoing(answer: Response) -> Response:
        token = json.loads(answer.body)["access_token"]
        return fields(scope=f"{asked} {echo.format(token)}")(answer)

    rewrite(stage, "/oauth/token", echoing)
    assert stage.complete(code).outputs["scopes"] == asked
    assert stage.check().status == "healthy"


@pytest.mark.parametrize("rotates", [False, True])
def test_scopes_that_are_not_granted_lead_to_a_begin_that_can_be_run(
    stage: Stage, *, rotates: bool
) -> None:
    """In a workflow a rotation begins only where *rotate* is ticked; no option lacks its value."""
    if rotates:
        stage.provision()
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(scope="read:accounts"))
    with fails("scopes-missing", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert {Set("scopes"), Run("begin", rotate=rotates)} <= {*caught.value.next}


def test_broader_scope_covers_its_parts(stage: Stage) -> None:
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(scope="read write"))
    stage.complete(code)
    assert stage.live() == [stage.stored()]


def test_answer_without_scopes_means_the_requested_ones(stage: Stage) -> None:
    """RFC 6749, section 5.1: `scope` may be left out if nothing differs."""
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(scope=""))
    outcome = stage.complete(code)
    assert outcome.outputs["scopes"] == "profile write:statuses write:media"


def test_expiry_is_told_and_written(stage: Stage) -> None:
    """Pixelfed's tokens live a year."""
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(expires_in=365 * 86400))
    outcome = stage.complete(code, variables="UNTIL=expires_at")
    assert outcome.outputs["expires-at"] == "2028-01-15T08:00:00Z"
    assert stage.repository.variables["UNTIL"] == "2028-01-15T08:00:00Z"


def test_times_are_told_in_utc(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the machine stands: the log of a laptop and of a runner say the same."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        stage.provision()
        report = stage.provision()
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert told(report, "issued-at") == ["2027-01-15T08:00:00Z"]


@pytest.mark.parametrize(
    "token", ["x", "0123456789abcdef\n0123456789", "x" * 5000, "", "tökèn" * 9]
)
def test_what_cannot_be_a_token_is_not_stored(stage: Stage, token: str) -> None:
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(access_token=token))
    with fails("bad-token", Exit.ACTION_REQUIRED):
        stage.complete(code)
    assert "MASTODON_ACCESS_TOKEN" not in stage.repository.secrets


def test_rotation_leaves_the_old_token_alive_for_its_grace(stage: Stage) -> None:
    """A new application gives a different token; the old one is superseded, not dead."""
    stage.provision()
    old = stage.stored()
    outcome = stage.provision(grace="2h")
    new = stage.stored()
    assert outcome.status == "rotated"
    assert told(outcome, "fate") == ["waiting"]
    assert told(outcome, "revoke-after") == ["2027-01-15T10:00:00Z"]
    assert old != new
    assert sorted(stage.live()) == sorted([old, new])
    assert [s.credential.token.reveal() for s in stage.journal().superseded] == [old]


def test_rotation_refuses_another_account_by_the_same_name(stage: Stage) -> None:
    """A name that was given to somebody else is not the same account."""
    stage.provision()
    code = stage.approve(stage.link())
    rewrite(stage, "/api/v1/accounts/verify_credentials", fields(id="999"))
    old = stage.stored()
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert "999" in said(caught.value)
    assert stage.stored() == old


def test_overwritten_secret_is_told_with_where_its_token_is_removed(stage: Stage) -> None:
    stage.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    outcome = stage.provision()
    assert outcome.facts["overwritten"] == ["MASTODON_ACCESS_TOKEN"]
    (warned, left_alive) = outcome.items
    assert "MASTODON_ACCESS_TOKEN" in warned.text
    assert "MASTODON_ACCESS_TOKEN" in left_alive.text
    assert pages(left_alive.next) == [PAGE]


def test_undone_token_does_not_settle_an_earlier_attempt(stage: Stage) -> None:
    """A token was lost; then somebody else approved: the first attempt is still unsettled."""
    link = stage.link()
    code = stage.approve(link)
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ActionRequiredError):
        stage.complete(code)
    with suppress(ActionRequiredError):
        stage.complete(stage.approve(link, "alice"))
    assert stage.link(scopes="read write") == link
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_token_of_another_account_that_comes_back_is_not_called_the_one_in_use(
    stage: Stage,
) -> None:
    stage.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    link = stage.link()
    for _ in range(2):
        with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
            stage.complete(stage.approve(link, "alice"))
        assert "alice@social.example" in said(caught.value)
        assert not says_revoked(caught.value)
        assert PAGE in said(caught.value)
    assert len(stage.journal().superseded) == 1


@pytest.mark.parametrize("status", [403, 418, 429])
def test_refused_look_does_not_make_up_for_a_failed_revocation(stage: Stage, status: int) -> None:
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
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert "alice@social.example" in said(caught.value)
    assert [old.credential.token.reveal() for old in stage.journal().superseded] == stage.live()


def test_token_without_the_scope_to_verify_is_revoked(stage: Stage) -> None:
    """`write:statuses` alone answers 403 for ever: seen from the grant, not from the 403."""
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(scope="write:statuses"))
    with fails("scopes-missing", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert "profile write:media" in said(caught.value)
    assert stage.live() == []


def test_token_equal_to_the_current_one_is_not_revoked(stage: Stage) -> None:
    """A server that answers with the very token in use, and fewer scopes: the bot lives on."""
    stage.provision()
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(access_token=stage.stored(), scope="read:accounts"))
    with fails("scopes-missing", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert not says_revoked(caught.value)
    assert PAGE not in said(caught.value)
    assert stage.stored() in stage.live()
    assert stage.journal().superseded == ()


def test_token_that_a_gateway_called_dead_stays_in_the_journal(stage: Stage) -> None:
    """Taken for dead, it is kept among those to be revoked: it may live."""
    code = stage.approve(stage.link())
    body = b'{"error":"gateway: login required"}'
    rewrite(stage, "/api/v1/accounts/verify_credentials", lambda _: Response(401, (), body))
    stage.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    with suppress(ActionRequiredError):
        stage.complete(code)
    known = [credential.token.reveal() for credential in stage.journal().credentials()]
    assert known in ([], stage.live())


def test_run_that_waited_for_its_code_while_another_completed_sends_nothing(stage: Stage) -> None:
    link = stage.link()
    first, second = stage.approve(link), stage.approve(link)

    def type_slowly() -> str:
        stage.complete(first)
        return second

    with fails("completed-already", Exit.ACTION_REQUIRED):
        typed(stage, type_slowly)
    assert stage.wire.log.count("POST /oauth/token") == 1
    assert stage.live() == [stage.stored()]
    assert stage.journal().current is not None


def test_everything_is_read_again_once_a_code_was_typed(stage: Stage) -> None:
    code = stage.approve(stage.link())
    asked_at: list[int] = []

    def type_it() -> str:
        asked_at.append(len(stage.wire.log))
        return code

    typed(stage, type_it)
    read_before = stage.wire.log[: asked_at[0]][-6:]
    assert stage.requests(asked_at[0])[:6] == read_before
    assert [line.split()[0] for line in read_before] == ["GET"] * 6


def test_warning_is_given_once_where_a_code_was_typed(stage: Stage) -> None:
    code = stage.approve(stage.link())
    report = typed(stage, lambda: code, scopes="full")
    assert len(stage.warned) == 1
    assert len(report.items) == 1


def test_code_that_was_handed_in_is_not_asked_for(stage: Stage) -> None:
    code = stage.approve(stage.link())
    typed(stage, lambda: pytest.fail("asked for a code"), code)
    assert stage.live() == [stage.stored()]


def test_undo_that_cannot_be_written_tells_both_problems_and_is_finished_by_the_next_run(
    stage: Stage,
) -> None:
    """Wrong account, and then no journal: the next run, without a code, finishes the undo."""
    link = stage.link()
    code = stage.approve(link, "alice")
    stage.wire.faults = [Fault("500", method="PATCH", first=2, times=99)]
    with fails("journal-unconfirmed", Exit.INCOMPLETE) as caught:
        stage.complete(code)
    assert "alice@social.example" in said(caught.value)
    stage.wire.faults = []
    with suppress(ActionRequiredError):
        stage.complete("")
    stage.complete(stage.approve(link))
    assert stage.live() == [stage.stored()]


def test_same_name_at_another_domain_is_another_account(stage: Stage) -> None:
    """Takahē serves many domains, and lets the person choose: `acct` tells them apart."""
    code = stage.approve(stage.link())
    rewrite(stage, "/api/v1/accounts/verify_credentials", fields(acct="mybot@other.example"))
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert "mybot@other.example" in said(caught.value)
    assert stage.live() == []


def test_unmanaged_secret_that_was_left_alone_is_not_reported(stage: Stage) -> None:
    stage.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    link = stage.link()
    with suppress(ActionRequiredError):
        stage.complete("wrong")
    outcome = stage.complete(stage.approve(link), secrets="MY_TOKEN=access_token")
    assert outcome.facts["overwritten"] == []


def test_token_that_may_have_been_lost_is_told_of(stage: Stage) -> None:
    """An exchange of alice's lost its answer; then mybot completed: hers may live on."""
    link = stage.link()
    code = stage.approve(link, "alice")
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with suppress(ActionRequiredError):
        stage.complete(code)
    outcome = stage.complete(stage.approve(link))
    assert outcome.facts["unsettled-since"] == "2027-01-15T08:00:00Z"


def test_equal_token_is_known_wherever_it_was_written(stage: Stage) -> None:
    stage.provision()
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", fields(access_token=stage.stored()))
    stage.complete(code, secrets="OTHER=access_token")
    current = stage.journal().current
    assert current is not None
    names = {place.name for place in current.destinations}
    assert names == {"MASTODON_ACCESS_TOKEN", "OTHER", "MASTODON_BASE_URL"}


def test_full_journal_does_not_cost_the_code(stage: Stage) -> None:
    """Replaced tokens that nobody removed fill it up: that is seen before the exchange."""
    with fails("journal-full", Exit.ACTION_REQUIRED) as caught:
        for _ in range(99):
            stage.provision()
    assert pages(caught.value.next) == [PAGE]
    assert len(stage.live()) == stage.wire.log.count("POST /oauth/token")
    assert stage.stored() in stage.live()


def test_full_journal_is_emptied_as_its_error_says_first(stage: Stage) -> None:
    """Deleting the variable would leave tokens alive that nobody knows of (I3)."""
    with fails("journal-full", Exit.ACTION_REQUIRED) as caught:
        for _ in range(99):
            stage.provision()
    assert runs(caught.value.next)[:2] == ["check", "again"]
    assert Run("check", options=(Set("grace", "0"),)) in caught.value.next
    stage.check(grace="0")
    assert stage.live() == [stage.stored()]
    stage.complete(stage.codes[-1])


@pytest.mark.parametrize("padding", range(22_000, 26_000, 500))
def test_code_is_spent_only_where_the_longest_answer_has_room(stage: Stage, padding: int) -> None:
    names = [f"{'X' * 90}_{number}" for number in range(9)]
    for name in names:
        stage.repository.set_secret(name, "from-before-us")
    code = stage.approve(stage.link())
    pending = stage.journal().pending
    assert pending is not None
    stage.rewrite(pending=pending.replace(app_name="x" * padding))
    scopes = [*pending.scopes, *(f"{number:064}" for number in range(MAX_SCOPES - 3))]
    longest = fields(access_token="x" * MAX_LENGTH, scope=" ".join(scopes))
    account = {"id": "x" * 64, "username": "mybot", "acct": "mybot"}

    def handler(request: Request) -> Response:
        if request.path == "/oauth/token":
            return longest(stage.instance(request))
        if request.path == "/api/v1/accounts/verify_credentials":
            return json_response(200, account)
        return stage.instance(request)

    stage.wire.hosts["social.example"] = handler
    with suppress(ActionRequiredError):
        stage.complete(code, secrets="\n".join(f"{name}=access_token" for name in names))
    spent = "POST /oauth/token" in stage.wire.log
    assert stage.stored(names[-1]) == ("x" * MAX_LENGTH if spent else "from-before-us")


def test_refused_connection_keeps_the_code_good(stage: Stage) -> None:
    code = stage.approve(stage.link())
    before = stage.journal().pending
    stage.wire.faults = [Fault("refused", path="/oauth/token", times=99)]
    with fails("unreachable", Exit.INCOMPLETE) as caught:
        stage.complete(code)
    assert says_same_code_again(caught.value)
    assert stage.journal().pending == before
    stage.wire.faults = []
    stage.complete(code)


@pytest.mark.parametrize("status", [429, 503])
def test_busy_instance_keeps_the_code_good(stage: Stage, status: int) -> None:
    code = stage.approve(stage.link())
    before = stage.journal().pending
    rewrite(stage, "/oauth/token", lambda _: Response(status, (("Retry-After", "600"),)))
    with fails("instance-busy", Exit.INCOMPLETE) as caught:
        stage.complete(code)
    assert says_same_code_again(caught.value)
    assert "10 minutes" in said(caught.value)
    assert stage.journal().pending == before


@pytest.mark.parametrize("kind", ["refused", "request lost"])
def test_code_is_not_sent_where_the_instance_does_not_answer(stage: Stage, kind: FaultKind) -> None:
    code = stage.approve(stage.link())
    before, since = dict(stage.repository.variables), len(stage.wire.log)
    stage.wire.faults = [Fault(kind, path="/.well-known/", times=99)]
    with pytest.raises(ProvisionerError) as caught:
        stage.complete(code)
    assert caught.value.exit_code is Exit.FAILED
    assert {line.split()[0] for line in stage.requests(since)} == {"GET"}
    assert dict(stage.repository.variables) == before
    stage.wire.faults = []
    stage.complete(code)
    assert stage.live() == [stage.stored()]


def test_any_answer_shows_that_the_instance_answers(stage: Stage) -> None:
    """Only that it answers counts: the exchange itself tells the rest."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="/.well-known/", times=99)]
    stage.complete(code)
    assert stage.live() == [stage.stored()]


def test_instance_under_another_name_than_the_accounts_is_seen_to_answer(stage: Stage) -> None:
    """The account's domain is asked in the batch, and its instance once the journal names it."""
    stage.instance.own_domain = "example.org"
    stage.account = "mybot@example.org"
    stage.wire.hosts["example.org"] = stage.instance
    code = stage.approve(stage.link(instance=ORIGIN))
    del stage.wire.hosts["example.org"]
    asked: list[str] = []

    def handler(request: Request) -> Response:
        asked.append(f"{request.method} {request.path}")
        return stage.instance(request)

    stage.wire.hosts["social.example"] = handler
    stage.complete(code)
    assert asked[:2] == ["GET /.well-known/oauth-authorization-server", "POST /oauth/token"]
    assert stage.live() == [stage.stored()]


def test_lost_answer_says_that_a_token_may_have_been_issued(stage: Stage) -> None:
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
    with fails("no-answer", Exit.ACTION_REQUIRED) as caught:
        stage.complete(code)
    assert says_token_may_be_lost(said(caught.value))
    assert says_token_comes_back(said(caught.value))
    pending = stage.journal().pending
    assert pending is not None
    assert pending.attempts == (int(START),)


def test_each_lost_answer_keeps_its_time_until_a_person_is_told(stage: Stage) -> None:
    link = stage.link()
    for _ in range(2):
        stage.wire.faults = [Fault("answer lost", path="/oauth/token")]
        with suppress(ActionRequiredError):
            stage.complete(stage.approve(link))
        stage.time += 3600
    pending = stage.journal().pending
    assert pending is not None
    assert len(pending.attempts) == 2
    report = stage.complete(stage.approve(link))
    assert_in_turn([item.text for item in report.items], BEGUN, "15 January 2027, 09:00 UTC")


def test_page_in_front_of_the_exchange_leaves_the_attempt_unsettled(stage: Stage) -> None:
    code = stage.approve(stage.link())
    rewrite(stage, "/oauth/token", lambda _: Response(403, (), b"<h1>Blocked</h1>"))
    with fails("exchange-unclear", Exit.ACTION_REQUIRED):
        stage.complete(code)
    assert stage.journal().holds_tokens


def test_rotation_to_another_name_says_where_the_old_token_stands(stage: Stage) -> None:
    """It can't be revoked as long as a workflow may read it there."""
    stage.provision()
    outcome = stage.provision(secrets="BOT_TOKEN=access_token")
    (reason,) = told(outcome, "reason")
    assert "MASTODON_ACCESS_TOKEN" in reason


def test_resumed_run_may_write_other_names(stage: Stage) -> None:
    """What the first run never wrote is not missed afterwards."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        stage.complete(code)
    stage.wire.faults = []
    stage.complete("", secrets="OTHER=access_token")
    assert stage.live() == [stage.stored("OTHER")]
    assert stage.check().status == "healthy"


def test_resumed_run_that_fails_is_incomplete(stage: Stage) -> None:
    """Its first write may have landed: “nothing changed” would be untrue."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        stage.complete(code)
    stage.wire.faults = [Fault("500", method="PUT", times=99)]
    with fails("github-unwell", Exit.INCOMPLETE) as caught:
        stage.complete("")
    assert says_no_code_is_needed(caught.value)


def test_run_that_stops_where_the_one_before_did_is_incomplete(stage: Stage) -> None:
    """It changed nothing itself, but goes on with what the other one changed."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", method="PUT", times=99)]
    for given in (code, ""):
        with pytest.raises(IncompleteError):
            stage.complete(given)


def test_resumed_run_that_fails_before_it_writes_is_incomplete(stage: Stage) -> None:
    """The run before this one changed things."""
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        stage.complete(code)
    stage.wire.faults = [Fault("500", method="GET", path=JOURNAL, first=1, times=99)]
    with fails("github-unwell", Exit.INCOMPLETE) as caught:
        stage.complete("", secrets="OTHER=access_token")
    assert "MASTODON_JOURNAL" in said(caught.value)
    assert says_no_code_is_needed(caught.value)


def test_another_repository_can_be_provisioned(stage: Stage) -> None:
    stage.github.add_repository("octocat/elsewhere")
    stage.provision(repository="octocat/elsewhere")
    read = stage.github.queue("octocat/elsewhere").secret("MASTODON_ACCESS_TOKEN")
    assert stage.live() == [read]


def test_renamed_repository_is_followed(stage: Stage) -> None:
    """Renamed between begin and complete: the journal knows it by its number."""
    code = stage.approve(stage.link())
    stage.github.rename(NAME, "octocat/newname")
    stage.complete(code)
    assert stage.live() == [stage.github.queue("octocat/newname").secret("MASTODON_ACCESS_TOKEN")]


def test_bad_public_key_does_not_cost_the_code(stage: Stage) -> None:
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


def test_dry_run_does_not_spend_the_code(stage: Stage) -> None:
    code = stage.approve(stage.link())
    outcome = stage.complete(code, dry_run="true")
    assert_in_turn(
        would(outcome), ORIGIN, stage.account, "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"
    )
    assert outcome.status == "dry-run"
    assert outcome.outputs == {"account": stage.account}
    stage.complete(code)


def test_dry_run_checks_a_code_and_needs_none(stage: Stage) -> None:
    stage.begin()
    assert stage.complete("", dry_run="true").status == "dry-run"
    with fails("foreign-code", Exit.INPUT):
        stage.complete("https://other.example/oauth/authorize/native?code=x", dry_run="true")


def test_dry_run_exchanges_no_code_for_a_staged_token(stage: Stage) -> None:
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with suppress(IncompleteError):
        stage.complete(code)
    outcome = stage.complete("", dry_run="true")
    assert_in_turn(would(outcome), stage.account, "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL")


def test_application_that_the_instance_forgot_makes_room_for_a_new_one(stage: Stage) -> None:
    code = stage.approve(stage.link())
    stage.instance.delete_application(stage.instance.applications[0].client_id)
    with fails("unknown-application", Exit.ACTION_REQUIRED):
        stage.complete(code)
    stage.provision()
    assert stage.live() == [stage.stored()]


def test_server_that_echoes_its_request_is_quoted_without_secrets(stage: Stage) -> None:
    code = stage.approve(stage.link())

    def echo(request: Request) -> Response:
        if request.path == "/oauth/token":
            said = {"error": "invalid_grant", "error_description": request.body.decode()}
            return Response(400, (), json.dumps(said).encode())
        return stage.instance(request)

    stage.wire.hosts["social.example"] = echo
    with fails("code-refused", Exit.ACTION_REQUIRED):
        stage.complete(code)


def staged_names(stage: Stage, **raw: str) -> list[str]:
    """Where a staged token may stand, of a run that stops before it is verified."""
    code = stage.approve(stage.link(**raw))
    stage.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with fails("unverified", Exit.INCOMPLETE):
        stage.complete(code, **raw)
    stage.wire.faults = []
    staged = stage.journal().staged
    assert staged is not None
    return [place.name for place in staged.may_hold]


def test_staged_token_names_destinations_that_are_empty(stage: Stage) -> None:
    assert staged_names(stage) == ["MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"]


def test_staged_token_names_destinations_of_the_current_one(stage: Stage) -> None:
    stage.provision()
    assert staged_names(stage) == ["MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"]


def test_staged_token_names_no_destination_that_holds_something_else(stage: Stage) -> None:
    """The token is not verified yet, and whoever gives it up deletes what is named."""
    stage.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    stage.repository.variables["MASTODON_BASE_URL"] = "https://elsewhere.example"
    assert staged_names(stage) == []
    stage.abandon()
    assert stage.stored() == "from-before-us"


def test_destination_that_holds_something_else_is_named_before_it_is_overwritten(
    stage: Stage,
) -> None:
    stage.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    code = stage.approve(stage.link())
    stage.wire.faults = [Fault("500", method="PUT", times=99)]
    with pytest.raises(IncompleteError):
        stage.complete(code)
    staged = stage.journal().staged
    assert staged is not None
    assert [place.name for place in staged.may_hold] == [
        "MASTODON_BASE_URL",
        "MASTODON_ACCESS_TOKEN",
    ]
    assert [place.name for place in staged.overwrites] == ["MASTODON_ACCESS_TOKEN"]
