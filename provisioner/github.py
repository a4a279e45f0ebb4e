"""GitHub's REST API for a repository's Actions secrets and variables.

https://docs.github.com/rest/actions/secrets and /variables, API version 2022-11-28. Serial by
design: GitHub asks writers not to send requests concurrently.
"""

import base64
import binascii
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urljoin

from nacl.public import PublicKey, SealedBox

from provisioner.destinations import check_size, path, repository_path
from provisioner.errors import PersonNeededError, TransportError, plain
from provisioner.github_errors import explain, wait_for
from provisioner.http import Answer, Http, origin_of
from provisioner.secret import Secret

API_VERSION = "2022-11-28"
MAX_REDIRECTS = 3
KEY_BYTES = 32
WRITTEN = {201, 204}
"""Created, updated. Any other success, such as a page with 200, did not come from GitHub."""


@dataclass(frozen=True)
class SealingKey:
    """The public key of a place that keeps secrets; each repository has its own."""

    id: str
    key: PublicKey


@dataclass
class GitHub:
    """The API, with a token. `api_url` is `https://api.github.com`, or an Enterprise server's."""

    http: Http
    api_url: str
    token: Secret

    def call(
        self, method: str, path: str, body: dict[str, object] | None = None, *, repeat: bool = True
    ) -> Answer:
        """Send a request; any answer but a redirect is returned.

        Follows the redirects of renamed repositories (301, 302, 307, 308) with method, body and
        authorization, within the API's own origin only.
        Raises PersonNeededError for a redirect elsewhere, TransportError.
        """
        url = self.api_url + path
        for _ in range(MAX_REDIRECTS + 1):
            answer = self.http.send(
                method,
                url,
                body=body,
                bearer=self.token,
                headers={
                    "Accept": "application/vnd.github+json",
                    "X-GitHub-Api-Version": API_VERSION,
                },
                repeat=repeat,
                wait=wait_for,
            )
            if not answer.redirect:
                return answer
            url = urljoin(url, answer.headers.get("location", ""))
            if origin_of(url) != origin_of(self.api_url):
                break
        raise PersonNeededError(
            "foreign-redirect",
            f"GitHub's API redirects to “{plain(url)}”, which was not followed.",
            why="The token belongs to the API's own address and is sent nowhere else.",
            todo="Check GITHUB_API_URL and the repository's name.",
        )

    def repository(self, name: str) -> "Repository":
        """The repository, by the name that it bears today."""
        answer = self.call("GET", repository_path(name))
        fields = answer.fields()
        number, full_name = fields.get("id"), answer.text("full_name")
        if not answer.ok or not isinstance(number, int) or full_name.count("/") != 1:
            raise explain(answer, f"open the repository {name}")
        if fields.get("archived") is True:
            raise PersonNeededError(
                "archived",
                f"The repository {full_name} is archived, and so read-only.",
                todo="Unarchive it in its settings, or name another one.",
            )
        return Repository(self, number, full_name)


@dataclass
class Repository:
    """One repository's secrets and variables."""

    github: GitHub
    id: int
    name: str
    """`owner/name`."""

    @cached_property
    def sealing_key(self) -> SealingKey:
        """The public key for its secrets, asked for once."""
        answer = self.github.call("GET", path(self.name, "secrets", "public-key"))
        if not answer.ok:
            raise explain(answer, f"read the public key of {self.name}")
        try:
            raw = base64.b64decode(answer.text("key"), validate=True)
        except binascii.Error:
            raw = b""
        key_id = answer.text("key_id")
        if len(raw) != KEY_BYTES or not key_id:
            raise TransportError(
                "bad-public-key",
                f"GitHub sent a public key for {self.name} that can't be one.",
                why=f"It should have {KEY_BYTES} bytes, and has {len(raw)}.",
                todo="Check GITHUB_API_URL; if that is right, run this again later.",
            )
        return SealingKey(key_id, PublicKey(raw))

    def has_secret(self, name: str) -> bool:
        """Whether a secret of that name exists; its value can't be read."""
        answer = self.github.call("GET", path(self.name, "secrets", name))
        if answer.status == 404:
            return False
        if not answer.text("name"):
            raise explain(answer, f"look for the secret {name} in {self.name}")
        return True

    def put_secret(self, name: str, value: Secret) -> None:
        """Seal and write a secret; idempotent.

        201 created it, 204 updated it. The key may have changed since it was read: it is read
        again, once, when GitHub can't open the box.
        """
        check_size(name, value.reveal())
        answer = self._put(name, value)
        if answer.status == 422:
            del self.sealing_key
            answer = self._put(name, value)
        if answer.status not in WRITTEN:
            raise explain(answer, f"write the secret {name} of {self.name}")

    def _put(self, name: str, value: Secret) -> Answer:
        box = SealedBox(self.sealing_key.key).encrypt(value.reveal().encode())
        return self.github.call(
            "PUT",
            path(self.name, "secrets", name),
            {"encrypted_value": base64.b64encode(box).decode(), "key_id": self.sealing_key.id},
        )

    def variable(self, name: str) -> str | None:
        """A variable's value, None where there is none of that name."""
        answer = self.github.call("GET", path(self.name, "variables", name))
        if answer.status == 404:
            return None
        value = answer.fields().get("value")
        if not answer.ok or not isinstance(value, str):
            raise explain(answer, f"read the variable {name} of {self.name}")
        return value

    def put_variable(self, name: str, value: str, *, repeat: bool = True) -> None:
        """Write a variable: PATCH, and where there is none (404) POST; there is no upsert.

        With `repeat=False` a lost answer is left to the caller to settle, by reading back.
        """
        check_size(name, value)
        place = path(self.name, "variables", name)
        body: dict[str, object] = {"name": name, "value": value}
        answer = self.github.call("PATCH", place, body, repeat=repeat)
        if answer.status == 404:
            answer = self.github.call("POST", path(self.name, "variables"), body, repeat=repeat)
        if answer.status == 409:  # a POST whose answer was lost had created it
            answer = self.github.call("PATCH", place, body, repeat=repeat)
        if answer.status not in WRITTEN:
            raise explain(answer, f"write the variable {name} of {self.name}")
