"""A rolling rollout on a namespace in memory: at every write there are no more pods than the surge allows, and no release gets
more traffic than its pods carry; killed at any call, one command ends it whole."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from modelway.config.sections import Create
from modelway.config.strategies import Rolling
from modelway.errors import InvalidInput, Refused
from modelway.observe.counts import Counters
from modelway.rollout import rolling
from modelway.rollout.observations import Block
from modelway.rollout.rolling import ReplicaBounds, Replicas
from modelway.rollout.run import Superseded
from modelway.stages.rollouts import deploy, deployment, planned, warm_up
from modelway.targets.acts import TargetActs
from modelway.targets.kubernetes import capacity, gateway, routes, virtual_service
from modelway.targets.kubernetes import names as ours
from modelway.targets.kubernetes.place import KubernetesPlace
from rollout import simulated
from targets.case import Case, begun
from targets.kubernetes import team_routes
from targets.kubernetes.api_server import patched
from targets.kubernetes.simulation import Killed, Process
from targets.kubernetes.test_two_at_once import SEEDS as WORLDS
from targets.kubernetes.test_two_at_once import SETTINGS, World, check_ends, release
from targets.kubernetes.test_two_at_once import worlds as worlds

DEATHS = WORLDS // 8
"""At so many calls, which chance picks."""
SEEDS = WORLDS // 4
FOUR = ReplicaBounds(4, 1, 0)
GOOD, BAD = simulated.traffic(1000, 0.0, 0.0), simulated.traffic(1000, 0.3, 0.0)


def late(weight: float, chance: random.Random) -> Any:
    """Harm that begins at half of the traffic."""
    return (BAD if weight > 0.5 else GOOD)(weight, chance)


class RollingWorld:
    """The team's Deployment with four pods of version 1. broken: what no moment of a rolling rollout may look like."""

    def __init__(self, world: World, bounds: ReplicaBounds, *, route: str) -> None:
        self.world, self.bounds, self.route = world, bounds, route
        self.broken: list[str] = []
        self.most, self.stopped = 0, False
        server = world.simulation.server
        server.objects["Deployment", "home"]["spec"]["replicas"] = bounds.whole
        server._controlled("Deployment", server.objects["Deployment", "home"])
        if not route:
            del server.objects["HTTPRoute", "home"]
        world.simulation.faults = False
        world.project.deploy = msgspec.structs.replace(
            SETTINGS, strategy="rolling", rolling=Rolling(bounds.surge, bounds.unavailable)
        )
        watch = world.simulation._watch

        def watched(process: Process, what: str, before: Any) -> None:
            watch(process, what, before)
            self.look(f"{process.name}: {what}")

        world.simulation._watch = watched  # type: ignore[method-assign]

    def target(self, _: object = None) -> Any:
        found = self.world.target()
        return dataclasses.replace(found, place=dataclasses.replace(found.place, rolling=True, shares=(0.5,)))

    def pods(self) -> dict[str, int]:
        """By the name of the Deployment, which is that of its Service."""
        objects = self.world.simulation.server.objects
        return {name: item["spec"]["replicas"] for (kind, name), item in objects.items() if kind == "Deployment"}

    def shares(self) -> dict[str, float]:
        server = self.world.simulation.server
        if self.route:
            found = team_routes.weights(self.world.route())[1]
            return {name: weight / sum(found.values()) for name, weight in found.items()}
        led = [item["targetRef"]["name"].rpartition("-")[0] for item in server.endpoints("home")["endpoints"]]
        return {name: led.count(name) / len(led) for name in led}

    def look(self, when: str) -> None:
        """stopped: there are none for a while, and whoever comes first gets all of it."""
        pods = self.pods()
        if self.stopped:
            self.world.simulation.broken.clear()
            return
        self.most = max(self.most, sum(pods.values()))
        if sum(pods.values()) > self.bounds.most:
            self.broken.append(f"{when}: {pods} are more than {self.bounds.most}")
        if sum(pods.values()) < self.bounds.least:
            self.broken.append(f"{when}: {pods} are fewer than {self.bounds.least}")
        for name, share in self.shares().items():
            if share > pods.get(name, 0) / self.bounds.least + 1e-3:
                self.broken.append(
                    f"{when}: {name} gets {share:.0%} with {pods.get(name, 0)} pods of {self.bounds.least}"
                )

    def guardian(self) -> None:
        """What it would do now."""
        objects = self.world.simulation.server.objects
        for (kind, _), item in list(objects.items()):
            said = (item["metadata"].get("annotations") or {}).get(ours.BACK)
            if said and kind in (*team_routes.KINDS, "Deployment"):
                of = virtual_service.KIND if kind == "VirtualService" else gateway.KIND
                item = patched(item, routes.way_back(of, item))
                self.world.simulation.server._stored(kind, item)
                self.look("the guardian")

    def check_whole(self, version: int) -> None:
        if self.route:
            self.world.check_whole(version)
        home = self.world.get("Deployment", "home")
        assert home["spec"]["template"]["spec"]["containers"][0]["image"].startswith(f"registry/model:v{version}@")
        assert self.pods() == {"home": self.bounds.whole}
        assert ours.WHOLE not in home["metadata"]["annotations"]
        assert self.shares() == {"home": 1.0}
        assert self.world.simulation.broken == self.broken == []


