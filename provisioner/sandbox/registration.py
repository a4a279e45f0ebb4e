"""`POST /api/v1/apps`: an application registers itself, five times in ten minutes per address."""

from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from provisioner.sandbox.parameters import Parameters, parameters
from provisioner.sandbox.records import OOB, RegisteredApplication, Store
from provisioner.sandbox.scopes import DEFAULT, split
from provisioner.sandbox.web import Refused, Request, Response, json_response

NAME_LIMIT = 60
URI_LIMIT = 2_000
VAPID_KEY = "BSandboxHasNoPushNotifications"
_OOB_URIS = (OOB, f"{OOB}:auto")
_FORBIDDEN_SCHEMES = frozenset({"data", "vbscript", "javascript"})


def limited(store: Store, request: Request) -> dict[str, str]:
    """Count a registration and return its X-RateLimit-* headers; `Refused` with 429 beyond it.

    A refusal carries no Retry-After: Mastodon sends none. The reset is the window's end with the
    microseconds of this request, as Mastodon writes it.
    """
    throttle, now = store.registrations, store.clock()
    if throttle.limit is None:
        return {}
    left = throttle.left(request.client, now)
    end = datetime.fromtimestamp(throttle.end(now), UTC)
    headers = {
        "X-RateLimit-Limit": str(throttle.limit),
        "X-RateLimit-Remaining": str(max(left, 0)),
        "X-RateLimit-Reset": end.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    if left < 0:
        raise Refused(json_response(429, {"error": "Too many requests"}, headers))
    return headers


def register(store: Store, request: Request) -> Response:
    """Register an application. 200 with its credentials, 422 where a field is wrong."""
    headers = limited(store, request)
    given = parameters(request)
    uris = _redirect_uris(store, given)
    # An array of scopes is not permitted by the controller and vanishes: the application gets
    # `read` without a word (mastodon#30152).
    scopes = split(given.text("scopes")) if "scopes" in _scalars(given) else (DEFAULT,)
    problems = _problems(store, given, uris, scopes)
    if problems:
        return json_response(422, {"error": f"Validation failed: {', '.join(problems)}"}, headers)
    application = store.register(
        name=given.text("client_name"),
        website=given.text("website").strip(),
        redirect_uris=uris,
        scopes=scopes,
        client_id=store.identifier(),
        client_secret=store.identifier(),
    )
    secrets = {
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "client_secret_expires_at": 0,
    }
    whole = {**entity(application), **secrets}
    told = {name: whole[name] for name in store.traits.registration_fields}
    return json_response(200, told, headers)


def entity(application: RegisteredApplication) -> dict[str, object]:
    """Return the Application entity of 4.3 and newer, without its credentials."""
    return {
        "id": str(application.id),
        "name": application.name,
        "website": application.website or None,
        "scopes": list(application.scopes),
        "redirect_uris": list(application.redirect_uris),
        "redirect_uri": "\n".join(application.redirect_uris),
        "vapid_key": VAPID_KEY,
    }


def _scalars(given: Parameters) -> set[str]:
    return {name for name, value in given.items() if isinstance(value, str)}


def _redirect_uris(store: Store, given: Parameters) -> tuple[str, ...]:
    value = given.get("redirect_uris", "")
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(" ".join(value).split()) if store.traits.redirect_uri_lists else ()


def _problems(
    store: Store, given: Parameters, uris: tuple[str, ...], scopes: tuple[str, ...]
) -> list[str]:
    found = [*_name_problems(given.text("client_name")), *_uri_problems(uris)]
    if not set(scopes) <= set(store.traits.scopes):
        found.append("Scopes doesn't match configured on the server.")
    found += _website_problems(given.text("website").strip())
    return found


def _name_problems(name: str) -> list[str]:
    if not name.strip():
        return ["Application name can't be blank"]
    if len(name) > NAME_LIMIT:
        return [f"Application name is too long (maximum is {NAME_LIMIT} characters)"]
    return []


def _uri_problems(uris: tuple[str, ...]) -> list[str]:
    if not uris:
        return ["Redirect URI can't be blank"]
    found = [
        problem
        for uri in uris
        if uri not in _OOB_URIS and (problem := _uri_problem(_parse(uri))) is not None
    ]
    if len("\n".join(uris)) > URI_LIMIT:
        found.append(f"is too long (maximum is {URI_LIMIT} characters)")
    return [f"Redirect URI {problem}" for problem in found]


def _uri_problem(uri: SplitResult | None) -> str | None:
    """Judge one URI as Doorkeeper's RedirectUriValidator does."""
    if uri is None or (uri.scheme in ("http", "https") and not uri.hostname):
        return "must be a valid URI."
    if uri.scheme in _FORBIDDEN_SCHEMES:
        return "is forbidden by the server."
    if not uri.scheme:
        return "must be an absolute URI."
    if uri.fragment:
        return "cannot contain a fragment."
    if uri.scheme == "localhost":
        return "must specify a scheme."
    return None


def _parse(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _website_problems(website: str) -> list[str]:
    if not website:
        return []
    parts = _parse(website)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return ["Application website is not a valid URL"]
    if len(website) > URI_LIMIT:
        return [f"Application website is too long (maximum is {URI_LIMIT} characters)"]
    return []
