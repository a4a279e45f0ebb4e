"""Counts requests by address in windows of the clock, as Rack::Attack does."""

from collections import Counter


class Throttle:
    """So many requests from an address in each window; `limit` None turns it off."""

    def __init__(self, limit: int | None, seconds: int) -> None:
        """Allow `limit` requests in each window of `seconds`."""
        self.limit = limit
        self.seconds = seconds
        self._counts: Counter[tuple[str, int]] = Counter()

    def left(self, address: str, now: float) -> int:
        """Count a request and return how many are left; negative where it is one too many."""
        if self.limit is None:
            return 0
        window = int(now) // self.seconds
        self._counts[address, window] += 1
        return self.limit - self._counts[address, window]

    def still(self, address: str, now: float) -> int:
        """Return how many requests are left, without counting one."""
        window = int(now) // self.seconds
        return max((self.limit or 0) - self._counts[address, window], 0)

    def end(self, now: float) -> float:
        """When the window ends, with the fraction of the second that it is now."""
        return now + self.seconds - int(now) % self.seconds
