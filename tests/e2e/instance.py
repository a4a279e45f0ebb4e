"""An instance for the end-to-end tests: the real Doorkeeper engine, set up as Mastodon sets it up.

The server itself is doorkeeper.rb; this starts it on a free port, with a database and a log of its
own, and stops it.
"""

import contextlib
import os
import re
import secrets
import select
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

SERVER = Path(__file__).with_name("doorkeeper.rb")
READY_WITHIN = 60.0


@dataclass(frozen=True)
class Account:
    name: str
    password: str = field(default_factory=secrets.token_urlsafe, repr=False)

    @property
    def email(self) -> str:
        return f"{self.name}@example.org"


class Instance:
    """An instance with the accounts `bot` and `alice`; it runs inside the `with` block."""

    def __init__(self, folder: Path, *, legacy: bool = False, policy: str = "") -> None:
        """Prepare it, with its files in `folder`.

        `legacy` makes it Mastodon 4.2; `policy` is the Content-Security-Policy of its pages.
        """
        self.bot = Account("bot")
        self.alice = Account("alice")
        self.origin = ""
        self._database = folder / "instance.sqlite3"
        self._log = folder / "instance.log"
        accounts = (self.bot, self.alice)
        self._settings = {
            "ACCOUNTS": " ".join(f"{account.name}:{account.password}" for account in accounts),
            "DATABASE": str(self._database),
            "LEGACY": str(int(legacy)),
            "PORT": "0",
        }
        if policy:
            self._settings["POLICY"] = policy
        self._stop = contextlib.ExitStack()

    def handle(self, account: Account) -> str:
        """The full name of an account, as `bot@127.0.0.1:4000`."""
        return f"{account.name}@{self.origin.removeprefix('http://')}"

    def log(self, lines: int = 60) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def api(self, token: str = "") -> httpx.Client:
        """A client of its API; with a token, as the bot that was given it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.origin, headers=headers, trust_env=False)

    def whose(self, token: str) -> str:
        """The name of the account that a token belongs to; "" if the instance refuses it."""
        with self.api(token) as api:
            answer = api.get("/api/v1/accounts/verify_credentials")
        return str(answer.json()["username"]) if answer.is_success else ""

    def live_tokens(self) -> list[str]:
        return self._column("SELECT token FROM oauth_access_tokens WHERE revoked_at IS NULL")

    def reset(self) -> None:
        with self._open() as database:
            database.execute("DELETE FROM oauth_access_tokens")
            database.execute("DELETE FROM oauth_access_grants")
            database.execute("DELETE FROM oauth_applications")

    def pass_minutes(self, minutes: int) -> None:
        """Make all codes older, as if the time had passed: they live for ten minutes."""
        with self._open() as database:
            database.execute(
                "UPDATE oauth_access_grants SET created_at = datetime(created_at, ?)",
                (f"-{minutes} minutes",),
            )

    def revoke_all(self) -> None:
        """Revoke all tokens, as their owner can in Preferences > Account > Authorized apps."""
        with self._open() as database:
            database.execute("UPDATE oauth_access_tokens SET revoked_at = datetime('now')")

    def secrets(self) -> dict[str, str]:
        """Every secret that it has issued or received, and what each is."""
        asked = {
            "client secret": "SELECT secret FROM oauth_applications",
            "code": "SELECT token FROM oauth_access_grants",
            "access token": "SELECT token FROM oauth_access_tokens",
        }
        known = {value: what for what, query in asked.items() for value in self._column(query)}
        received = re.findall(r'"code_verifier"=>"([^"]+)"', self._log.read_text(errors="replace"))
        passwords = (self.alice.password, self.bot.password)
        return known | dict.fromkeys(received, "verifier") | dict.fromkeys(passwords, "password")

    def _column(self, query: str) -> list[str]:
        with self._open() as database:
            return [str(row[0]) for row in database.execute(query)]

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self._database)) as database, database:
            yield database

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(self._log.open("wb"))
            server = stack.enter_context(
                subprocess.Popen(
                    [shutil.which("ruby") or "ruby", str(SERVER)],
                    env=os.environ | self._settings,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
            )
            stack.callback(server.kill)
            assert server.stdout
            ready, _, _ = select.select([server.stdout], [], [], READY_WITHIN)
            port = server.stdout.readline().strip() if ready else ""
            assert port, f"{SERVER.name} is not ready after {READY_WITHIN:.0f} s:\n{self.log()}"
            self.origin = f"http://127.0.0.1:{port}"
            self._stop = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.close()
