"""What the judges count."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Played:
    """What came of a run that was struck."""

    runs: tuple[tuple[str, ...], ...]
    """The requests of each run: of the struck one, and of those that it took after it."""
    orphans: int
    """Tokens that were in the documented window."""
    violations: tuple[str, ...]


@dataclass
class Tally:
    """What came of all that is tried of a scenario, or of two runs that meet."""

    requests: int = 0
    """Of a run that nothing strikes."""
    tried: int = 0
    """How many faults, pairs of faults, signals or ways to take turns there are."""
    played: int = 0
    in_window: int = 0
    most_runs: int = 0
    violations: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    """What the window between a look and an act cost, as it may."""

    def add(self, where: str, played: Played) -> None:
        """One more run that was struck."""
        self.played += 1
        self.in_window += bool(played.orphans)
        self.most_runs = max(self.most_runs, len(played.runs))
        self.violations += [f"{where}: {violation}" for violation in played.violations]
