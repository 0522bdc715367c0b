"""From two data sets to what has drifted: the same whatever the number of rows, and for everything that can be different."""

from __future__ import annotations

from pathlib import Path

import duckdb
import msgspec
import numpy as np
import pytest

import modelway
from drift_cases import found, outcomes, parquet, population
from modelway.config.drift import AtMost, ColumnDriftKeys, DomainClassifier, Drift, DriftLimits
from modelway.data.contract import Contract, load_contract
from modelway.data.drift.detection import DriftFound, detect
from modelway.data.drift.sides import open_side
from modelway.data.drift.sketch import written
from modelway.data.drift.sketching import DataReading
from modelway.errors import InvalidInput

FLIGHTS = Path(__file__).parent / "flights"
PLAIN = Drift(classifier=DomainClassifier(rows=0))


@pytest.mark.parametrize("rows", [1000, 10_000, 100_000, 1_000_000])
def test_the_outcome_is_that_of_the_populations_and_not_of_the_number_of_rows(tmp_path: Path, rows: int) -> None:
    reference = parquet(tmp_path / "reference.parquet", population(rows, 11))
    same = parquet(tmp_path / "same.parquet", population(rows, 12))
    moved = parquet(tmp_path / "moved.parquet", population(rows, 13, shift=0.8))
    result = found(reference, same)
    assert result.report.outcome == "no drift", outcomes(result)
    assert result.report.classifier is not None and result.report.classifier.outcome == "no drift"
    result = found(reference, moved)
    found_there = dict.fromkeys(("normal", "skewed", "spiked", "flag"), "drift")
    assert {name: outcome for name, outcome in outcomes(result).items() if name in found_there} == found_there
    assert outcomes(result)["hour"] == "no drift"


def test_the_error_rate_is_shared_among_all_columns(tmp_path: Path) -> None:
    """The same column is known less surely beside others; that there is no drift anywhere needs no such correction."""
    draw = np.random.default_rng(8)
    one, other = ({f"x{at}": draw.normal(size=3000) + side * (at == 0) for at in range(20)} for side in (0, 1))
    files = [parquet(tmp_path / f"{at}.parquet", rows) for at, rows in enumerate((one, other))]
    alone, beside = (found(*files, PLAIN, columns=columns).report for columns in (("x0",), None))
    first, second = (
        next(column for column in report.columns if column.name == "x0").parts[0] for report in (alone, beside)
    )
    assert (alone.comparisons, beside.comparisons) == (3 + 1, 20 * 3 + 1)
    assert first.value == second.value and first.high == second.high
    assert second.low is not None and first.low is not None and second.low < first.low


def flights(reference: str, current: str) -> DriftFound:
    reading = DataReading(Contract())
    with (
        open_side(FLIGHTS / f"{reference}.json", reference, reading) as one,
        open_side(FLIGHTS / f"{current}.json", current, reading) as other,
    ):
        return detect(one, other, Drift(label="arrived_late"), lambda line: None)


def test_of_flights_june_against_september_is_found_and_two_halves_of_june_are_not() -> None:
    """Real flights, as sketches (flights/make_sketches.py)."""
    report = flights("june", "september").report
    assert report.outcome == "drift"
    drifted = [column.name for column in report.of("drift")]
    assert drifted == ["arrived_late", "dep_delay", "dewp", "pressure", "temp", "wind_dir"]
    assert flights("june-odd-rows", "june-even-rows").report.outcome == "no drift"


def test_of_flights_the_two_halves_of_june_differ_by_no_more_than_days_do() -> None:
    """Its second half was warmer, and rows would prove that; of 15 days each, nothing is proved either way."""
    report = flights("june-first-half", "june-second-half").report
    assert report.reference.clusters == report.current.clusters == 15
    assert (report.outcome, report.of("drift")) == ("inconclusive", ())
    temperature = next(column for column in report.columns if column.name == "temp")
    assert temperature.worst is not None and temperature.worst.value == pytest.approx(0.42, abs=0.01)
    assert temperature.outcome == "inconclusive"


