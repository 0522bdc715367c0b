"""A column that rises is told without a table of its values, and told the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from data.quality.conftest import asked_for
from modelway.data.engines.duckdb import rising, sorting
from modelway.data.quality.checking import opened
from modelway.data.quality.survey import survey
from modelway.data.sources import find_source

COLUMNS = {
    "whole": "i - 5",
    "halves": "i / 2 - 40.0",
    "wide": "i::HUGEINT * 1000000000000000000000000 - 7",
    "time": "TIMESTAMP '2026-01-01' + INTERVAL (i) HOUR",
    "day": "DATE '2026-01-01' + i::INTEGER",
    "twice": "i // 2",
    "falls_late": "CASE WHEN i = 450 THEN 0 ELSE i END",
    "gap": "CASE WHEN i = 450 THEN NULL ELSE i END",
}


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_it_is_told_the_same(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"rows.{form}"
    query = ", ".join(f"{value} AS {name}" for name, value in COLUMNS.items())
    duckdb.execute(f"COPY (SELECT {query} FROM range(500) t(i)) TO '{path}' (FORMAT {form})")
    asked, told, kept = asked_for(), [], list[bool]()

    def counted(make: Callable[..., object]) -> Callable[..., object]:
        def again(*args: object, **keys: object) -> object:
            found = make(*args, **keys)
            kept.append(found is not None)
            return found

        return again

    monkeypatch.setattr(sorting, "distribution_of_rising", counted(sorting.distribution_of_rising))
    for worth_it in (10**9, 100):
        monkeypatch.setattr(rising, "WORTH_IT", worth_it)
        with opened(asked, find_source(path, "rows")) as table:
            told.append({name: facts.values for name, facts in survey(table, "rows", {}).columns.items()})
    assert sum(kept) == 5, "those that rise in every row"
    assert told[0] == told[1]
