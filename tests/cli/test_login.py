"""`provisioner login` as people and scripts meet it."""

import re
from collections.abc import Iterator

import pytest

from provisioner.sandbox import Sandbox
from tests.cli.program import Run, run, run_in_terminal
from tests.cli.site import KEY, REPOSITORY
from tests.leaks import forms

EMAIL = "mybot@example.org"
PASSWORD = "correct horse, battery & staple"


class OldSite:
    """An instance that takes passwords, and a GitHub, both on sockets."""

    def __init__(self, sandbox: Sandbox) -> None:
        sandbox.instance.add_account("mybot", PASSWORD)
        self.instance = sandbox.instance
        self.repository = sandbox.github.add_repository(REPOSITORY)
        self.whose = ("--account", self.instance.address("mybot"), "--repository", REPOSITORY)
        self.env = {
            "GITHUB_API_URL": sandbox.github.api_url,
            "GH_TOKEN": sandbox.github.add_token(),
            "MASTODON_JOURNAL_KEY": KEY,
        }

    @property
    def is_stored(self) -> bool:
        """Whether there is one living token, and workflows read it."""
        live = [token.token for token in self.instance.live_tokens("mybot")]
        if "MASTODON_ACCESS_TOKEN" not in self.repository.secrets:
            return False
        return live == [self.repository.open_secret("MASTODON_ACCESS_TOKEN")]

    def leaks(self, shown: str) -> list[str]:
        """Secrets that were shown."""
        secrets = {PASSWORD, KEY, self.env["GH_TOKEN"]}
        secrets |= {token.token for token in self.instance.tokens}
        secrets |= {application.client_secret for application in self.instance.applications}
        return [form for secret in secrets for form in forms(secret) if form in shown]


@pytest.fixture
def old() -> Iterator[OldSite]:
    """A site whose instance takes passwords."""
    with Sandbox(personality="mastodon-4.2") as sandbox:
        yield OldSite(sandbox)


def log_in(old: OldSite, *arguments: str, typed: str) -> Run:
    """Log in with this on standard input."""
    done = run("login", *old.whose, *arguments, env=old.env, typed=typed)
    assert (old.leaks(done.all), EMAIL in done.all) == ([], False)
    return done


def test_two_lines_of_standard_input(old: OldSite) -> None:
    """User name and password are piped in, and nothing of them is shown."""
    done = log_in(old, typed=f"{EMAIL}\n{PASSWORD}\n")
    assert (done.code, old.is_stored) == (0, True)


def test_a_wrong_password(old: OldSite) -> None:
    """4: somebody has to type it again; what was typed is not shown."""
    done = log_in(old, "--json", typed=f"{EMAIL}\nMistyped-password\n")
    assert (done.code, "login-refused" in done.output, old.is_stored) == (4, True, False)
    assert "Mistyped" not in done.all


def test_a_file_that_an_editor_marked(old: OldSite) -> None:
    """The mark with which some editors begin a file is no part of the user name."""
    assert log_in(old, typed=f"\ufeff{EMAIL}\n{PASSWORD}\n").code == 0


@pytest.mark.parametrize("typed", ["", EMAIL, f"{EMAIL}\n\n", f"\n{PASSWORD}"])
def test_a_line_is_missing(old: OldSite, typed: str) -> None:
    """2: the input lacks something; no application is registered for nothing."""
    done = log_in(old, typed=typed)
    assert (done.code, "no-login" in done.progress, old.instance.applications) == (2, True, [])


def test_the_password_is_not_echoed(old: OldSite) -> None:
    """On a terminal both are asked for, the password without an echo."""
    asked = "E-mail address: "
    hidden = ("Password (not shown): ", PASSWORD)
    shown = run_in_terminal(
        "login", *old.whose, env=old.env, prompt=asked, typed=EMAIL, then=(hidden,)
    )
    assert (old.is_stored, old.leaks(shown)) == (True, [])


def test_what_is_told_besides_is_no_yaml(old: OldSite) -> None:
    """Between the lines for the bot's workflow and a warning there is an empty one."""
    old.repository.set_secret("MASTODON_ACCESS_TOKEN", "another")
    hidden = ("Password (not shown): ", PASSWORD)
    shown = run_in_terminal(
        "login",
        *old.whose,
        env=old.env | {"NO_COLOR": "1"},
        prompt="E-mail address: ",
        typed=EMAIL,
        then=(hidden,),
    )
    assert re.search(
        r" env:\r\n(     +\S.*\r\n)+\r\n! The secret MASTODON_ACCESS_TOKEN held", shown
    )


def test_the_user_name_is_offered_where_it_works() -> None:
    """Pleroma takes the account's own name, which Return alone gives; Mastodon does not."""
    with Sandbox(personality="pleroma") as sandbox:
        site = OldSite(sandbox)
        asked = "E-mail address or user name [mybot]: "
        hidden = ("Password (not shown): ", PASSWORD)
        run_in_terminal("login", *site.whose, env=site.env, prompt=asked, typed="", then=(hidden,))
        assert site.is_stored


def test_no_option_takes_it() -> None:
    """Neither user name nor password can be an option, where other users could read it."""
    assert run("login", "--password", PASSWORD, env={}).code == 2
    words = run("login", "--help", env={"COLUMNS": "80"}).output
    assert [w for w in ("--password", "--user", "PASSWORD", "USERNAME") if w in words] == []
