"""A GitHub with what only tests use: permissions, a limit, former names, late reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from provisioner.sandbox import GitHub as SandboxGitHub
from provisioner.sandbox import Repository, Request, Response
from provisioner.sandbox.github import refused
from provisioner.sandbox.web import Refused, json_response

Access = Literal["read", "write"]
Kind = Literal["fine-grained", "app", "actions"]
PROVISIONING: Mapping[str, Access] = {
    "secrets": "write",
    "actions_variables": "write",
    "metadata": "read",
}
"""What a token needs to write a repository's secrets and variables."""


@dataclass(frozen=True)
class Token:
    """What a token may do, and until when.

    `actions` is a workflow's GITHUB_TOKEN, whose permission set has neither secrets nor variables,
    whatever a workflow asks for; `app` is a GitHub App's installation token.
    """

    permissions: Mapping[str, Access]
    kind: Kind
    expires_at: float | None
    """In seconds since the epoch."""

    @property
    def refusal(self) -> str:
        """GitHub's sentence where a permission is missing."""
        by = "personal access token" if self.kind == "fine-grained" else "integration"
        return f"Resource not accessible by {by}"

    def may(self, permission: str, access: Access) -> bool:
        """Whether the token has that permission; writing includes reading.

        Reading metadata comes with every token.
        """
        if self.kind == "actions" and permission in {"secrets", "actions_variables"}:
            return False
        return permission == "metadata" or self.permissions.get(permission) in ("write", access)


