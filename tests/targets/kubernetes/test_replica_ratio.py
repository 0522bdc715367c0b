"""Without a route a canary has few pods, and what one of them does is hidden in the sum of stable's: the plan knows it."""

from __future__ import annotations

from modelway.config import Deploy
from modelway.observe.history import Past
from modelway.rollout import history
from modelway.rollout.observations import Block, Counts
from modelway.stages.rollouts import planned
from targets.kubernetes.test_predictions import Rollout

BLOCKS = tuple(
    Block(began=5.0 * at, seconds=5, weight=0.0, canary=Counts(), stable=Counts(250, 1, 12)) for at in range(360)
)
PAST = Past(BLOCKS, 1800, 90000, 360, 4320, 10.0)


def test_a_canary_has_the_pods_that_its_share_is_where_no_route_shares_requests() -> None:
    place, deploy, weights = Rollout().place, Deploy(), (0.1, 0.5, 1.0)
    assert not place.shares_by_replicas() and planned.replica_ratio(deploy, weights, place) == 1.0
    place.cluster.delete("HTTPRoute", "home")
    ratio = planned.replica_ratio(deploy, weights, place)
    assert place.shares_by_replicas() and abs(ratio - 9) < 1e-9
    assert planned.settings_of(deploy, PAST, ()).metrics[1].wager_blocks == 1
    latency = planned.settings_of(deploy, PAST, (), ratio).metrics[1]
    assert (latency.wager_blocks, latency.why_longer) == (6, history.HIDDEN)
