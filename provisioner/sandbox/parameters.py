"""Parameters of a request as Rails reads them: query, form and JSON in one mapping."""

import json
from collections.abc import Iterable
from urllib.parse import parse_qsl

from provisioner.sandbox.web import Refused, Request, json_response

Value = str | list[str]


class Parameters(dict[str, Value]):
    """Parameters by name. `a[]=1&a[]=2` and a JSON array are lists; other shapes are dropped."""

    def text(self, name: str) -> str:
        """Return a scalar; the empty string where it is missing or a list."""
        value = self.get(name, "")
        return value if isinstance(value, str) else ""

    def has(self, name: str) -> bool:
        """Whether a scalar is there that is more than white space."""
        return bool(self.text(name).strip())


def parameters(request: Request) -> Parameters:
    """Read a request's parameters; those of the query win over the body's, as in Rails."""
    merged = _json(request) if request.media_type == "application/json" else _form(request)
    merged.update(_pairs(parse_qsl(request.query, keep_blank_values=True)))
    return merged


def deletes(request: Request, given: Parameters) -> bool:
    """Whether that is a DELETE: a form sends POST and `_method` (Rack's MethodOverride)."""
    overridden = request.method == "POST" and given.text("_method").lower() == "delete"
    return overridden or request.method == "DELETE"


def _form(request: Request) -> Parameters:
    if request.media_type != "application/x-www-form-urlencoded":
        return Parameters()
    text = request.body.decode("utf-8", "replace")
    return _pairs(parse_qsl(text, keep_blank_values=True))


def _pairs(pairs: Iterable[tuple[str, str]]) -> Parameters:
    found = Parameters()
    for name, value in pairs:
        if not name.endswith("[]"):
            found[name] = value
            continue
        known = found.setdefault(name.removesuffix("[]"), [])
        if isinstance(known, list):
            known.append(value)
    return found


def _json(request: Request) -> Parameters:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        raise Refused(json_response(400, {"error": "Bad Request"})) from None
    if not isinstance(body, dict):
        return Parameters()
    return Parameters({name: v for name, given in body.items() if (v := _value(given)) is not None})


def _value(given: object) -> Value | None:
    match given:
        case bool():
            return "true" if given else "false"
        case str() | int() | float():
            return str(given)
        case list():
            return [str(item) for item in given if isinstance(item, str | int)]
        case _:
            return None