class GitHub(SandboxGitHub):
    """GitHub with its permissions, its limits, its former names and its lateness."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.rights: dict[str, Token] = {}
        self.limited_until = 0.0
        """Until when the primary rate limit is used up, in seconds since the epoch."""
        self.late_seconds = 0.0
        """For how long after a write a variable is read as it was before."""
        self.late: dict[str, tuple[Response, float]] = {}
        """What a variable was before its last write, and until when it is to be seen."""
        self._former_names: dict[str, int] = {}

    def add_token(
        self,
        permissions: Mapping[str, Access] = PROVISIONING,
        kind: Kind = "fine-grained",
        expires_at: float | None = None,
    ) -> str:
        """Add a token and return it."""
        with self.lock:
            value = super().add_token()
            if kind != "fine-grained":
                self.tokens.remove(value)
                value = f"ghs_{value[-36:]}"
                self.tokens.add(value)
            self.rights[value] = Token(permissions, kind, expires_at)
            return value

    def remove_token(self, token: str) -> None:
        """Revoke a token: `Bad credentials` from now on."""
        with self.lock:
            self.tokens.remove(token)

    def rename(self, old: str, new: str) -> None:
        """Rename or transfer a repository: its former name redirects from now on."""
        with self.lock:
            repository = self.repository(old)
            self._former_names[old.lower()] = repository.id
            repository.owner, _, repository.name = new.partition("/")

    def authenticate(self, request: Request) -> str:
        """Check the token and the limit."""
        token = super().authenticate(request)
        if self.clock() < self.limited_until:
            raise refused(403, "API rate limit exceeded for user ID 1.")
        return token

    def locate(self, request: Request) -> tuple[Repository | None, list[str]]:
        """Find a repository by its number too; redirect from a former name (301, or 307)."""
        moved = False
        match request.segments:
            case ("repositories", number, *rest) if number.isdigit():
                found = self.repositories.get(int(number))
            case ("repos", owner, name, *rest) if self.find(f"{owner}/{name}") is None:
                found = self.repositories.get(self._former_names.get(f"{owner}/{name}".lower(), 0))
                moved = True
            case _:
                found, rest = super().locate(request)
        if found and moved:
            raise self._moved(request, found)
        return found, rest

    def serve(self, request: Request, repository: Repository, rest: list[str]) -> Response:
        """Demand the permission (403)."""
        needs = needed(request.method, rest)
        if needs is None:
            raise refused(404, "Not Found")
        accepted = {"X-Accepted-GitHub-Permissions": "=".join(needs)}
        rights = self.rights[_token(request)]
        if not rights.may(*needs):
            raise refused(403, rights.refusal, accepted)
        if needs[1] == "write" and repository.archived:
            raise refused(403, "Repository was archived so is read-only.")
        return super().serve(request, repository, rest).plus(accepted)

    def answer(self, request: Request) -> Response:
        """Answer one request; a read of a variable with what it was, where it is to be late.

        Which value a read returns is GitHub's eventual consistency; that the reader may see it at
        all is decided as ever.
        """
        name = _variable(request)
        if name is None or not (self.late_seconds or self.late):
            return self._answer(request)
        if request.method == "GET":
            return self._late_read(name, request)
        path = f"{request.path.partition('/variables')[0]}/variables/{name}"
        before = self._quietly(replace(request, method="GET", path=path, body=b""))
        response = self._answer(request)
        if response.status in {201, 204}:
            self.late[name] = before, self.clock() + self.late_seconds
        return response

    def finish(self, request: Request, response: Response) -> Response:  # noqa: ARG002
        """Add the headers that all of GitHub's answers carry."""
        is_limited = self.clock() < self.limited_until
        return response.plus(
            {
                "X-RateLimit-Limit": "5000",
                "X-RateLimit-Remaining": "0" if is_limited else "4999",
                "X-RateLimit-Reset": str(int(self.limited_until or self.clock() + 3600)),
                "X-GitHub-Request-Id": self.random(8).hex().upper(),
            }
        )

    def _answer(self, request: Request) -> Response:
        """Answer as the sandbox does, and tell when a personal token ends."""
        response = super().answer(request)
        end = self.rights[_token(request)].expires_at
        if end is None:
            return response
        moment = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return response.plus({"GitHub-Authentication-Token-Expiration": moment})

    def _late_read(self, name: str, request: Request) -> Response:
        now = self._quietly(request)
        before, until = self.late.get(name, (now, 0.0))
        return before if now.status in {200, 404} and self.clock() < until else now

    def _quietly(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except Refused as said:
            return said.response

    def _moved(self, request: Request, repository: Repository) -> Refused:
        path = "/".join(request.path.split("/")[4:])
        url = f"{self.api_url}/repositories/{repository.id}" + (f"/{path}" if path else "")
        url += f"?{request.query}" if request.query else ""
        status, message = (
            (301, "Moved Permanently") if request.method == "GET" else (307, "Temporary Redirect")
        )
        body = {"message": message, "url": url, "documentation_url": "https://docs.github.com/rest"}
        return Refused(json_response(status, body, {"Location": url}))


def needed(method: str, rest: list[str]) -> tuple[str, Access] | None:
    """Say which permission an endpoint of a repository wants; None where there is none such."""
    access: Access = "read" if method == "GET" else "write"
    match method, rest:
        case "GET", []:
            return "metadata", access
        case "GET", ["actions", "runs"]:
            return "actions", access
        case "GET", ["actions", "secrets"]:
            return "secrets", access
        case "GET" | "PUT" | "DELETE", ["actions", "secrets", _]:
            return "secrets", access
        case "GET" | "POST", ["actions", "variables"]:
            return "actions_variables", access
        case "GET" | "PATCH" | "DELETE", ["actions", "variables", _]:
            return "actions_variables", access
        case _:
            return None


def _token(request: Request) -> str:
    return str(request.headers["Authorization"]).partition(" ")[2]


def _variable(request: Request) -> str | None:
    """The variable that a request is about, in upper case."""
    match request.segments:
        case (*_, "actions", "variables"):
            found = re.search(rb'"name": ?"(\w+)"', request.body)
            return found[1].decode().upper() if found else None
        case (*_, "actions", "variables", name):
            return name.upper()
        case _:
            return None
