"""complete: from the code to the token in its secrets.

What a code and a password share is tried with both.
"""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest

from provisioner.commands.run import Prompts, perform
from provisioner.mastodon.client import MAX_SCOPES
from provisioner.report import ActionRequiredError, Exit, IncompleteError, Report, Run, Set
from provisioner.sandbox import Request, Response
from provisioner.sandbox.web import json_response
from provisioner.secret import MAX_LENGTH
from tests.support.acts import answering, failing, fields, lose_answer, stage
from tests.support.told import (
    assert_in_turn,
    fails,
    pages,
    runs,
    said,
    says_no_code_is_needed,
    says_revoked,
    says_still_to_be_revoked,
    says_token_comes_back,
    says_token_may_be_lost,
    would,
)
from tests.support.world import NAME, ORIGIN, START, Fault, FaultKind, World

PAGE = f"{ORIGIN}/oauth/authorized_applications"
"""Where a person removes an application."""
DESTINATIONS = ["MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"]
BEGUN = "15 January 2027, 08:00 UTC"
ACTIONS = f"/repos/{NAME}/actions"
JOURNAL = f"{ACTIONS}/variables/MASTODON_JOURNAL"
TOKEN, VERIFY = "/oauth/token", "/api/v1/accounts/verify_credentials"
ASKED = "profile write:statuses write:media"


def approved(world: World, who: str = "mybot", password: str = "", **raw: str) -> Report:
    """Approve as this server lets one, by a code or by a password, and complete."""
    if world.instance.personality == "mastodon-4.7":
        code = password or world.approve(world.link(**raw), who)
        return world.complete(code, **raw)
    return world.log_in(who, password or f"{who}-password", **raw)


by_code_and_by_password = pytest.mark.parametrize(
    "personality", ["mastodon-4.7", "mastodon-4.2", "pleroma"]
)


def typed(world: World, ask: Callable[[], str], code: str = "", **raw: str) -> Report:
    prompts = Prompts(ask, lambda *_: pytest.fail("asked for a password"))
    return perform(world.session("complete", code, **raw), prompts)


# By a code or by a password.


@by_code_and_by_password
def test_secret_holds_the_one_living_token_and_the_journal_knows_it(world: World) -> None:
    approved(world)
    assert world.live() == [world.stored()]
    assert world.repository.variables["MASTODON_BASE_URL"] == ORIGIN
    assert world.journal().pending is None
    assert world.current.token.reveal() == world.stored()
    assert world.current.account_id == str(world.instance.accounts[0].id)
    assert world.places(alone=True) == world.places() == DESTINATIONS
    assert bool(world.current.code) == (world.instance.personality == "mastodon-4.7")


@by_code_and_by_password
def test_requests_from_the_attempt_on_come_in_the_order_that_is_safe(world: World) -> None:
    """Attempted; exchanged; staged; verified and looked; written; looked; current.

    Nothing comes between the instance's answer and the write that stages its token.
    """
    approved(world)
    exchange = world.wire.log.index(f"POST {TOKEN}")
    assert world.requests(exchange - 1) == [
        f"PATCH {JOURNAL}",
        f"POST {TOKEN}",
        f"PATCH {JOURNAL}",
        *(f"GET {VERIFY}", f"GET {JOURNAL}"),
        f"PUT {ACTIONS}/secrets/MASTODON_ACCESS_TOKEN",
        f"POST {ACTIONS}/variables",
        *(f"GET {JOURNAL}", f"PATCH {JOURNAL}"),
    ]


@by_code_and_by_password
def test_token_of_another_account_is_revoked_and_not_stored(world: World) -> None:
    """The same application serves for the right one."""
    by_code = world.instance.personality == "mastodon-4.7"
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        approved(world, "alice")
    assert "alice@social.example" in said(caught.value)
    assert says_revoked(caught.value)
    assert PAGE not in said(caught.value)
    assert bool(caught.value.link) == by_code
    assert runs(caught.value.next) == (["complete"] if by_code else ["login"])
    assert world.live() == []
    assert "MASTODON_ACCESS_TOKEN" not in world.repository.secrets
    approved(world)
    assert world.live() == [world.stored()]
    assert len(world.instance.applications) == 1


