"""The way back on a route that somebody changed meanwhile."""

from __future__ import annotations

import copy
from typing import Any

from modelway.targets.kubernetes import names, routes
from modelway.targets.kubernetes.gateway import KIND
from targets.kubernetes.api_server import patched

ADMIN = {"matches": [{"path": {"value": "/admin"}}], "backendRefs": [{"name": "elses", "port": 80}]}
OURS = {"matches": [{"path": {"value": "/"}}], "backendRefs": [{"name": "home", "port": 80}]}


def shared(*rules: dict[str, Any]) -> dict[str, Any]:
    route = {"metadata": {"name": "home"}, "spec": {"rules": copy.deepcopy(list(rules))}}
    shares = {"home": 0.5, "home-v2": 0.5}
    return patched(route, routes.weights(KIND, route, "home", routes.Sharing(shares, ["home-v2"], "home")))


def weights(route: dict[str, Any], rule: int) -> dict[str, int]:
    return {ref["name"]: ref["weight"] for ref in route["spec"]["rules"][rule]["backendRefs"]}


def test_a_rule_that_was_added_before_ours_is_left_alone() -> None:
    route = shared(ADMIN, OURS)
    route["spec"]["rules"].insert(0, copy.deepcopy(ADMIN))
    back = patched(route, routes.way_back(KIND, route))
    assert back["spec"]["rules"][:2] == [ADMIN, ADMIN]
    assert weights(back, 2) == {"home": 10_000, "home-v2": 0}
    assert names.BACK not in back["metadata"]["annotations"]


def test_other_weights_by_hand_go_back_too() -> None:
    route = shared(OURS)
    route["spec"]["rules"][0]["backendRefs"][1]["weight"] = 1
    assert weights(patched(route, routes.way_back(KIND, route)), 0) == {"home": 10_000, "home-v2": 0}


def test_a_route_that_the_team_applied_again_is_theirs() -> None:
    route = shared(ADMIN, OURS)
    route["spec"]["rules"] = [copy.deepcopy(OURS)]
    back = patched(route, routes.way_back(KIND, route))
    assert back["spec"]["rules"] == [OURS]
    assert names.BACK not in back["metadata"]["annotations"]
