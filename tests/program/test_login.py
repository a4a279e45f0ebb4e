"""`provisioner login` as scripts meet it; test_terminal.py has a person type."""

import pytest

from tests.program.program import run
from tests.program.site import PASSWORD, Site

EMAIL = "mybot@example.org"


@pytest.fixture
def personality() -> str:
    """A server that takes passwords from programs."""
    return "mastodon-4.2"


def test_two_lines_of_standard_input_are_user_name_and_password(site: Site) -> None:
    done = site.run("login", typed=f"{EMAIL}\n{PASSWORD}\n")
    assert done.code == 0
    assert site.live_tokens == [site.stored()]
    assert EMAIL not in done.all


def test_wrong_password_needs_a_person_and_is_not_shown(site: Site) -> None:
    done = site.run("login", "--json", typed=f"{EMAIL}\nMistyped-password\n")
    assert (done.code, done.error) == (4, "login-refused")
    assert site.stored() == ""
    for typed in EMAIL, "Mistyped":
        assert typed not in done.all


def test_mark_of_an_editor_is_no_part_of_the_user_name(site: Site) -> None:
    """Some begin a file with one."""
    assert site.run("login", typed=f"\ufeff{EMAIL}\n{PASSWORD}\n").code == 0


@pytest.mark.parametrize("typed", ["", EMAIL, f"{EMAIL}\n\n", f"\n{PASSWORD}"])
def test_missing_line_is_refused_before_an_application_is_registered(
    site: Site, typed: str
) -> None:
    done = site.run("login", "--json", typed=typed)
    assert (done.code, done.error) == (2, "no-login")
    assert site.instance.applications == []


def test_no_option_takes_user_name_or_password() -> None:
    """Other users of the machine could read it."""
    assert run("login", "--password", PASSWORD).code == 2
    shown = run("login", "--help").output
    for name in "--password", "--user", "PASSWORD", "USERNAME":
        assert name not in shown
