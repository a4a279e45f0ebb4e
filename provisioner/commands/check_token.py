"""check without a token for GitHub: the very token in the bot's secret, at its instance."""

from collections.abc import Iterable
from dataclasses import replace

from provisioner.commands.begin import discover, tell_instance
from provisioner.commands.check import checked
from provisioner.commands.session import Session
from provisioner.errors import ActionRequiredError, TransportError
from provisioner.mastodon.client import Mastodon
from provisioner.mastodon.errors import Alive, Dead, Unclear
from provisioner.mastodon.scopes import missing
from provisioner.parsing import Handle
from provisioner.report import Item, Next, Report

NEW_TOKEN: Next = (
    "Rotate where a GitHub token is at hand: on your own machine, or in the workflow for it.",
)


def check_token(session: Session) -> Report:
    """Whether the token works, whose it is, and what it may do, as far as the instance tells.

    Raises ActionRequiredError where there is no token, ProvisionerError.
    """
    token = session.config.access_token
    if not token:
        raise ActionRequiredError(
            "nothing-provisioned",
            "Nothing is provisioned yet: no access token was handed in.",
            why="The secret does not exist, or `access-token` does not name it.",
            next=("Provision the bot on your own machine, or in the workflow for it.",),
        )
    names, scopes = [session.config.handle], tuple[str, ...]()
    state: Alive | Dead | Unclear
    try:
        found = discover(session)
        names += [found.subject] if found.subject else []
        mastodon = Mastodon(session.http, tell_instance(session, found).instance)
        state = mastodon.verify(token)
        if isinstance(state, Alive):
            scopes = mastodon.scopes_of(token)
    except TransportError as error:
        state = Unclear(error.what.removesuffix("."), refused=False)
    items, outputs = [*session.noted, _item(state, names)], {}
    if scopes:
        outputs["scopes"] = granted = " ".join(scopes)
        items.append(Item("good", f"The token was granted “{granted}”"))
        if lacking := missing(scopes, session.config.scopes):
            text = f"The token lacks {' '.join(lacking)}: it was granted “{granted}”"
            items[-1] = Item("bad", text, NEW_TOKEN)
    unknown = "whether it is the current token, and its age: that takes a GitHub token"
    return replace(checked(session, items, outputs), table={"Not known": unknown})


def _item(state: Alive | Dead | Unclear, names: Iterable[Handle]) -> Item:
    handle, *_ = names
    match state:
        case Alive(user=user, domain=domain) if any(one.is_named(user, domain) for one in names):
            return Item("good", f"The token is alive, and belongs to {handle}")
        case Alive(shown=shown):
            text = f"The token belongs to “{shown}”: {handle} was renamed, or it is another account"
            return Item("bad", text, ("Correct the account, or rotate.", *NEW_TOKEN))
        case Dead(reason):
            text = f"The token is dead, revoked at the instance: {reason}"
            return Item("bad", text, NEW_TOKEN)
        case Unclear(reason, next=steps) if steps:
            return Item("bad", f"The token can't be used: {reason}", steps)
        case Unclear(reason):
            text = f"Could not tell whether the token is alive: {reason}"
            return Item("unclear", f"{text}. The next check tries again")
