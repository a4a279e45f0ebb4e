"""Runs that take turns: each in a thread of its own, of which one at a time makes a request.

A run stands before each of its requests until it is let go on, so that a test decides between which
two requests of one run another one acts.

GitHub's variables know no compare-and-swap. So a run looks at the journal and acts with its next
request, and what another run writes in between goes unseen: the act is *stale*. Reads of one batch
count as one: here they come one after the other, in a real run at the same time.
"""

import json
import re
import threading
from collections.abc import Callable

import httpx

from provisioner.report import ProvisionerError
from tests.invariants.witness import JOURNAL, KEY, TOKEN, dead_secrets
from tests.support.world import NAME, World

ALL = 10_000
"""More requests than any run makes."""
ACTIONS = f"/repos/{NAME}/actions"
LOOK, CREATED, WRITTEN, DELETED = (
    f"{method} /variables/{JOURNAL}" for method in ("GET", "POST", "PATCH", "DELETE")
)
EXCHANGE, PUBLISHED = "POST /oauth/token", f"PUT /secrets/{TOKEN}"
STAGED = f"{WRITTEN} after {EXCHANGE}"
RIGHT_BEFORE = {
    CREATED: {LOOK},
    WRITTEN: {LOOK, EXCHANGE},
    DELETED: {LOOK},
    PUBLISHED: {LOOK, CREATED, WRITTEN},
    f"PUT /secrets/{KEY}": {CREATED, WRITTEN},
    f"DELETE /secrets/{KEY}": {DELETED, LOOK, "GET /variables"},
}
"""What must be done with knowledge that is one request old, and what that request is: a look at the
journal, or a write of it; before the write that stages a token, the exchange; and where the journal
was gone already, the list that it is not in."""
BESIDE = {
    *("GET /secrets/public-key", "GET /variables/MASTODON_BASE_URL"),
    "GET /.well-known/oauth-authorization-server",
}
"""Reads of the batch in which a completion reads the journal."""


class Run(threading.Thread):
    """A run that stands before its next request, or has ended."""

    def __init__(self, do: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.ended = False
        self.error: ProvisionerError | None = None
        self.asked: list[str] = []
        """Its requests, without the address of the repository."""
        self.journal: str | None = None
        """The journal's variable as it read or wrote it last."""
        self._do = do
        self._may_ask = 0
        """How many requests it may make before it stands again."""
        self._bug: BaseException | None = None
        # Each is released by the other side. A semaphore would do the same, more slowly.
        self._may_go, self._stands = threading.Lock(), threading.Lock()
        self._may_go.acquire()
        self._stands.acquire()
        self.start()
        self._stands.acquire()

    def advance(self, requests: int = ALL) -> None:
        """Let it make that many requests, and stand again."""
        if requests and not self.ended:
            self._may_ask = requests
            self._may_go.release()
            self._stands.acquire()
        if self._bug:
            raise self._bug

    def stand(self) -> None:
        """Called in its own thread before a request: wait until it may be made."""
        if not self._may_ask:
            self._stands.release()
            self._may_go.acquire()
        self._may_ask -= 1

    def run(self) -> None:
        """What the thread does."""
        try:
            self._do()
        except ProvisionerError as error:
            self.error = error
        except BaseException as bug:  # noqa: BLE001 - raised again in the test's own thread
            self._bug = bug
        self.ended = True
        self._stands.release()


class Turns(httpx.BaseTransport):
    """A network on which runs take turns; whoever is no run, as the test itself, never waits."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stale: set[str] = set()
        """As “act after what was before it”."""
        self.dead = False
        """Whether a secret held a dead token, be it for a moment."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        run = threading.current_thread()
        if not isinstance(run, Run):
            return self.world.wire.handle_request(request)
        run.stand()
        act, variables = _name(request), self.world.repository.variables
        found = variables.get(JOURNAL)
        response = self.world.wire.handle_request(request)
        if response.is_success and act in RIGHT_BEFORE and found != run.journal:
            before = next((one for one in reversed(run.asked) if one not in BESIDE), "")
            self.stale.add(f"{act} after {before}")
        if act == LOOK:
            run.journal = found
        elif response.is_success and act in {CREATED, WRITTEN, DELETED}:
            run.journal = variables.get(JOURNAL)
        run.asked.append(act)
        self.dead = self.dead or bool(dead_secrets(self.world))
        return response

    @property
    def long_stale(self) -> set[str]:
        """Stale acts whose knowledge was older than one request: there must be none."""
        acts = (act.split(" after ") for act in self.stale)
        return {f"{act} after {before}" for act, before in acts if before not in RIGHT_BEFORE[act]}


def commutes(act: str, others: list[str]) -> bool:
    """Whether it makes no difference if something is done before all the others or after them."""
    return not any(
        _changes(act) & (_changes(other) | _needs(other)) or _needs(act) & _changes(other)
        for other in others
    )


def _changes(act: str) -> set[str]:
    return set() if act.startswith("GET ") else _touches(act)


def _needs(act: str) -> set[str]:
    """What it reads; and the journal, where an act is stale if that was changed meanwhile."""
    read = _touches(act) if act.startswith("GET ") else set()
    return read | _touches(LOOK) if act in RIGHT_BEFORE else read


def _touches(act: str) -> set[str]:
    """What a request reads or changes: nothing, where no other run can change or see that.

    A secret's token and the instance's are one thing: what matters is whether it is alive there.
    """
    path = act.partition(" ")[2]
    if path == "/secrets":  # the list of their names
        return {"token", f"/secrets/{KEY}"}
    if path == f"/secrets/{TOKEN}" or path.startswith(("/oauth/", "/api/v1/accounts/")):
        return {"token"}
    return {path} if re.fullmatch(rf"/variables/\w+|/secrets/{KEY}", path) else set()


def _name(request: httpx.Request) -> str:
    path = request.url.path.removeprefix(ACTIONS)
    if (request.method, path) == ("POST", "/variables"):
        path += f"/{json.loads(request.content)['name']}"
    return f"{request.method} {path}"
