"""JSON bodies as GitHub reads them, and pages of its lists."""

import json
from collections.abc import Sequence
from urllib.parse import urlencode

from provisioner.sandbox.gates import refused
from provisioner.sandbox.vault import Invalid
from provisioner.sandbox.web import Request, Response, json_response


def json_object(request: Request) -> dict[str, object]:
    """Return the body's object, an empty one where there is no body; 400 for anything else."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        raise refused(400, "Problems parsing JSON") from None
    if not isinstance(body, dict):
        raise refused(400, "Body should be a JSON object")
    return body


def required(body: dict[str, object], *names: str) -> tuple[str, ...]:
    """Return the strings of these names; `Invalid` where one is missing or is not a string."""
    missing = [f'"{name}"' for name in names if name not in body]
    if missing:
        verb = "wasn't" if len(missing) == 1 else "weren't"
        raise Invalid(f"Invalid request.\n\n{', '.join(missing)} {verb} supplied.")
    return tuple(string(body, name) for name in names)


def string(body: dict[str, object], name: str) -> str:
    """Return a member that must be a string; `Invalid` where it is not."""
    value = body[name]
    if not isinstance(value, str):
        raise Invalid(f"Invalid request.\n\nFor 'properties/{name}', {value!r} is not a string.")
    return value


def listing(
    here: str, request: Request, name: str, items: Sequence[object], sizes: tuple[int, int]
) -> Response:
    """Return one page of a list with its Link header; `sizes` is the default and the largest."""
    size = _number(request, "per_page", sizes[0], sizes[1])
    page = _number(request, "page", 1, len(items) + 1)
    last = max(1, -(-len(items) // size))
    links = [("prev", page - 1), ("next", page + 1), ("last", last), ("first", 1)]
    useful = links[:1] + links[3:] if page >= last else links[1:3] if page == 1 else links
    link = ", ".join(
        f'<{here}?{urlencode({"per_page": size, "page": number})}>; rel="{rel}"'
        for rel, number in useful
    )
    body = {"total_count": len(items), name: items[(page - 1) * size : page * size]}
    return json_response(200, body, {"Link": link} if last > 1 else {})


def _number(request: Request, name: str, default: int, largest: int) -> int:
    given = request.queries.get(name, "")
    return min(max(int(given), 1), largest) if given.isascii() and given.isdigit() else default
