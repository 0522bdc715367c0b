"""What is said to help a rollout with too few requests does: planned again with its number it fits, and a little below it does
not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelway.config import Deploy
from modelway.config.sections import Harm, Judge, Latency
from modelway.config.strategies import Shadow
from modelway.markdown import cell
from modelway.rollout import judge
from modelway.rollout.comparison import rows_needed
from modelway.rollout.plan import pauses_of, weights_of
from modelway.rollout.planning import PlanNumbers, time_said
from modelway.rollout.ways import StableTraffic, Way, fix_of, numbers_of, ways

THIN = StableTraffic(0.33, 0.005, 0.05)


def settings(deploy: Deploy) -> judge.Settings:
    return judge.settings_from(deploy.judge, [], judge.warm_up_seconds(deploy))


def said_of(deploy: Deploy, traffic: StableTraffic) -> tuple[Way, ...]:
    return ways(deploy, settings(deploy), traffic)


def changed(deploy: Deploy, changes: dict[str, Any]) -> Deploy:
    """As a team's modelway.yml would have it, whose keys and bounds are checked."""
    document = msgspec.to_builtins(deploy)
    for key, value in changes.items():
        section, names = document, key.removeprefix("deploy.").split(".")
        for name in names[:-1]:
            section = section[name]
        assert names[-1] in section, key
        section[names[-1]] = value
    return msgspec.convert(document, Deploy)


def planned(deploy: Deploy, traffic: StableTraffic) -> PlanNumbers:
    """As deploy-model would plan it."""
    weights_of(deploy, "modelway.yml")
    pauses_of(deploy, "modelway.yml")
    return numbers_of(deploy, settings(deploy), traffic)


def with_more(traffic: StableTraffic, more: float) -> StableTraffic:
    return msgspec.structs.replace(traffic, requests_per_second=traffic.requests_per_second + more)


def a_little_less(way: Way) -> list[dict[str, Any]]:
    """The same with each of its numbers made smaller by one of its steps."""
    by = {"timeout-seconds": 60, "margin-rate": 0.001}
    lessened = [
        {**way.changes, key: value - by[key.rpartition(".")[2]]}
        for key, value in way.changes.items()
        if key.rpartition(".")[2] in by
    ]
    if "deploy.steps" in way.changes:
        *early, share, whole = way.changes["deploy.steps"]
        lessened.append({"deploy.steps": (*early, share - 1, whole), "deploy.pause-at": ()})
    return lessened


def check(deploy: Deploy, traffic: StableTraffic) -> None:
    refused = planned(deploy, traffic).refusal
    found = said_of(deploy, traffic)
    assert bool(found) <= bool(refused), "nothing is advised where nothing is refused"
    for way in found:
        numbers = planned(changed(deploy, way.changes), with_more(traffic, way.more_requests_per_second))
        assert not numbers.refusal, (way, numbers.refusal)
        assert numbers.allowed_seconds == pytest.approx(way.takes_seconds)
        for less in a_little_less(way):
            assert planned(changed(deploy, less), traffic).refusal, (way, less)
        if way.more_requests_per_second:
            assert planned(deploy, with_more(traffic, 0.98 * way.more_requests_per_second)).refusal


deploys = st.builds(
    lambda strategy, shares, timeout, step, bake, errors, slow: Deploy(
        strategy=strategy,
        steps=(*sorted(shares), 100),
        pause_at=tuple(sorted(shares))[-1:] if strategy == "canary" else (),
        timeout_seconds=timeout,
        step_seconds=step,
        bake_seconds=bake,
        judge=Judge(
            errors=Harm(margin_ratio=errors[0], margin_rate=errors[1]),
            latency=Latency(margin_ratio=slow[0], margin_rate=slow[1]),
        ),
    ),
    st.sampled_from(["canary", "shadow"]),
    st.sets(st.integers(1, 99), min_size=1, max_size=3),
    st.floats(60, 86_400),
    st.floats(0, 600),
    st.floats(0, 1200),
    *[st.tuples(st.floats(1, 3), st.floats(0, 0.2))] * 2,
)


