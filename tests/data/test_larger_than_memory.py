"""Data larger than the memory limit is judged in full, and the report is that of a machine with room for it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from modelway.data.validation import MEMORY_MB

LIMIT_MB = 64

CONTRACT = """
rows: {at-least: 2300000}
unique: [[id, text], [bucket, id]]
columns:
  id: {type: integer, nullable: false, range: [0, 2299999]}
  bucket: {type: integer, range: [0, 6]}
  text: {type: string, nullable: false}
  x: {type: number, range: [0, 1]}
"""

ROWS = """
SELECT range AS id, range % 7 AS bucket, md5(range::VARCHAR) || md5((range + 1)::VARCHAR) AS text,
    (range * 7919 % 1000003) / 1000003 AS x, md5((range + 2)::VARCHAR) AS unlisted
FROM range(2300000)
"""


@pytest.fixture(scope="module", params=["parquet", "csv"])
def large(request: Any, tmp_path_factory: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("large") / f"rows.{request.param}"
    options = "(FORMAT parquet, COMPRESSION uncompressed)" if request.param == "parquet" else "(FORMAT csv, HEADER)"
    duckdb.execute(f"COPY ({ROWS}) TO '{path}' {options}")
    assert path.stat().st_size > 4 * LIMIT_MB << 20
    return path


def test_it_is_judged_in_full(judge: Any, large: Path) -> None:
    small = judge(CONTRACT, large, memory_mb=LIMIT_MB).report
    assert small.outcome == "pass"
    assert small == judge(CONTRACT, large, memory_mb=MEMORY_MB).report


def test_a_violation_in_the_last_row_is_found(judge: Any, large: Path) -> None:
    contract = CONTRACT.replace("2299999]", "2299998]")
    check = judge(contract, large, memory_mb=LIMIT_MB)["id in range"]
    assert (check.value, [(example.row, example.value) for example in check.examples]) == (1, [(2_300_000, "2299999")])


def test_too_little_memory_is_said(judge: Any, large: Path, refusal: Any) -> None:
    line = refusal(lambda: judge(CONTRACT, large, memory_mb=1))
    smaller = "" if large.suffix == ".parquet" else ", or write the data as Parquet"
    assert line == f"2: {large}: needs more than 1 MB of memory. Fix: set the input memory-mb higher{smaller}"