def test_the_same_data_gives_the_same_report_byte_for_byte(tmp_path: Path) -> None:
    one = parquet(tmp_path / "one.parquet", population(20_000, 1))
    other = parquet(tmp_path / "other.parquet", population(20_000, 2, shift=0.3))
    reports = {msgspec.json.encode(found(one, other, memory_mb=memory).report) for memory in (64, 1024)}
    assert len(reports) == 1


def test_a_column_that_is_gone_new_or_of_another_type_counts(tmp_path: Path) -> None:
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    duckdb.execute(
        f"COPY (SELECT range AS a, 'x' AS b, range % 2 = 0 AS c, 1 AS d FROM range(1000)) TO '{one}' (FORMAT parquet)"
    )
    duckdb.execute(f"COPY (SELECT range AS a, 5 AS b, range AS e FROM range(1000)) TO '{other}' (FORMAT parquet)")
    report = found(one, other, PLAIN).report
    said = {column.name: (column.outcome, column.detail) for column in report.columns}
    assert said == {
        "a": ("no drift", ""),
        "b": ("drift", "is stored as INTEGER, and was text"),
        "c": ("drift", "is not there any more"),
        "d": ("drift", "is not there any more"),
    }
    assert report.new_columns == ("e",)


def test_a_new_column_is_drift_unless_new_columns_are_allowed(tmp_path: Path) -> None:
    one = parquet(tmp_path / "one.parquet", {"a": np.arange(1000)})
    other = parquet(tmp_path / "other.parquet", {"a": np.arange(1000), "b": np.arange(1000)})
    assert found(one, other, PLAIN).report.outcome == "drift"
    allowed = found(one, other, msgspec.structs.replace(PLAIN, new_columns="allow")).report
    assert (allowed.outcome, allowed.new_columns) == ("no drift", ("b",))
    assert found(one, other, PLAIN, leave_out=("b",)).report.new_columns == ()


def test_missing_unreadable_and_unseen_values_count(tmp_path: Path) -> None:
    """1 % to 10 % of each; the values that are there have not moved."""
    for name, every in (("one", 100), ("other", 10)):
        rows = "".join(
            f"{'' if at % every == 0 else at % 20},{'oops' if at % every == 1 else at % 20},"
            f"{'new' if at % every == 2 and every == 10 else 'abc'[at % 3]}\n"
            for at in range(20_000)
        )
        (tmp_path / f"{name}.csv").write_text(f"gone,odd,text\n{rows}")
    (tmp_path / "contract.yml").write_text(
        "columns: {gone: {type: integer}, odd: {type: number}, text: {type: string}}"
    )
    contract = load_contract(tmp_path / "contract.yml")
    report = found(tmp_path / "one.csv", tmp_path / "other.csv", PLAIN, contract=contract).report
    moved = {(column.name, part.of) for column in report.columns for part in column.parts if part.outcome == "drift"}
    assert moved == {("gone", "missing"), ("odd", "unreadable"), ("text", "unseen")}


def test_rows_beside_themselves_or_a_part_of_them_are_no_drift(tmp_path: Path) -> None:
    """Of texts that are rare the reference knows all that current rows have, more than of new rows it would."""
    draw = np.random.default_rng(5)
    for name, rows in (("all", 2000), ("half", 1000)):
        draw = np.random.default_rng(5)
        texts = "".join(f"{value:.1f} cm\n" for value in draw.normal(170, 9, rows))
        (tmp_path / f"{name}.csv").write_text(f"height\n{texts}")
    for current in ("all", "half"):
        [column] = found(tmp_path / "all.csv", tmp_path / f"{current}.csv", PLAIN).report.columns
        [unseen] = [part for part in column.parts if part.of == "unseen"]
        assert (unseen.outcome, unseen.value, unseen.low) == ("no drift", 0, 0)
        assert unseen.shares is not None and unseen.shares[0] > 0.03 and unseen.shares[1] == 0


