"""`POST /api/v1/apps`: an application registers itself, five times in ten minutes per address."""

from collections import Counter
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from provisioner.sandbox.parameters import Parameters, parameters
from provisioner.sandbox.records import OOB, RegisteredApplication, Store
from provisioner.sandbox.scopes import DEFAULT, SUPPORTED, split
from provisioner.sandbox.web import Refused, Request, Response, json_response

NAME_LIMIT = 60
URI_LIMIT = 2_000
_OOB_URIS = (OOB, f"{OOB}:auto")
_FORBIDDEN_SCHEMES = frozenset({"data", "vbscript", "javascript"})


class Throttle:
    """Counts requests by address in windows of the clock, as Rack::Attack does.

    `limit` None turns it off. A refusal carries no Retry-After: Mastodon sends none.
    """

    def __init__(self, limit: int | None, seconds: int) -> None:
        """Allow `limit` requests in each window of `seconds`."""
        self.limit = limit
        self.seconds = seconds
        self._counts: Counter[tuple[str, int]] = Counter()

    def count(self, address: str, now: float) -> dict[str, str]:
        """Count a request and return its X-RateLimit-* headers; `Refused` with 429 beyond it."""
        if self.limit is None:
            return {}
        window = int(now) // self.seconds
        self._counts[address, window] += 1
        left = self.limit - self._counts[address, window]
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(left, 0)),
            "X-RateLimit-Reset": self._reset(now),
        }
        if left < 0:
            raise Refused(json_response(429, {"error": "Too many requests"}, headers))
        return headers

    def _reset(self, now: float) -> str:
        """Write the window's end as Mastodon does: with the microseconds of this request."""
        end = datetime.fromtimestamp(now + self.seconds - int(now) % self.seconds, UTC)
        return end.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def register(store: Store, throttle: Throttle, request: Request) -> Response:
    """Register an application. 200 with its credentials, 422 where a field is wrong."""
    headers = throttle.count(request.client, store.clock())
    given = parameters(request)
    uris = _redirect_uris(given)
    # An array of scopes is not permitted by the controller and vanishes: the application gets
    # `read` without a word (mastodon#30152).
    scopes = split(given.text("scopes")) if "scopes" in _scalars(given) else (DEFAULT,)
    problems = _problems(given, uris, scopes)
    if problems:
        return json_response(422, {"error": f"Validation failed: {', '.join(problems)}"}, headers)
    # Never a deleted application's number: an old page's form would revoke the new one.
    store.last_application += 1
    application = RegisteredApplication(
        id=store.last_application,
        name=given.text("client_name"),
        website=given.text("website").strip(),
        redirect_uris=uris,
        scopes=scopes,
        client_id=store.identifier(),
        client_secret=store.identifier(),
        created_at=store.clock(),
    )
    store.applications.append(application)
    secrets = {
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "client_secret_expires_at": 0,
    }
    return json_response(200, {**entity(application), **secrets}, headers)


def entity(application: RegisteredApplication) -> dict[str, object]:
    """Return the Application entity of 4.3 and newer, without its credentials."""
    return {
        "id": str(application.id),
        "name": application.name,
        "website": application.website or None,
        "scopes": list(application.scopes),
        "redirect_uris": list(application.redirect_uris),
        "redirect_uri": "\n".join(application.redirect_uris),
        "vapid_key": "BSandboxHasNoPushNotifications",
    }


def _scalars(given: Parameters) -> set[str]:
    return {name for name, value in given.items() if isinstance(value, str)}


def _redirect_uris(given: Parameters) -> tuple[str, ...]:
    value = given.get("redirect_uris", "")
    return tuple((value if isinstance(value, str) else " ".join(value)).split())


def _problems(given: Parameters, uris: tuple[str, ...], scopes: tuple[str, ...]) -> list[str]:
    found = [*_name_problems(given.text("client_name")), *_uri_problems(uris)]
    if not set(scopes) <= set(SUPPORTED):
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
