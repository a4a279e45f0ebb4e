"""GitHub's rate limits: one hourly budget, and refusals that a test switches on."""

from collections.abc import Callable
from dataclasses import dataclass

from provisioner.sandbox.web import Refused, Response, json_response

HOURLY = 5_000
WINDOW_SECONDS = 3_600
DOCUMENTATION = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"


@dataclass
class Secondary:
    """A secondary limit: so many refusals to come, and what they look like."""

    retry_after: int | None
    times: int
    status: int


class RateLimits:
    """The primary budget of requests per hour, and a secondary limit."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with a full budget."""
        self._clock = clock
        self.secondary = Secondary(None, 0, 403)
        self.limit = HOURLY
        self.refill()

    def refill(self) -> None:
        """Start a new window with a full budget."""
        self.remaining = self.limit
        self.reset = int(self._clock()) + WINDOW_SECONDS

    def spend(self) -> None:
        """Count one request; `Refused` where the budget is gone or the secondary limit is on."""
        if self._clock() >= self.reset:
            self.refill()
        if self.secondary.times > 0:
            self.secondary.times -= 1
            raise Refused(self._secondary_refusal())
        if self.remaining <= 0:
            raise Refused(
                json_response(
                    403,
                    {
                        "message": "API rate limit exceeded for user ID 1.",
                        "documentation_url": DOCUMENTATION,
                        "status": "403",
                    },
                )
            )
        self.remaining -= 1

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every answer carries; the reset is in seconds since the epoch."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Used": str(self.limit - self.remaining),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Resource": "core",
        }

    @property
    def body(self) -> dict[str, object]:
        """What `GET /rate_limit` returns."""
        core = {
            "limit": self.limit,
            "remaining": self.remaining,
            "used": self.limit - self.remaining,
            "reset": self.reset,
        }
        search = {"limit": 30, "remaining": 30, "used": 0, "reset": self.reset}
        return {"resources": {"core": core, "search": search}, "rate": core}

    def _secondary_refusal(self) -> Response:
        status = self.secondary.status
        body = {
            "message": "You have exceeded a secondary rate limit. Please wait a few minutes before "
            "you try again.",
            "documentation_url": f"{DOCUMENTATION}#about-secondary-rate-limits",
            "status": str(status),
        }
        after = self.secondary.retry_after
        return json_response(status, body, {} if after is None else {"Retry-After": str(after)})
