"""setup and rotate: from an account's name to the token in its secrets, through a browser here.

It is begin and complete in one run, and in between the instance sends the browser back to this
machine (RFC 8252). Where it can't come back, what it shows is pasted.
"""

from typing import Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from provisioner.commands.begin import FORGOTTEN, Candidates, announce, read_with_instance, start
from provisioner.commands.complete import complete
from provisioner.commands.session import Session, approver, incomplete_on_error, require_current
from provisioner.github.destinations import names
from provisioner.journal import Credential, Pending
from provisioner.mastodon.instance import OUT_OF_BAND, Instance
from provisioner.report import (
    ActionRequiredError,
    InputError,
    Item,
    Open,
    ProvisionerError,
    Report,
    Run,
    Set,
    iso,
    plain,
    when,
)
from provisioner.secret import Secret

AGAIN = frozenset({"bad-code", "code-refused", "code-used", "foreign-code", "no-code"})
"""Errors after which something else can be pasted: nothing is lost, and the link is as good."""


class Redirect(msgspec.Struct, frozen=True):
    """What the instance had the browser bring (RFC 6749, sections 4.1.2 and 4.1.2.1)."""

    code: Secret
    error: str = ""
    """The instance's word for why there is no code: `access_denied`."""


class Laptop(Protocol):
    """The person's own machine: terminal, browser, and an address that the browser can reach."""

    @property
    def has_browser(self) -> bool:
        """Whether a browser with a window can be opened, and is wanted."""

    @property
    def is_attended(self) -> bool:
        """Whether somebody is at the terminal."""

    def show(self, report: Report) -> None:
        """Show at once what is about to happen, or what is to be done."""

    def agrees(self, question: str) -> bool:
        """Ask a question that is answered with yes or no. Raises InputError where nobody is."""

    def confirm(self, what: str, word: str) -> None:
        """Have a word typed before what can't be undone. Raises InputError if it is not."""

    def listen(self, port: int) -> str:
        """Listen on this port of this machine, 0 for a free one; the redirect URI, "" if taken."""

    def open(self, link: str) -> None:
        """Open a page in the browser, if there is one."""

    def wait(self, state: str, origin: str) -> Redirect | str | None:
        """What the browser brings, or a line that is typed; None ten minutes after `open`."""

    def land(self, ended: Report | ProvisionerError) -> None:
        """Show the browser that came back how the run ended."""


def setup(session: Session, laptop: Laptop) -> Report:
    """Have the account's owner approve in a browser, and store the token; finish what was begun.

    A token in use is replaced by `rotate`, or if the person agrees. Raises ProvisionerError.
    """
    info = read_with_instance(session, *session.reads_for_writing())
    account = session.config.handle
    if session.store.replaced and not session.config.yes:
        laptop.confirm(
            f"The journal of {account} can't be opened here, and is given up for a new one. The "
            "tokens that it knows stay alive, until you remove their applications by hand. If the "
            "bot was begun in a workflow or on another machine, go on there.",
            str(account),
        )
    if session.config.command == "rotate" and session.journal.current is None:
        what = "There is no token to replace yet."
        raise ActionRequiredError("nothing-provisioned", what, next=(Run("setup"),))
    if session.journal.staged:
        return _with_next(session, complete(session, lambda: ""))
    current = session.journal.current
    if current and session.config.command != "rotate":
        in_use = f"A token of {account} is in use since {when(current.issued_at)}."
        asks = laptop.is_attended and not session.config.yes  # which agrees to a first token only
        if not (asks and laptop.agrees(f"{in_use} Replace it by a new one?")):
            return _in_use(session, current)
    scopes, pending = announce(session, info)
    laptop.show(_plan(session, info.instance, pending.scopes if pending else scopes[0]))
    _require_agreed(session, laptop)
    with incomplete_on_error(session):
        pending = _link(session, laptop, pending, info.instance, scopes)
        try:
            report = _with_next(session, _approved(session, laptop, pending))
        except ProvisionerError as error:
            laptop.land(error)
            raise
    laptop.land(report)
    return report


def _in_use(session: Session, current: Credential) -> Report:
    account, since = str(session.config.handle), when(current.issued_at)
    return Report(
        "in-use",
        f"{account} has its token in {session.repository.name} since {since}",
        items=tuple(session.noted),
        next=("For a new token:", Run("rotate")),
        outputs={
            "account": account,
            "scopes": " ".join(current.scopes),
            "expires-at": iso(current.expires_at),
        },
    )


def _plan(session: Session, instance: Instance, scopes: tuple[str, ...]) -> Report:
    config, name = session.config, session.repository.name
    there = [place for place in session.destinations if session.may_exist(place)]
    return Report(
        "plan",
        f"This stores a token of {session.subject or config.handle} in {name}",
        table={
            "Instance": instance.origin,
            "Asks for": " ".join(scopes),
            "Stored in": names(config.mappings),
            "There already": names(there) or "none of them",
            "GitHub token": "used by this run, and stored nowhere",
        },
    )


