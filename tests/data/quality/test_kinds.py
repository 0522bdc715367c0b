"""What each kind of check finds, and what it leaves alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data.quality.conftest import LookThrough, csv

Parquet = Callable[..., Path]
CHANCE = random.Random(7)
NORMAL = [round(CHANCE.gauss(50, 5), 3) for _ in range(2000)]
DELAYS = [CHANCE.expovariate(0.1) - 5 for _ in range(5000)]


@pytest.fixture
def parquet(tmp_path: Path) -> Parquet:
    def write(query: str) -> Path:
        path = tmp_path / "rows.parquet"
        duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        return path

    return write


def test_sound_data_pass_every_check(look: LookThrough) -> None:
    day = [f"2026-{1 + at % 9:02}-{1 + at % 28:02}" for at in range(2000)]
    kind, y = [("a", "b", "c")[at % 3] for at in range(2000)], [at * 7 % 11 % 2 for at in range(2000)]
    data = csv(x=NORMAL, size=[at % 50 for at in range(2000)], kind=kind, day=day, y=y)
    found = look(data, label="y")
    assert (found.report.outcome, found.broken) == ("pass", [])
    assert {check.kind for check in found.report.checks} == {
        *("empty-rows", "label", "imbalance", "leakage", "duplicates", "missing", "dates", "encoding", "outliers"),
        *("constant", "ids", "mixed", "spelling"),
    }


def test_missing_values_and_rows_with_nothing(look: LookThrough) -> None:
    found = look(csv(a=[1, None, 2, None, 3], b=["x", None, "y", "z", "w"]))
    missing, empty = found["a missing values"], found["empty rows"]
    assert (missing.outcome, missing.n, missing.value, missing.limit) == ("warn", 5, 40, 20)
    assert (empty.outcome, empty.n, empty.value, empty.detail) == ("fail", 5, 20, "1 rows have nothing in them")
    assert found["b missing values"].outcome == "pass"


def test_rows_that_repeat_are_named_with_the_row_before(look: LookThrough) -> None:
    data = csv(id=range(5), a=[1, 2, 1, 4, 1], b=["x", "y", "x", "z", None])
    assert look(data)["duplicate rows"].value == 0
    found = look(data, {"duplicates": {"without": ["id"]}})["duplicate rows"]
    assert (found.value, found.outcome, [example.value for example in found.examples]) == (
        20,
        "warn",
        ["row 3 repeats row 1"],
    )


def test_rows_of_several_files_are_named_with_their_files(look: LookThrough, tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    for name, text in (("a.csv", "x,y\n1,p\n2,q\n"), ("deeper/b.csv", "x,y\n3,r\n1,p\n9,caf\ufffd\n")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    found = look(folder)
    assert [example.value for example in found["duplicate rows"].examples] == ["deeper/b.csv row 2 repeats a.csv row 1"]
    [damaged] = found["y encoding"].examples
    assert (damaged.file, damaged.row) == ("deeper/b.csv", 3)


def test_a_label_is_there_differs_and_has_rows_of_each_class(look: LookThrough) -> None:
    found = look(csv(a=range(30), y=[None if at % 7 == 0 else at % 2 for at in range(30)]), label="y")
    assert (found["y there"].outcome, found["y there"].detail) == ("fail", "5 rows have none")
    assert look(csv(a=range(30), y=[1] * 30), label="y")["y differs"].outcome == "fail"
    rare = look(csv(a=range(300), y=["cat"] * 295 + ["dog"] * 5), label="y")["y smallest class"]
    assert (rare.outcome, rare.value, rare.limit, rare.detail) == ("fail", 5, 10, "dog is the smallest of 2 classes")


def test_imbalance_for_any_number_of_classes_has_an_interval(look: LookThrough) -> None:
    two = look(csv(y=[int(at % 100 == 0) for at in range(3000)]), label="y")["y imbalance"]
    assert (two.outcome, two.value) == ("warn", 2)
    assert two.interval == pytest.approx((1.40, 2.85), abs=0.01)
    ten = look(csv(y=[f"c{at % 10}" for at in range(3000)]), label="y")["y imbalance"]
    assert (ten.outcome, ten.value) == ("pass", 100)
    few = look(csv(y=[f"c{at % 10}" for at in range(200)] + ["c10"]), label="y")["y imbalance"]
    assert "too few rows to be sure" in few.detail


def test_a_class_of_200_is_the_rarest_by_its_own_count(look: LookThrough) -> None:
    """More classes than a report lists."""
    found = look(csv(y=[f"c{at % 200:03}" for at in range(6000)] + ["c007"] * 3), label="y")
    assert (found["y smallest class"].value, found["y imbalance"].value) == (30, pytest.approx(99.95))


LEAKS = {
    "a code of it": csv(x=[f"code{at % 2}" for at in range(1000)], y=[at % 2 for at in range(1000)]),
    "what it is cut from": csv(x=DELAYS, y=[int(delay >= 15) for delay in DELAYS]),
    "what a rare one is cut from": csv(x=DELAYS * 4, y=[int(delay >= 45) for delay in DELAYS] * 4),
    "a scale of a number": csv(x=NORMAL, y=[3 * value + 1 for value in NORMAL]),
    "that it is missing": csv(
        x=[None if at * 7 % 11 % 2 else at for at in range(1000)], y=[at * 7 % 11 % 2 for at in range(1000)]
    ),
    "one of many classes": csv(x=[at % 40 for at in range(4000)], y=[f"c{at % 40}" for at in range(4000)]),
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_column_that_tells_the_label_is_a_leak(kind: str, look: LookThrough) -> None:
    found = look(LEAKS[kind], label="y")["x tells y"]
    assert found.outcome == "fail" and found.value is not None and found.value > 90
    assert found.interval and "is it known when a prediction is asked for?" in found.detail


@pytest.mark.parametrize(
    "column",
    [
        [f"user{at}" for at in range(3000)],
        CHANCE.sample(range(10**9), 3000),
        [CHANCE.gauss(0, 1) for _ in range(3000)],
        [at // 2 for at in range(3000)],
    ],
    ids=["names", "numbers of rows", "noise", "two rows each"],
)
def test_names_of_rows_are_no_leak_however_well_they_could_be_learnt_by_heart(
    column: list[Any], look: LookThrough
) -> None:
    chance = random.Random(3)
    found = look(csv(x=column, y=[chance.randrange(2) for _ in range(3000)]), label="y")["x tells y"]
    assert found.outcome == "pass" and found.value is not None and found.value < 5


def test_a_good_feature_is_no_leak(look: LookThrough) -> None:
    late = [int(delay + CHANCE.gauss(0, 4) >= 15) for delay in DELAYS]
    found = look(csv(x=DELAYS, y=late), label="y")["x tells y"]
    assert found.outcome == "pass" and found.value is not None and 40 < found.value < 85


def test_errors_of_unit_and_nines_are_outliers(look: LookThrough) -> None:
    found = look(csv(x=[*NORMAL, *[9999] * 20], z=[*NORMAL[:2000], *NORMAL[:15], *[5000] * 5]))
    assert (found["x outliers"].value, found["x outliers"].outcome) == (pytest.approx(100 * 20 / 2020), "warn")
    assert [(example.value, example.row) for example in found["z outliers"].examples] == [
        ("5000", 2016),
        ("5000", 2017),
        ("5000", 2018),
    ]


def test_few_whole_numbers_have_outliers_too(look: LookThrough) -> None:
    found = look(csv(rating=[1 + at % 5 for at in range(500)] + [55, 45]))
    assert found["rating outliers"].value == pytest.approx(100 * 2 / 502)
    assert look(csv(flag=[int(at % 200 == 0) for at in range(1000)])).broken == ["duplicate rows"]


def test_columns_of_one_value(look: LookThrough) -> None:
    found = look(csv(a=[1] * 2000, b=["x"] * 1999 + [None], c=[0] * 1999 + [1], d=[0] * 1990 + [1] * 10))
    assert found["a most frequent value"].detail == "is 1 in every row"
    assert found["b most frequent value"].detail == "is x in every row that has a value"
    assert found["c most frequent value"].detail == "0 in 1,999 of 2,000; 2 different values"
    assert found["d most frequent value"].outcome == "pass"


def test_numbers_that_name_rows_are_told(look: LookThrough) -> None:
    data = csv(
        rowid=range(1000, 1200),
        customer_id=CHANCE.sample(range(10**6), 200),
        cents=CHANCE.sample(range(10**6), 200),
        shuffled=CHANCE.sample(range(200), 200),
    )
    found = look(data)
    assert found.broken == ["rowid different values", "customer_id different values", "shuffled different values"]
    assert "each is larger than the one before" in found["rowid different values"].detail
    assert found["customer_id different values"].detail == (
        "names rows: the column is named as ids are; leave it out of the training"
    )


@pytest.mark.parametrize(
    ("name", "is_one"), [("paid", False), ("humid", False), ("userId", True), ("USER_ID", True), ("customerid", True)]
)
def test_a_word_that_ends_in_id_is_no_id(name: str, is_one: bool, look: LookThrough) -> None:
    found = look(csv(**{name: CHANCE.sample(range(10**6), 200)}))
    assert (found.broken == [f"{name} different values"]) == is_one


MIXED = {
    "decimal commas": (["1.5", '"2,5"', "3"], "numbers with a decimal comma (1)"),
    "thousands": (["1500", '"1,500"', "1600"], "numbers with thousands separators (1)"),
    "units": (["12", "13 kg", "14"], "numbers with a unit (1)"),
    "words among numbers": (["12", "x", "14"], "words (1)"),
    "words for missing": (["12", "?", "14"], "words for a missing value (1)"),
    "two orders of dates": (["2026-01-02", "2026-01-03", "1/4/2026"], "dates with slashes (1)"),
    "lost zeros": (
        ["02134", "90210", "2134", "10001", "60601", "33101"],
        "digits that lost a leading zero (most have 5) (1)",
    ),
    "infinity": (["1", "inf", "3"], "infinite (1)"),
}


@pytest.mark.parametrize("kind", MIXED)
def test_text_that_is_written_in_several_ways(kind: str, look: LookThrough) -> None:
    values, said = MIXED[kind]
    found = look(csv(x=values))["x mixed"]
    assert (found.outcome, found.detail, len(found.examples)) == ("warn", said, 1)
    assert found.value == pytest.approx(100 / len(values))


@pytest.mark.parametrize(
    "values",
    [
        ["9E", "AA", "12", "UA"],
        ["1", "2.5", "1e3"],
        ["yes", "no", "Yes"],
        ["2026-01-02", "2026-01-02T08:00"],
        ["007", "012"],
    ],
    ids=["codes", "numbers", "truth", "times", "zeros"],
)
def test_text_that_is_written_in_one_way(values: list[str], look: LookThrough) -> None:
    assert look(csv(x=values))["x mixed"].outcome == "pass"


def test_infinite_numbers_that_are_stored_as_numbers(look: LookThrough, parquet: Parquet) -> None:
    path = parquet(
        "SELECT CASE i % 5 WHEN 0 THEN 'nan'::DOUBLE WHEN 1 THEN '-inf'::DOUBLE ELSE i END AS x FROM range(100) t(i)"
    )
    found = look(path)
    assert (found["x mixed"].n, found["x mixed"].value, found["x missing values"].value) == (80, 25, 20)


def test_dates_that_cannot_be(look: LookThrough) -> None:
    data = csv(
        d=["2026-01-02", "2031-01-03", "1877-01-01", "2026-11-22"],
        t=["2026-01-02T00:00:00Z", "2026-11-23T00:00+02:00", "2026-01-02 10:00", "2026-01-03"],
    )
    found = look(data)
    dates, times = found["d possible dates"], found["t possible dates"]
    assert (dates.outcome, dates.n, dates.value, dates.limit) == ("fail", 4, 2, 0)
    assert [(example.value, example.row) for example in dates.examples] == [("2031-01-03", 2), ("1877-01-01", 3)]
    assert (times.value, times.examples[0].row) == (1, 2)
    assert "t possible dates" not in look(data, {"columns": {"t": {"dates": False}}})
    patient = {"dates": {"ahead-at-most-hours": 24 * 365 * 5, "not-before": "1800-01-01"}}
    assert look(data, patient)["d possible dates"].outcome == "pass"


TEXTS = {
    "mojibake": ("CafÃ©", "encoding"),
    "mojibake of quotes": ("â€œquoteâ€", "encoding"),
    "Cyrillic as Latin-1": ("ÐŸÑ\x80Ð¸Ð²ÐµÑ\x82", "encoding"),
    "a lost letter": ("caf\ufffd", "encoding"),
    "a control character": ("bell\x07", "encoding"),
    "a blank behind": ("plain ", "spelling"),
    "a hard blank before": ("\u00a0plain", "spelling"),
    "accents apart": ("Cafe\u0301", "spelling"),
    "a letter that looks alike": ("р\u0430ypal", "spelling"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_damaged_text_and_what_nobody_sees(kind: str, look: LookThrough) -> None:
    text, found_by = TEXTS[kind]
    sound = [
        "Café",
        "naïve",
        "Ångström",
        "Привет",
        "東京",
        "É",
        "Ã",
        "straße",
        "São Paulo",
        "a_b",
        "x^2",
        "5 °C",
        "Ελλάδα",
    ]
    found = look("x\n" + "\n".join([*sound, text]) + "\n")
    broken = found[f"x {found_by}"]
    assert broken.outcome == {"encoding": "fail", "spelling": "warn"}[found_by]
    assert broken.value == pytest.approx(100 / 14) and broken.examples[0].row == 14
    assert [name for name in found.broken if name.startswith("x")] == [f"x {found_by}"]


def test_one_category_that_is_written_in_several_ways(look: LookThrough) -> None:
    values = ["New York"] * 50 + ["new york"] * 3 + ["New  York"] * 2 + ["Boston"] * 50
    found = look(csv(city=values))["city spelling"]
    assert (found.outcome, found.value) == ("warn", pytest.approx(100 * 5 / 105))
    assert found.examples[0].value == "'new york' beside 'New York'"


def test_large_numbers_are_told_apart(look: LookThrough, parquet: Parquet) -> None:
    """Beyond what double precision holds."""
    found = look(csv(x=[10**30 + at for at in range(200)]))
    assert found.broken == ["x different values"]
    huge, unsigned = "i::HUGEINT * 1000000000000000000000 + 1 AS h", "(i::HUGEINT + 9223372036854775807)::UBIGINT AS u"
    path = parquet(f"SELECT {huge}, {unsigned} FROM range(200) t(i)")
    assert look(path).broken == ["h different values", "u different values"]


@pytest.mark.parametrize("data", ["a,b\n", "a,b\n,\n,\n"], ids=["no rows", "nothing in them"])
def test_nothing_to_look_at_is_no_pass(data: str, look: LookThrough) -> None:
    assert look(data).report.outcome == "fail"
