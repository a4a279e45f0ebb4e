"""Runs that take turns: each in a thread of its own, of which one at a time makes a request.

A run stands before each of its requests until it is let go on, so that a test decides between which
two requests of one run another one acts.
"""

import threading
from collections.abc import Callable

import httpx

from provisioner.errors import ProvisionerError

ALL = 10_000
"""More requests than any run makes."""


class Run(threading.Thread):
    """A run that stands before its next request, or has ended."""

    def __init__(self, do: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.ended = False
        self.error: ProvisionerError | None = None
        self._do = do
        self._bug: BaseException | None = None
        self._may_go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self.start()
        self._stands.acquire()

    def advance(self, requests: int = ALL) -> None:
        """Let it make that many requests, and stand again."""
        for _ in range(requests):
            if self.ended:
                break
            self._may_go.release()
            self._stands.acquire()
        if self._bug:
            raise self._bug

    def stand(self) -> None:
        """Called in its own thread: wait until the test says go."""
        self._stands.release()
        self._may_go.acquire()

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


Watch = Callable[[Run, httpx.Request, httpx.BaseTransport], httpx.Response]
"""Stands around each request of a run, which it hands on."""


class Turns(httpx.BaseTransport):
    """A network on which runs take turns; whoever is no run, as the test itself, never waits."""

    def __init__(self, network: httpx.BaseTransport, watch: Watch) -> None:
        self.network = network
        self.watch = watch

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        run = threading.current_thread()
        if not isinstance(run, Run):
            return self.network.handle_request(request)
        run.stand()
        return self.watch(run, request, self.network)