def _require_agreed(session: Session, laptop: Laptop) -> None:
    """Ask before something is replaced that this journal does not know. Raises InputError."""
    unmanaged = session.unmanaged(session.config.secrets)
    question = f"Replace {names(unmanaged)}, which this journal does not know?"
    if unmanaged and not session.config.yes and not laptop.agrees(question):
        raise InputError(
            "not-confirmed",
            "Nothing was changed.",
            next=(
                "To keep what is there, store the token under another name:",
                Set("secrets", "OTHER_TOKEN=access_token"),
            ),
        )


def _link(
    session: Session,
    laptop: Laptop,
    pending: Pending | None,
    instance: Instance,
    scopes: Candidates,
) -> Pending:
    """The authorization to approve, with a listener for its redirect where one is of use."""
    if pending:
        port = urlsplit(pending.redirect_uri).port
        waits = laptop.has_browser or laptop.is_attended
        if port and waits and not laptop.listen(port):
            session.warn(f"Port {port} of this machine is taken: the browser can't come back to it")
        again = f"The link of {when(pending.begun_at)} is shown again"
        session.reporter.warn(Item("good", again, (FORGOTTEN, Run("abandon"), Run("again"))))
        return pending
    redirect_uri = laptop.listen(0) if laptop.has_browser else ""
    if redirect_uri:
        try:  # the address is this run's already: servers compare the port
            return start(session, instance, scopes, redirect_uri)
        except ProvisionerError as error:
            if error.code != "redirect-refused":
                raise
            session.reporter.explain(f"Redirect: not {redirect_uri} ({error.what})")
    return start(session, instance, scopes)


def _approved(session: Session, laptop: Laptop, pending: Pending) -> Report:
    shown = pending
    laptop.show(_invitation(session, pending))
    laptop.open(pending.link)
    while True:
        arrived = laptop.wait(pending.state, pending.instance.origin)
        match arrived:
            case None:
                raise _unanswered(session, pending)
            case Redirect(error=error) if error:
                raise ActionRequiredError(
                    "denied",
                    f"The instance sent the browser back without a code: “{plain(error, 60)}”.",
                    next=("The link is still good.", Run("again")),
                )
            case Redirect(code=code):
                chosen, text = pending, code.reveal()
            case str() if not arrived.strip():
                # A server that takes one redirect URI shows the code for no other.
                if not pending.instance.profile.one_redirect_uri:
                    shown = pending.replace(redirect_uri=OUT_OF_BAND)
                laptop.show(_invitation(session, shown))
                continue
            case str():
                first = pending.redirect_uri.removeprefix("http://") in arrived
                chosen = pending if first else shown
                text = arrived
        session.journal = session.journal.replace(pending=chosen)
        session.config = replace(session.config, code=Secret(text))
        try:
            session.look_again()
            return complete(session, lambda: "")
        except ProvisionerError as error:
            if isinstance(arrived, Redirect) or error.code not in AGAIN:
                raise
            session.reporter.warn(Item("soon", f"{error.what} {error.why}"))


def _invitation(session: Session, pending: Pending) -> Report:
    profile, account = pending.instance.profile, approver(session, pending)
    if pending.redirect_uri == OUT_OF_BAND:
        steps = ["Paste the code that the page shows, or the address of the page."]
    else:
        comes_back = "If the browser does not come back by itself, or runs on another machine, "
        steps = [comes_back + "paste the address that it ends on."]
        if not profile.one_redirect_uri:
            steps.append("Or press Enter for a link that shows a code to paste.")
    return Report(
        "approval-pending",
        f"Sign in as {account} at this link, and press {profile.approve_button}",
        link=pending.link,
        next=tuple(steps),
    )


def _unanswered(session: Session, pending: Pending) -> ActionRequiredError:
    press = f"press {pending.instance.profile.approve_button}"
    return ActionRequiredError(
        "approval-timeout",
        "The link was not approved while this run waited.",
        why="It waits for ten minutes, or until neither a browser nor standard input can answer.",
        next=(
            Open(pending.link, approver(session, pending), press),
            Run("complete", code=True),
            "Or, to wait for the browser once more:",
            Run("again"),
        ),
    )


def _with_next(session: Session, report: Report) -> Report:
    steps, items = list(report.next), list(report.items)
    current, superseded = require_current(session), session.journal.superseded
    if report.status == "provisioned":
        steps += ["For a first post:", Run("post", text="howdy universe!")]
    if session.store.replaced:
        account, since = str(session.config.handle), when(current.issued_at)
        page = current.instance.applications_page(account)
        remove = Open(page, account, f"remove the applications authorized before {since}")
        text = "The tokens of the journal that was given up are still alive."
        items.append(Item("soon", text, (remove,)))
    if superseded:
        due = when(superseded[-1].revoke_after)  # each before it is due earlier
        steps += ["To revoke the old token:", Run("check", when=f"after {due}")]
    return replace(report, next=tuple(steps), items=items)
