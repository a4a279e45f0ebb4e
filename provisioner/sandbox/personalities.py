"""The servers that an instance can play."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from provisioner.sandbox import api, mastodon
from provisioner.sandbox.mastodon import NumberedRoute, Route
from provisioner.sandbox.records import RegisteredApplication, Store
from provisioner.sandbox.servers import gotosocial, pixelfed, pleroma, takahe
from provisioner.sandbox.traits import (
    GOTOSOCIAL,
    MASTODON_4_2,
    MASTODON_4_7,
    PIXELFED,
    PLEROMA,
    TAKAHE,
    Traits,
)
from provisioner.sandbox.web import Request, Response


def _open(_: Store, __: Request) -> None:
    """Let every request in."""


def _as_it_is(_: Store, __: Request, response: Response) -> Response:
    return response


def _without_a_trace(store: Store, application: RegisteredApplication) -> bool:
    """Whether an application has neither tokens nor codes (Mastodon's ApplicationsVacuum)."""
    used = [one.application for one in store.tokens] + [one.application for one in store.grants]
    return all(one is not application for one in used)


@dataclass(frozen=True)
class Personality:
    """A server: its small differences, where its addresses lead, and what it does in between."""

    traits: Traits
    routes: Mapping[tuple[str, str], Route]
    show_status: NumberedRoute = api.show_status
    """Answers `GET /api/v1/statuses/:id`."""
    list_statuses: NumberedRoute = api.list_statuses
    """Answers `GET /api/v1/accounts/:id/statuses`."""
    fallback: Route = mastodon.fallback
    """Answers what has no route."""
    gate: Callable[[Store, Request], None] = _open
    """Comes before the routes; may raise `Refused`."""
    finish: Callable[[Store, Request, Response], Response] = _as_it_is
    """Adds what every answer carries."""
    is_unused: Callable[[Store, RegisteredApplication], bool] = _without_a_trace
    """Whether an application may be deleted when it is old enough."""

    def answer(self, store: Store, request: Request) -> Response:
        """Let the route that the request's address leads to answer it."""
        match (request.method, *request.segments):
            case ("GET", "api", "v1", "statuses", number):
                return self.show_status(store, request, number)
            case ("GET", "api", "v1", "accounts", number, "statuses"):
                return self.list_statuses(store, request, number)
            case _:
                route = self.routes.get((request.method, request.path), self.fallback)
                return route(store, request)

    def forget_unused(self, store: Store) -> None:
        """Delete the applications that nobody used for too long."""
        seconds = self.traits.unused_seconds
        if seconds is None:
            return
        for application in list(store.applications):
            old = store.clock() > application.created_at + seconds
            if old and self.is_unused(store, application):
                store.forget(application)


_KNOWN: Mapping[str, Personality] = {
    "mastodon-4.7": Personality(MASTODON_4_7, mastodon.ROUTES_4_7),
    "mastodon-4.2": Personality(MASTODON_4_2, mastodon.ROUTES_4_2),
    "gotosocial": Personality(
        GOTOSOCIAL,
        gotosocial.ROUTES,
        show_status=gotosocial.show_status,
        list_statuses=gotosocial.list_statuses,
        fallback=gotosocial.fallback,
        gate=gotosocial.gate,
        finish=gotosocial.finish,
    ),
    "pleroma": Personality(
        PLEROMA,
        pleroma.ROUTES,
        show_status=pleroma.show_status,
        list_statuses=pleroma.list_statuses,
        fallback=pleroma.fallback,
        gate=pleroma.gate,
        finish=pleroma.finish,
        is_unused=pleroma.is_unused,
    ),
    "pixelfed": Personality(
        PIXELFED,
        pixelfed.ROUTES,
        show_status=pixelfed.show_status,
        list_statuses=pixelfed.list_statuses,
        fallback=pixelfed.fallback,
    ),
    "takahe": Personality(
        TAKAHE,
        takahe.ROUTES,
        show_status=takahe.show_status,
        list_statuses=takahe.list_statuses,
        fallback=takahe.fallback,
        gate=takahe.gate,
    ),
}
PERSONALITIES: tuple[str, ...] = tuple(_KNOWN)
"""Their names, Mastodon's newest first."""


def personality(name: str) -> Personality:
    """Find a server by its name; `ValueError` where there is none of that name."""
    if name not in _KNOWN:
        raise ValueError(f"there is no {name}; there are {', '.join(PERSONALITIES)}")
    return _KNOWN[name]