Made = Callable[..., RollingWorld]


@pytest.fixture
def rolled(worlds: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> Made:
    def made(
        flow: Any = GOOD, bounds: ReplicaBounds = FOUR, seed: int = 1, *, route: str = "HTTPRoute"
    ) -> RollingWorld:
        world = RollingWorld(worlds(seed, route or "HTTPRoute"), bounds, route=route)
        chance = random.Random(seed)

        def with_batches(work: Any, _release: Any, slot: Any, *_: Any) -> Any:
            current = work.claim.state.current
            judged = simulated.plan(rolling=rolling.judged(rolling.bounds_of(work.deploy.rolling, _whole(work))))
            names = {"id": f"rollout {slot.side.slot}", "new": slot.side, "stable": current.side}
            return msgspec.structs.replace(judged, number=work.claim.next_number(), **names)

        def _whole(work: Any) -> int:
            return int(work.claim.place.whole(work.claim.state.current))

        def observe(acts: TargetActs[Any, Any], weight: float) -> Block:
            world.look("observed")
            assert world.shares().get("home", 0.0) == pytest.approx(1 - weight, abs=1e-4), (
                "traffic follows the replicas"
            )
            canary, stable = flow(weight, chance)
            return Block(began=0.0, seconds=5, weight=weight, canary=canary, stable=stable)

        monkeypatch.setattr(deploy, "_planned", with_batches)
        monkeypatch.setattr(deployment, "target_of", world.target)
        monkeypatch.setattr(TargetActs, "observe", observe)
        return world

    return made


MODES = pytest.mark.parametrize("route", [*team_routes.KINDS, ""], ids=["HTTPRoute", "VirtualService", "pods"])
BOUNDS = pytest.mark.parametrize("bounds", [ReplicaBounds(4, 1, 0), ReplicaBounds(4, 0, 1), ReplicaBounds(5, 2, 1)])


@MODES
@BOUNDS
def test_a_healthy_release_ends_in_the_team_s_deployment(rolled: Made, bounds: ReplicaBounds, route: str) -> None:
    seen = rolled(GOOD, bounds, route=route)
    deploying = seen.world.deploying(2)
    seen.world.simulation.run(deploying)
    assert deploying.ended is None, deploying.ended
    seen.check_whole(2)
    assert seen.most == bounds.most, "the surge was used, and no second full set"


@MODES
@BOUNDS
@pytest.mark.parametrize("flow", [BAD, late], ids=["bad", "late"])
def test_harm_is_taken_back_with_stable_s_pods_ready_first(
    rolled: Made, bounds: ReplicaBounds, route: str, flow: Any
) -> None:
    seen = rolled(flow, bounds, route=route)
    deploying = seen.world.deploying(2)
    seen.world.simulation.run(deploying)
    assert deploying.ended is None, deploying.ended
    seen.check_whole(1)


@MODES
def test_a_rollback_afterwards_is_gradual_too(rolled: Made, route: str) -> None:
    seen = rolled(route=route)
    for process in (seen.world.deploying(2), seen.world.rolling_back()):
        seen.world.simulation.run(process)
        assert process.ended is None, process.ended
    seen.check_whole(1)
    assert seen.most == seen.bounds.most


@MODES
@pytest.mark.parametrize("flow", [GOOD, late], ids=["good", "late"])
@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "alone"])
def test_killed_at_any_call_one_command_ends_it(rolled: Made, flow: Any, guarded: bool, route: str) -> None:
    bounds = ReplicaBounds(4, 1, 1)
    whole = rolled(flow, bounds, route=route)
    complete = whole.world.deploying(2)
    whole.world.simulation.run(complete)
    assert complete.ended is None, complete.ended
    chance = random.Random(7)
    for number in sorted(chance.sample(range(1, complete.calls + 1), min(DEATHS, complete.calls))):
        seen = rolled(flow, bounds, route=route)
        dying = seen.world.deploying(2, killed_at=number)
        seen.world.simulation.run(dying)
        assert isinstance(dying.ended, Killed)
        if guarded:
            seen.guardian()
        there = seen.world.get("Deployment", "home")["spec"]["template"]["spec"]["containers"][0]["image"]
        last, version = chance.choice(
            [(seen.world.rolling_back(), 1), (seen.world.deploying(2), 2 if flow is GOOD else 1)]
        )
        seen.world.simulation.run(last)
        if isinstance(last.ended, Refused | InvalidInput):  # nothing had begun
            assert seen.pods() == {"home": 4} and ":v1@" in there
            continue
        assert last.ended is None, f"killed at call {number}, then {last.name}: {last.ended!r}"
        try:
            seen.check_whole(version)
        except AssertionError:
            print("\n".join(seen.world.simulation.log))
            print(f"killed at call {number}, then {last.name}")
            raise


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_at_once_the_bounds_hold_and_the_next_command_ends_it(rolled: Made, seed: int) -> None:
    """Commands that take the target from each other, are killed and held up, and whose answers are lost."""
    seen = rolled(GOOD, ReplicaBounds(4, 1, 1), seed)
    simulation, chance = seen.world.simulation, seen.world.simulation.chance
    simulation.run(seen.world.deploying(2))
    simulation.faults = True
    many = [seen.world.deploying(3), chance.choice((seen.world.rolling_back(1), seen.world.deploying(4)))]
    many[0].killed_at = chance.randint(1, 250) if chance.random() < 0.5 else 0
    simulation.run(*many)
    check_ends(seen.world, *many)
    simulation.faults = False
    last, version = chance.choice(((seen.world.deploying(5), 5), (seen.world.rolling_back(1), 1)))
    simulation.run(last)
    try:
        assert last.ended is None, f"{last.name}: {last.ended!r}"
        seen.check_whole(version)
    except AssertionError:
        print("\n".join(simulation.log))
        raise


