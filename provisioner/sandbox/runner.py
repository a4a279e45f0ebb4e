"""Plays GitHub's runner: what a workflow run sees of its repository's secrets and variables.

GitHub's documentation: organization and repository secrets are read when a run is queued. A re-run
is reported to replay them as they were when the run was created (cli/cli#13522). Variables are read
live over the API.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from provisioner.sandbox.repositories import Repository


@dataclass(frozen=True)
class Run:
    """A queued run. `attempt` is GITHUB_RUN_ATTEMPT: 1, and more for a re-run."""

    repository: Repository
    secrets: Mapping[str, str] = field(repr=False)
    attempt: int = 1

    @classmethod
    def of(cls, repository: Repository) -> "Run":
        """Queue a run now."""
        names = repository.secrets
        return cls(repository, MappingProxyType({n: repository.open_secret(n) for n in names}))

    @property
    def variables(self) -> Mapping[str, str]:
        """The repository's variables as they are now."""
        return MappingProxyType(self.repository.variables)

    def secret(self, name: str) -> str:
        """Return what `${{ secrets.NAME }}` becomes: the empty string where it is not set."""
        return self.secrets.get(name.upper(), "")

    def rerun(self) -> "Run":
        """Press *Re-run*: the same secrets once more."""
        return replace(self, attempt=self.attempt + 1)
