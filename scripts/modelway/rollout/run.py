"""Carrying a rollout out: ask the engine for the next act, write it down, do it, write down what happened."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from modelway.errors import ModelwayError, Refused
from modelway.rollout import comparison, engine, journal
from modelway.rollout.comparison import RowCounts
from modelway.rollout.evidence import number_said
from modelway.rollout.observations import Block
from modelway.rollout.plan import Plan, share_said
from modelway.rollout.rolling import Replicas

Waiting = Callable[[], AbstractContextManager[None]]


class Acts(Protocol):
    """What a rollout needs of the target that releases run on. Every act may be asked for twice, and is refused as
    Superseded once another command has taken the target over."""

    def start(self) -> None:
        """The new release runs, and every replica of it is ready."""

    def route(
        self,
        weight: float,
        waiting: Waiting = contextlib.nullcontext,
        *,
        tested: bool = False,
        stable: int | None = None,
    ) -> None:
        """The new release gets this share of the traffic, as was verified when this returns. waiting: within it an
        interrupt may break in. tested: the plan's testers reach it too. stable: as of `engine.Route`."""

    def sizes(self) -> Replicas:
        """How many replicas of each are ready."""

    def scale(self, replicas: Replicas) -> None:
        """Both have so many: those that leave, and get no traffic, have gone before those that come are started, and these are
        ready and warm when this returns."""

    def observe(self, weight: float) -> Block:
        """What happened in the next block."""

    def compare(self, most: int) -> RowCounts:
        """Both releases are asked to predict the same rows that came lately, so many at most, within half a block. Never
        fails: what could not be had is counted."""

    def is_due(self) -> bool:
        """Whether a block has passed already, so that `observe` waits for nothing."""

    def continued(self, weight: float) -> engine.Continued | None:
        """The word of a person who lets it go on from a pause at this share; None where nobody has given it."""

    def adopt(self) -> tuple[int, int]:
        """The target calls the new release stable: from now on it is what comes back after a crash. (Requests of sample
        traffic, of so many that it was sent), as of `engine.Adopted`."""

    def keep(self, seconds: float) -> None:
        """Wait for so long; Superseded as soon as another command has the target."""

    def retire(self, which: Literal["new", "stable"]) -> None:
        """The release that lost, and gets no traffic, finishes what it began and is gone."""

    def back(self) -> None:
        """All traffic to stable, by what was prepared: it must work where nothing can be written any more."""

    def write(self, line: journal.Line) -> None:
        """Into the journal, under the lease."""


class Superseded(Refused):
    """Another command has taken the target over: this one changes nothing more."""


class AtWork(Refused):
    """Another command that lives has the target."""


@dataclass(frozen=True)
class Surroundings:
    """announce: moves the alias, and returns what went wrong. say: a line of progress. wait: false: the rollout is left where
    only waiting would take it further, and the next run goes on with what has been counted meanwhile."""

    announce: Callable[[Plan], str]
    say: Callable[[str], None]
    clock: Callable[[], float] = time.time
    wait: bool = True


class Interrupts:
    """SIGINT and SIGTERM break into waiting, and into nothing else: an act is never left half done by them."""

    def __init__(self) -> None:
        self.asked = self._waiting = False

    def __enter__(self) -> Interrupts:
        main = threading.current_thread() is threading.main_thread()  # a pipeline tool's other threads get no signals
        numbers = (signal.SIGINT, signal.SIGTERM) if main else ()
        self._before = [(number, signal.signal(number, self._ask)) for number in numbers]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)

    def _ask(self, *_: object) -> None:
        self.asked = True
        if self._waiting:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        self._waiting = True
        try:
            yield
        finally:
            self._waiting = False


def carry_out(plan: Plan, state: engine.RolloutState, acts: Acts, around: Surroundings) -> engine.RolloutState:
    """From `state` to the end, or to where it is left; the last state. An interrupt sends traffic back to stable first. Where
    an act or the journal fails, traffic goes back too, and the failure is raised: the next run goes on from here."""
    cancelled, last = False, ""
    with Interrupts() as interrupts:
        while True:
            try:
                if interrupts.asked and not cancelled:
                    raise KeyboardInterrupt
                act = engine.command(plan, state)
                waits = state.is_paused and isinstance(act, engine.Observe)
                word = acts.continued(plan.weights[state.step]) if waits else None
                if word is None and not around.wait and _is_early(act, acts, around):
                    return state
                acts.write(journal.Line(act=act))
                if isinstance(act, engine.Finish):
                    return state
                event = word or _event(act, plan, state, acts, around, interrupts)
            except KeyboardInterrupt:
                cancelled = True
                if not state.adopted:
                    acts.back()
                event = engine.Cancelled(around.clock(), "cancelled")
            except _StartFailed as failed:
                event = engine.Failed(around.clock(), failed.why)
            except Superseded:
                raise
            except (ModelwayError, OSError):
                if not state.adopted:
                    acts.back()
                raise
            before, state = state, engine.advance(plan, state, event)
            try:
                acts.write(journal.Line(event=event))
            except Superseded:
                raise
            except (ModelwayError, OSError):
                if not state.adopted:
                    acts.back()
                raise
            for line in progress(plan, before, state, event):
                if line != last:  # where no traffic comes, every block says the same
                    around.say(line)
                last = line


def _is_early(act: engine.Command, acts: Acts, around: Surroundings) -> bool:
    match act:
        case engine.Observe():
            return not acts.is_due()
        case engine.Keep(until=until):
            return around.clock() < until
        case _:
            return False


class _StartFailed(Exception):
    def __init__(self, why: str) -> None:
        self.why = why


