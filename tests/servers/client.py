"""A plain client of one of the servers, in memory, and none of ours."""

from contextlib import suppress
from dataclasses import dataclass

import httpx

from provisioner.sandbox import Request, Response
from tests.servers import make
from tests.support.person import Person
from tests.support.world import START, Wire

HOST = "social.example"
ORIGIN = f"https://{HOST}"
OOB = "urn:ietf:wg:oauth:2.0:oob"
VERIFIER = "v" * 43
CHALLENGE = {
    "code_challenge": "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM",
    "code_challenge_method": "S256",
}


@dataclass(frozen=True)
class Keys:
    """A client id and its secret."""

    client_id: str
    client_secret: str


class Client:
    """Somebody who speaks HTTP with an instance, whose clock stands still until it is moved."""

    def __init__(self, personality: str = "mastodon-4.7") -> None:
        self.now = START
        self.instance = make(personality, ORIGIN, clock=lambda: self.now)
        self.alice = self.instance.add_account("alice", "alice-password")
        self.last = Response(0)
        """The latest answer, which may lead where no browser and no httpx can go."""
        self.wire = Wire({HOST: self._answer})
        headers = {"User-Agent": "tests", "Accept": "application/json"}
        self.http = httpx.Client(transport=self.wire, base_url=ORIGIN, headers=headers)

    def _answer(self, request: Request) -> Response:
        self.last = self.instance(request)
        return self.last

    def apply(self, **changes: str) -> httpx.Response:
        """Register an application."""
        form = {"client_name": "Bot", "redirect_uris": OOB, "scopes": "read write"}
        return self.http.post("/api/v1/apps", data=form | changes)

    def register(self, **changes: str) -> Keys:
        body = self.apply(**changes).json()
        return Keys(str(body["client_id"]), body["client_secret"])

    def link(self, keys: Keys, **changes: str) -> str:
        query = {
            "response_type": "code",
            "client_id": keys.client_id,
            "redirect_uri": OOB,
            "scope": "read write",
            "force_login": "true",
            "prompt": "consent",
        }
        return str(httpx.URL(f"{ORIGIN}/oauth/authorize", params=query | changes))

    def code(self, keys: Keys, **changes: str) -> str:
        """What a person gets who approves."""
        with Person("alice", "alice-password", transport=self.wire) as person:
            return person.approve(self.link(keys, **changes))

    def open(self, link: str) -> None:
        """Open a link in alice's browser, where she is signed in."""
        form = {"user[email]": self.alice.email, "user[password]": self.alice.password}
        self.http.get("/auth/sign_in")
        self.http.post("/auth/sign_in", data=form)
        with suppress(httpx.InvalidURL):  # a redirect to urn:…
            self.http.get(link)

    def exchange(self, keys: Keys, code: str, /, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": keys.client_id,
            "client_secret": keys.client_secret,
            "redirect_uri": OOB,
        }
        return self.http.post("/oauth/token", data=form | changes)

    def token(self, keys: Keys | None = None, **changes: str) -> str:
        """A new token, of a new application where none is named."""
        keys = keys or self.register()
        answer = self.exchange(keys, self.code(keys, **changes)).json()
        return str(answer["access_token"])

    def revoke(self, keys: Keys, token: str, **changes: str) -> httpx.Response:
        form = {"client_id": keys.client_id, "client_secret": keys.client_secret, "token": token}
        return self.http.post("/oauth/revoke", data=form | changes)

    def whoami(self, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return self.http.get("/api/v1/accounts/verify_credentials", headers=headers)

    def post(self, token: str, text: str, visibility: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        fields = {"status": text, "visibility": visibility}
        return self.http.post("/api/v1/statuses", data=fields, headers=headers)