@given(deploys, st.floats(0.001, 300), st.floats(0, 0.3), st.floats(0, 0.3))
@example(Deploy(), 0.33, 0.005, 0.05)
def test_every_way_that_is_said_is_enough_and_nothing_less_is(
    deploy: Deploy, requests_per_second: float, errors: float, slow: float
) -> None:
    check(deploy, StableTraffic(requests_per_second, errors, slow))


def test_a_thin_stream_is_told_five_ways_each_with_its_number() -> None:
    deploy = Deploy(steps=(10, 100), pause_at=(10,), timeout_seconds=3 * 3600)
    found = said_of(deploy, StableTraffic(1, 0.005, 0.05))
    assert [next(iter(way.changes), "") for way in found] == [
        "deploy.timeout-seconds",
        "deploy.steps",
        "deploy.judge.errors.margin-rate",
        "deploy.strategy",
        "",
    ]
    longer, share, margin, shadow, samples = found
    assert longer.takes_seconds > 6 * 3600 and "wait: false" in longer.price
    ((*_, percent, _), pauses) = share.changes.values()
    assert pauses == (percent,) and f"meets {percent} % of the requests" in share.price
    assert set(margin.changes) == {"deploy.judge.errors.margin-rate", "deploy.judge.latency.margin-rate"}
    assert shadow.changes["deploy.pause-at"] == () and shadow.takes_seconds < longer.takes_seconds
    assert 0 < samples.more_requests_per_second < 20
    line = fix_of(found)
    assert len(line) < 400 and "\n" not in line and all(way.change in line for way in found)
    check(deploy, StableTraffic(1, 0.005, 0.05))


def test_only_the_metric_that_is_too_slow_gets_a_wider_margin() -> None:
    deploy = Deploy(timeout_seconds=4 * 3600)
    (margin,) = [
        way for way in said_of(deploy, StableTraffic(0.33, 0, 0.05)) if any("margin" in key for key in way.changes)
    ]
    assert list(margin.changes) == ["deploy.judge.latency.margin-rate"]


def test_a_shadow_waits_for_its_rows_too() -> None:
    deploy = Deploy(shadow=Shadow(differ_at_most=0.001, rows=100_000))
    (shadow,) = [way for way in said_of(deploy, THIN) if "deploy.strategy" in way.changes]
    assert shadow.takes_seconds == rows_needed(0.001) / 0.33
    assert shadow.changes["deploy.timeout-seconds"] >= shadow.takes_seconds


def test_what_no_number_of_requests_can_show_is_not_waited_for() -> None:
    deploy = Deploy(judge=Judge(errors=Harm(margin_ratio=1.0, margin_rate=0.0)))
    found = said_of(deploy, StableTraffic(50, 0.005, 0.005))
    assert [list(way.changes) for way in found] == [["deploy.judge.errors.margin-rate"]]
    check(deploy, StableTraffic(50, 0.005, 0.005))


def test_where_the_waiting_alone_is_too_long_requests_are_not_asked_for() -> None:
    deploy = Deploy(bake_seconds=7200)
    assert [list(way.changes) for way in said_of(deploy, StableTraffic(50, 0.005, 0.05))] == [
        ["deploy.timeout-seconds"]
    ]
    check(deploy, StableTraffic(50, 0.005, 0.05))


def test_a_copy_is_a_second_request_that_counts() -> None:
    deploy = Deploy(strategy="shadow")
    asked = numbers_of(deploy, settings(deploy), THIN)
    times = {"step_seconds": 120, "bake_seconds": 600, "timeout_seconds": 3600}
    rates = {"base_error_rate": 0.005, "base_slow_rate": 0.05}
    assert asked == judge.plan_numbers(settings(deploy), **rates, **times, requests_per_second=2 * 0.33, weights=(0.5,))


def test_the_page_shows_what_is_said(root: Path) -> None:
    text = (root / "docs" / "judge.md").read_text(encoding="utf-8")
    for way in said_of(Deploy(), THIN):
        assert f"| {cell(way.change)} | {time_said(way.takes_seconds)} | {cell(way.price)} |" in text
