"""What is seen of two runs from outside: each act, and whether it was done on stale knowledge.

GitHub's variables know no compare-and-swap. So a run looks at the journal and acts with its next
request, and what another run writes in between goes unseen: the act is *stale*. Reads of one batch
count as one: here they come one after the other, in a real run at the same time.
"""

import json
import re
from dataclasses import dataclass, field

import httpx

from tests.invariants.interleavings.scene import JOURNAL, KEY, TOKEN, Scene
from tests.invariants.interleavings.turns import Run
from tests.support.world import NAME

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


@dataclass
class Witness:
    """Stands around the requests of all runs."""

    scene: Scene
    asked: dict[Run, list[str]] = field(default_factory=dict)
    """Each run's requests, without the address of the repository."""
    stale: set[str] = field(default_factory=set)
    """As “act after what was before it”."""
    dead: bool = False
    """Whether the secret held a dead token, be it for a moment."""
    _known: dict[Run, str | None] = field(default_factory=dict)
    """The journal's variable as each run read or wrote it last."""

    def __call__(
        self, run: Run, request: httpx.Request, network: httpx.BaseTransport
    ) -> httpx.Response:
        asked, act = self.asked.setdefault(run, [""]), _name(request)
        found = self._journal()
        response = network.handle_request(request)
        if response.is_success and act in RIGHT_BEFORE and found != self._known.get(run):
            before = next(one for one in reversed(asked) if one not in BESIDE)
            self.stale.add(f"{act} after {before}")
        if act == LOOK:
            self._known[run] = found
        elif response.is_success and act in {CREATED, WRITTEN, DELETED}:
            self._known[run] = self._journal()
        asked.append(act)
        stored = self.scene.stored()
        self.dead = self.dead or (stored != "" and not self.scene.instance.is_live(stored))
        return response

    @property
    def long_stale(self) -> set[str]:
        """Stale acts whose knowledge was older than one request: there must be none."""
        acts = (act.split(" after ") for act in self.stale)
        return {f"{act} after {before}" for act, before in acts if before not in RIGHT_BEFORE[act]}

    def _journal(self) -> str | None:
        return self.scene.repository.variables.get(JOURNAL)


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
