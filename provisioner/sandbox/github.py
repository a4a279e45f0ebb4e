"""An embedded GitHub: the part of its REST API that concerns repository secrets and variables.

Written from GitHub's OpenAPI description (2022-11-28) and its documentation, and from no client's
code. The order of the gates: User-Agent, API version, token, rate limits, repository, permission.
"""

import itertools
import secrets
import time
from collections.abc import Callable, Iterable, Mapping

from provisioner.sandbox import secrets_api, variables_api
from provisioner.sandbox.gates import (
    DOCUMENTATION,
    VERSIONS,
    expiry,
    needed,
    not_found,
    refused,
    require_user_agent,
    require_version,
    sso,
)
from provisioner.sandbox.limits import RateLimits, Secondary
from provisioner.sandbox.permissions import PROVISIONING, Access, Kind, Token, shape
from provisioner.sandbox.repositories import (
    Repository,
    private_user_body,
    repository_body,
)
from provisioner.sandbox.runner import Run
from provisioner.sandbox.vault import Invalid, Vault
from provisioner.sandbox.web import Application, Refused, Request, Response, json_response

_LOOPBACK = "http://127.0.0.1"
_TOKEN_BYTES = 48


class GitHub(Application):
    """GitHub as an application; `server.serve` puts it on a socket.

    `login` is the user whose tokens these are. `clock` returns seconds since the epoch, `random`
    that many random bytes.
    """

    def __init__(
        self,
        api_url: str = _LOOPBACK,
        *,
        login: str = "octocat",
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Start without repositories and tokens."""
        super().__init__()
        self.api_url = api_url
        self.login = login
        self.rate = RateLimits(clock)
        self._clock = clock
        self._random = random
        self._numbers = itertools.count(1_000_001)
        self._repositories: dict[int, Repository] = {}
        self._former_names: dict[str, int] = {}
        self._tokens: dict[str, Token] = {}
        self._sso_owners: set[str] = set()

    def add_repository(
        self, full_name: str, *, private: bool = True, archived: bool = False
    ) -> Repository:
        """Add a repository `owner/name`; `ValueError` where the name is taken."""
        with self.lock:
            if self._find(full_name) is not None:
                raise ValueError(f"there is a repository {full_name} already")
            owner, _, name = full_name.partition("/")
            number = next(self._numbers)
            vault = Vault(self._random)
            made = Repository(
                number, owner, name, private, self._clock(), vault, self._clock, archived
            )
            self._repositories[number] = made
            return made

    def repository(self, full_name: str) -> Repository:
        """Return a repository by its present name; `KeyError` where there is none."""
        with self.lock:
            found = self._find(full_name)
            if found is None:
                raise KeyError(full_name)
            return found

    def rename(self, old: str, new: str) -> None:
        """Rename or transfer a repository: its former name redirects from now on.

        `KeyError` where there is none, `ValueError` where the new name is taken.
        """
        with self.lock:
            if self._find(new) is not None:
                raise ValueError(f"there is a repository {new} already")
            repository = self.repository(old)
            self._former_names[old.lower()] = repository.id
            repository.owner, _, repository.name = new.partition("/")

    def delete_repository(self, full_name: str) -> None:
        """Delete a repository; its names lead to 404."""
        with self.lock:
            del self._repositories[self.repository(full_name).id]

    def add_token(
        self,
        permissions: Mapping[str, Access] = PROVISIONING,
        repositories: Iterable[str] | None = None,
        token: str | None = None,
        kind: Kind = "fine-grained",
        expires_at: float | None = None,
    ) -> str:
        """Add a token and return it. `repositories` None: all, those to come included.

        `actions` is a workflow's GITHUB_TOKEN, which never has secrets or variables whatever
        `permissions` says; `app` is a GitHub App's installation token.
        """
        with self.lock:
            value = token or shape(kind, self._random(_TOKEN_BYTES))
            seen = None
            if repositories is not None:
                seen = frozenset(self.repository(name).id for name in repositories)
            self._tokens[value] = Token(value, kind, dict(permissions), seen, expires_at)
            return value

    def remove_token(self, token: str) -> None:
        """Revoke a token: `Bad credentials` from now on."""
        with self.lock:
            del self._tokens[token]

    def require_sso(self, owner: str) -> None:
        """Let an organization demand single sign-on of every token."""
        with self.lock:
            self._sso_owners.add(owner.lower())

    def authorize_sso(self, token: str, owner: str) -> None:
        """Authorize a token for an organization's single sign-on."""
        with self.lock:
            self._tokens[token].authorized_for.add(owner.lower())

    def limit(self, *, remaining: int, reset: float | None = None) -> None:
        """Set the primary budget; it is full again at `reset` (seconds since the epoch)."""
        with self.lock:
            self.rate.remaining = remaining
            if reset is not None:
                self.rate.reset = int(reset)

    def secondary_limit(
        self, retry_after: int | None = 60, *, times: int = 1, status: int = 403
    ) -> None:
        """Refuse the next `times` requests; `retry_after` None sends no Retry-After."""
        with self.lock:
            self.rate.secondary = Secondary(retry_after, times, status)

    def queue(self, full_name: str) -> Run:
        """Queue a workflow run: its secrets are those of this moment."""
        with self.lock:
            return Run.of(self.repository(full_name))

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        require_user_agent(request)
        require_version(request)
        token = self._authenticate(request)
        if request.segments == ("rate_limit",) and request.method == "GET":
            return json_response(200, self.rate.body)
        self.rate.spend()
        response = self._route(request, token)
        return response if token is None else response.plus(expiry(token))

    def finish(self, request: Request, response: Response) -> Response:
        """Add the headers that all of GitHub's answers carry."""
        asked = request.headers.get("X-GitHub-Api-Version")
        version = asked if asked in VERSIONS else VERSIONS[0]
        parts = (self._random(size).hex().upper() for size in (2, 3, 4, 4, 4))
        return response.plus(
            {
                **self.rate.headers,
                "X-GitHub-Request-Id": ":".join(parts),
                "X-GitHub-Media-Type": "github.v3; format=json",
                "X-GitHub-Api-Version-Selected": version,
            }
        )

    def _authenticate(self, request: Request) -> Token | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        token = self._tokens.get(value) if scheme.lower() in ("bearer", "token") else None
        if token is None or (token.expires_at is not None and token.expires_at <= self._clock()):
            raise refused(401, "Bad credentials")
        return token

    def _route(self, request: Request, token: Token | None) -> Response:
        if request.path.endswith("/"):
            raise not_found()
        match request.segments:
            case ("user",) if request.method == "GET":
                return self._user(token)
            case ("repos", _, _, _, *_) | ("repositories", _, _, *_) if token is None:
                raise refused(401, "Requires authentication")
            case ("repos", owner, name, *rest):
                repository = self._resolve(f"{owner}/{name}", request, token, rest)
            case ("repositories", number, *rest) if number.isascii() and number.isdigit():
                repository = self._repositories.get(int(number))
            case _:
                raise not_found()
        if repository is None or not _visible(repository, token):
            raise not_found()
        return self._in_repository(request, repository, token, rest)

    def _resolve(
        self, name: str, request: Request, token: Token | None, rest: list[str]
    ) -> Repository | None:
        """Find a repository by name; redirect from a former name (301, or 307 for a write)."""
        found = self._find(name)
        moved = self._repositories.get(self._former_names.get(name.lower(), 0))
        if found is not None or moved is None or not _visible(moved, token):
            return found
        path = "/".join(request.path.split("/")[4:]) if rest else ""
        url = f"{self.api_url}/repositories/{moved.id}" + (f"/{path}" if path else "")
        url += f"?{request.query}" if request.query else ""
        status, message = (
            (301, "Moved Permanently") if request.method == "GET" else (307, "Temporary Redirect")
        )
        body = {"message": message, "url": url, "documentation_url": DOCUMENTATION}
        raise Refused(json_response(status, body, {"Location": url}))

    def _in_repository(
        self, request: Request, repository: Repository, token: Token | None, rest: list[str]
    ) -> Response:
        needs = needed(request.method, rest)
        if needs is None:
            raise not_found()
        permission, access = needs
        self._require(token, repository, permission, access)
        accepted = {"X-Accepted-GitHub-Permissions": f"{permission}={access}"}
        if access == "write" and repository.archived:
            raise refused(403, "Repository was archived so is read-only.", accepted)
        try:
            response = self._endpoint(request, repository, rest)
        except Invalid as invalid:
            response = refused(422, str(invalid)).response
        return response.plus(accepted)

    def _endpoint(self, request: Request, repository: Repository, rest: list[str]) -> Response:
        match rest:
            case ["actions", "secrets", *more]:
                return secrets_api.answer(self._here(request), request, repository, more)
            case ["actions", "variables", *more]:
                return variables_api.answer(self._here(request), request, repository, more)
            case _:
                return json_response(200, repository_body(self.api_url, repository))

    def _here(self, request: Request) -> str:
        return self.api_url + request.path

    def _require(
        self, token: Token | None, repository: Repository, permission: str, access: Access
    ) -> None:
        """Refuse what the token may not do: 403, with the permission that it lacks."""
        if token is None:
            return
        if repository.owner.lower() in self._sso_owners - token.authorized_for:
            raise sso(repository.owner)
        # Reading metadata comes with every token: who sees the repository may.
        granted = token.sees(repository.id) and token.may(permission, access)
        if permission != "metadata" and not granted:
            headers = {"X-Accepted-GitHub-Permissions": f"{permission}={access}"}
            raise refused(403, token.refusal, headers)

    def _user(self, token: Token | None) -> Response:
        if token is None:
            raise refused(401, "Requires authentication")
        if token.kind != "fine-grained":
            raise refused(403, token.refusal)
        return json_response(200, private_user_body(self.api_url, self.login, 0))

    def _find(self, full_name: str) -> Repository | None:
        wanted = full_name.lower()
        for one in self._repositories.values():
            if one.full_name.lower() == wanted:
                return one
        return None


def _visible(repository: Repository, token: Token | None) -> bool:
    return not repository.private or (token is not None and token.sees(repository.id))
