"""What the engine counts: exactly the rows of each cell, for any number of threads, of CSV as of Parquet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from drift_cases import parquet
from modelway.data.cells import ColumnCells, Grouping
from modelway.data.contract import Contract
from modelway.data.drift.sketch import written
from modelway.data.drift.sketching import SHARES, DataReading, OpenedCells, edges_of, open_cells
from modelway.data.sources import find_source


@contextmanager
def opened(path: Path, **reading: Any) -> Iterator[OpenedCells]:
    with open_cells(find_source(path), DataReading(reading.pop("contract", Contract()), **reading)) as cells:
        yield cells


ODD = [0.0, -0.0, 1.0, math.nextafter(1.0, 0), math.nextafter(1.0, 2), math.nan, math.inf, -math.inf, 5e-324, 1.8e308]
VALUES = st.one_of(st.none(), st.floats(), st.sampled_from(ODD))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(VALUES, min_size=1, max_size=50),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6),
)
@example([*ODD, None], [0.0, 1.0])
def test_each_number_is_in_the_cell_that_it_belongs_to(
    tmp_path: Path, values: list[float | None], edges: list[float]
) -> None:
    """Each cell holds its upper edge; NaN is missing, infinity is no number."""
    path = tmp_path / "rows.parquet"
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE rows (x DOUBLE)")
        connection.executemany("INSERT INTO rows VALUES (?)", [(value,) for value in values])
        connection.execute(f"COPY rows TO '{path}' (FORMAT parquet)")
    edges = sorted({edge + 0.0 for edge in [*edges, 1.0]})
    cells = ColumnCells(name="x", kind="number", edges=tuple(edges))
    with opened(path) as data:
        column = data.sketch([cells], own=True).columns[0]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    assert list(column.counts) == list(np.bincount(np.searchsorted(edges, finite), minlength=len(edges) + 1))
    assert column.missing == sum(value is None or math.isnan(value) for value in values)
    assert column.unreadable == sum(value is not None and math.isinf(value) for value in values)
    assert (column.low, column.high) == ((min(finite), max(finite)) if finite else (None, None))


def test_csv_and_parquet_give_the_same_sketch(tmp_path: Path) -> None:
    text = "CASE WHEN range % 3 > 0 THEN 'v' || range % 11 END"
    query = f"SELECT range % 7 AS a, {text} AS b, range % 2 = 0 AS c FROM range(5000)"
    for name, options in (("rows.csv", "(FORMAT csv, HEADER)"), ("rows.parquet", "(FORMAT parquet)")):
        duckdb.execute(f"COPY ({query}) TO '{tmp_path / name}' {options}")
    sketches = []
    for name in ("rows.csv", "rows.parquet"):
        with opened(tmp_path / name) as data:
            cells, _ = data.cells({})
            sketches.append(written(data.sketch(cells, own=True)))
    assert sketches[0] == sketches[1]


def test_the_same_bytes_come_of_any_number_of_threads_and_of_little_memory(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    columns = {f"x{at}": draw.normal(size=300_000) for at in range(3)} | {
        "t": draw.integers(0, 5000, 300_000).astype(str).astype(object)
    }
    path = parquet(tmp_path / "rows.parquet", columns)
    found = set()
    for memory_mb in (64, 128, 1024):  # one thread, two, all
        with opened(path, memory_mb=memory_mb) as data:
            cells, _ = data.cells({})
            found.add(written(data.sketch(cells, own=True)))
    assert len(found) == 1


def test_edges_are_near_the_quantiles_and_what_repeats_has_a_cell_of_its_own(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    normal = draw.normal(size=100_000)
    spiked = np.where(draw.random(100_000) < 0.3, 5.0, draw.normal(5, 3, 100_000))
    with opened(parquet(tmp_path / "rows.parquet", {"normal": normal, "spiked": spiked})) as data:
        cells = {column.name: column for column in data.cells({})[0]}
        sketch = data.sketch(tuple(cells.values()), own=True).by_name
    assert max(sketch["normal"].counts) < 0.035 * 100_000
    assert len(cells["normal"].edges) == len(SHARES)
    spike = cells["spiked"].edges.index(5.0)
    assert (
        cells["spiked"].edges[spike - 1] == math.nextafter(5.0, 0)
        and sketch["spiked"].counts[spike] == (spiked == 5).sum()
    )


def test_edges_of_repeated_quantiles() -> None:
    assert edges_of(()) == ()
    assert edges_of((1.0, 2.0)) == (1.0, 2.0)
    assert edges_of((0.0, 0.0, 0.0)) == (math.nextafter(0.0, -1), 0.0)


def test_texts_are_listed_by_frequency_and_never_only_some_of_equal_frequency(tmp_path: Path) -> None:
    rows = [f"a{at}" for at in range(3) for _ in range(9)] + [f"b{at}" for at in range(1200) for _ in range(2)] + ["c"]
    with opened(parquet(tmp_path / "rows.parquet", {"t": np.array(rows, dtype=object)})) as data:
        (cells,), _ = data.cells({})
        column = data.sketch([cells], own=True).columns[0]
    assert (cells.values, cells.least) == (("a0", "a1", "a2"), 3)
    assert (column.counts, column.beyond, column.borderline) == ((9, 9, 9), 2401, 0)


def test_texts_that_differ_late_are_told_apart(tmp_path: Path) -> None:
    rows = np.array(["x" * 5000 + str(at % 3) for at in range(300)], dtype=object)
    with opened(parquet(tmp_path / "rows.parquet", {"t": rows})) as data:
        (cells,), _ = data.cells({})
        column = data.sketch([cells], own=True).columns[0]
    assert column.counts == (100, 100, 100) and max(map(len, cells.values)) < 200


def test_groups_and_clusters_are_counted_apart(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "rows.parquet",
        {
            "g": np.arange(600) % 2,
            "k": np.arange(600) % 6 // 2,
            "x": np.arange(600.0),
            "t": np.array(["u", "v", "w"] * 200, dtype=object),
        },
    )
    with opened(path) as data:
        cells, _ = data.cells({})
        groups = data.groups(cells, Grouping(group="g", cluster="k"), own=False)
        whole = data.sketch(cells, own=False, cluster="k")
    assert {name: (sketch.rows, sketch.clusters) for name, sketch in groups.items()} == {"0": (300, 3), "1": (300, 3)}
    assert whole.clusters == 3 and whole.by_name["t"].sums is not None
    for at, column in enumerate(whole.columns):
        parts = [sketch.columns[at].counts for sketch in groups.values()]
        assert tuple(map(sum, zip(*parts, strict=True))) == column.counts


def test_windows_begin_at_multiples_of_their_width_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "t,x\n2026-01-01T23:59:59Z,1\n2026-01-02T00:30:00+02:00,2\n2026-01-02,3\nsoon,4\n,5\n1969-12-31T23:00Z,6\n"
    )
    with opened(path, contract=Contract()) as data:
        found = data.groups(data.cells({})[0], Grouping(time="t", width_us=24 * 3_600_000_000), own=False)
    day = 20454 * 24 * 3_600_000_000
    assert {start: sketch.rows for start, sketch in found.items()} == {
        str(day): 2,
        str(day + 86_400_000_000): 1,
        "-86400000000": 1,
        None: 2,
    }


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2.5e3", "", "0"], "number"),
        (["007", "1"], "category"),
        (["1_000", "2"], "category"),
        (["1e999"], "category"),
        (["inf"], "category"),
        (["+1"], "category"),
        (["true", "FALSE", ""], "boolean"),
        (["true", "1"], "category"),
        (["", ""], "category"),
        (["2026-01-01"], "category"),
    ],
)
def test_columns_of_csv_without_a_type_are_told_as_for_an_endpoint(tmp_path: Path, cells: list[str], kind: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "".join(f"{cell},x\n" for cell in cells))
    with opened(path) as data:
        found, told = data.cells({})
    assert (found[0].kind, told) == (kind, ("a", "b"))


def test_a_sample_follows_the_whole_however_rows_come(tmp_path: Path) -> None:
    """Rows of 24 hours in turn: every 24th would be of one hour."""
    path = parquet(tmp_path / "rows.parquet", {"hour": np.arange(240_000) % 24})
    with opened(path) as data:
        cells, _ = data.cells({})
        rows = data.table.sampled(cells, 5000, None)
    counts = np.bincount([int(values[0]) for _, values in rows], minlength=24)
    assert 4500 < len(rows) < 5500 and counts.min() > 140 and counts.max() < 280