@by_code_and_by_password
def test_refused_approval_leaves_no_attempt_and_the_application_in_use(world: World) -> None:
    """Registrations are few; and one day the application may be given up for another one."""
    world.begin()
    by_code = world.instance.personality == "mastodon-4.7"
    with fails("code-refused" if by_code else "login-refused", Exit.ACTION_REQUIRED) as caught:
        approved(world, password="mistyped")
    assert bool(caught.value.link) == by_code
    assert world.pending.attempts == ()
    world.shown.clear()
    approved(world)
    assert world.live() == [world.stored()]
    assert len(world.instance.applications) == 1
    assert world.warned == []


@by_code_and_by_password
def test_lost_answer_says_that_a_token_may_have_been_issued(world: World) -> None:
    """And whether it comes back: Mastodon gives the same application the same token."""
    world.wire.faults = [Fault("answer lost", path=TOKEN)]
    with fails("no-answer", Exit.ACTION_REQUIRED) as caught:
        approved(world)
    returns = world.instance.personality != "pleroma"
    assert says_token_may_be_lost(said(caught.value))
    assert says_token_comes_back(said(caught.value)) == returns
    lost, by_code = world.live(), world.instance.personality == "mastodon-4.7"
    assert world.pending.attempts == (int(START),)
    assert caught.value.link == (world.pending.link if by_code else "")
    assert runs(caught.value.next) == ["complete" if by_code else "login"]
    report = approved(world)
    assert world.live() == (lost if returns else [*lost, world.stored()])
    assert world.stored() in world.live()
    assert report.facts["unsettled-since"] == "2027-01-15T08:00:00Z"
    assert len(world.instance.applications) == 1
    [item] = report.items
    assert BEGUN in item.text
    assert pages(item.next) == [report.facts["remove-at"]]
    # Where the lost token came back, to remove its authorization would kill it.
    assert ("whoever else" in repr(item.next)) == returns


@by_code_and_by_password
def test_staged_token_is_finished_without_another_approval(world: World) -> None:
    world.wire.faults = [Fault("500", path="verify_credentials", times=99)]
    with fails("unverified", Exit.INCOMPLETE) as caught:
        approved(world)
    assert runs(caught.value.next) == ["complete", "abandon"]
    world.wire.faults = []
    assert len(world.live()) == 1
    if world.instance.personality == "mastodon-4.7":
        world.complete("")
    else:
        world.login(lambda: pytest.fail("asked for user name and password"))
    assert world.live() == [world.stored()]


@pytest.mark.parametrize("personality", ["mastodon-4.7", "mastodon-4.2"])
def test_application_that_the_instance_forgot_makes_room_for_a_new_one(world: World) -> None:
    """A lost exchange is told of before: the journal forgets it, and its token may live on."""
    with failing(world, Fault("answer lost", path=TOKEN)):
        approved(world)
    code = world.approve(world.link())
    world.instance.delete_application(world.instance.applications[0].client_id)
    world.shown.clear()
    with fails("unknown-application", Exit.ACTION_REQUIRED) as caught:
        approved(world, password=code)
    assert runs(caught.value.next) == ["begin"]
    assert any(map(says_token_may_be_lost, world.warned))
    approved(world)
    assert world.live() == [world.stored()]


# What is told and written.


