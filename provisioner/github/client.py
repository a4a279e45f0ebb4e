"""GitHub's REST API for a repository's Actions secrets and variables.

https://docs.github.com/rest/actions/secrets and /variables, API version 2022-11-28. Reads may
overlap; writes are serial, since GitHub asks writers not to send requests concurrently.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nacl.exceptions import CryptoError
from nacl.public import PublicKey, SealedBox

from provisioner.answer import Answer, RetryPolicy, github_delay
from provisioner.github.destinations import MAX_SECRETS, Kind, is_repository
from provisioner.github.errors import archived, explain
from provisioner.http import Http
from provisioner.report import ActionRequiredError, ProvisionerError, Run, TransportError
from provisioner.secret import Secret, is_visible
from provisioner.urls import github_host, joined, origin_of

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
UNFINISHED = ("queued", "in_progress", "requested", "waiting", "pending")
"""The states of workflow runs that may still use the secrets as they were."""
MAX_REDIRECTS = 3
MOVED = {301, 302, 307, 308}
WRITTEN = {201, 204}
"""Created, updated. Any other success, such as a page with 200, did not come from GitHub."""
RETRY_IDEMPOTENT = RetryPolicy(lost=True, delay=github_delay)
RETRY_IF_NOT_DONE = RetryPolicy(delay=github_delay)


@dataclass
class GitHub:
    """The API, with a token. `api_url` is `https://api.github.com`, or an Enterprise server's."""

    http: Http
    api_url: str
    token: Secret
    token_expires_at: int | None = None
    """Epoch seconds; None where no answer told, as for tokens that don't expire."""

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, str] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        retry: RetryPolicy = RETRY_IDEMPOTENT,
    ) -> Answer:
        """Send a request; any answer but a redirect is returned.

        Follows the redirects of renamed repositories (301, 302, 307, 308) with method, body and
        authorization, within the API's own origin only.
        Raises ActionRequiredError for a redirect elsewhere, TransportError.
        """
        url = self.api_url + path
        for _ in range(MAX_REDIRECTS + 1):
            answer = self.http.send(
                method,
                url,
                params=params,
                body=body,
                bearer=self.token,
                headers=HEADERS,
                retry=retry,
            )
            told = answer.headers.get("github-authentication-token-expiration", "")
            self.token_expires_at = _moment(told) or self.token_expires_at
            location = answer.headers.get("location", "")
            if answer.status not in MOVED or not location:
                return answer
            url = joined(url, location)
            if origin_of(url) != origin_of(self.api_url):
                break
        raise ActionRequiredError(
            "foreign-redirect",
            f"GitHub's API redirects to “{answer.shown_url(url)}”, which was not followed.",
            why="The token belongs to the API's own address and is sent nowhere else.",
            next=("Check GITHUB_API_URL and the repository's name.",),
        )


