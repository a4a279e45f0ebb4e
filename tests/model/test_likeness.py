"""The model's orders are those of the code: each step is the request that is really made."""

import pytest

from tests.model.model import BEGIN, CHECK, COMPLETE
from tests.stage import NAME, Stage

DAY = 86400.0
ACTIONS = f"/repos/{NAME}/actions"
LOOK, WRITE = (f"{method} {ACTIONS}/variables/MASTODON_JOURNAL" for method in ("GET", "PATCH"))
VERIFY, REVOKE = "GET /api/v1/accounts/verify_credentials", "POST /oauth/revoke"
REQUESTS = {
    "read": LOOK,
    "look": LOOK,
    "register": "POST /api/v1/apps",
    "exchange": "POST /oauth/token",
    "verify": VERIFY,
    "publish": f"PUT {ACTIONS}/secrets/MASTODON_ACCESS_TOKEN",
    "revoke": REVOKE,
}


def steps(requests: list[str]) -> list[str]:
    """The requests that the model knows.

    Those around a revocation are parts of it, which look at the current token and then at the old
    one; and each run ends with a look back, which it does nothing upon.
    """
    known = [request for request in requests if request in {*REQUESTS.values(), WRITE}]
    verifying = [n for n, request in enumerate(known) if request == VERIFY]
    first = verifying[:1] if "POST /oauth/token" in known else []
    known = [request for n, request in enumerate(known) if n not in verifying or n in first]
    return known[:-1] if known[-1] == LOOK else known


@pytest.mark.parametrize("order", [BEGIN, COMPLETE, CHECK], ids=["begin", "complete", "check"])
def test_the_model_takes_the_steps_of_the_code(stage: Stage, order: tuple[str, ...]) -> None:
    """A rotation, with one old token to revoke: the same requests in the same order."""
    stage.provision()
    if order == CHECK:
        stage.provision()
        stage.time += DAY
    code = stage.approve(stage.link()) if order == COMPLETE else ""
    since = len(stage.wire.log)
    if order == BEGIN:
        stage.begin()
    elif order == COMPLETE:
        stage.complete(code, grace="0")
    else:
        stage.check()
    assert steps(stage.requests(since)) == [REQUESTS.get(step, WRITE) for step in order]