def test_report_says_whose_token_was_written_where(world: World) -> None:
    report = world.provision()
    assert report.status == "provisioned"
    assert report.outputs == {
        "account": "mybot@social.example",
        "scopes": ASKED,
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
    table = report.table
    assert (table["Instance"], table["Scopes"]) == (ORIGIN, ASKED)
    for fact in (NAME, "MASTODON_ACCESS_TOKEN", "MASTODON_BASE_URL"):
        assert fact in table["Stored in"]
    secret = "  MASTODON_ACCESS_TOKEN: ${{ secrets.MASTODON_ACCESS_TOKEN }}"
    assert report.snippet.splitlines()[:2] == ["env:", secret]


def test_fields_are_written_under_the_names_that_were_asked_for(world: World) -> None:
    """Pixelfed's tokens live a year, Mastodon's for ever."""
    answering(world, TOKEN, fields(expires_in=365 * 86400))
    report = world.provision(
        secrets="TOOT_TOKEN=access_token\nTOOT_ID=client_id\nTOOT_SECRET=client_secret",
        variables="TOOT_URL=base_url\nTOOT_WHO=account\nTOOT_MAY=scopes\nTOOT_UNTIL=expires_at\n"
        "TOOT_APP=client_id",
    )
    application = world.instance.applications[0]
    read = [world.stored(name) for name in ("TOOT_TOKEN", "TOOT_ID", "TOOT_SECRET")]
    assert read == [*world.live(), application.client_id, application.client_secret]
    variables = dict(world.repository.variables)
    variables.pop("MASTODON_JOURNAL")
    assert report.outputs["expires-at"] == "2028-01-15T08:00:00Z"
    assert report.table["Expires"].startswith("15 January 2028")
    assert variables == {
        "TOOT_URL": ORIGIN,
        "TOOT_WHO": "mybot@social.example",
        "TOOT_MAY": ASKED,
        "TOOT_UNTIL": report.outputs["expires-at"],
        "TOOT_APP": application.client_id,
    }


@pytest.mark.parametrize(
    ("granted", "shown"), [("read write", "read write"), ("", ASKED), (f"{ASKED} {{}}", ASKED)]
)
def test_granted_scopes_are_told(world: World, granted: str, shown: str) -> None:
    """A broader one covers its parts; none means those that were requested (RFC 6749, 5.1).

    A token among them is not shown: the fixture looks for it (I4).
    """

    def granting(answer: Response) -> Response:
        token = json.loads(answer.body)["access_token"]
        return fields(scope=granted.format(f"read:{token}"))(answer)

    code = world.approve(world.link())
    answering(world, TOKEN, granting)
    assert world.complete(code).outputs["scopes"] == shown
    assert world.check().status == "healthy"


def test_rotation_leaves_the_old_token_alive_for_its_grace(bot: World) -> None:
    """A new application gives a different token."""
    old = bot.stored()
    outcome = bot.provision(grace="2h")
    assert outcome.status == "rotated"
    assert outcome.facts["old-tokens"] == [
        {
            "issued-at": "2027-01-15T08:00:00Z",
            "fate": "waiting",
            "revoke-after": "2027-01-15T10:00:00Z",
            "reason": "",
            "approver": "mybot@social.example",
        }
    ]
    [item] = outcome.items
    assert "alive" not in item.text  # nobody looked
    assert sorted({old, bot.stored()}) == sorted(bot.live())
    assert bot.superseded == [old]


def test_overwritten_secret_is_told_of_once_with_where_its_token_is_removed(world: World) -> None:
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    code = world.approve(world.link())
    world.shown.clear()
    outcome = world.complete(code)
    assert outcome.facts["overwritten"] == ["MASTODON_ACCESS_TOKEN"]
    [item] = outcome.items
    assert "MASTODON_ACCESS_TOKEN" in item.text
    assert pages(item.next) == [PAGE]
    assert len(world.warned) == 1


def test_equal_token_is_known_wherever_it_was_written(bot: World) -> None:
    code = bot.approve(bot.link())
    answering(bot, TOKEN, fields(access_token=bot.stored()))
    bot.complete(code, secrets="OTHER=access_token")
    assert {*bot.places(alone=True)} == {*DESTINATIONS, "OTHER"}


# Before the code is sent.


@pytest.mark.parametrize(
    ("paste", "code", "fact"),
    [
        ("", "no-code", "{link}"),
        ("https://other.example/oauth/authorize/native?code=x", "foreign-code", "other.example"),
        ("{client_id}", "bad-code", "{link}"),
    ],
)
@pytest.mark.parametrize("dry_run", ["", "true"])
def test_what_is_no_code_is_not_sent(
    world: World, paste: str, code: str, fact: str, dry_run: str
) -> None:
    """The client id must not be masked either, since the link has to be shown. A dry run checks a
    code, and needs none.
    """
    link, client_id = world.link(), world.instance.applications[0].client_id
    if dry_run and not paste:
        assert world.complete("", dry_run=dry_run).status == "dry-run"
        return
    with fails(code, Exit.INPUT) as caught:
        world.complete(paste.format(client_id=client_id), dry_run=dry_run)
    assert fact.format(link=link) in said(caught.value)
    assert f"POST {TOKEN}" not in world.wire.log


def test_code_without_a_link_leads_to_begin(world: World) -> None:
    with fails("nothing-pending", Exit.ACTION_REQUIRED) as caught:
        world.complete("a-code")
    assert runs(caught.value.next) == ["begin"]


@pytest.mark.parametrize("command", ["complete", "check", "post", "abandon", "deprovision"])
def test_journal_of_another_account_is_refused_before_anything_else(
    world: World, code: str, command: str
) -> None:
    """A journal remembers one bot, from its first link on."""
    since = len(world.wire.log)
    other = {"account": "alice@social.example", "instance": "https://other.example"}
    with fails("journal-other-account", Exit.INPUT):
        world.run(command, code, text="howdy universe!", **other)
    assert {line.split()[0] for line in world.requests(since)} == {"GET"}


@pytest.mark.parametrize(("scopes", "warned"), [("", False), ("post", False), ("full", True)])
def test_other_scopes_than_the_links_are_warned_of(
    world: World, scopes: str, *, warned: bool
) -> None:
    world.complete(world.approve(world.link()), scopes=scopes)
    assert [ASKED in warning for warning in world.warned] == [True] * warned


def test_code_is_masked_before_it_is_sent(world: World) -> None:
    """Whole, as it is sent, though it was pasted in two pieces."""
    code, masked = world.approve(world.link()), []

    def handle(request: Request) -> Response:
        masked.append(code in world.hidden)
        return world.instance(request)

    world.answer(TOKEN, handle)
    world.complete(f"{code[:20]} {code[20:]}")
    assert masked == [True]


@pytest.mark.parametrize("kind", ["refused", "request lost"])
def test_code_is_not_sent_where_the_instance_does_not_answer(world: World, kind: FaultKind) -> None:
    code = world.approve(world.link())
    before, since = dict(world.repository.variables), len(world.wire.log)
    world.wire.faults = [Fault(kind, path="/.well-known/", times=99)]
    with fails("unreachable" if kind == "refused" else "no-answer", Exit.FAILED):
        world.complete(code)
    assert {line.split()[0] for line in world.requests(since)} == {"GET"}
    assert dict(world.repository.variables) == before


def test_instance_under_another_name_than_the_accounts_is_seen_to_answer(world: World) -> None:
    """The account's domain is asked in the batch, and its instance once the journal names it.

    The journal is looked at again: it is older than that request.
    """
    world.instance.own_domain = "example.org"
    world.account = "mybot@example.org"
    world.wire.hosts["example.org"] = world.instance
    code = world.approve(world.link(instance=ORIGIN))
    del world.wire.hosts["example.org"]
    since = len(world.wire.log)
    world.complete(code)
    assert world.live() == [world.stored()]
    attempt = world.wire.log.index(f"PATCH {JOURNAL}", since)
    ping = "GET /.well-known/oauth-authorization-server"
    assert world.wire.log[attempt - 2 : attempt] == [ping, f"GET {JOURNAL}"]


def test_full_journal_does_not_cost_the_code_and_is_emptied_as_its_error_says(world: World) -> None:
    """Deleting the variable would leave tokens alive that nobody knows of (I3)."""
    with fails("journal-full", Exit.ACTION_REQUIRED) as caught:
        for _ in range(99):
            world.provision()
    assert len(world.live()) == world.wire.log.count(f"POST {TOKEN}")
    assert world.stored() in world.live()
    assert pages(caught.value.next) == [PAGE]
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
    world.rewrite(pending=world.pending.replace(app_name="x" * padding))
    scopes = [*world.pending.scopes, *(f"{number:064}" for number in range(MAX_SCOPES - 3))]
    answering(world, TOKEN, fields(access_token="x" * MAX_LENGTH, scope=" ".join(scopes)))
    account = {"id": "x" * 64, "username": "mybot", "acct": "mybot"}
    world.answer(VERIFY, json_response(200, account))
    with suppress(ActionRequiredError):
        world.complete(code, secrets="\n".join(f"{name}=access_token" for name in names))
    spent = f"POST {TOKEN}" in world.wire.log
    assert world.stored(names[-1]) == ("x" * MAX_LENGTH if spent else "from-before-us")


def test_dry_run_does_not_spend_the_code(world: World) -> None:
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    code = world.approve(world.link())
    since = len(world.wire.log)
    outcome = world.complete(code, dry_run="true")
    facts = (ORIGIN, world.account, *DESTINATIONS)
    assert_in_turn(would(outcome), *facts)
    assert outcome.status == "dry-run"
    assert outcome.outputs == {"account": world.account}
    assert "MASTODON_ACCESS_TOKEN" in outcome.items[0].text  # it is overwritten
    assert {line.split()[0] for line in world.requests(since)} == {"GET"}
    stage(world, code)
    outcome = world.complete("", dry_run="true")
    assert_in_turn(would(outcome), *facts[1:])


# A code that is typed.


@pytest.mark.parametrize("account", ["", "mybot@social.example"])
def test_run_that_waited_for_its_code_while_another_completed_sends_nothing(
    world: World, account: str
) -> None:
    link = world.link()
    first, second = world.approve(link), world.approve(link)

    def type_slowly() -> str:
        world.complete(first)
        return second

    with fails("completed-already", Exit.ACTION_REQUIRED) as caught:
        typed(world, type_slowly, account=account)
    assert caught.value.next[::2] == (Run("check"), Run("begin", rotate=True))
    assert world.wire.log.count(f"POST {TOKEN}") == 1
    assert world.live() == [world.stored()]


def test_everything_is_read_again_once_a_code_was_typed_and_told_once(world: World) -> None:
    code = world.approve(world.link())
    world.wire.log.clear()
    world.shown.clear()
    report = typed(world, lambda: code, scopes="full")
    assert world.wire.log[:6] == world.wire.log[6:12]
    assert [line.split()[0] for line in world.wire.log[:6]] == ["GET"] * 6
    assert len(world.warned) == len(report.items) == 1
    assert len([line for line in world.shown if line.startswith("Opened")]) == 1


def test_code_that_was_handed_in_or_is_not_needed_is_not_asked_for(bot: World, code: str) -> None:
    def ask() -> str:
        pytest.fail("asked for a code")

    typed(bot, ask, dry_run="true")
    typed(bot, ask, code)
    stage(bot, bot.approve(bot.link()))
    typed(bot, ask)
    assert bot.stored() in bot.live()


# The exchange.


@pytest.mark.parametrize("failing_with", ["refused", 429, 503])
def test_code_that_was_certainly_not_used_stays_good(
    world: World, failing_with: FaultKind | int
) -> None:
    code, before = world.approve(world.link()), world.pending
    if isinstance(failing_with, int):
        world.answer(TOKEN, Response(failing_with, (("Retry-After", "600"),)))
    else:
        world.wire.faults = [Fault(failing_with, path=TOKEN, times=99)]
    with pytest.raises(IncompleteError) as caught:
        world.complete(code)
    assert "same code" in said(caught.value)
    assert runs(caught.value.next) == ["again"]
    assert ("10 minutes" in said(caught.value)) == isinstance(failing_with, int)
    assert world.pending == before


@pytest.mark.parametrize("second", ["refused", "another account's"])
def test_later_approval_does_not_settle_an_earlier_attempt(world: World, second: str) -> None:
    """While an attempt is unsettled, the application is not given up for another one."""
    link = world.link()
    code = world.approve(link)
    lose_answer(world, code)
    with suppress(ActionRequiredError):
        world.complete(code if second == "refused" else world.approve(link, "alice"))
    world.time += 30 * 86400
    assert world.link(scopes="read write") == link
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


def test_each_lost_answer_keeps_its_time_until_a_person_is_told(world: World) -> None:
    link = world.link()
    for _ in range(2):
        lose_answer(world, world.approve(link))
        world.time += 3600
    assert len(world.pending.attempts) == 2
    report = world.complete(world.approve(link))
    assert_in_turn([item.text for item in report.items], BEGUN, "15 January 2027, 09:00 UTC")


# Staging and verifying.


def test_token_is_used_for_nothing_before_its_staging_is_confirmed(world: World, code: str) -> None:
    world.wire.faults = [Fault("request lost", method="PATCH", first=1, times=99)]
    with fails("journal-unconfirmed", Exit.INCOMPLETE):
        world.complete(code)
    assert f"GET {VERIFY}" not in world.wire.log
    assert "MASTODON_ACCESS_TOKEN" not in world.repository.secrets


def test_staged_token_that_died_makes_room_for_another(world: World) -> None:
    """Revoked at the instance meanwhile: the link serves for another one."""
    link = world.link()
    stage(world, world.approve(link))
    world.instance.revoke_access("mybot")
    with fails("token-stillborn", Exit.ACTION_REQUIRED) as caught:
        world.complete("")
    assert caught.value.link == link
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


@pytest.mark.parametrize(
    ("granted", "lacking", "rotates"),
    [
        ("read:accounts", "write:statuses write:media", True),
        ("write:statuses", "profile write:media", False),
    ],
)
def test_token_with_fewer_scopes_is_revoked(
    world: World, granted: str, lacking: str, *, rotates: bool
) -> None:
    """It is seen from the grant: `write:statuses` alone answers 403 for ever.

    In a workflow a rotation begins only where *rotate* is ticked; no option lacks its value.
    """
    if rotates:
        world.provision()
    code, before = world.approve(world.link()), world.live()
    answering(world, TOKEN, fields(scope=granted))
    with fails("scopes-missing", Exit.ACTION_REQUIRED) as caught:
        world.complete(code)
    assert f"lacks {lacking}:" in caught.value.what
    assert {Set("scopes"), Run("begin", rotate=rotates)} <= {*caught.value.next}
    assert world.live() == before


@pytest.mark.parametrize(
    ("account", "fact", "leads_to"),
    [
        ({"id": "999"}, "999", ["deprovision", "begin"]),
        ({"acct": "mybot@other.example"}, "other.example", ["complete"]),
    ],
)
def test_another_account_by_the_same_name_is_refused(
    bot: World, account: dict[str, str], fact: str, leads_to: list[str]
) -> None:
    """The name was given to another account, whose approval is of no use to this journal; or is one
    of another domain that the server serves.
    """
    code, old = bot.approve(bot.link()), bot.stored()
    if "id" in account:  # a run before was cut, and can't have written it either
        stage(bot, code)
    answering(bot, VERIFY, fields(**account))
    with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
        bot.complete(code)
    assert fact in said(caught.value)
    assert runs(caught.value.next) == leads_to
    assert bot.stored() == old
    assert bot.live() == [old]


def test_wrong_tokens_that_cannot_be_revoked_join_the_superseded_ones(bot: World) -> None:
    """One that comes back a second time is there once, and not called the one in use."""
    bot.provision()
    link = bot.link()
    bot.wire.faults = [Fault("500", path="/oauth/revoke", times=99)]
    for _ in range(2):
        with fails("wrong-account", Exit.ACTION_REQUIRED) as caught:
            bot.complete(bot.approve(link, "alice"))
        assert "alice@social.example" in said(caught.value)
        assert says_still_to_be_revoked(caught.value.why)
    assert bot.known == sorted(bot.live())
    assert len(bot.known) == 3
    assert bot.places(bot.journal().superseded[-1].credential) == []  # it was written nowhere
    bot.wire.faults = []
    bot.provision(grace="0")
    assert bot.live() == [bot.stored()]


@pytest.mark.parametrize("is_in_use", [True, False])
def test_token_that_the_journal_knows_already_is_not_revoked(
    bot: World, *, is_in_use: bool
) -> None:
    """A server that answers with a token of before, and fewer scopes: the bot lives on."""
    old = bot.stored()
    bot.provision()
    code = bot.approve(bot.link())
    again = bot.stored() if is_in_use else old
    answering(bot, TOKEN, fields(access_token=again, scope="read:accounts"))
    with fails("scopes-missing", Exit.ACTION_REQUIRED) as caught:
        bot.complete(code)
    assert not says_revoked(caught.value)
    assert PAGE not in said(caught.value)
    assert "POST /oauth/revoke" not in bot.wire.log
    assert bot.superseded == [old]


@pytest.mark.parametrize("reads", [3, 99], ids=["unreadable", "readable"])
def test_undo_that_cannot_be_written_tells_both_problems_and_is_finished_by_the_next_run(
    world: World, reads: int
) -> None:
    """Wrong account, and then no journal: the next run, without a code, finishes the undo."""
    link = world.link()
    code = world.approve(link, "alice")
    world.wire.faults = [Fault("500", method="PATCH", first=2, times=99)]
    world.wire.faults += [Fault("500", method="GET", path=JOURNAL, first=reads, times=99)]
    with fails("journal-unconfirmed", Exit.INCOMPLETE) as caught:
        world.complete(code)
    assert "alice@social.example" in said(caught.value)
    world.wire.faults = []
    with suppress(ActionRequiredError):
        world.complete("")
    world.complete(world.approve(link))
    assert world.live() == [world.stored()]


def test_token_with_fewer_scopes_was_written_nowhere_though_its_undo_was_cut(bot: World) -> None:
    """Nobody is told to delete the secret of the token in use."""
    code = bot.approve(bot.link())
    answering(bot, TOKEN, fields(scope="read:accounts"))
    with failing(bot, Fault("403", method="PATCH", first=2, times=99)):
        bot.complete(code)
    assert len(bot.live()) == 2
    with fails("scopes-missing", Exit.ACTION_REQUIRED):
        bot.complete()
    assert bot.live() == [bot.stored()]


# Writing, and going on with what an earlier run staged.


def test_resumed_run_may_write_other_names(world: World) -> None:
    """What the first run never wrote is not missed afterwards."""
    stage(world, world.approve(world.link()))
    world.wire.faults = [Fault("refused", path="/.well-known/", times=99)]  # no code is at stake
    report = world.complete("", secrets="OTHER=access_token")
    world.wire.faults = []
    assert report.facts["overwritten"] == []
    assert world.live() == [world.stored("OTHER")]
    assert world.check().status == "healthy"
    assert world.places() == ["MASTODON_BASE_URL", "OTHER"]


def test_name_that_a_cut_run_wrote_stays_known_where_the_next_writes_another(world: World) -> None:
    """The first one holds the token as well: it obliges when that is replaced (I1)."""
    code = world.approve(world.link())
    with failing(world, Fault("500", method="POST", path="actions/variables", times=99)):
        world.complete(code)
    world.complete("", secrets="OTHER=access_token")
    assert "MASTODON_ACCESS_TOKEN" in world.places()
    assert world.stored() == world.stored("OTHER")


def test_variable_that_has_its_value_already_is_not_written_and_not_ours(world: World) -> None:
    world.repository.variables["MASTODON_BASE_URL"] = ORIGIN
    names = {"variables": "MASTODON_BASE_URL=base_url\nWHO=account"}
    for _ in range(2):  # the second time, the other one has its value, too, and is ours
        report = world.provision(**names)
        assert world.repository.variables["WHO"] == "mybot@social.example"
        assert world.places(alone=True) == ["MASTODON_ACCESS_TOKEN", "WHO"]
        assert "MASTODON_BASE_URL" not in report.table["Stored in"]
    world.repository.variables["MASTODON_BASE_URL"] = ""
    since = len(world.wire.log)
    world.provision()
    written = [line for line in world.requests(since) if line.split()[0] in {"PATCH", "POST"}]
    assert f"PATCH {ACTIONS}/variables/MASTODON_BASE_URL" in written
    assert f"POST {ACTIONS}/variables" not in written


@pytest.mark.parametrize("status", [422, 500])
def test_resumed_run_that_fails_is_incomplete(world: World, code: str, status: int) -> None:
    """“Nothing changed” would be untrue, and the token waits for a wrong input to be corrected."""
    stage(world, code)
    world.answer("secrets/MASTODON_ACCESS_TOKEN", json_response(status, {}), "api.github.com")
    with pytest.raises(IncompleteError) as caught:
        world.complete("")
    assert says_no_code_is_needed(caught.value)


def test_resumed_run_that_fails_before_its_first_write_is_incomplete(
    world: World, code: str
) -> None:
    stage(world, code)
    since = len(world.wire.log)
    world.wire.faults = [Fault("500", 1, 99, method="GET", path=JOURNAL)]
    with pytest.raises(IncompleteError):
        world.complete("")
    assert all(line.startswith("GET") for line in world.requests(since))


def test_staged_token_names_destinations_that_hold_nothing_else(bot: World) -> None:
    """The token is not verified yet, and whoever gives it up deletes what is named."""
    stage(bot, bot.approve(bot.link()))
    staged = bot.pending.staged
    assert staged
    assert bot.places(staged) == DESTINATIONS


def test_destination_that_holds_something_else_is_named_before_it_is_overwritten(
    world: World,
) -> None:
    """And only then: until the token is verified, whoever gives it up leaves that alone."""
    world.repository.set_secret("MASTODON_ACCESS_TOKEN", "from-before-us")
    world.repository.variables["MASTODON_BASE_URL"] = ""
    stage(world, world.approve(world.link()))
    [staged] = world.journal().credentials()
    assert world.places(staged) == []
    with failing(world, Fault("500", method="PUT", times=99)):
        world.complete("")
    [staged] = world.journal().credentials()
    assert world.places(staged) == DESTINATIONS
    assert world.places(staged, alone=True) == []
