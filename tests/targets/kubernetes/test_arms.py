"""An A/B on a namespace in memory: the route leads what has the key to the new release, and is the team's own afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from modelway.config.sections import CounterSeries, Prometheus, RequestCounts
from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput
from modelway.targets.kubernetes import counting
from targets.case import Case, begun
from targets.kubernetes import team_routes
from targets.kubernetes.simulation import Process
from targets.kubernetes.test_two_at_once import World, release
from targets.kubernetes.test_two_at_once import worlds as worlds

KEY = RequestMatch(cookie="arm", value="b")


@pytest.mark.parametrize("kind", team_routes.KINDS)
def test_the_key_leads_there_and_every_way_back_takes_that_out(worlds: Callable[..., World], kind: str) -> None:
    world = worlds(1, kind)
    world.simulation.faults = False
    seen: list[Any] = []

    def work() -> None:
        claim = world.target().claim("a tester", "deploying")
        claim.take_in()
        acts = begun(cast("Case", None), claim, release(2), led=KEY)
        for route in (lambda: acts.route(0.5), acts.back, lambda: acts.route(0.5), lambda: acts.route(0.0)):
            route()
            seen.append(world.route())
        acts.retire("new")
        claim.give_back()

    process = Process("an A/B", work)
    world.simulation.run(process)
    assert process.ended is None, process.ended
    led, back, again, over = seen
    for step in (led, again):
        rules = team_routes.weights(step)
        (place,) = [number for number, rule in enumerate(rules) if len(rule) == 1 and "elses" not in rule]
        assert place == (2 if kind == "HTTPRoute" else 1), "of Istio's rules the first one that matches wins"
        assert list(rules.pop(place)) == ["home-v2-r1"], "no Service of testers: it is counted as its own"
        assert rules == [{"elses": 1}, {"home": 10_000, "home-v2-r1": 0}]
        found = step["spec"]["http" if kind == "VirtualService" else "rules"][place]
        assert "cookie" in json.dumps(found), found
    for step in (back, over):
        assert team_routes.weights(step) == [{"elses": 1}, {"home": 10_000, "home-v2-r1": 0}]
    world.check_whole(1)
    assert world.simulation.broken == []


@pytest.mark.parametrize(
    "counted_by",
    [
        Prometheus(url="http://p", queries="envoy-gateway"),
        Prometheus(url="http://p", series=CounterSeries('a{r="{rule}"}', "b")),
    ],
)
def test_counts_by_the_number_of_a_rule_would_miss_it(counted_by: Prometheus) -> None:
    with pytest.raises(InvalidInput, match="counts by the number of a rule"):
        counting.check_by_key(RequestCounts(prometheus=counted_by))


@pytest.mark.parametrize("queries", ["contour", "istio", "modelway"])
def test_counts_that_name_the_release_see_it(queries: Any) -> None:
    counting.check_by_key(RequestCounts(prometheus=Prometheus(url="http://p", queries=queries)))
    counting.check_by_key(RequestCounts())
