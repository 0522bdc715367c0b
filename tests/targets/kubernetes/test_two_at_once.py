"""Two and three commands on one target at once, in a simulation that kills them, holds them up and loses answers: one acts,
who was superseded changes nothing more, and the next command ends as intended."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from modelway.config import Deploy
from modelway.config.sections import Kubernetes
from modelway.errors import OutsideFailure, Refused
from modelway.records import Release
from modelway.stages.rollouts import announce, deploy, deployment, rollback
from modelway.targets.kubernetes import capacity, cluster, introduction, lease, outages, place, pods, running, traffic
from modelway.targets.kubernetes import names as ours
from modelway.targets.kubernetes.place import KubernetesPlace
from modelway.targets.kubernetes.records import KubernetesRecords
from modelway.targets.kubernetes.state import KubernetesState
from modelway.targets.target import Target
from sampled import QUICK, sampled
from targets.kubernetes import team_routes
from targets.kubernetes.simulation import Killed, Process, SimulatedCluster, Simulation
from targets.test_in_memory import release_of

SEEDS = int(os.environ.get("SIMULATIONS", "40" if QUICK else "100"))
"""Of chance; benchmarks/kubernetes_target.py tries thousands."""
SETTINGS = Deploy(
    target="kubernetes",
    strategy="all-at-once",
    kubernetes=Kubernetes(namespace="models", deployment="home", guardian=False, lease_seconds=15),
)
KEY = ours.key("m", "production")


def image(version: int) -> str:
    return f"registry/model:v{version}@sha256:{version:064d}"


class World:
    """A team's Deployment, Service and route with version 1, and commands on them. kind: of the route."""

    def __init__(self, simulation: Simulation, kind: str = "HTTPRoute") -> None:
        self.simulation, self.settings, self.kind = simulation, SETTINGS.kubernetes, kind
        labels = {"app": "home"}
        container = {"name": "server", "image": image(1), "ports": [{"containerPort": 8080}]}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
        for of, body in (
            ("Deployment", spec),
            ("Service", {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}),
        ):
            simulation.server.create(of, {"kind": of, "metadata": {"name": "home"}, "spec": body})
        for item in team_routes.objects(kind):
            simulation.server.create(item["kind"], item)
        simulation.server.groups |= {f"apis/{team_routes.ISTIO}"} if kind == "VirtualService" else set()
        self.before = self.route()["spec"]
        self.job: Any = SimpleNamespace(author="a tester", say=lambda said: None, warn=lambda *said: None)
        self.project: Any = SimpleNamespace(
            model="m", environment="production", deploy=SETTINGS, source="modelway.yml", alias="production"
        )

    def get(self, kind: str, name: str) -> Any:
        return self.simulation.server.objects[kind, name]

    def route(self) -> Any:
        return self.get(self.kind, "home")

    def target(self, _: object = None) -> Any:
        seen = SimulatedCluster(self.simulation)
        records = KubernetesRecords(seen, KEY, KubernetesState, self.settings.lease_seconds)
        return Target("m", "production", records, KubernetesPlace(seen, KEY, self.settings))

    def deploying(self, version: int, **more: int) -> Process:
        return Process(f"deploy {version}", lambda: deploy.deploy(self.project, self.job, version, "", ""), **more)

    def rolling_back(self, to: int | None = None, **more: int) -> Process:
        return Process("rollback", lambda: rollback.roll_back(self.project, self.job, to, ""), **more)

    def check_whole(self, version: int) -> None:
        """One release everywhere, nothing of ours left, and the route as the team wrote it."""
        objects = self.simulation.server.objects
        assert self.get("Deployment", "home")["spec"]["template"]["spec"]["containers"][0]["image"] == image(version)
        route = self.route()
        assert route["spec"] == self.before
        assert not {ours.BACK, ours.BEFORE} & set(route["metadata"]["annotations"])
        left = [key for key, item in objects.items() if ours.SLOT in (item["metadata"].get("labels") or {})]
        assert left == []


@pytest.fixture
def worlds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., World]]:
    def made(seed: int, kind: str = "HTTPRoute") -> World:
        simulation = Simulation(seed)
        world = World(simulation, kind)
        for module in (capacity, cluster, introduction, lease, outages, place, pods, running, traffic):
            monkeypatch.setattr(module, "time", simulation)
        monkeypatch.setattr(lease, "threading", simulation)
        monkeypatch.setattr(traffic, "counted", lambda source, shares, **more: None)
        counts = SimpleNamespace(snapshot=lambda: None, past=lambda seconds: ())
        monkeypatch.setattr(KubernetesPlace, "counts", lambda place, state: counts)
        monkeypatch.setattr(KubernetesPlace, "servers", lambda place, state: [])
        monkeypatch.setattr(deployment, "target_of", world.target)
        monkeypatch.setattr(deployment, "check_runner", lambda project, job: None)
        monkeypatch.setattr(deploy.workspace, "connect_registry", lambda *arguments: None)
        verdict = SimpleNamespace(samples=())
        monkeypatch.setattr(
            deploy, "checked_release", lambda client, project, version, built: (release(version), verdict)
        )
        monkeypatch.setattr(deploy, "_check_target", lambda *arguments: False)
        monkeypatch.setattr(deploy, "_same_champion", lambda *arguments: None)
        monkeypatch.setattr(announce, "announce", lambda *arguments: "")
        return world

    before = threading.stack_size(512 * 1024)
    yield made
    threading.stack_size(before)


