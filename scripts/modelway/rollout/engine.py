"""The rollout as a pure state machine: `advance` takes in what happened, `command` says what is to be done next.

The state is all there is: a runner that dies leaves a journal of events, and the next one folds them into the same state
and gets the same next command. Every command may be carried out twice. What always holds (tests/rollout/test_engine.py):
the new release is ready before it gets traffic; traffic leaves a release before its processes end; stable ends only after
its successor has taken all traffic and was adopted; nothing is adopted that was not judged, unless there was nothing to
compare with or the policy says so.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from modelway.rollout import comparison, effect, judge
from modelway.rollout.comparison import RowCounts
from modelway.rollout.events import (
    Adopt,
    Adopted,
    Announce,
    Announced,
    Cancelled,
    Command,
    Compare,
    Compared,
    Continued,
    Event,
    Failed,
    Finish,
    GoneBack,
    Inspect,
    Keep,
    Kept,
    Observe,
    Observed,
    Outcome,
    Ready,
    Resumed,
    Retire,
    Retired,
    Route,
    Routed,
    Scale,
    Sized,
    Start,
)
from modelway.rollout.observations import Block
from modelway.rollout.plan import Plan
from modelway.rollout.rolling import Replicas, RollingPlan, leaving, share

__all__ = [
    "MOST_ROWS",
    "SUSPECT_PROMOTION",
    "Adopt",
    "Adopted",
    "Announce",
    "Announced",
    "Cancelled",
    "Command",
    "Compare",
    "Compared",
    "Continued",
    "Event",
    "Failed",
    "Finish",
    "GoneBack",
    "Inspect",
    "Keep",
    "Kept",
    "Observe",
    "Observed",
    "Outcome",
    "Ready",
    "Resumed",
    "Retire",
    "Retired",
    "RolloutState",
    "Route",
    "Routed",
    "Scale",
    "Sized",
    "Start",
    "advance",
    "begin",
    "command",
]

SUSPECT_PROMOTION = 0.1
MOST_ROWS = 100
"""That both releases are asked to predict after a block: a few of its requests, so that neither is slower for it."""


class RolloutState(msgspec.Struct, frozen=True, kw_only=True):
    ready: bool = False
    routed: float | None = 0.0
    """The new release's share as last confirmed; None where another runner left it and nobody knows."""
    tested: bool = False
    sizes: Replicas | None = None
    """Of a rolling rollout, as last confirmed; None where nobody knows."""
    step: int = 0
    in_step: float = 0.0
    """Seconds observed in this step, but for a pause."""
    compared: float = 0.0
    """Seconds observed while stable had traffic too, but for pauses."""
    paused_at: float | None = None
    """Since when a person is waited for at this step; None: not yet, or its step waits for nobody."""
    continued: bool = False
    """Somebody has let it go on from this step."""
    extended: bool = False
    judged: judge.JudgeState | None = None
    assessment: judge.Assessment | None = None
    rows: RowCounts = RowCounts()
    """All that were compared."""
    uncompared: bool = False
    """A block has passed since."""
    decision: Literal["", "promote", "withdraw", "revert"] = ""
    """withdraw: what was to be learned is known, and it was never to stay."""
    reasons: tuple[str, ...] = ()
    failed: bool = False
    adopted: bool = False
    adopted_at: float = 0.0
    announced: bool = False
    kept: bool = False
    """The release before need not be kept any more."""
    problem: str = ""
    retired: bool = False

    @property
    def is_paused(self) -> bool:
        """All that a step asks for is there but a person's word."""
        return self.paused_at is not None and not self.continued and not self.decision


def begin(plan: Plan) -> RolloutState:
    return RolloutState(judged=judge.begin(plan.settings) if plan.settings else None)


