"""`/repos/{owner}/{repo}/actions/variables`: created by POST, changed by PATCH, readable."""

from provisioner.sandbox.bodies import json_object, listing, required, string
from provisioner.sandbox.gates import not_found, refused
from provisioner.sandbox.repositories import Repository, timestamp
from provisioner.sandbox.vault import MAX_VALUE, Invalid, check_name
from provisioner.sandbox.web import Request, Response, json_response

MAX_VARIABLES = 500
_PAGE_SIZES = (10, 30)


def answer(here: str, request: Request, repository: Repository, rest: list[str]) -> Response:
    """Answer below `actions/variables`; `here` is the request's own address. 422 by `Invalid`."""
    match request.method, rest:
        case "GET", []:
            items = [_item(repository, name) for name in sorted(repository.variables)]
            return listing(here, request, "variables", items, _PAGE_SIZES)
        case "POST", []:
            return _create(request, repository)
        case method, [name] if name.upper() in repository.variables:
            return _existing(method, request, repository, name.upper())
        case _:
            raise not_found()


def _create(request: Request, repository: Repository) -> Response:
    """Create a variable: 201 with an empty object, 409 where the name is taken."""
    name, value = required(json_object(request), "name", "value")
    _check(name, value)
    if name.upper() in repository.variables:
        raise refused(409, "Already exists - Variable already exists")
    if len(repository.variables) >= MAX_VARIABLES:
        raise Invalid(f"There can be no more than {MAX_VARIABLES} variables.")
    repository.variables[name.upper()] = value
    now = repository.clock()
    repository.variable_times[name.upper()] = (now, now)
    return json_response(201, {})


def _existing(method: str, request: Request, repository: Repository, name: str) -> Response:
    if method == "GET":
        return json_response(200, _item(repository, name))
    if method == "PATCH":
        _change(json_object(request), repository, name)
        return Response(204)
    del repository.variables[name]
    repository.variable_times.pop(name, None)
    return Response(204)


def _change(body: dict[str, object], repository: Repository, name: str) -> None:
    """Change value or name, or both; the body may leave out either."""
    value = string(body, "value") if "value" in body else repository.variables[name]
    new = string(body, "name").upper() if "name" in body else name
    _check(new, value)
    if new != name and new in repository.variables:
        raise refused(409, "Already exists - Variable already exists")
    created, _ = _times(repository, name)
    del repository.variables[name]
    repository.variable_times.pop(name, None)
    repository.variables[new] = value
    repository.variable_times[new] = (created, repository.clock())


def _check(name: str, value: str) -> None:
    check_name(name, "Variable")
    if len(value.encode()) > MAX_VALUE:
        raise Invalid(f"Variable value is too large: it must be {MAX_VALUE // 1024} KB or less.")


def _times(repository: Repository, name: str) -> tuple[float, float]:
    return repository.variable_times.get(name, (repository.created_at, repository.created_at))


def _item(repository: Repository, name: str) -> dict[str, str]:
    created, updated = _times(repository, name)
    return {
        "name": name,
        "value": repository.variables[name],
        "created_at": timestamp(created),
        "updated_at": timestamp(updated),
    }
