"""A target without machines: what it was asked to do, in order, and the invariants of delivery checked at each act.

It may die before or after any act, as a runner does; what it has set up stays.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from modelway.config import Judge
from modelway.config.strategies import RequestMatch
from modelway.errors import OutsideFailure
from modelway.rollout import engine, journal
from modelway.rollout.comparison import RowCounts, RowsPlan, SliceRows
from modelway.rollout.judge import settings_from
from modelway.rollout.observations import Block, Counts
from modelway.rollout.plan import MIRRORED, Plan, Side
from modelway.rollout.rolling import CarriedTraffic, Replicas, RollingPlan
from modelway.rollout.run import Surroundings, Waiting, carry_out


class Died(BaseException):
    """The runner is gone: nothing of it goes on, not even what cleans up."""


def side(version: int) -> Side:
    digests = {"config_digest": "c", "manifest_digest": "m", "model_digest": "d"}
    return Side(slot=f"v{version}", version=version, built_for="production", **digests)


PAST = [Block(began=5.0 * at, seconds=5, weight=0.0, canary=Counts(), stable=Counts(1000, 2, 40)) for at in range(60)]
"""What stable has shown before."""


def plan(
    *,
    stable: bool = True,
    weights: tuple[float, ...] = (0.1, 0.5, 1.0),
    inconclusive: str = "rollback",
    timeout: float = 300,
    mirror: bool = False,
    testers: RequestMatch | None = None,
    led: RequestMatch | None = None,
    blue_green: bool = False,
    keep: float = 0.0,
    pauses: tuple[float, ...] = (),
    pause_seconds: float = 1000.0,
    rows: RowsPlan | None = None,
    rolling: RollingPlan | None = None,
) -> Plan:
    weights = rolling.weights if rolling is not None else weights
    compared = stable and (mirror or led is not None or blue_green or len(weights) > 1)
    settings = settings_from(Judge(), PAST if blue_green else ()) if compared else None
    if settings is not None and led is not None:
        settings = msgspec.structs.replace(settings, keyed=True)
    return Plan(
        kind="deploy",
        id="id",
        model="m",
        environment="production",
        number=1,
        new=side(2),
        stable=side(1) if stable else None,
        weights=MIRRORED if mirror or led is not None else weights if compared and not blue_green else (1.0,),
        rolling=rolling,
        keep_seconds=keep,
        mirror=mirror,
        led=led,
        pauses=pauses,
        pause_seconds=pause_seconds,
        rows=rows,
        testers=testers,
        step_seconds=10,
        bake_seconds=40,
        timeout_seconds=timeout,
        block_seconds=5,
        slow_ms=10,
        inconclusive=inconclusive,  # type: ignore[arg-type]
        settings=settings,
    )


Traffic = Callable[[float, random.Random], tuple[Counts, Counts]]
"""(weight, chance) -> what canary and stable got in a block."""


def traffic(per_block: int, canary_errors: float, stable_errors: float) -> Traffic:
    def block(weight: float, chance: random.Random) -> tuple[Counts, Counts]:
        new, old = round(per_block * weight), round(per_block * (1 - weight))

        def counts(requests: int, rate: float) -> Counts:
            errors = sum(chance.random() < rate for _ in range(requests))
            return Counts(requests, errors, round(requests * 0.04))

        return counts(new, canary_errors), counts(old, stable_errors)

    return block


@dataclass
class World:
    """What exists outside the runner. dies: called before and after each act, may raise Died. person: of a pause at a share,
    since how many seconds it has been asked of: whether somebody lets it go on."""

    plan: Plan
    traffic: Traffic
    chance: random.Random
    starts: bool = True
    running: set[str] = field(default_factory=set)
    ready: set[str] = field(default_factory=set)
    routed: dict[str, float] = field(default_factory=dict)
    mirrored: str = ""
    tested: str = ""
    stable: str = ""
    lines: list[journal.Line] = field(default_factory=list)
    announced: list[int] = field(default_factory=list)
    differ: float = 0.0
    """The chance that a row's predictions differ; below 0: rows cannot be had."""
    acts: int = 0
    clock: float = 0.0
    dies: Callable[[int], None] = lambda number: None
    verified: Callable[[float], None] = lambda weight: None
    person: Callable[[float, float], bool] = lambda weight, waited: False
    waited: dict[float, float] = field(default_factory=dict)
    """When each pause was first asked of."""
    replicas: dict[str, int] = field(default_factory=dict)
    """Of a rolling rollout: those that run, ready or not, and those that are ready."""
    answering: dict[str, int] = field(default_factory=dict)
    prepared: dict[str, float] = field(default_factory=dict)
    """The shares that the way back gives."""
    comes: Callable[[str, int], bool] = lambda slot, number: True
    """Whether so many replicas of a release become ready."""

    def __post_init__(self) -> None:
        if self.plan.stable:
            name = self.plan.stable.slot
            self.running, self.ready, self.routed, self.stable = {name}, {name}, {name: 1.0}, name
            if self.plan.rolling is not None:
                self.replicas, self.answering = ({name: self.plan.rolling.bounds.whole} for _ in range(2))

    def step(self) -> None:
        self.acts += 1
        self.dies(self.acts)
        self.check()

    def check(self) -> None:
        assert abs(sum(self.routed.values()) - 1) < 1e-9 or not self.routed, "all traffic goes somewhere"
        assert {*self.routed, *filter(None, (self.mirrored, self.tested))} <= self.ready, (
            "only what is ready gets traffic"
        )
        assert self.ready <= self.running
        if self.plan.stable and self.stable == self.plan.stable.slot:
            assert self.stable in self.running, "stable runs until its successor was adopted"
        if self.plan.rolling is not None:
            bounds = self.plan.rolling.bounds
            assert sum(self.replicas.values()) <= bounds.most, "never more than the surge allows"
            assert sum(self.answering.values()) >= bounds.least, "never fewer than may be unavailable"
            for name, share in self.routed.items():
                carried = self.answering.get(name, 0) / bounds.least
                assert share <= carried + 1e-9, f"{name} gets {share:.0%} and carries {carried:.0%}"

    @property
    def story(self) -> journal.Story:
        return journal.Story(self.plan, tuple(self.lines))