def _event(
    act: engine.Command,
    plan: Plan,
    state: engine.RolloutState,
    acts: Acts,
    around: Surroundings,
    interrupts: Interrupts,
) -> engine.Event:
    match act:
        case engine.Start():
            try:
                with interrupts.allowed():
                    acts.start()
            except Superseded:
                raise
            except ModelwayError as error:
                raise _StartFailed(error.line()) from error
            return engine.Ready(around.clock())
        case engine.Route(weight=weight, tested=tested, stable=stable):
            acts.route(weight, interrupts.allowed, tested=tested, stable=stable)
            return engine.Routed(around.clock(), weight, tested)
        case engine.Inspect():
            with interrupts.allowed():
                return engine.Sized(around.clock(), *acts.sizes())
        case engine.Scale(new=new, stable=left):
            return _scaled(Replicas(new, left), state, acts, around, interrupts)
        case engine.Observe():
            with interrupts.allowed():
                return engine.Observed(acts.observe(state.routed or 0.0))
        case engine.Compare(most=most):
            with interrupts.allowed():
                return engine.Compared(around.clock(), acts.compare(most))
        case engine.Adopt():
            return engine.Adopted(around.clock(), *acts.adopt())
        case engine.Announce():
            return engine.Announced(around.clock(), around.announce(plan))
        case engine.Keep(until=until):
            seconds = max(0.0, until - around.clock())
            if plan.stable is not None:
                around.say(
                    f"{plan.stable.name} runs on for {seconds:.0f} s: until then rollback-release has it back at once"
                )
            with interrupts.allowed():
                acts.keep(seconds)
            return engine.Kept(around.clock())
        case engine.Retire(which=which):
            acts.retire(which)
            return engine.Retired(around.clock())
        case _:
            raise AssertionError(act)


def _scaled(
    replicas: Replicas, state: engine.RolloutState, acts: Acts, around: Surroundings, interrupts: Interrupts
) -> engine.Event:
    """A replica that does not come ends a rollout as one that does not start does. On the way back there is no other way."""
    try:
        with interrupts.allowed():
            acts.scale(replicas)
    except Superseded:
        raise
    except ModelwayError as error:
        if state.decision:
            raise
        raise _StartFailed(error.line()) from error
    return engine.Sized(around.clock(), *replicas)


def progress(plan: Plan, before: engine.RolloutState, after: engine.RolloutState, event: engine.Event) -> list[str]:
    """What to tell a person of an event."""
    lines = []
    match event:
        case engine.Ready():
            lines.append(f"{plan.new.name} is ready")
        case engine.Routed(weight=weight, tested=tested):
            trial = plan.is_trial and weight > 0
            gets = (
                share_said(plan, weight) + (" request" if plan.mirror else "")
                if trial
                else f"{weight:.0%} of the traffic"
            )
            lines.append(f"{plan.new.name} gets {gets}{', and its testers' if tested else ''}")
        case engine.Sized(new=new, stable=stable) if before.sizes not in (None, (new, stable)):
            kept = plan.stable.name if plan.stable else "nothing"
            lines.append(f"{new} replicas of {plan.new.name}, {stable} of {kept}")
        case engine.Observed(block=block):
            lines.append(_counts(plan, block, after))
        case engine.Compared() if plan.rows is not None and (after.rows.compared, after.rows.why) != (
            before.rows.compared,
            before.rows.why,
        ):
            lines.append(comparison.said(plan.rows, after.rows))
        case engine.Adopted(sampled=sampled, asked=asked):
            lines.append(f"{plan.new.name} is stable now")
            if sampled:
                lines.append(
                    f"of the {asked:,} requests that it was sent, {sampled:,} ({sampled / asked:.0%}) were sample traffic"
                )
        case engine.Announced(problem=problem) if problem:
            lines.append(f"the alias could not be moved: {problem}")
        case engine.Continued(who=who, why=why):
            lines.append(f"continued by {who}: {why}")
        case engine.Resumed():
            lines.append("going on with a rollout that another runner left")
        case _:
            pass
    if after.is_paused and not before.is_paused:
        lines.append(
            f"{paused_said(plan, after)}: continue-rollout lets it go on, and what harms is taken back meanwhile"
        )
    if after.decision != before.decision and after.reasons:
        back = f"back to {plan.stable.name if plan.stable else 'nothing'}"
        learned = "no worse as a shadow" if plan.mirror else "compared"
        said = {"revert": back, "withdraw": learned}.get(after.decision, "accepted")
        lines.append(f"{said}: {'; '.join(after.reasons)}")
    return lines


def paused_said(plan: Plan, state: engine.RolloutState) -> str:
    """That a rollout waits for a person, and until when."""
    assert state.paused_at is not None
    until = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(state.paused_at + plan.pause_seconds))
    return f"paused at {plan.weights[state.step]:.0%} until {until}"


def _counts(plan: Plan, block: Block, state: engine.RolloutState) -> str:
    if block.dropped:
        return f"not counted: {block.dropped}"
    if block.weight == 0:
        return f"{plan.new.name} gets its testers' requests alone"
    new, stable = block.canary, block.stable
    if not new.requests + stable.requests:
        return f"{share_said(plan, block.weight)}: no requests come; nothing can be judged until they do"
    said = f"{share_said(plan, block.weight)}: {plan.new.name} {new.errors} errors, {new.slow} slow of {new.requests}"
    if plan.stable is not None:
        said += f"; {plan.stable.name} {stable.errors}, {stable.slow} of {stable.requests}"
    said += f"; its predictions are not counted: {block.unwatched}" if block.unwatched else ""
    judged = state.assessment
    if plan.led is not None and judged:
        return f"{said}; harm {number_said(judged.harm)}"
    return f"{said}; harm {number_said(judged.harm)}, no worse {number_said(judged.promotion)}" if judged else said
