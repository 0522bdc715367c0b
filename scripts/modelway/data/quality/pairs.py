"""Test data beside training data."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path

from modelway.data import engines
from modelway.data.contract import Contract
from modelway.data.quality.kind import TableFacts
from modelway.data.shared_rows import SharedRows, count_shared
from modelway.data.sources import find_source


@dataclass(frozen=True)
class NearRows:
    """rows: of the test data. near: those that are in the training data once numbers are rounded and texts folded, but for one
    part of their columns at most. by_chance: how many would be, if columns were independent of each other."""

    rows: int
    near: int
    by_chance: float


@dataclass(frozen=True)
class Pair:
    train: TableFacts
    test: TableFacts
    train_path: Path
    test_path: Path
    contract: Contract
    memory_mb: int
    engine: str

    @cached_property
    def shared(self) -> SharedRows | None:
        """None where they have no column in common."""
        names = (self.test.name, self.train.name)
        return count_shared(self.test_path, self.train_path, self.contract, names=names, memory_mb=self.memory_mb)

    def nearly_shared(self, parts: Sequence[Sequence[str]]) -> NearRows:
        """parts: groups of the columns that both have; two at least."""
        engine = engines.quality_engine(self.engine)
        with tempfile.TemporaryDirectory(prefix="modelway-near-") as scratch:
            files = [Path(scratch, "test.parquet"), Path(scratch, "train.parquet")]
            for file, facts, path in zip(
                files, (self.test, self.train), (self.test_path, self.train_path), strict=True
            ):
                with (
                    tempfile.TemporaryDirectory(dir=scratch) as folder,
                    engine.open_quality_table(
                        find_source(path, facts.name), self.contract.dialect, Path(folder), self.memory_mb
                    ) as table,
                ):
                    table.write_parts(parts, file)
            test, train = files
            rows, near, alike = engine.count_near(test, train, len(parts), Path(scratch), self.memory_mb)
        chance = self.train.rows * sum(prod(alike[:at] + alike[at + 1 :]) for at in range(len(alike)))
        return NearRows(rows, near, rows * min(1.0, chance))