def test_numbers_that_are_stored_as_text_now_are_drift(tmp_path: Path) -> None:
    counts = np.random.default_rng(3).poisson(3, 3000)
    numbers, texts = (
        parquet(tmp_path / f"{name}.parquet", {"visits": values})
        for name, values in (("numbers", counts), ("texts", counts.astype(str)))
    )
    [column] = found(numbers, texts, PLAIN).report.columns
    assert (column.outcome, column.detail) == ("drift", "is stored as VARCHAR, and was a number")
    (tmp_path / "rows.csv").write_text("\n".join(["visits", *map(str, counts)]))
    assert found(numbers, tmp_path / "rows.csv", PLAIN).report.outcome == "no drift"  # where all is text
    (tmp_path / "contract.yml").write_text("columns: {visits: {type: integer}}")
    contract = load_contract(tmp_path / "contract.yml")
    assert found(numbers, texts, PLAIN, contract=contract).report.outcome == "no drift"


def test_a_time_is_compared_only_where_it_has_a_margin(tmp_path: Path) -> None:
    for month in (1, 2):
        query = f"SELECT TIMESTAMP '2026-0{month}-01' + INTERVAL (range) MINUTE AS t FROM range(1000)"
        duckdb.execute(f"COPY ({query}) TO '{tmp_path / f'{month}.parquet'}' (FORMAT parquet)")
    one, other = tmp_path / "1.parquet", tmp_path / "2.parquet"
    (column,) = found(one, other, PLAIN).report.columns
    assert column.outcome == "no drift" and "moves on by itself" in column.detail
    judged = msgspec.structs.replace(PLAIN, columns={"t": ColumnDriftKeys(margin=0.15)})
    assert found(one, other, judged).report.outcome == "drift"


def test_label_and_prediction_have_their_roles_and_a_late_label_is_no_drift(tmp_path: Path) -> None:
    one = parquet(tmp_path / "one.parquet", {"x": np.arange(1000), "y": np.arange(1000) % 2})
    other = parquet(tmp_path / "other.parquet", {"x": np.arange(1000), "p": np.arange(1000) % 2})
    named = msgspec.structs.replace(PLAIN, label="y", prediction="p")
    report = found(one, other, named).report
    assert (report.outcome, report.new_columns) == ("no drift", ())
    assert report.notes == (
        "the label y is in one.parquet alone, and was not compared",
        "the prediction p is in other.parquet alone, and was not compared",
    )
    roles = {
        column.name: column.role for column in found(one, one, msgspec.structs.replace(PLAIN, label="y")).report.columns
    }
    assert roles == {"x": "feature", "y": "label"}


