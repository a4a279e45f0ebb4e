"""`/repos/{owner}/{repo}/actions/secrets`: the public key, and secrets that only go in."""

import re

from provisioner.sandbox.bodies import json_object, listing, required
from provisioner.sandbox.gates import not_found
from provisioner.sandbox.repositories import Repository, timestamp
from provisioner.sandbox.vault import Invalid, StoredSecret
from provisioner.sandbox.web import Request, Response, json_response

_PAGE_SIZES = (30, 100)
_BASE64 = re.compile(
    r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"
)

_MALFORMED = "Invalid request.\n\nFor 'properties/encrypted_value', the value does not match"


def answer(here: str, request: Request, repository: Repository, rest: list[str]) -> Response:
    """Answer below `actions/secrets`; `here` is the request's own address. 422 by `Invalid`."""
    match request.method, rest:
        case "GET", []:
            items = [_item(*pair) for pair in sorted(repository.vault.secrets.items())]
            return listing(here, request, "secrets", items, _PAGE_SIZES)
        case "GET", ["public-key"]:
            vault = repository.vault
            return json_response(200, {"key_id": vault.key_id, "key": vault.public_key})
        case "GET", [name] if name.upper() in repository.vault.secrets:
            return json_response(200, _item(name.upper(), repository.vault.secrets[name.upper()]))
        case "PUT", [name]:
            return _put(request, repository, name)
        case "DELETE", [name] if name.upper() in repository.vault.secrets:
            del repository.vault.secrets[name.upper()]
            return Response(204)
        case _:
            raise not_found()


def _put(request: Request, repository: Repository, name: str) -> Response:
    """Store a secret: 201 with an empty object for a new one, 204 for a new value."""
    sealed, key_id = required(json_object(request), "encrypted_value", "key_id")
    if not _BASE64.fullmatch(sealed):
        raise Invalid(f"{_MALFORMED} /^{_BASE64.pattern}$/.")
    created = repository.vault.put(name, sealed, key_id, repository.clock())
    return json_response(201, {}) if created else Response(204)


def _item(name: str, secret: StoredSecret) -> dict[str, str]:
    return {
        "name": name,
        "created_at": timestamp(secret.created_at),
        "updated_at": timestamp(secret.updated_at),
    }