def command(plan: Plan, state: RolloutState) -> Command:
    """What is to be done next; it follows from the state alone."""
    if state.decision in ("revert", "withdraw"):
        if plan.rolling is not None and (act := _rolled_back(plan.rolling, state)) is not None:
            return act
        if (state.routed != 0 or state.tested) and plan.stable is not None:
            return Route(0.0)
        if not state.retired:
            return Retire("new")
        learned: Outcome = "compared" if plan.led is not None else "shadowed"
        return Finish("failed" if state.failed else learned if state.decision == "withdraw" else "rolled-back")
    if plan.rolling is not None and state.adopted:  # its replicas are all there: no act of before is done again
        return Announce() if not state.announced else Finish("deployed") if state.retired else Retire("stable")
    if not state.ready:
        return Start()
    if plan.rolling is not None and (act := _rolled_on(plan, plan.rolling, state)) is not None:
        return act
    weight = plan.weights[state.step]
    route = Route(weight, plan.testers is not None and plan.stable is not None and weight < 1)
    if plan.rolling is None and (state.routed, state.tested) != (route.weight, route.tested):
        return route
    if state.decision == "":
        return Compare(_rows_left(plan, state)) if state.uncompared else Observe()
    if not state.adopted:
        return Adopt()
    if not state.announced:
        return Announce()
    if not state.retired and plan.stable is not None:
        return Retire("stable") if state.kept or not plan.keep_seconds else Keep(state.adopted_at + plan.keep_seconds)
    return Finish("deployed")


def _rolled_on(plan: Plan, rolling: RollingPlan, state: RolloutState) -> Command | None:
    """The next act on the way to the step's replicas and their share; None: they are there."""
    if state.sizes is None:
        return Inspect()
    goal = rolling.steps[state.step]
    if state.sizes == goal:
        weight = plan.weights[state.step]
        return Route(weight, stable=goal.stable) if state.routed != weight else None
    then = rolling.bounds.forth(state.sizes, goal)
    return _moved(state, then)


def _rolled_back(rolling: RollingPlan, state: RolloutState) -> Command | None:
    """The next act on the way to all of stable's replicas, which get what they carry at once, and all of the traffic in the
    end; None: they have it."""
    if state.sizes is None:
        return Inspect()
    then = rolling.bounds.back(state.sizes)
    if then.new == 0 and state.routed == 0 and not state.retired:
        return Retire("new")
    if state.routed == 0 and state.sizes.stable == rolling.bounds.whole:
        return None
    return _moved(state, then)


def _moved(state: RolloutState, then: Replicas) -> Command:
    """Traffic leaves replicas before they go, and comes when they are ready."""
    assert state.sizes is not None
    left = leaving(state.sizes, then)
    weight = share(left)
    return Route(weight, stable=left.stable) if state.routed != weight else Scale(then.new, then.stable)


def advance(plan: Plan, state: RolloutState, event: Event) -> RolloutState:
    """The state after `event`."""
    change = msgspec.structs.replace
    match event:
        case Ready():
            return change(state, ready=True)
        case Routed(weight=weight, tested=tested):
            fresh = change(state, routed=weight, tested=tested)
            nothing_to_compare = plan.settings is None and weight == plan.weights[-1]
            return change(fresh, decision="promote") if nothing_to_compare and not state.decision else fresh
        case Sized(new=new, stable=stable):
            return change(state, sizes=Replicas(new, stable))
        case Observed(block=block):
            return change(_observed(plan, state, block), uncompared=_rows_left(plan, state) > 0)
        case Compared(rows=rows):
            return _compared(plan, change(state, rows=comparison.together((state.rows, rows)), uncompared=False))
        case Adopted(at=at):
            return change(state, adopted=True, adopted_at=at)
        case Announced(problem=problem):
            return change(state, announced=True, problem=problem)
        case Kept():
            return change(state, kept=True)
        case Retired():
            gone = (
                state.sizes._replace(new=0) if state.sizes is not None and state.decision != "promote" else state.sizes
            )
            return change(state, retired=True, sizes=gone)
        case GoneBack():  # what it had set up is not set up again
            return change(
                state, ready=True, routed=plan.weights[-1], tested=False, step=len(plan.weights) - 1, retired=True
            )
        case Failed(why=why):
            return state if state.adopted else _revert(_unknown(plan, state), (why,), failed=True)
        case Continued(weight=weight):
            return change(state, continued=True) if state.is_paused and weight == plan.weights[state.step] else state
        case Cancelled(why=why):
            measured = plan.led is not None and state.assessment is not None
            if measured and not state.decision:  # what an A/B has shown until then is worth as much
                return change(state, decision="withdraw", reasons=(why, *state.reasons))
            return change(state, kept=True) if state.adopted else _revert(_unknown(plan, state), (why,))
        case Resumed():
            return change(state, ready=False, routed=None, sizes=None)


