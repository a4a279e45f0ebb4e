"""GitHub's REST API for a repository's Actions secrets and variables.

https://docs.github.com/rest/actions/secrets and /variables, API version 2022-11-28. Serial by
design: GitHub asks writers not to send requests concurrently.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from nacl.exceptions import CryptoError
from nacl.public import PublicKey, SealedBox

from provisioner.addresses import joined, origin_of
from provisioner.answer import Answer
from provisioner.destinations import Kind, check_size, is_repository, path, repository_path
from provisioner.errors import PersonNeededError, TransportError
from provisioner.github_errors import archived, explain, wait_for
from provisioner.http import Http
from provisioner.secret import Secret, is_visible

API_VERSION = "2022-11-28"
MAX_REDIRECTS = 3
MOVED = {301, 302, 307, 308}
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
    token_expires_at: int | None = None
    """Epoch seconds; None where no answer told, as for tokens that don't expire."""

    def call(
        self, method: str, path: str, body: Mapping[str, str] | None = None, *, repeat: bool = True
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
            told = answer.headers.get("github-authentication-token-expiration", "")
            self.token_expires_at = _moment(told) or self.token_expires_at
            location = answer.headers.get("location", "")
            if answer.status not in MOVED or not location:
                return answer
            url = joined(url, location)
            if origin_of(url) != origin_of(self.api_url):
                break
        raise PersonNeededError(
            "foreign-redirect",
            f"GitHub's API redirects to “{answer.shown_url(url)}”, which was not followed.",
            why="The token belongs to the API's own address and is sent nowhere else.",
            todo="Check GITHUB_API_URL and the repository's name.",
        )

    def repository(self, name: str) -> "Repository":
        """The repository, by the name that it bears today."""
        answer = self.call("GET", repository_path(name))
        fields = answer.fields()
        number, full_name = fields.get("id"), answer.text("full_name")
        if not answer.ok or not isinstance(number, int) or not is_repository(full_name):
            raise explain(answer, f"open the repository {name}")
        if fields.get("archived") is True:
            raise archived(f"The repository {full_name} is archived.")
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
            key_id, key = answer.text("key_id"), PublicKey(raw)
            SealedBox(key).encrypt(b"")  # libsodium refuses points of low order only now
        except (ValueError, CryptoError, RuntimeError):
            key_id = ""
        if not is_visible(key_id):
            raise TransportError(
                "bad-public-key",
                f"GitHub sent a public key for {self.name} that can't be one.",
                why="It takes 32 bytes, and an id of visible ASCII characters.",
                todo="Check GITHUB_API_URL; if that is right, run this again later.",
            )
        return SealingKey(key_id, key)

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

    def delete(self, kind: Kind, name: str) -> bool:
        """Delete a secret or a variable; False where it was certainly gone. Idempotent."""
        answer = self.github.call("DELETE", path(self.name, kind, name))
        if answer.status == 404:
            self.require_readable(kind)
        elif answer.status != 204:
            raise explain(answer, f"delete {name} from the {kind} of {self.name}")
        return answer.status == 204

    def variable(self, name: str) -> str | None:
        """A variable's value, None where there is none of that name."""
        answer = self.github.call("GET", path(self.name, "variables", name))
        if answer.status == 404:
            return None
        value = answer.fields().get("value")
        if not answer.ok or not isinstance(value, str):
            raise explain(answer, f"read the variable {name} of {self.name}")
        return value

    def require_readable(self, kind: Kind) -> None:
        """Raise unless GitHub lists the secrets or variables: only then does a 404 mean absent."""
        answer = self.github.call("GET", path(self.name, kind))
        if "total_count" not in answer.fields():
            raise explain(answer, f"list the {kind} of {self.name}")

    def put_variable(self, name: str, value: str) -> None:
        """Write a variable; idempotent. PATCH, and where there is none POST: there is no upsert."""
        check_size(name, value)
        ways = (self.update_variable, self.create_variable, self.update_variable)
        # The third: a POST whose answer was lost, or another run, had created it.
        if not any(write(name, value) for write in ways):
            raise TransportError(
                "github-unwell",
                f"GitHub says of the variable {name} both that it exists and that it does not.",
                todo="Run this again in a minute.",
            )

    def create_variable(self, name: str, value: str, *, repeat: bool = True) -> bool:
        """Create a variable; False where there is one already (409).

        With `repeat=False` a lost answer is left to the caller to settle, by reading back.
        """
        place, body = path(self.name, "variables"), {"name": name, "value": value}
        answer = self.github.call("POST", place, body, repeat=repeat)
        return self._written(answer, name, nothing=409)

    def update_variable(self, name: str, value: str, *, repeat: bool = True) -> bool:
        """Change a variable; False where there is none (404). `repeat` as above."""
        answer = self.github.call(
            "PATCH",
            path(self.name, "variables", name),
            {"name": name, "value": value},
            repeat=repeat,
        )
        return self._written(answer, name, nothing=404)

    def _written(self, answer: Answer, name: str, *, nothing: int) -> bool:
        """Whether a variable was written; `nothing` is the status that says it was not."""
        if answer.status not in {*WRITTEN, nothing}:
            raise explain(answer, f"write the variable {name} of {self.name}")
        return answer.status in WRITTEN


def _moment(text: str) -> int | None:
    """Epoch seconds of `2026-12-01 09:30:00 UTC` (or `+0100`), as GitHub's header tells it."""
    try:
        moment = datetime.strptime(text.replace("UTC", "+0000"), "%Y-%m-%d %H:%M:%S %z")
        return int(moment.astimezone(UTC).timestamp())  # else no year that can be written
    except (ValueError, OverflowError):
        return None