def test_a_command_that_was_held_up_between_knowing_and_writing_scales_nothing_more(
    rolled: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, changed, taken = rolled(), capacity.changed, list[Any]()

    def held_up(cluster: Any, kind: str, name: str, change: Any, check: Callable[[], None]) -> Any:
        def known() -> None:
            check()
            if not taken:  # after that it only has to write
                taken.append(seen.target().claim("another", "a rollback", always=True))
                with taken[0].held():
                    taken[0].place.start(taken[0], None)

        return changed(cluster, kind, name, change, known)

    def work() -> None:
        claim = seen.target().claim("a tester", "deploying")
        claim.take_in()
        acts = begun(cast("Case", None), claim, release(2), rolling=rolling.unjudged(FOUR))
        acts.scale(Replicas(1, 4))
        monkeypatch.setattr(capacity, "changed", held_up)
        acts._scale(acts.plan.new, 2)

    process = Process("deploying", work)
    seen.world.simulation.run(process)
    assert taken and isinstance(process.ended, Superseded), process.ended
    assert seen.pods() == {"home": 4, "home-v2-r1": 1}


def test_every_pod_is_warmed_once_before_its_first_request(rolled: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of stable that come back too, and these are not held to what the gate saw of the new release."""
    seen, warmed = rolled(late), list[tuple[tuple[str, ...], bool]]()
    verdict = SimpleNamespace(samples=("a row",))
    monkeypatch.setattr(deploy, "checked_release", lambda client, project, version, built: (release(version), verdict))
    seen.world.project.deploy = msgspec.structs.replace(seen.world.project.deploy, check_predictions=True)

    def warm(samples: Any, say: Any, replicas: Any, demand: str) -> None:
        assert samples == verdict.samples
        warmed.append((tuple(item.name for item in replicas), demand != "nothing"))

    monkeypatch.setattr(warm_up, "warm_up", warm)
    deploying = seen.world.deploying(2)
    seen.world.simulation.run(deploying)
    assert deploying.ended is None, deploying.ended
    seen.check_whole(1)
    new = [("pod home-v2-r1-0",), ("pod home-v2-r1-1",), ("pod home-v2-r1-2",)]
    assert [names for names, checked in warmed if checked and names] == new
    assert [names for names, checked in warmed if not checked] == [("pod home-2",), ("pod home-3",)]


@MODES
@pytest.mark.parametrize("then", ["deploy", "rollback"])
def test_stopped_in_the_middle_it_comes_back_whole(rolled: Made, then: str, route: str) -> None:
    whole = rolled(route=route)
    complete = whole.world.deploying(2)
    whole.world.simulation.run(complete)
    for part in (0.4, 0.6, 0.7):
        seen = rolled(route=route)
        dying = seen.world.deploying(2, killed_at=round(part * complete.calls))
        stopping = Process("stop", lambda seen=seen: seen.target().stop("a tester", lambda said: None))
        last = seen.world.deploying(2) if then == "deploy" else seen.world.rolling_back()
        seen.world.simulation.run(dying)
        seen.stopped = True
        seen.world.simulation.run(stopping)
        assert stopping.ended is None and seen.pods() == {"home": 0}
        seen.world.simulation.run(last)
        assert last.ended is None, last.ended
        seen.check_whole(2 if then == "deploy" else 1)


def test_what_the_batches_need_is_told_before_there_is_a_release(rolled: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 60 requests/s, of which stable's pods have told for ten minutes."""
    seen, said = rolled(), list[planned.Foreseen]()
    seen.world.simulation.run(seen.world.deploying(2))
    samples = [(5.0 * at, Counters(300 * at, 0, 300 * at, {1000.0: 300 * at})) for at in range(120)]
    source = SimpleNamespace(past=lambda seconds: (), bounds_ms=(1000.0,))
    monkeypatch.setattr(KubernetesPlace, "counts", lambda place, state: source)
    monkeypatch.setattr(planned, "between", lambda past, slot: samples)
    asking = Process("plan", lambda: said.append(planned.foresee(seen.world.project)[0]))
    seen.world.simulation.run(asking)
    assert asking.ended is None, asking.ended
    (found,) = said
    assert found.outcome == "possible" and found.numbers is not None
    assert [step.weight for step in found.numbers.steps] == [0.2, 0.4, 0.6, 0.8]
    assert "at 80 % of 60 requests/s" in found.sentence


def test_an_autoscaler_that_decides_the_replicas_is_not_fought_over(rolled: Made) -> None:
    seen = rolled()
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "home"}, "maxReplicas": 9}
    seen.world.simulation.server.create("HorizontalPodAutoscaler", {"metadata": {"name": "grow"}, "spec": spec})
    assert_refused(seen, "HorizontalPodAutoscaler grow decides how many pods Deployment home has")


