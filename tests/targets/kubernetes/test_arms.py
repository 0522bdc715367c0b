"""An A/B on a namespace in memory: the route leads what has the key to the new release, and is the team's own afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from modelway.config.sections import CounterSeries, Prometheus, RequestCounts
from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput
from modelway.targets.kubernetes import counting
from targets.case import Case, begun
from targets.kubernetes.simulation import Process
from targets.kubernetes.test_two_at_once import World, release
from targets.kubernetes.test_two_at_once import worlds as worlds

KEY = RequestMatch(cookie="arm", value="b")


def test_the_key_leads_there_and_every_way_back_takes_that_out(worlds: Callable[[int], World]) -> None:
    world = worlds(1)
    world.simulation.faults = False
    seen: list[list[Any]] = []

    def rules() -> list[Any]:
        return list(world.get("HTTPRoute", "home")["spec"]["rules"])

    def work() -> None:
        claim = world.target().claim("a tester", "deploying")
        claim.take_in()
        acts = begun(cast("Case", None), claim, release(2), led=KEY)
        for route in (lambda: acts.route(0.5), acts.back, lambda: acts.route(0.5), lambda: acts.route(0.0)):
            route()
            seen.append(rules())
        acts.retire("new")
        claim.give_back()

    process = Process("an A/B", work)
    world.simulation.run(process)
    assert process.ended is None, process.ended
    led, back, again, over = seen
    assert [len(step) for step in seen] == [3, 2, 3, 2]
    assert led[2]["matches"][0]["headers"][0]["name"] == "cookie"
    (ref,) = led[2]["backendRefs"]
    assert ref["name"].startswith("home-v2-") and not ref["name"].endswith("-testers"), "it is counted as its own"
    assert [item["weight"] for item in led[1]["backendRefs"]] == [10_000, 0]
    assert again == led and [item["weight"] for item in over[1]["backendRefs"]] == [10_000, 0]
    assert [item["weight"] for item in back[1]["backendRefs"]] == [10_000, 0]
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
