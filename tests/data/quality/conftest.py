"""Data as text, and the checks of its quality by their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from modelway.config.quality import Quality
from modelway.data.contract import Contract
from modelway.data.quality.checking import QualityAsked, check_data, check_pair
from modelway.data.quality.pairs import Pair
from modelway.data.report import DataQuality, QualityCheck

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True)
class LookedThrough:
    """A report, and its checks by name."""

    report: DataQuality

    def __getitem__(self, name: str) -> QualityCheck:
        return {check.name: check for check in self.report.checks}[name]

    def __contains__(self, name: str) -> bool:
        return name in {check.name for check in self.report.checks}

    @property
    def broken(self) -> list[str]:
        return [check.name for check in self.report.checks if check.outcome != "pass"]


LookThrough = Callable[..., LookedThrough]


def asked_for(quality: dict[str, Any] | None = None, **more: Any) -> QualityAsked:
    contract = msgspec.convert(more.pop("contract", {}), Contract)
    quality = {"masked": more.pop("masked", ()), **(quality or {})}
    return replace(QualityAsked(msgspec.convert(quality, Quality), contract, now=NOW), **more)


@pytest.fixture
def look(tmp_path: Path) -> LookThrough:
    """look(data, quality, label=..., ...): data as CSV text or bytes, or a path; quality as modelway.yml has it."""

    def look(data: str | bytes | Path, quality: dict[str, Any] | None = None, **more: Any) -> LookedThrough:
        path = data if isinstance(data, Path) else tmp_path / "rows.csv"
        if not isinstance(data, Path):
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return LookedThrough(check_data(asked_for(quality, **more), path, path.name)[0])

    return look


@pytest.fixture
def beside(tmp_path: Path) -> LookThrough:
    """beside(train, test, quality): both as CSV text."""

    def beside(train: str | Path, test: str | Path, quality: dict[str, Any] | None = None) -> LookedThrough:
        asked, facts, paths = asked_for(quality), [], []
        for name, data in (("train.csv", train), ("test.csv", test)):
            path = data if isinstance(data, Path) else tmp_path / name
            if not isinstance(data, Path):
                path.write_text(data)
            paths.append(path)
            facts.append(check_data(asked, path, name)[1])
        found = check_pair(asked, Pair(*facts, *paths, asked.contract, asked.memory_mb, asked.engine))
        assert found is not None
        return LookedThrough(found)

    return beside


def csv(**columns: Any) -> str:
    """Columns as CSV; None is a missing value."""
    lines = [",".join(columns)]
    lines += [
        ",".join("" if value is None else str(value) for value in row) for row in zip(*columns.values(), strict=True)
    ]
    return "\n".join(lines) + "\n"
