"""A profile's figures are those of pandas and scipy, masked columns are nowhere in it, and its page holds whatever data
have."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import msgspec
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from data.quality.conftest import asked_for, csv
from modelway.data.profile.association import cramers_v, rank_correlation
from modelway.data.profile.profiling import profile
from modelway.data.profile.record import ProfileColumn, ProfileReport
from modelway.report.profile_page import page, summary

Profile = Callable[..., ProfileReport]
RNG = np.random.default_rng(3)
N = 3000
X = RNG.normal(50, 5, N).round(2)
FRAME = pd.DataFrame(
    {
        "x": X,
        "skewed": RNG.lognormal(0, 2, N),
        "count": RNG.poisson(3, N),
        "with_x": X + RNG.normal(0, 1, N),
        "kind": RNG.choice(["a", "b", "c"], N, p=[0.6, 0.3, 0.1]),
        "day": pd.date_range("2026-01-01", periods=N, freq="h"),
        "late": X + RNG.normal(0, 3, N) > 53,
    }
)
FRAME.loc[::7, "skewed"] = np.nan


@pytest.fixture
def made(tmp_path: Path) -> Profile:
    """made(frames or texts by name, label=..., masked=...)"""

    def made(sets: dict[str, pd.DataFrame | str], **more: object) -> ProfileReport:
        paths = {}
        for name, data in sets.items():
            paths[name] = tmp_path / name
            if isinstance(data, str):
                paths[name].write_text(data)
            else:
                duckdb.from_df(data).write_parquet(str(paths[name]))
        return profile(asked_for(**more), paths, "the test")  # type: ignore[arg-type]

    return made


def column(report: ProfileReport, name: str, at: int = 0) -> ProfileColumn:
    return next(one for one in report.profiles[at].columns if one.name == name)


def test_every_figure_is_the_one_that_pandas_has(made: Profile) -> None:
    found = made({"rows.parquet": FRAME}, label="late")
    for name in ("x", "skewed", "count", "with_x"):
        one, values = column(found, name), FRAME[name].dropna()
        assert (one.n, one.missing, one.distinct) == (len(values), N - len(values), values.nunique())
        assert (one.low, one.high) == (values.min(), values.max())
        assert one.mean == pytest.approx(values.mean(), rel=1e-12)
        assert one.deviation == pytest.approx(values.std(), rel=1e-9)
        for p, value in one.quantiles.items():
            assert (values <= value).mean() >= float(p) > (values < value).mean()
    days = column(found, "day")
    assert (days.low, days.high, days.distinct) == ("2026-01-01", "2026-05-05T23:00:00Z", N)
    kinds = {value.value: value.count for value in column(found, "kind").top}
    assert kinds == FRAME["kind"].value_counts().to_dict()


def test_bars_hold_every_value_and_the_share_of_the_class(made: Profile) -> None:
    found = made({"rows.parquet": FRAME}, label="late")
    assert found.drawn_class == "true"
    for name in ("x", "skewed", "day"):
        bars = column(found, name).bars
        assert bars is not None and 8 <= len(bars.edges) <= 73
        assert sum(bars.counts) == column(found, name).n == sum(bars.labelled)
        assert sum(bars.positive) == FRAME.loc[FRAME[name].notna(), "late"].sum()
    bars = column(found, "x").bars
    assert bars is not None
    edges = [-np.inf, *bars.edges, np.inf]
    assert list(bars.counts) == pd.cut(FRAME["x"], edges).value_counts(sort=False).tolist()
    assert column(found, "skewed").bars is not None and column(found, "skewed").bars.logarithmic  # type: ignore[union-attr]


def test_two_data_sets_are_drawn_alike_and_told_apart(made: Profile) -> None:
    other = FRAME.assign(x=FRAME["x"] + 10, extra=1.5)
    found = made({"train.parquet": FRAME, "test.parquet": other}, label="late")
    one, two = column(found, "x").bars, column(found, "x", 1).bars
    assert one is not None and two is not None and one.edges == two.edges
    apart = {item.column: item.distance for item in found.distances}
    assert next(iter(apart)) == "x" and apart["x"] > 0.5 and apart["kind"] == 0
    assert [part.data for part in found.quality] == [
        "train.parquet",
        "test.parquet",
        "test.parquet beside train.parquet",
    ]
    shown = page(found)
    assert "train.parquet beside test.parquet" in shown and "in test.parquet alone" in shown


def test_what_goes_together_is_what_scipy_says(made: Profile) -> None:
    found = made({"rows.parquet": FRAME}, label="late")
    pairs = {(item.one, item.other): item for item in found.profiles[0].associations}
    ranked = pairs["x", "with_x"]
    assert ranked.measure == "rank correlation" and ranked.n == N
    assert ranked.value == pytest.approx(stats.spearmanr(FRAME["x"], FRAME["with_x"])[0], abs=0.01)
    low, high = ranked.interval  # type: ignore[misc]
    assert low < ranked.value < high
    assert pairs["x", "kind"].value < 0.05 and pairs["x", "late"].value > 0.4


def test_measures_of_association() -> None:
    joint = {(a, b): int(count) for (a, b), count in np.ndenumerate(RNG.integers(0, 40, (5, 4)))}
    table = np.array([[joint[a, b] for b in range(4)] for a in range(5)])
    rows = [(a, b) for (a, b), count in joint.items() for _ in range(count)]
    found = rank_correlation(joint)
    assert found is not None and found[1] == pytest.approx(stats.spearmanr(rows)[0])
    n, chi2 = table.sum(), stats.chi2_contingency(table, correction=False)[0]
    phi = max(0, chi2 / n - 4 * 3 / (n - 1))
    v = np.sqrt(phi / (min(5 - 16 / (n - 1), 4 - 9 / (n - 1)) - 1))
    assert cramers_v(joint) == (n, pytest.approx(v))
    assert cramers_v({(0, 0): 5, (1, 1): 5}) == (10, pytest.approx(1)) and cramers_v({(0, 0): 9, (-1, 1): 3}) is None
    assert rank_correlation({(0, 0): 4, (1, 1): 4}) == (8, 1, 1, 1) and rank_correlation({(0, 0): 9}) is None


def test_what_is_missing_together(made: Profile) -> None:
    data = csv(a=[1, None, None, 4, None], b=[None, None, None, 1, None], c=[1, 2, None, 4, 5])
    found = made({"rows.csv": data}).profiles[0].missing_together
    assert [(pattern.columns, pattern.rows) for pattern in found] == [
        (("a", "b"), 2),
        (("b",), 1),
        (("a", "b", "c"), 1),
    ]


SECRET = "Zsofia-Secret"


def test_a_masked_column_is_named_and_nowhere_else(made: Profile) -> None:
    frame = FRAME.assign(name=[f"{SECRET}{at % 5} " for at in range(N)], salary=RNG.normal(98765, 1, N))
    found = made({"rows.parquet": frame}, label="late", masked=("name", "salary"))
    told = page(found) + msgspec.json.encode(found).decode() + summary(found, "x.html")
    assert SECRET not in told and "9876" not in told
    name = column(found, "name")
    assert (name.masked, name.n, name.distinct, name.top, name.bars) == (True, N, 0, (), None)
    assert "masked: its values are nowhere shown" in told


def test_a_masked_label_is_not_drawn(made: Profile) -> None:
    found = made({"rows.parquet": FRAME}, label="late", masked=("late",))
    bars = column(found, "x").bars
    assert found.drawn_class is None and bars is not None and bars.positive == ()


HOSTILE = "<script>alert(1)</script>\"'&; DROP"


def test_whatever_stands_in_the_data_is_text(made: Profile) -> None:
    data = pd.DataFrame({HOSTILE: [HOSTILE, "x"] * 50, "</td>": range(100), "Ünï\ncode": [None] * 100})
    found = made({"rows.parquet": data})
    shown = page(found)
    assert "<script>alert" not in shown and html.escape(HOSTILE) in shown and shown.count("<script>") == 1
    assert "src=" not in shown and "http" not in shown and "@import" not in shown and "url(" not in shown
    json.loads(msgspec.json.encode(found))


@pytest.mark.parametrize(
    "data",
    [
        "a,b\n",
        "a\n1\n",
        "a,b\n,\n,\n",
        "a,b\n1,x\n1,x\n",
        "a\n1e300\n-1e300\n1e-300\n",
        "a\n2026-01-01\n",
        "a\n0\n0\n1\n",
    ],
    ids=["no rows", "one row", "nothing", "the same", "huge", "a date", "two"],
)
def test_small_and_odd_data_have_a_page(data: str, made: Profile) -> None:
    found = made({"rows.csv": data})
    assert "Columns" in page(found) and found.profiles[0].rows == data.count("\n") - 1


def test_numbers_beyond_double_precision_and_other_types(made: Profile, tmp_path: Path) -> None:
    path = tmp_path / "odd.parquet"
    query = (
        "i::HUGEINT * 10000000000000000000000 AS h, [i] AS l, 'infinity'::DOUBLE AS f, TIMESTAMPTZ '2026-01-01' AS t"
    )
    duckdb.execute(f"COPY (SELECT {query}, i / 3 AS x FROM range(50) t(i)) TO '{path}' (FORMAT parquet)")
    found = profile(asked_for(), {"odd": path}, "the test")
    shown = page(found)
    assert column(found, "h").distinct == 50 and column(found, "f").other == 50 and "nothing to draw" in shown
    assert (column(found, "l").n, column(found, "l").type) == (50, "other")


def test_the_same_data_give_the_same_bytes(made: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number of threads: there are more rows than one of them takes."""
    big = pd.concat([FRAME] * 90, ignore_index=True)
    big["x"] += np.arange(len(big)) / 7
    told = []
    for threads in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda threads=threads: threads)
        told.append(msgspec.json.encode(made({"rows.parquet": big}, label="late")))
    assert told[0] == told[1]


def test_all_of_a_few_values_are_drawn_and_types_are_counted(made: Profile) -> None:
    """Twelve months are read together; of more values the first are."""
    rows = [f"{at % 12 + 1},{at % 40 + 0.5},word {at % 13}" for at in range(260)]
    shown = page(made({"rows.csv": "\n".join(["month,amount,kind", *rows]) + "\n"}))
    assert "260 rows, 3 columns (2 number, 1 string)" in shown
    assert shown.count("more values") == 1
    assert "and 5 more values" in shown
