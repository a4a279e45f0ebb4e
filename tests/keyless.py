"""An instance that ignores the Idempotency-Key, as GoToSocial and Takahē do.

A wrapper around the embedded instance; its place is taken by `Instance(personality=...)`.
"""

from dataclasses import dataclass, replace

from provisioner.sandbox import Headers, Instance, Request, Response
from provisioner.sandbox.api import authorize, show_status
from provisioner.sandbox.web import json_response


@dataclass
class Keyless:
    """Answers as the embedded instance does, but forgets keys, and lists an account's posts."""

    instance: Instance
    needs_scope: bool = True
    """Whether a token without read:statuses may not read the list."""
    is_closed: bool = False
    """Whether strangers may not."""

    def __post_init__(self) -> None:
        self.instance.version = "0.20.0+git-57cb4fe"

    def __call__(self, request: Request) -> Response:
        if request.path == "/.well-known/oauth-authorization-server":
            return json_response(404, {"error": "Not Found"})
        if request.method == "GET" and request.path.endswith("/statuses"):
            return self._listed(request)
        kept = [pair for pair in request.headers.items() if pair[0].lower() != "idempotency-key"]
        return self.instance(replace(request, headers=Headers(kept)))

    def _listed(self, request: Request) -> Response:
        known = "Authorization" in request.headers
        if (known and self.needs_scope) or (not known and self.is_closed):
            return json_response(403, {"error": "This action is outside the authorized scopes"})
        store, account = self.instance.store, request.segments[3]
        if known:
            authorize(store, request)
        posts = [one for one in reversed(store.statuses) if str(one.account.id) == account]
        public = [one for one in posts if known or one.visibility in {"public", "unlisted"}]
        anybody = replace(request, headers=Headers())
        return json_response(
            200, [show_status(store, anybody, str(one.id)).json() for one in public]
        )
