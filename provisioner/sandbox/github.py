"""An embedded GitHub: the part of its REST API that concerns repository secrets and variables,
and whether workflows run.

Written from GitHub's OpenAPI description (2022-11-28) and its documentation, and from no client's
code. A token may do everything.
"""

import itertools
import json
import secrets
import time
from collections.abc import Callable, Mapping

from provisioner.sandbox.repositories import Invalid, Repository, Run, timestamp
from provisioner.sandbox.web import Application, Refused, Request, Response, json_response


class GitHub(Application):
    """GitHub as an application; `server.serve` puts it on a socket.

    `clock` returns seconds since the epoch, `random` that many random bytes.
    """

    def __init__(
        self,
        api_url: str = "http://127.0.0.1",
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        super().__init__()
        self.api_url = api_url
        self.clock = clock
        self.random = random
        self._numbers = itertools.count(1_000_001)
        self.repositories: dict[int, Repository] = {}
        self.tokens: set[str] = set()

    def add_repository(self, full_name: str, *, private: bool = True) -> Repository:
        with self.lock:
            owner, _, name = full_name.partition("/")
            number = next(self._numbers)
            made = Repository(number, owner, name, private, self.clock, self.random)
            self.repositories[number] = made
            return made

    def repository(self, full_name: str) -> Repository:
        """Return a repository by its present name; `KeyError` where there is none."""
        with self.lock:
            found = self.find(full_name)
            if found is None:
                raise KeyError(full_name)
            return found

    def find(self, full_name: str) -> Repository | None:
        """Find a repository by its present name, where case does not matter."""
        wanted = full_name.lower()
        found = (one for one in self.repositories.values() if one.full_name.lower() == wanted)
        return next(found, None)

    def add_token(self) -> str:
        digits = self.random(40).hex()
        value = f"github_pat_{digits[:22].upper()}_{digits[22:]}"
        self.tokens.add(value)
        return value

    def queue(self, full_name: str) -> Run:
        """Queue a workflow run: its secrets are those of this moment."""
        with self.lock:
            repository = self.repository(full_name)
            secrets = {name: repository.open_secret(name) for name in repository.secrets}
            return Run(repository, secrets)

    def answer(self, request: Request) -> Response:
        self.authenticate(request)
        repository, rest = self.locate(request)
        if repository is None:
            raise refused(404, "Not Found")
        return self.serve(request, repository, rest)

    def locate(self, request: Request) -> tuple[Repository | None, list[str]]:
        """Return the repository that a path names, and the rest of the path."""
        match request.segments:
            case ("repos", owner, name, *rest):
                return self.find(f"{owner}/{name}"), rest
            case _:
                return None, []

    def authenticate(self, request: Request) -> str:
        """Return the request's token: 401 where it is none that is known.

        gh calls the scheme `token`, others `Bearer`.
        """
        token: str = request.headers.get("Authorization", "").partition(" ")[2]
        if token not in self.tokens:
            raise refused(401, "Bad credentials")
        return token

    def describe(self, repository: Repository) -> dict[str, object]:
        return {
            "id": repository.id,
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.private,
            "archived": repository.archived,
        }

    def serve(self, request: Request, repository: Repository, rest: list[str]) -> Response:
        """Answer in a repository, by the rest of the path."""
        try:
            match request.method, rest:
                case _, ["actions", "secrets", *names]:
                    return _secrets(request, repository, names)
                case _, ["actions", "variables", *names]:
                    return _variables(request, repository, names)
                case "GET", []:
                    return json_response(200, self.describe(repository))
                case "GET", ["actions", "runs"]:
                    busy = request.queries.get("status") in repository.runs
                    return json_response(200, {"total_count": int(busy), "workflow_runs": []})
                case _:
                    raise refused(404, "Not Found")
        except Invalid as invalid:
            raise refused(422, str(invalid)) from None


def _secrets(request: Request, repository: Repository, names: list[str]) -> Response:
    """Answer below `actions/secrets`: the public key, and secrets that only go in."""
    items = {name: _item(repository, name) for name in sorted(repository.secrets)}
    match request.method, [name.upper() for name in names]:
        case "GET", []:
            return _listing(request, "secrets", items, 30, 100)
        case "GET", ["PUBLIC-KEY"]:
            key = {"key_id": repository.key_id, "key": repository.public_key}
            return json_response(200, key)
        case "PUT", [name]:
            sealed, key_id = _strings(request, "encrypted_value", "key_id")
            created = repository.put_secret(name, sealed, key_id)
            return json_response(201, {}) if created else Response(204)
        case "GET", [name] if name in items:
            return json_response(200, items[name])
        case "DELETE", [name] if name in items:
            del repository.secrets[name]
            return Response(204)
        case _:
            raise refused(404, "Not Found")


def _variables(request: Request, repository: Repository, names: list[str]) -> Response:
    """Answer below `actions/variables`: created by POST, changed by PATCH, readable."""
    items = {
        name: _item(repository, name) | {"value": value}
        for name, value in sorted(repository.variables.items())
    }
    match request.method, [name.upper() for name in names]:
        case "GET", []:
            return _listing(request, "variables", items, 10, 30)
        case "POST", []:
            name, value = _strings(request, "name", "value")
            if name.upper() in items:
                raise refused(409, "Already exists - Variable already exists")
            repository.put_variable(name, value)
            return json_response(201, {})
        case "GET", [name] if name in items:
            return json_response(200, items[name])
        case "PATCH", [name] if name in items:
            repository.put_variable(name, *_strings(request, "value"))
            return Response(204)
        case "DELETE", [name] if name in items:
            del repository.variables[name]
            return Response(204)
        case _:
            raise refused(404, "Not Found")


def _listing(
    request: Request, name: str, items: Mapping[str, object], size: int, most: int
) -> Response:
    """Return the first page of a list: no client of the sandbox asks for another."""
    asked = request.queries.get("per_page", "")
    size = min(int(asked), most) if asked.isdigit() else size
    return json_response(200, {"total_count": len(items), name: list(items.values())[:size]})


def _item(repository: Repository, name: str) -> dict[str, str]:
    """Return what is told of a secret or a variable; the times are the repository's own."""
    moment = timestamp(repository.created_at)
    return {"name": name, "created_at": moment, "updated_at": moment}


def _strings(request: Request, *names: str) -> list[str]:
    """Return the body's members of these names."""
    body = json.loads(request.body)
    return [body[name] for name in names]


def refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> Refused:
    """Return a refusal with GitHub's error body."""
    body = {
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": str(status),
    }
    return Refused(json_response(status, body, headers))