def release(version: int) -> Release:
    return msgspec.structs.replace(release_of(version), image=image(version))


def check_ends(world: World, *processes: Process) -> None:
    """Each of them was done, was told that another acts, could not reach the server for too long, or was killed."""
    for process in processes:
        if process.ended is not None:
            allowed = isinstance(process.ended, Refused | Killed) or is_outage(process.ended)
            assert allowed, f"{process.name}: {process.ended!r}"


def is_outage(error: BaseException) -> bool:
    return isinstance(error, OutsideFailure) and error.where in ("the network", "HTTPRoute home")


def play(world: World) -> None:
    simulation, chance = world.simulation, world.simulation.chance
    first = world.deploying(2)
    simulation.faults = False
    simulation.run(first)
    assert first.ended is None, first.ended
    world.check_whole(2)
    simulation.faults = True
    kinds = [lambda **more: world.deploying(3, **more), lambda **more: world.deploying(4, **more)]
    kinds += [lambda **more: world.rolling_back(1, **more), lambda **more: world.deploying(3, **more)]
    kinds += [lambda **more: world.rolling_back(2, **more), lambda **more: world.rolling_back(**more)]
    many = [make() for make in chance.sample(kinds, chance.choice((2, 2, 3)))]
    if chance.random() < 0.4:
        many[0].killed_at = chance.randint(1, 160)
    simulation.run(*many)
    check_ends(world, *many)
    simulation.faults = False
    last, version = chance.choice(((world.deploying(5), 5), (world.rolling_back(1), 1), (world.rolling_back(2), 2)))
    simulation.run(last)
    assert last.ended is None, f"{last.name}: {last.ended!r}"
    world.check_whole(version)
    assert simulation.broken == []


KINDS = pytest.mark.parametrize("kind", team_routes.KINDS)


@pytest.mark.parametrize(
    ("seed", "kind"),
    [(seed, kind) for kind, part in zip(team_routes.KINDS, (1, 3), strict=True) for seed in range(SEEDS // part)],
)
def test_whatever_happens_one_acts_and_the_next_one_ends_it(worlds: Callable[..., World], seed: int, kind: str) -> None:
    world = worlds(seed, kind)
    try:
        play(world)
    except AssertionError:
        print("\n".join(world.simulation.log))
        raise


@KINDS
def test_wherever_a_deployment_dies_the_release_before_can_be_had_back(worlds: Callable[..., World], kind: str) -> None:
    """Also where the team's Deployment was being given to the new one already: that is in its last quarter."""
    whole = died(worlds(0, kind), 0)
    for number in sampled(range(whole.calls * 3 // 4, whole.calls + 1), 4):
        world = worlds(0, kind)  # each takes the same calls up to its death
        died(world, number)
        back = world.rolling_back(2)
        world.simulation.run(back)
        assert back.ended is None, f"killed at call {number}: {back.ended!r}"
        world.check_whole(2)
        assert world.simulation.broken == []


def died(world: World, number: int) -> Process:
    """The deployment of 3 beside 2, which is killed at its call of this number; 0: at none."""
    world.simulation.faults = False
    world.simulation.run(world.deploying(2))
    dying = world.deploying(3, killed_at=number)
    world.simulation.run(dying)
    assert isinstance(dying.ended, Killed) if number else dying.ended is None, dying.ended
    return dying


@KINDS
def test_a_guardian_that_had_acted_before_its_job_says_so_is_made_again(
    worlds: Callable[..., World], kind: str
) -> None:
    world = worlds(0, kind)
    server, world.simulation.faults = world.simulation.server, False
    world.settings = msgspec.structs.replace(world.settings, guardian=True)
    created, made = server.create, list[str]()

    def create(kind: str, body: Any) -> Any:
        stored = created(kind, body)
        if kind == "Job":
            made.append(stored["metadata"]["uid"])
            server.phases[made[0]] = "Succeeded"
        return stored

    server.create = create  # type: ignore[method-assign]
    deploying = world.deploying(2)
    world.simulation.run(deploying)
    assert deploying.ended is None
    assert len(made) == 2
    world.check_whole(2)
