"""Test data beside training data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelway.data.contract import Contract
from modelway.data.quality.kind import TableFacts
from modelway.data.shared_rows import SharedRows, count_shared


@dataclass(frozen=True)
class Pair:
    train: TableFacts
    test: TableFacts
    train_path: Path
    test_path: Path
    contract: Contract
    memory_mb: int

    def shared(self) -> SharedRows | None:
        """None where they have no column in common."""
        names = (self.test.name, self.train.name)
        return count_shared(self.test_path, self.train_path, self.contract, names=names, memory_mb=self.memory_mb)