def test_slices_find_what_the_whole_hides_and_share_the_error_rate(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    place = np.array(["big", "big", "big", "big", "big", "big", "big", "small"], dtype=object)[np.arange(40_000) % 8]
    still, moved = draw.normal(size=(2, 40_000))
    moved = np.where(place == "small", moved + 1, moved)
    one = parquet(tmp_path / "one.parquet", {"place": place, "x": still})
    other = parquet(tmp_path / "other.parquet", {"place": place, "x": moved})
    whole = found(one, other, PLAIN).report
    assert (whole.outcome, whole.comparisons) == ("no drift", 7)
    sliced = found(one, other, msgspec.structs.replace(PLAIN, slices=("place",))).report
    assert {group.name: group.outcome for group in sliced.slices} == {
        "place = big": "no drift",
        "place = small": "drift",
    }
    assert (sliced.outcome, sliced.comparisons) == ("drift", 7 + 2 * 3)
    assert sliced.slices[1].n == (5000, 5000) and sliced.slices[1].of("drift") == ("x",)


def test_windows_are_compared_with_all_of_the_reference_and_small_ones_only_shown(tmp_path: Path) -> None:
    moved = "range % 100 + CASE WHEN range > {} THEN 60 ELSE 0 END"
    query = f"SELECT TIMESTAMP '2026-01-01' + INTERVAL (range) MINUTE AS t, {moved} AS x"
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    duckdb.execute(f"COPY ({query.format(9999)} FROM range(5000)) TO '{one}' (FORMAT parquet)")
    duckdb.execute(f"COPY ({query.format(1439)} FROM range(2900)) TO '{other}' (FORMAT parquet)")
    settings = msgspec.structs.replace(PLAIN, time_column="t", window_hours=24)
    report = found(one, other, settings).report
    assert [(group.name, group.n, group.outcome) for group in report.windows] == [
        ("2026-01-01T00:00:00Z", (5000, 1440), "no drift"),
        ("2026-01-02T00:00:00Z", (5000, 1440), "drift"),
        ("2026-01-03T00:00:00Z", (5000, 20), None),
    ]


def test_a_teams_own_limit_decides_beside_the_margins(tmp_path: Path) -> None:
    one = parquet(tmp_path / "one.parquet", population(5000, 1))
    other = parquet(tmp_path / "other.parquet", population(5000, 2, shift=0.2))
    strict = msgspec.structs.replace(PLAIN, limits=DriftLimits(psi=AtMost(at_most=0.01), ks=AtMost(at_most=0.05)))
    report = found(one, other, strict).report
    limited = {(column.name, part.measure) for column in report.columns for part in column.parts if part.of == "limit"}
    assert {("normal", "psi"), ("normal", "ks"), ("place", "psi")} <= limited and ("place", "ks") not in limited
    assert "normal" in [column.name for column in report.of("drift")]
    own = msgspec.structs.replace(strict, columns={"normal": ColumnDriftKeys(limits=DriftLimits())})
    assert outcomes(found(one, other, own))["normal"] == "no drift"


def test_margins_of_a_column_hold_for_it_alone(tmp_path: Path) -> None:
    one = parquet(tmp_path / "one.parquet", population(50_000, 1))
    other = parquet(tmp_path / "other.parquet", population(50_000, 2, shift=0.3))
    assert outcomes(found(one, other, PLAIN))["normal"] == "no drift"
    strict = msgspec.structs.replace(PLAIN, columns={"normal": ColumnDriftKeys(margin=0.05)})
    result = outcomes(found(one, other, strict))
    assert (result["normal"], result["skewed"]) == ("drift", "no drift")


def test_sketches_say_what_their_rows_say(tmp_path: Path) -> None:
    one = parquet(tmp_path / "one.parquet", population(5000, 1))
    other = parquet(tmp_path / "other.parquet", population(5000, 2, shift=0.8))
    rows = found(one, other)
    for name, sketch in (("one.json", rows.reference), ("other.json", rows.current)):
        (tmp_path / name).write_text(written(sketch))
    for before, after in (("one.json", "other.json"), ("one.json", "other.parquet"), ("one.parquet", "other.json")):
        result = found(tmp_path / before, tmp_path / after)
        assert outcomes(result) == outcomes(rows)
        assert result.report.classifier is None and "the classifier needs the rows" in result.report.notes[0]
        assert written(result.current) == written(rows.current)


def test_a_column_of_identifiers_is_not_compared_text_by_text(tmp_path: Path) -> None:
    for first in (0, 20_000):
        query = f"SELECT 'id-' || (range + {first}) AS id FROM range(20000)"
        duckdb.execute(f"COPY ({query}) TO '{tmp_path / f'{first}.parquet'}' (FORMAT parquet)")
    (column,) = found(tmp_path / "0.parquet", tmp_path / "20000.parquet", PLAIN).report.columns
    assert (
        column.outcome == "no drift"
        and "identifiers" in column.detail
        and [part.of for part in column.parts] == ["missing"]
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Drift(cluster="nowhere"), "has no column 'nowhere'"),
        (Drift(label="nowhere"), "has no column 'nowhere'"),
        (Drift(slices=("nowhere",)), "has no column 'nowhere'"),
        (Drift(leave_out=("norml",)), "did you mean 'normal'"),
        (Drift(columns={"norml": ColumnDriftKeys(margin=0.1)}), "did you mean 'normal'"),
        (Drift(time_column="normal"), "there are no windows of time"),
        (Drift(window_hours=1.0), "without a column of times"),
        (Drift(window_hours=1.0, time_column="normal"), "is stored as DOUBLE, and not as a time"),
    ],
)
def test_what_is_asked_of_a_column_that_is_not_there_is_one_line(tmp_path: Path, settings: Drift, said: str) -> None:
    path = parquet(tmp_path / "one.parquet", population(500, 1))
    with pytest.raises(InvalidInput) as raised:
        found(path, path, settings)
    assert said in raised.value.line() and raised.value.fix


