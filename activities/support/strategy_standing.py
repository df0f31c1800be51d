"""The code behind each strategy of a process, and whether the hosts of the fleet agree on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class StrategyStanding:
    """The source hash of each strategy, and why one may not buy now. A duty of the process keeps the objections."""

    sources: Mapping[str, str] = field(default_factory=dict)
    objections: Mapping[str, str] = field(default_factory=dict)

    def source_of(self, strategy: str) -> str:
        """Return the source hash; empty where the source has not been read."""
        return self.sources.get(strategy, "")

    def has_changed(self, strategy: str, source: str) -> bool:
        """Return whether a position was bought by other code under this name; unknown code counts as the same."""
        ours = self.source_of(strategy)
        return bool(source and ours and source != ours)