def _unknown(plan: Plan, state: RolloutState) -> RolloutState:
    """An act of a rolling rollout was left half done: what there is, is looked at."""
    return state if plan.rolling is None else msgspec.structs.replace(state, routed=None, sizes=None)


def _rows_left(plan: Plan, state: RolloutState) -> int:
    """How many rows may be compared after a block."""
    return min(MOST_ROWS, plan.rows.most - state.rows.compared) if plan.rows is not None else 0


def _compared(plan: Plan, state: RolloutState) -> RolloutState:
    """That too many differ ends it; that few enough do is one of two things that it needs."""
    if state.decision or plan.rows is None or comparison.decide(plan.rows, state.rows) != "fail":
        return state
    return _revert(state, (comparison.said(plan.rows, state.rows),))


def _revert(state: RolloutState, reasons: tuple[str, ...], *, failed: bool = False) -> RolloutState:
    if state.decision == "revert":
        return state
    return msgspec.structs.replace(state, decision="revert", reasons=reasons, failed=failed)


def _observed(plan: Plan, state: RolloutState, block: Block) -> RolloutState:
    if state.decision or plan.settings is None or state.judged is None:
        return state
    waits = state.is_paused
    after = _alone_with_testers(plan, state, block) if block.weight == 0 else _judged(plan, state, block)
    if (
        waits
        and after.is_paused
        and after.paused_at is not None
        and block.ended - after.paused_at >= plan.pause_seconds
    ):
        return _revert(after, (f"nobody continued it at {block.weight:.0%} within {plan.pause_seconds:.0f} s",))
    return after


def _alone_with_testers(plan: Plan, state: RolloutState, block: Block) -> RolloutState:
    """They judge for themselves."""
    state = msgspec.structs.replace(state, in_step=state.in_step + (0.0 if state.is_paused else block.seconds))
    return _onward(plan, state, block, step=state.step + 1) if state.in_step >= plan.step_seconds else state


def _judged(plan: Plan, state: RolloutState, block: Block) -> RolloutState:
    assert plan.settings is not None and state.judged is not None
    control, paused = block.weight < 1, state.is_paused
    judged = judge.observe(plan.settings, state.judged, block)
    in_step = state.in_step + (0.0 if paused else block.seconds)
    compared = state.compared + (block.seconds if control and not paused else 0.0)
    last_control = plan.is_trial or state.step == len(plan.weights) - 2
    waited = in_step >= plan.step_seconds
    baked = not control or (last_control and waited and compared >= plan.bake_seconds)
    deadline = (
        control and plan.led is None and not paused and compared >= plan.timeout_seconds * (2 if state.extended else 1)
    )
    assessment = judge.assess(plan.settings, judged, baked=baked, deadline=deadline)
    state = msgspec.structs.replace(
        state, judged=judged, assessment=assessment, in_step=in_step, compared=compared, reasons=assessment.reasons
    )
    if assessment.verdict == "fail":
        return _revert(state, assessment.reasons)
    if plan.led is not None:
        measured = tuple(effect.said(item) for item in effect.effects(assessment.metrics))
        state = msgspec.structs.replace(state, reasons=measured)
        return _onward(plan, state, block, decision="withdraw") if compared >= plan.timeout_seconds else state
    if not control and assessment.verdict != "inconclusive":
        return _at_all_traffic(plan, state, block, assessment)
    if assessment.verdict == "inconclusive":
        return _undecided(plan, state, block, deadline)
    if plan.mirror:
        return _shadowed(plan, state, block, deadline) if assessment.verdict == "pass" else state
    if (last_control and assessment.verdict == "pass") or (not last_control and waited and not _suspect(assessment)):
        over = compared >= plan.timeout_seconds
        return _onward(plan, state, block, over=over, step=state.step + 1)
    return state