def test_nothing_to_look_at_is_no_pass(tmp_path: Path) -> None:
    empty, full = tmp_path / "empty.csv", tmp_path / "full.csv"
    empty.write_text("a,day\n")
    full.write_text("a,day\n" + "1,monday\n" * 1000)
    for one, other in ((empty, full), (full, empty)):
        for settings in (Drift(), Drift(cluster="day")):
            with pytest.raises(InvalidInput, match="has no rows"):
                found(one, other, settings)
    with pytest.raises(InvalidInput, match="no column is left"):
        found(full, full, leave_out=("a", "day"))
    single = tmp_path / "single.csv"
    single.write_text("a\n1\n")
    assert found(single, single).report.outcome == "inconclusive"


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_folders_that_hold_columns_and_json_lines_are_compared_too(tmp_path: Path, form: str) -> None:
    """A row's place, by which edges are chosen, is told otherwise in each form of data."""
    for side, shift in (("reference", 0), ("current", 1)):
        for year in (2025, 2026):
            place = tmp_path / side / f"year={year}"
            place.mkdir(parents=True)
            rows = duckdb.sql(f"SELECT hash(i + {year}) % 1000 / 1000 + {shift} AS a FROM range(2000) t(i)")
            if form == "parquet":
                rows.write_parquet(str(place / "rows.parquet"))
            else:
                (place / "rows.jsonl").write_text("".join(f'{{"a": {a}}}\n' for (a,) in rows.fetchall()))
    told = modelway.detect_drift(
        reference=str(tmp_path / "reference"), current=str(tmp_path / "current"), working_directory=str(tmp_path)
    )
    assert told.drifted_columns == ["a"]
    assert {column.name: column.outcome for column in told.drift.columns}["year"] == "no drift"


def test_a_sketch_in_other_columns_is_refused(tmp_path: Path) -> None:
    """What it has no cells for would not be compared, and a column that is gone would be no drift."""
    for name, query in {"old": "i AS a, i AS x", "new": "i AS a, i AS y"}.items():
        duckdb.sql(f"SELECT {query} FROM range(500) t(i)").write_parquet(str(tmp_path / f"{name}.parquet"))
    old, new, sketch = (str(tmp_path / name) for name in ("old.parquet", "new.parquet", "new.json"))
    folder = str(tmp_path)
    modelway.detect_drift(reference=new, current=new, current_sketch="new.json", working_directory=folder)
    with pytest.raises(InvalidInput, match="in other columns than .* has: x, y"):
        modelway.detect_drift(reference=old, current=sketch, working_directory=folder)
    found = modelway.detect_drift(reference=old, current=new, current_sketch="new.json", working_directory=folder)
    again = modelway.detect_drift(reference=old, current=sketch, working_directory=folder)
    assert found.drifted_columns == again.drifted_columns == ["x"]


def test_days_as_text_are_times_where_windows_are_of_them(tmp_path: Path) -> None:
    for month in (1, 2):
        lines = [f"2026-{month:02}-{day:02},{row % 7}\n" for day in range(1, 4) for row in range(300)]
        (tmp_path / f"{month}.csv").write_text("day,x\n" + "".join(lines))
    found = modelway.detect_drift(
        reference="1.csv", current="2.csv", time_column="day", window_hours=24, working_directory=str(tmp_path)
    )
    assert len(found.drift.windows) == 3
    assert not [window for window in found.drift.windows if window.outcome == "drift"]
    with pytest.raises(InvalidInput, match="'x' has no time in any row"):
        modelway.detect_drift(
            reference="1.csv", current="2.csv", time_column="x", window_hours=24, working_directory=str(tmp_path)
        )
