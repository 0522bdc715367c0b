"""What a query, a condition and a duration mean: from their shape, or not at all."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.peers import durations, promql
from modelway.peers.conditions import condition_of
from modelway.peers.promql import RequestShare, TimePercentile

ALL = 'sum(rate(reqs{app="a"}[1m]))'
GOOD = 'sum(rate(reqs{app="a",code!~"5.."}[1m]))'
BAD = 'sum(rate(reqs{code=~"5..",app="a"}[1m]))'


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        (f"{GOOD} / {ALL}", RequestShare(True, 1, 60)),
        (f"{GOOD}\n/ {ALL}\n* 100", RequestShare(True, 100, 60)),
        (f"100 * ({GOOD} / {ALL})", RequestShare(True, 100, 60)),
        (f"{BAD} / {ALL}", RequestShare(False, 1, 60)),
        (f"1 - {GOOD}/{ALL}", RequestShare(False, 1, 60)),
        (f"100 - {BAD}/{ALL}*100", RequestShare(True, 100, 60)),
        ("sum(irate(r{s='1',status!~'[45].*'}[5m]))/sum(irate(r{s='1'}[5m])) # all", RequestShare(True, 1, None)),
        (
            "sum(increase(r{response_code!='500',response_code!~'5.*'}[1h30m]))/sum(increase(r{response_code!='500'}[1h30m]))",
            RequestShare(True, 1, 5400),
        ),
        ("sum(rate(r{classification='success'}[1m]))/sum(rate(r[1m]))", RequestShare(True, 1, 60)),
        ('histogram_quantile(0.99, sum(rate(t_bucket{a="b"}[30s])) by (le))', TimePercentile(0.99, 30)),
        ("histogram_quantile(.5, sum by (le) (rate(t_bucket[30s])))", TimePercentile(0.5, 30)),
    ],
)
def test_plain_queries(query: str, meant: RequestShare | TimePercentile) -> None:
    assert promql.meaning(query) == meant


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("up", "'up' in it is not known"),
        ("", "its end"),
        (GOOD, "no share of requests"),
        (f"{GOOD} / {GOOD}", "one matcher more"),
        (f"{ALL} / {GOOD}", "one matcher more"),
        (f"{GOOD} / sum(rate(reqs[1m]))", "one matcher more"),
        (f"{GOOD} / {ALL.replace('1m', '5m')}", "different counters, spans or groups"),
        (f"{GOOD} / {ALL.replace('reqs', 'other')}", "different counters"),
        (f"{GOOD.replace('rate', 'irate')} / {ALL}", "different counters"),
        (f"{GOOD.replace('code', 'path')} / {ALL}", "the label 'path' is no status"),
        (f"{GOOD.replace('5..', '[25]..')} / {ALL}", "in no plain way"),
        (f"{GOOD.replace('5..', '(')} / {ALL}", "is none"),
        (f"{GOOD} / {ALL} + 1", "'+' in it is not known"),
        (f"{GOOD} / {ALL} or vector(1)", "'or' in it is not known"),
        (f"2 - {GOOD}/{ALL}", "no share of requests"),
        (f"{GOOD} / {ALL} / 2", "two sums of requests"),
        ("sum(rate(r{code!~'5..'}[1m])) by (pod) / sum(rate(r[1m])) by (pod)", "groups"),
        ("max(rate(r[1m]))", "'max'"),
        ("sum(r{code!~'5..'}) / sum(r)", "it sums no rate"),
        ("histogram_quantile(0.99, sum(rate(t[1m])) by (le))", "by (le)"),
        ("histogram_quantile(0.99, sum(rate(t_bucket[1m])))", "by (le)"),
        ("(" * 50 + "1", "nested too deeply"),
        ("1 " * 9000, "too long"),
    ],
)
def test_others_are_not_guessed_at(query: str, why: str) -> None:
    with pytest.raises(promql.Unclear, match=re.escape(why)):
        promql.meaning(query)


PIECES = st.sampled_from(
    [*GOOD, GOOD, ALL, BAD, "sum(", "rate(", "[1m]", "histogram_quantile(", " - ", "100", "by (le)", '"']
)


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=200))
def test_whatever_stands_in_a_query_is_a_meaning_or_unclear(query: str) -> None:
    try:
        meant = promql.meaning(query)
    except promql.Unclear:
        return
    assert "rate(" in query or "increase(" in query
    assert meant.window_seconds is None or meant.window_seconds > 0


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("result[0] >= 0.95", {0.95: True, 0.94: False, math.nan: False}),
        ("result < 5", {4: True, 5: False}),
        ("0.95 <= result[0]", {0.95: True, 0.9: False}),
        ("isNaN(result[0]) || result[0] >= 0.95", {math.nan: True, 0.9: False}),
        ("!isNaN(result[0]) && (result[0] > 0.5)", {math.nan: False, 0.6: True, 0.5: False}),
        ("asFloat(result[0]) <= 1 and result[0] != 0", {1: True, 0: False}),
    ],
)
def test_conditions(text: str, values: dict[float, bool]) -> None:
    condition = condition_of(text)
    assert condition is not None
    assert {value: condition.holds(value) for value in values} == values


@pytest.mark.parametrize(
    "text", ["", "result[1] > 0", "result[0] > x", "len(result) > 0", "a || b && c", "result[0] >= 0.95 ||", "true"]
)
def test_conditions_of_another_form(text: str) -> None:
    assert condition_of(text) is None


@given(st.text(alphabet="result[0]asFloatNan()<>=!|&. 0123456789", max_size=40))
def test_no_condition_breaks_the_reader(text: str) -> None:
    condition = condition_of(text)
    assert condition is None or isinstance(condition.holds(0.5), bool)


@given(hours=st.integers(0, 99), minutes=st.integers(0, 99), seconds=st.integers(0, 99))
def test_durations_as_go_writes_them(hours: int, minutes: int, seconds: int) -> None:
    whole = 3600 * hours + 60 * minutes + seconds
    assert durations.seconds_of(f"{hours}h{minutes}m{seconds}s") == whole
    assert durations.seconds_of(f"{whole}s") == whole
    assert durations.seconds_of(f"{1000 * whole}ms") == pytest.approx(whole)


@pytest.mark.parametrize(
    "text", ["", "60", "1", "m", "1 m", "-1m", "1d", "1h 30m", "1m30", "1e3s", "١m", "9" * 50 + "s"]
)
def test_what_is_no_duration(text: str) -> None:
    assert durations.seconds_of(text) is None