def _at_all_traffic(plan: Plan, state: RolloutState, block: Block, assessment: judge.Assessment) -> RolloutState:
    assert state.judged is not None
    seen, in_step = state.judged.alone, state.in_step
    answered = seen.requests > 0 or bool(plan.skipped)  # no data is never healthy, at 100 % either
    over = in_step >= plan.timeout_seconds and not state.is_paused
    if in_step >= plan.step_seconds and answered and not (_harm_suspected(assessment) or _fails_too_often(assessment)):
        alone = f"{seen.errors:,} errors and {seen.slow:,} slow of {seen.requests:,} in {in_step:.0f} s at 100 %"
        within = "the analysis was skipped" if plan.skipped else "within the limits of what was there before"
        reasons = state.reasons if len(plan.weights) > 1 else (f"{alone}: {within}",)
        return _onward(plan, state, block, over=over, decision="promote", reasons=reasons)
    why = f"harm was not ruled out in {in_step:.0f} s at 100 %" if answered else "no request came at 100 %"
    return _revert(state, (why,)) if over else state


def _onward(plan: Plan, state: RolloutState, block: Block, *, over: bool = False, **then: object) -> RolloutState:
    """`then`, which the step's own conditions allow: but not before all that has passed was judged, nor past a pause without a
    person's word, nor after it on what was counted before it alone. over: its time is."""
    if block.more:  # the plan's time stands still where only the reading of it holds the step
        seconds = 0.0 if state.is_paused else block.seconds
        compared = state.compared - (seconds if 0 < block.weight < 1 else 0.0)
        return msgspec.structs.replace(state, in_step=state.in_step - seconds, compared=compared)
    if plan.weights[state.step] in plan.pauses:
        if not state.continued:
            return state if state.is_paused else msgspec.structs.replace(state, paused_at=block.ended)
        if block.weight > 0 and not block.canary.requests:
            return _revert(state, ("no request came since it was continued",)) if over else state
    fresh = {"in_step": 0.0} if "step" in then else {}
    return msgspec.structs.replace(state, **fresh, **then, paused_at=None, continued=False)


def _suspect(assessment: judge.Assessment) -> bool:
    """A quarter of the way to a rollback on the scale of evidence, or ten to one against being no worse: such a canary gets no
    more traffic until that is settled. The judge tells more from few than from half."""
    return _harm_suspected(assessment) or assessment.promotion <= SUSPECT_PROMOTION


def _harm_suspected(assessment: judge.Assessment) -> bool:
    suspicious: float = assessment.harm_needed**0.25
    return assessment.harm >= suspicious


def _fails_too_often(assessment: judge.Assessment) -> bool:
    """At 100 %: more than the limit, with 95 %. A wager pays for one block what it pays at most, so a short step alone proves
    little of a release that fails half of its requests."""
    return any(
        metric.name == "errors"
        and metric.limit is not None
        and metric.alone.interval is not None
        and metric.alone.interval[0] > metric.limit
        for metric in assessment.metrics
    )


def _shadowed(plan: Plan, state: RolloutState, block: Block, deadline: bool) -> RolloutState:
    """Its errors and times are no worse: whether its predictions are, where that was asked for."""
    if plan.rows is None:
        return _onward(plan, state, block, decision="withdraw")
    said = comparison.said(plan.rows, state.rows)
    if comparison.decide(plan.rows, state.rows) == "pass":
        return _onward(plan, state, block, decision="withdraw", reasons=(*state.reasons, said))
    no_more = "the time is over" if deadline else "" if _rows_left(plan, state) else "no more rows are compared"
    undecided = msgspec.structs.replace(state, reasons=(*filter(None, (no_more,)), said))
    return _undecided(plan, undecided, block, deadline=True) if no_more else undecided


def _undecided(plan: Plan, state: RolloutState, block: Block, deadline: bool) -> RolloutState:
    """The policy speaks where time is over; evidence that cannot be trusted is never extended or promoted."""
    policy = "rollback" if plan.mirror and plan.inconclusive == "promote" else plan.inconclusive
    if not deadline or policy == "rollback" or (policy == "extend" and state.extended):
        return _revert(state, state.reasons)
    if policy == "extend":
        return msgspec.structs.replace(state, extended=True)
    left = range(state.step + 1, len(plan.weights))  # a policy passes no pause by
    step = next((number for number in left if plan.weights[number] in plan.pauses), len(plan.weights) - 1)
    return _onward(plan, state, block, over=True, step=step)
