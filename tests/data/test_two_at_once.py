"""Where two data sets are open side by side, what is wrong with one of them is said of that one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest

from data.quality.conftest import asked_for
from modelway.config.drift import Drift
from modelway.data.contract import Contract
from modelway.data.drift.detection import detect
from modelway.data.drift.sides import open_side
from modelway.data.drift.sketching import DataReading
from modelway.data.profile.profiling import profile
from modelway.errors import InvalidInput

DAMAGED = 3000
"""Bytes in the middle of a file of Parquet, whose footer is sound: it opens."""


def drift(paths: Mapping[str, Path], memory_mb: int) -> None:
    reading = DataReading(Contract(), memory_mb=memory_mb)
    (one, its), (other, others) = paths.items()
    with open_side(its, one, reading) as reference, open_side(others, other, reading) as current:
        detect(reference, current, Drift(), lambda line: None)


def profiled(paths: Mapping[str, Path], memory_mb: int) -> None:
    profile(asked_for(memory_mb=memory_mb), paths, "the test")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.parquet"
    duckdb.execute(f"COPY (SELECT hash(range) % 100000 / 7.0 AS x, range % 3 AS y FROM range(200000)) TO '{path}'")
    return path


@pytest.mark.parametrize("order", [("sound", "damaged"), ("damaged", "sound")])
@pytest.mark.parametrize("work", [drift, profiled])
def test_the_damaged_one_is_named(
    work: Callable[[Mapping[str, Path], int], None], order: tuple[str, str], sound: Path
) -> None:
    data = bytearray(sound.read_bytes())
    middle = len(data) // 2
    data[middle : middle + DAMAGED] = b"Z" * DAMAGED
    damaged = sound.with_name("damaged.parquet")
    damaged.write_bytes(data)
    paths = {"sound": sound, "damaged": damaged}
    with pytest.raises(InvalidInput, match=r"^damaged: cannot be read as Parquet") as found:
        work({name: paths[name] for name in order}, 1024)
    assert "/" not in str(found.value), "no path of a temporary folder"
