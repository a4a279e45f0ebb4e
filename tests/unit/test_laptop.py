"""A person's own machine: what is asked there, and how long it waits."""

import pytest

from provisioner import laptop
from provisioner.report import Exit
from tests.support.told import fails


def ask(
    monkeypatch: pytest.MonkeyPatch, command: str, names: list[str], *, is_attended: bool
) -> tuple[str, list[str]]:
    """The repository that is chosen of these of a checkout, and what is asked."""
    asked: list[str] = []

    def typed(what: str, _usual: str = "", *, is_hidden: bool = False) -> str:
        asked.append("hidden" if is_hidden else what.split()[2].rstrip(","))
        return "typed"

    usual = names[0] if names else ""
    monkeypatch.setattr(laptop, "ask", typed)
    monkeypatch.setattr(laptop, "is_attended", lambda: is_attended)
    monkeypatch.setattr(laptop, "repository_of_checkout", lambda: (usual, names))
    words = laptop.ask_missing(command, {})
    return words.get("repository", ("none",))[0], asked


@pytest.mark.parametrize(
    ("command", "names", "chosen", "asked"),
    [
        ("rotate", ["me/bot"], "me/bot", ["hidden"]),
        ("rotate", ["me/bot", "me/fork"], "typed", ["repository", "hidden"]),
        ("setup", [], "typed", ["repository", "account", "hidden"]),
        ("init", ["me/bot"], "none", ["account"]),
    ],
)
def test_person_is_asked_for_what_the_checkout_and_the_journal_do_not_tell(
    monkeypatch: pytest.MonkeyPatch, command: str, names: list[str], chosen: str, asked: list[str]
) -> None:
    assert ask(monkeypatch, command, names, is_attended=True) == (chosen, asked)


def test_nobody_is_asked_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, "setup", [], is_attended=False) == ("", [])
    with fails("bad-repository", Exit.INPUT):
        ask(monkeypatch, "setup", ["me/bot", "me/fork"], is_attended=False)
