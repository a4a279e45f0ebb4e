"""Hands to use a sandbox with: a clock, and plain HTTP without any client of ours."""

import base64
from dataclasses import dataclass, field

import httpx
from nacl.public import PublicKey, SealedBox

from provisioner.sandbox import Person, Repository, Sandbox

OOB = "urn:ietf:wg:oauth:2.0:oob"
VERIFIER = "v" * 43


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_123.456789

    def __call__(self) -> float:
        return self.now


@dataclass
class Registered:
    """Credentials as the registration returned them."""

    client_id: str
    client_secret: str


@dataclass
class Fediverse:
    """Somebody who speaks HTTP with the sandbox's instance."""

    sandbox: Sandbox
    http: httpx.Client
    people: dict[str, Person] = field(default_factory=dict)

    def post(self, path: str, **fields: str) -> httpx.Response:
        return self.http.post(path, data=fields)

    def apply(self, **changes: str) -> httpx.Response:
        form = {"client_name": "Bot", "redirect_uris": OOB, "scopes": "read write"}
        return self.post("/api/v1/apps", **{**form, **changes})

    def register(self, **changes: str) -> Registered:
        body = self.apply(**changes).json()
        return Registered(body["client_id"], body["client_secret"])

    def link(self, app: Registered, **changes: str) -> str:
        query = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": OOB,
            "scope": "read write",
        }
        url = httpx.URL(f"{self.sandbox.instance.origin}/oauth/authorize")
        return str(url.copy_with(params=query | changes))

    def person(self, username: str = "alice") -> Person:
        if username not in self.people:
            self.people[username] = Person(username, f"{username}-password")
        return self.people[username]

    def code(self, app: Registered, username: str = "alice", **changes: str) -> str:
        return self.person(username).approve(self.link(app, **changes))

    def exchange(self, app: Registered, code: str, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "redirect_uri": OOB,
        }
        return self.post("/oauth/token", **{**form, **changes})

    def token(self, app: Registered, username: str = "alice", **changes: str) -> str:
        answer = self.exchange(app, self.code(app, username, **changes)).json()
        return str(answer["access_token"])

    def app_token(self, app: Registered) -> str:
        form = {"client_id": app.client_id, "client_secret": app.client_secret}
        answer = self.post("/oauth/token", grant_type="client_credentials", **form).json()
        return str(answer["access_token"])

    def revoke(self, app: Registered, token: str, **changes: str) -> httpx.Response:
        form = {"client_id": app.client_id, "client_secret": app.client_secret, "token": token}
        return self.post("/oauth/revoke", **{**form, **changes})

    def get(self, path: str, token: str) -> httpx.Response:
        return self.http.get(path, headers={"Authorization": f"Bearer {token}"})

    def whoami(self, token: str) -> httpx.Response:
        return self.get("/api/v1/accounts/verify_credentials", token)


@dataclass
class Octo:
    """Somebody who speaks HTTP with the sandbox's GitHub, and has a token."""

    sandbox: Sandbox
    repository: Repository
    http: httpx.Client
    path: str = "/repos/acme/demo/actions"

    def seal(self, value: str) -> dict[str, str]:
        key = self.http.get(f"{self.path}/secrets/public-key").json()
        box = SealedBox(PublicKey(base64.b64decode(key["key"]))).encrypt(value.encode())
        return {"encrypted_value": base64.b64encode(box).decode(), "key_id": key["key_id"]}

    def put(self, name: str, value: str) -> httpx.Response:
        return self.http.put(f"{self.path}/secrets/{name}", json=self.seal(value))