@dataclass
class Repository:
    """One repository's secrets and variables. `open` comes before everything else."""

    github: GitHub
    name: str
    """`owner/name`; after `open`, the name that it bears today."""
    id: int = 0
    secret_names: frozenset[str] = field(default_factory=frozenset)
    sealing_key: tuple[str, PublicKey] | None = field(default=None, repr=False)

    @property
    def scope(self) -> str:
        return f"repository/{self.id}"

    def _path(self, kind: Kind, name: str = "") -> str:
        return f"/repos/{self.name}/actions/{kind}" + (f"/{name}" if name else "")

    def _refused(self, answer: Answer, attempt: str) -> ProvisionerError:
        return explain(answer, attempt, github_host(self.github.api_url))

    def open(self) -> tuple[int, str]:
        """The repository's number, and the name that it bears today."""
        answer = self.github.call("GET", f"/repos/{self.name}")
        fields = answer.fields()
        number, full_name = fields.get("id"), answer.text("full_name")
        if not isinstance(number, int) or not is_repository(full_name):
            raise self._refused(answer, f"open the repository {self.name}")
        if fields.get("archived") is True:
            raise archived(f"The repository {full_name} is archived.")
        return number, full_name

    def read_secret_names(self) -> None:
        """List the secrets' names: a repository can have no more than one page of them."""
        params = {"per_page": str(MAX_SECRETS)}
        answer = self.github.call("GET", self._path("secrets"), params=params)
        secrets = answer.fields().get("secrets")
        if not isinstance(secrets, list):
            raise self._refused(answer, f"list the secrets of {self.name}")
        names = (one.get("name") for one in secrets if isinstance(one, dict))
        self.secret_names = frozenset(name for name in names if isinstance(name, str))

    def read_sealing_key(self) -> tuple[str, PublicKey]:
        answer = self.github.call("GET", self._path("secrets", "public-key"))
        try:
            key_id, key = answer.text("key_id"), PublicKey(base64.b64decode(answer.text("key")))
            SealedBox(key).encrypt(b"")  # libsodium refuses points of low order only now
        except (ValueError, CryptoError):
            key_id = ""
        if not is_visible(key_id):
            raise self._refused(answer, f"send a valid public key for {self.name}")
        self.sealing_key = key_id, key
        return self.sealing_key

    def put_secret(self, name: str, value: Secret) -> None:
        """Seal and write a secret; idempotent."""
        answer = self._put(name, value, self.sealing_key or self.read_sealing_key())
        if answer.status == 422:  # the key changed since it was read
            answer = self._put(name, value, self.read_sealing_key())
        if answer.status not in WRITTEN:
            raise self._refused(answer, f"write the secret {name} of {self.name}")
        self.secret_names |= {name}

    def _put(self, name: str, value: Secret, sealing_key: tuple[str, PublicKey]) -> Answer:
        key_id, key = sealing_key
        box = base64.b64encode(SealedBox(key).encrypt(value.reveal().encode())).decode()
        body = {"encrypted_value": box, "key_id": key_id}
        return self.github.call("PUT", self._path("secrets", name), body)

    def delete(self, kind: Kind, name: str) -> bool:
        """Delete a secret or a variable; False where it was certainly gone. Idempotent."""
        answer = self.github.call("DELETE", self._path(kind, name))
        if answer.status == 404:
            self.require_readable(kind)
        elif answer.status != 204:
            raise self._refused(answer, f"delete {name} from the {kind} of {self.name}")
        if kind == "secrets":
            self.secret_names -= {name}
        return answer.status == 204

    def variable(self, name: str) -> str | None:
        answer = self.github.call("GET", self._path("variables", name))
        if answer.status == 404:
            return None
        value = answer.fields().get("value")
        if not isinstance(value, str):
            raise self._refused(answer, f"read the variable {name} of {self.name}")
        return value

    def require_readable(self, kind: Kind) -> None:
        """Raise unless GitHub lists the secrets or variables: only then does a 404 mean absent."""
        answer = self.github.call("GET", self._path(kind))
        if "total_count" not in answer.fields():
            raise self._refused(answer, f"list the {kind} of {self.name}")

    def has_runs(self, status: str) -> bool:
        """Whether workflow runs are in this state, or may be: not every token may look."""
        asked = {"status": status, "per_page": "1"}
        answer = self.github.call("GET", f"/repos/{self.name}/actions/runs", params=asked)
        return answer.fields().get("total_count") != 0

    def put_variable(self, name: str, value: str, *, exists: bool) -> None:
        """Write a variable; idempotent. `exists` says which way to try first."""
        # Another run, or a POST whose answer was lost, may have created or deleted it.
        for create in (False, True) if exists else (True, False, True):
            if self.write_variable(name, value, create=create, retry=RETRY_IDEMPOTENT):
                return
        raise TransportError(
            "github-unwell",
            f"GitHub says both that the variable {name} exists and that it does not.",
            next=(Run("again", when="in a minute"),),
        )

    def write_variable(
        self, name: str, value: str, *, create: bool, retry: RetryPolicy = RETRY_IF_NOT_DONE
    ) -> bool:
        """Create a variable, or change it: there is no upsert.

        False where there is one already (409), or none (404). By default a lost answer is left to
        the caller to settle, by reading back.
        """
        method, path = ("POST", "") if create else ("PATCH", name)
        body = {"name": name, "value": value}
        answer = self.github.call(method, self._path("variables", path), body, retry=retry)
        if answer.status not in {*WRITTEN, 409 if create else 404}:
            raise self._refused(answer, f"write the variable {name} of {self.name}")
        return answer.status in WRITTEN


def _moment(text: str) -> int | None:
    """Epoch seconds of `2026-12-01 09:30:00 UTC` (or `+0100`), as GitHub's header tells it."""
    try:
        moment = datetime.strptime(text.replace("UTC", "+0000"), "%Y-%m-%d %H:%M:%S %z")
        return int(moment.astimezone(UTC).timestamp())  # else no year that can be written
    except (ValueError, OverflowError):
        return None