def test_a_tool_that_owns_the_replicas_is_not_fought_over(rolled: Made) -> None:
    seen = rolled()
    owned = {"f:spec": {"f:replicas": {}}}
    fields = [{"manager": "argocd-controller", "operation": "Apply", "fieldsV1": owned}]
    seen.world.get("Deployment", "home")["metadata"]["managedFields"] = fields
    assert_refused(seen, r"Argo CD \(argocd-controller\) owns .spec.replicas")


def test_a_deployment_that_we_made_gets_its_image_and_no_second_set_of_pods(rolled: Made) -> None:
    """Its manifest says how many pods it has, and the rollout how many of them it has by then."""
    seen = rolled()
    seen.world.settings = msgspec.structs.replace(seen.world.settings, create=Create(replicas=4))
    deploying = seen.world.deploying(2)
    seen.world.simulation.run(deploying)
    assert deploying.ended is None, deploying.ended
    seen.check_whole(2)


def test_another_number_in_modelway_yml_than_there_are_pods_is_refused(rolled: Made) -> None:
    seen = rolled()
    seen.world.settings = msgspec.structs.replace(seen.world.settings, create=Create(replicas=9, gateway="a/b"))
    assert_refused(seen, "is 9, and Deployment home has 4 pods")


def assert_refused(seen: RollingWorld, said: str) -> None:
    deploying = seen.world.deploying(2)
    seen.world.simulation.run(deploying)
    with pytest.raises(InvalidInput, match=said):
        raise deploying.ended or AssertionError("it was done")
    assert seen.pods() == {"home": 4}
