"""Holds requests to GitHub, and the embedded GitHub's answers, against GitHub's own description.

The description is OpenAPI 3.0, whose schemas are a dialect of JSON Schema. They are translated when
it is loaded, so that an ordinary validator reads them: beside `oneOf`, the dialect's `nullable`
means nothing to many validators, and some then skip the whole body in silence. Examples are not
read; some of them contradict their schemas.

Where GitHub's servers are lenient, this is strict: a query parameter or a property that the
description doesn't have is a violation. In a request, GitHub would silently ignore it (a typo); in
an answer, we would come to rely on something that GitHub doesn't promise.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, unquote

from jsonschema_rs import Draft202012Validator, Registry

from provisioner.sandbox.web import Request, Response

FILE = Path(__file__).parents[2] / ".cache" / "github-api.json"

# The description is of this version, which is also the one that GitHub takes where none is named.
API_VERSION = "2022-11-28"

# What GitHub answers anywhere, whether the description of an operation says so or not.
MOVED = frozenset({301, 302, 307, 308})  # a repository was renamed or transferred
REFUSED = frozenset(
    {
        400,  # not JSON, or an unknown version of the API
        401,  # no token, or none that GitHub knows
        403,  # a permission, single sign-on, a list of allowed addresses, a rate limit
        404,  # not there, or not for this token to see
        409,  # a variable of that name is there already
        422,  # a value, a name or a number of things that GitHub doesn't accept
        429,  # a rate limit
    }
)
FIRST_FAILURE = 500  # from here on, the body may come from what stands before GitHub: no shape

EXCERPT = "GET /repos/{owner}/{repo}"
"""Of what GitHub tells there the embedded one tells a part."""
_ID = "urn:github"
_ERROR = {"$ref": f"{_ID}#/components/schemas/basic-error", "required": ["message"]}
_LONGEST_MESSAGE = 300

Schema = Mapping[str, Any]


class Operation(NamedTuple):
    """What the description says of one method of one path, and the parameters in the path."""

    name: str
    about: Mapping[str, Any]
    path_parameters: Mapping[str, str]


class Description:
    """What GitHub says of its API; the checks raise `AssertionError`."""

    def __init__(self, openapi: Mapping[str, Any]) -> None:
        """Take an OpenAPI 3.0 document."""
        self._document: Mapping[str, Any] = translate(openapi)
        self._registry = Registry([(_ID, self._document)])
        self._validators: dict[tuple[int, bool], Draft202012Validator] = {}
        self._operations: dict[tuple[str, str], Operation] = {}
        self._excerpts: dict[str, Schema] = {}
        # Where two templates fit a path, the one with a word in place of a parameter is meant.
        templates = sorted(self._document["paths"], key=lambda template: template.count("{"))
        self._templates = [
            (re.compile(re.sub(r"{\w+}", "([^/]+)", template)), template) for template in templates
        ]

    @classmethod
    @cache
    def load(cls, file: Path = FILE) -> Self:
        """Read the description that `make test` fetches; once, for it takes a third of a second."""
        if not file.exists():
            message = "GitHub's description is not here yet: run make .cache/github-api.json"
            raise FileNotFoundError(message)
        return cls(json.loads(file.read_bytes()))

    def check_request(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Check a request; path and query as they are sent, percent-encoded."""
        operation = self.operation(method, path)
        fields = {name.lower(): value for name, value in headers.items()}
        assert fields.get("user-agent"), f"{operation.name}: GitHub refuses who sends no User-Agent"
        version = fields.get("x-github-api-version", API_VERSION)
        assert version == API_VERSION, f"{operation.name}: this describes {API_VERSION}: {version}"
        self._check_parameters(operation, query)
        wanted = self._resolve(operation.about.get("requestBody", {}))
        if not wanted:
            assert not body, f"{operation.name} takes no body"
        elif body or wanted.get("required"):
            schema = wanted["content"]["application/json"]["schema"]
            self._check_json(f"the body of {operation.name}", schema, fields, body, closed=True)

    def check_response(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Check the answer to a request of this method and path."""
        operation = self.operation(method, path)
        where = f"the answer {status} to {operation.name}"
        if status >= FIRST_FAILURE:
            return
        fields = {name.lower(): value for name, value in headers.items()}
        if status in MOVED:
            assert fields.get("location"), f"{where} has no Location"
        documented = operation.about["responses"]
        content = self._resolve(documented.get(str(status), {})).get("content")
        if content:
            # Errors are open: GitHub adds a `status` that many of their schemas lack.
            schema = content["application/json"]["schema"]
            if operation.name == EXCERPT:
                schema = self._excerpts.setdefault(where, {**self._resolve(schema), "required": []})
            self._check_json(where, schema, fields, body, closed=status < min(MOVED))
        elif status in MOVED | REFUSED:
            self._check_json(where, _ERROR, fields, body, closed=False)
        else:
            known = ", ".join(documented)
            assert str(status) in documented, f"{where} is none that GitHub documents: {known}"
            assert not body, f"{where} has a body, and at GitHub none"

    def operation(self, method: str, path: str) -> Operation:
        """The operation of a request: asked for twice an exchange, and slow to find."""
        key = method, path
        if key not in self._operations:
            self._operations[key] = self._find_operation(method, path)
        return self._operations[key]

    def _find_operation(self, method: str, path: str) -> Operation:
        # The redirect of a renamed repository leads to such a path, which the description lacks.
        described = re.sub(r"^/repositories/\d+(?=/|$)", "/repos/owner/repo", path)
        for pattern, template in self._templates:
            if match := pattern.fullmatch(described):
                methods = self._document["paths"][template]
                known = ", ".join(methods).upper()
                assert method.lower() in methods, f"GitHub has no {method} {template}, only {known}"
                names = re.findall(r"{(\w+)}", template)
                values = dict(zip(names, map(unquote, match.groups()), strict=True))
                return Operation(f"{method} {template}", methods[method.lower()], values)
        message = f"GitHub documents no such path: {method} {path}"
        raise AssertionError(message)

    def _check_parameters(self, operation: Operation, query: str) -> None:
        sent = dict(parse_qsl(query, keep_blank_values=True))
        parameters = [self._resolve(about) for about in operation.about.get("parameters", [])]
        described = {about["name"] for about in parameters if about["in"] == "query"}
        unknown = ", ".join(sent.keys() - described)
        assert not unknown, f"{operation.name} has no query parameter {unknown}"
        for about in parameters:
            name, schema = about["name"], about["schema"]
            values = operation.path_parameters if about["in"] == "path" else sent
            if name in values:
                where = f"the parameter {name} of {operation.name}"
                self._check(where, schema, _parsed(values[name], schema.get("type")), closed=False)
            else:
                assert not about.get("required"), f"{operation.name} needs the parameter {name}"

    def _check_json(
        self, where: str, schema: Schema, headers: Mapping[str, str], body: bytes, *, closed: bool
    ) -> None:
        assert body, f"{where} is missing"
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        assert media == "application/json", f"{where} is said to be {media or 'of no type'}"
        try:
            value = json.loads(body)
        except ValueError as error:
            message = f"{where} is not JSON: {error}"
            raise AssertionError(message) from error
        self._check(where, schema, value, closed=closed)

    def _check(self, where: str, schema: Schema, value: object, *, closed: bool) -> None:
        errors = [
            f"{'.'.join(map(str, error.instance_path)) or 'all of it'}: {error.message}"
            for error in self._validator(schema, closed=closed).iter_errors(value)
        ]
        message = "; ".join(error[:_LONGEST_MESSAGE] for error in errors)
        assert not errors, f"{where} is not as GitHub describes it: {message}"

    def _validator(self, schema: Schema, *, closed: bool) -> Draft202012Validator:
        key = id(schema), closed
        if key not in self._validators:
            whole = {**schema, "unevaluatedProperties": False} if closed else dict(schema)
            self._validators[key] = Draft202012Validator(
                whole, registry=self._registry, validate_formats=True
            )
        return self._validators[key]

    def _resolve(self, about: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow a reference, if it is one."""
        if "$ref" not in about:
            return about
        found = self._document
        for step in about["$ref"].removeprefix(f"{_ID}#/").split("/"):
            found = found[step]
        return found


@dataclass
class CheckingObserver:
    """Sees exchanges with the embedded GitHub, and keeps what is not as GitHub describes it."""

    description: Description
    violations: list[str] = field(default_factory=list)

    def __call__(self, request: Request, response: Response) -> None:
        """Check both sides of an exchange."""
        method, path = request.method, request.path
        self._keep(
            lambda: self.description.check_request(
                method, path, request.query, request.headers, request.body
            )
        )
        headers = dict(response.headers)
        self._keep(
            lambda: self.description.check_response(
                method, path, response.status, headers, response.body
            )
        )

    def _keep(self, check: Callable[[], None]) -> None:
        try:
            check()
        except AssertionError as violation:
            self.violations.append(str(violation))


# What says nothing about a message. Where these words are the names of properties, they stay.
_REMARKS = frozenset({"default", "description", "example", "examples", "summary", "title"})
_NAMES = frozenset({"properties", "patternProperties", "schemas", "parameters", "responses"})


def translate(node: Any, *, names: bool = False) -> Any:
    """Turn OpenAPI 3.0's dialect into JSON Schema 2020-12, without remarks and examples.

    `names` tells that the keys of `node` are somebody's names and not words of the dialect.
    """
    if isinstance(node, list):
        return [translate(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {name: translate(value) for name, value in node.items()}
    new = {
        word: translate(value, names=word in _NAMES)
        for word, value in node.items()
        if word not in _REMARKS and not word.startswith("x-")
    }
    if isinstance(new.get("$ref"), str):
        new["$ref"] = _ID + new["$ref"]
    return {"anyOf": [{"type": "null"}, new]} if new.pop("nullable", False) else new


def _parsed(text: str, wanted: str | None) -> object:
    """Read a parameter as the type that its schema wants, if it can be read so."""
    if wanted == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if wanted == "boolean" and text in {"true", "false"}:
        return text == "true"
    return text