class SimulatedTarget:
    def __init__(self, world: World) -> None:
        self.world = world

    def start(self) -> None:
        world = self.world
        world.step()
        world.running.add(world.plan.new.slot)
        if not world.starts:
            raise OutsideFailure("the server ended")
        world.ready.add(world.plan.new.slot)
        if world.plan.rolling is not None:
            for counted in (world.replicas, world.answering):
                counted.setdefault(world.plan.new.slot, 0)
        world.step()

    def sizes(self) -> Replicas:
        world = self.world
        assert world.plan.stable is not None
        return Replicas(*(world.answering.get(item.slot, 0) for item in (world.plan.new, world.plan.stable)))

    def scale(self, replicas: Replicas) -> None:
        world = self.world
        assert world.plan.stable is not None
        wanted = dict(zip((world.plan.new.slot, world.plan.stable.slot), replicas, strict=True))
        world.step()
        for name, count in wanted.items():
            if count < world.replicas.get(name, 0):
                world.replicas[name] = world.answering[name] = count
                world.step()
        for name, count in wanted.items():
            if count > world.answering.get(name, 0):
                world.replicas[name] = count
                world.step()
                if not world.comes(name, count):
                    raise OutsideFailure("a pod does not become ready")
                world.answering[name] = count
                world.step()

    def route(
        self,
        weight: float,
        waiting: Waiting = nullcontext,
        *,
        tested: bool = False,
        stable: int | None = None,
    ) -> None:
        world = self.world
        world.step()
        new, old = world.plan.new.slot, world.plan.stable.slot if world.plan.stable else ""
        taken = 0.0 if world.plan.is_trial else weight
        shares = {new: taken, old: 1 - taken}
        led = weight > 0 and world.plan.led is not None
        world.mirrored = new if weight > taken and not led else ""
        world.tested = new if tested or led else ""
        world.routed = {name: share for name, share in shares.items() if share > 0 and name}
        rolling = world.plan.rolling
        carried = CarriedTraffic(rolling.bounds, stable).share if rolling and stable is not None else 1.0
        world.prepared = {old: carried, new: 1 - carried} if weight > 0 and old else {}
        with waiting():
            world.verified(weight)
        world.step()

    def observe(self, weight: float) -> Block:
        world = self.world
        world.step()
        asked = (
            0.5 if world.mirrored or (world.plan.led and world.tested) else world.routed.get(world.plan.new.slot, 0.0)
        )
        assert asked == weight
        canary, stable = world.traffic(asked, world.chance)
        began, seconds = world.clock, world.plan.block_seconds
        world.clock += seconds
        return Block(began=began, seconds=seconds, weight=weight, canary=canary, stable=stable)

    def continued(self, weight: float) -> engine.Continued | None:
        world = self.world
        waited = world.clock - world.waited.setdefault(weight, world.clock)
        return (
            engine.Continued(world.clock, weight, "a person", "it looks well") if world.person(weight, waited) else None
        )

    def compare(self, most: int) -> RowCounts:
        world = self.world
        world.step()
        assert world.mirrored and world.plan.stable and {world.mirrored, world.stable} <= world.ready, (
            "both can be asked"
        )
        if world.differ < 0:
            return RowCounts(failed=1, why="nobody answers")
        differ = sum(world.chance.random() < world.differ for _ in range(most))
        return RowCounts(compared=most, differ=differ, slices=(SliceRows("carrier", "UA", most, differ),))

    def adopt(self) -> tuple[int, int]:
        self.world.step()
        assert self.world.routed == {self.world.plan.new.slot: 1.0}, "adopted only with all traffic"
        self.world.stable = self.world.plan.new.slot
        self.world.step()
        return 0, 0

    def keep(self, seconds: float) -> None:
        world = self.world
        world.step()
        assert world.plan.stable is not None
        assert world.plan.stable.slot in world.running, "it can be had back"
        assert (world.announced, world.routed) == ([2], {world.plan.new.slot: 1.0})
        world.clock += seconds
        world.step()

    def retire(self, which: Literal["new", "stable"]) -> None:
        world = self.world
        world.step()
        side = world.plan.new if which == "new" else world.plan.stable
        assert side is not None
        assert side.slot not in (*world.routed, world.mirrored, world.tested), "traffic leaves before processes do"
        assert side.slot != world.stable
        world.ready.discard(side.slot)
        world.running.discard(side.slot)
        world.replicas.pop(side.slot, None)
        world.answering.pop(side.slot, None)
        world.step()

    def back(self) -> None:
        world = self.world
        if world.plan.rolling is not None:
            world.routed = world.prepared or world.routed
        elif world.plan.stable:
            world.routed, world.tested = {world.plan.stable.slot: 1.0}, ""

    def write(self, line: journal.Line) -> None:
        self.world.step()
        self.world.lines.append(line)
        self.world.step()

    def announce(self, plan: Plan) -> str:
        assert self.world.stable == plan.new.slot, "the alias moves after the traffic"
        if plan.new.version not in self.world.announced:
            self.world.announced.append(plan.new.version)
        return ""


def run(
    world: World, state: engine.RolloutState | None = None, say: Callable[[str], None] = lambda said: None
) -> engine.RolloutState:
    """The last state of a runner that begins, or goes on from a state."""
    target = SimulatedTarget(world)
    around = Surroundings(target.announce, say, lambda: world.clock)
    return carry_out(world.plan, state or engine.begin(world.plan), target, around)


def run_through_deaths(world: World, deaths: Sequence[int], *, guarded: bool = False) -> None:
    """Run until it has an end, each runner going on from the journal of the one before. deaths: after so many steps each.
    guarded: between two of them the guardian takes the way back that is prepared."""
    left, since = list(deaths), 0

    def dies(number: int) -> None:
        nonlocal since
        since += 1
        if left and since >= left[0]:
            left.pop(0)
            since = 0
            raise Died

    world.dies, state = dies, None
    while True:
        try:
            run(world, state)
            return
        except Died:
            world.check()
            if guarded and not world.story.state.adopted:
                SimulatedTarget(world).back()
                world.check()
            world.lines.append(journal.Line(event=engine.Resumed(world.clock)))
            state = world.story.state


def ended(world: World) -> engine.Outcome:
    return world.story.outcome
