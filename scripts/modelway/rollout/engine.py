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

from modelway.rollout import comparison, judge
from modelway.rollout.comparison import RowCounts
from modelway.rollout.observations import Block
from modelway.rollout.plan import Plan

SUSPECT_PROMOTION = 0.1
MOST_ROWS = 100
"""That both releases are asked to predict after a block: a few of its requests, so that neither is slower for it."""
Outcome = Literal["", "deployed", "shadowed", "rolled-back", "failed"]


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Every replica of the new release answers."""

    at: float


class Routed(msgspec.Struct, frozen=True, tag="routed"):
    """The new release gets this share of the traffic, confirmed by what routes it. tested: and the testers'."""

    at: float
    weight: float
    tested: bool = False


class Observed(msgspec.Struct, frozen=True, tag="observed"):
    block: Block


class Compared(msgspec.Struct, frozen=True, tag="compared"):
    """Rows that both releases were asked to predict, since the last time."""

    at: float
    rows: RowCounts


class Adopted(msgspec.Struct, frozen=True, tag="adopted"):
    """The target calls the new release stable."""

    at: float


class Announced(msgspec.Struct, frozen=True, tag="announced"):
    """The alias was moved; or, with a `problem`, it could not be, and the next command does it."""

    at: float
    problem: str = ""


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    """The release before was kept for its time."""

    at: float


class GoneBack(msgspec.Struct, frozen=True, tag="gone-back"):
    """The release before, which runs still, is brought back by a rollout of its own: it is not to be retired here."""

    at: float


class Retired(msgspec.Struct, frozen=True, tag="retired"):
    """The release that lost is gone."""

    at: float


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """An act could not be carried out."""

    at: float
    why: str


class Cancelled(msgspec.Struct, frozen=True, tag="cancelled"):
    """Somebody wants no more of it."""

    at: float
    why: str


class Resumed(msgspec.Struct, frozen=True, tag="resumed"):
    """Another runner goes on: what the one before had set up is set up again."""

    at: float


Event = (
    Ready
    | Routed
    | Observed
    | Compared
    | Adopted
    | Announced
    | Kept
    | GoneBack
    | Retired
    | Failed
    | Cancelled
    | Resumed
)


class Start(msgspec.Struct, frozen=True, tag="start"):
    """Run the new release until it is ready."""


class Route(msgspec.Struct, frozen=True, tag="route"):
    """tested: the plan's testers reach the new release too."""

    weight: float
    tested: bool = False


class Observe(msgspec.Struct, frozen=True, tag="observe"):
    """Wait for a block to pass, and count."""


class Compare(msgspec.Struct, frozen=True, tag="compare"):
    """Ask both releases to predict the same rows, so many at most."""

    most: int


class Adopt(msgspec.Struct, frozen=True, tag="adopt"):
    """Make the new release the target's stable one."""


class Announce(msgspec.Struct, frozen=True, tag="announce"):
    """Move the alias, and write the ledger."""


class Keep(msgspec.Struct, frozen=True, tag="keep"):
    """Let the release before run on: whoever wants it back has it at once. until: seconds of the epoch."""

    until: float


class Retire(msgspec.Struct, frozen=True, tag="retire"):
    """Let a release finish what it began, then end it."""

    which: Literal["new", "stable"]


class Finish(msgspec.Struct, frozen=True, tag="finish"):
    outcome: Outcome


Command = Start | Route | Observe | Compare | Adopt | Announce | Keep | Retire | Finish


class RolloutState(msgspec.Struct, frozen=True, kw_only=True):
    ready: bool = False
    routed: float | None = 0.0
    """The new release's share as last confirmed; None where another runner left it and nobody knows."""
    tested: bool = False
    step: int = 0
    in_step: float = 0.0
    """Seconds observed in this step."""
    compared: float = 0.0
    """Seconds observed while stable had traffic too."""
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


def begin(plan: Plan) -> RolloutState:
    return RolloutState(judged=judge.begin(plan.settings) if plan.settings else None)


def command(plan: Plan, state: RolloutState) -> Command:
    """What is to be done next; it follows from the state alone."""
    if state.decision in ("revert", "withdraw"):
        if (state.routed != 0 or state.tested) and plan.stable is not None:
            return Route(0.0)
        if not state.retired:
            return Retire("new")
        return Finish("failed" if state.failed else "shadowed" if state.decision == "withdraw" else "rolled-back")
    if not state.ready:
        return Start()
    weight = plan.weights[state.step]
    route = Route(weight, plan.testers is not None and plan.stable is not None and weight < 1)
    if (state.routed, state.tested) != (route.weight, route.tested):
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
            return change(state, retired=True)
        case GoneBack():  # what it had set up is not set up again
            return change(
                state, ready=True, routed=plan.weights[-1], tested=False, step=len(plan.weights) - 1, retired=True
            )
        case Failed(why=why):
            return state if state.adopted else _revert(state, (why,), failed=True)
        case Cancelled(why=why):
            return change(state, kept=True) if state.adopted else _revert(state, (why,))
        case Resumed():
            return change(state, ready=False, routed=None)


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
    if block.weight == 0:  # testers alone reach it, and judge for themselves
        waited = state.in_step + block.seconds
        done = waited >= plan.step_seconds
        return msgspec.structs.replace(state, step=state.step + done, in_step=0.0 if done else waited)
    control = block.weight < 1
    judged = judge.observe(plan.settings, state.judged, block)
    in_step = state.in_step + block.seconds
    compared = state.compared + (block.seconds if control else 0.0)
    last_control = plan.mirror or state.step == len(plan.weights) - 2
    waited = in_step >= plan.step_seconds
    baked = not control or (last_control and waited and compared >= plan.bake_seconds)
    deadline = control and compared >= plan.timeout_seconds * (2 if state.extended else 1)
    assessment = judge.assess(plan.settings, judged, baked=baked, deadline=deadline)
    state = msgspec.structs.replace(
        state, judged=judged, assessment=assessment, in_step=in_step, compared=compared, reasons=assessment.reasons
    )
    if assessment.verdict == "fail":
        return _revert(state, assessment.reasons)
    if not control and assessment.verdict != "inconclusive":
        answered = judged.alone.requests > 0  # no data is never healthy, at 100 % either
        if waited and answered and not _harm_suspected(assessment):
            seen = judged.alone
            alone = f"{seen.errors:,} errors and {seen.slow:,} slow of {seen.requests:,} in {in_step:.0f} s at 100 %"
            reasons = (
                state.reasons if len(plan.weights) > 1 else (f"{alone}: within the limits of what was there before",)
            )
            return msgspec.structs.replace(state, decision="promote", reasons=reasons)
        over = in_step >= plan.timeout_seconds
        why = f"harm was not ruled out in {in_step:.0f} s at 100 %" if answered else "no request came at 100 %"
        return _revert(state, (why,)) if over else state
    if assessment.verdict == "inconclusive":
        return _undecided(plan, state, deadline)
    if plan.mirror:
        return _shadowed(plan, state, deadline) if assessment.verdict == "pass" else state
    if (last_control and assessment.verdict == "pass") or (not last_control and waited and not _suspect(assessment)):
        return msgspec.structs.replace(state, step=state.step + 1, in_step=0.0)
    return state


def _suspect(assessment: judge.Assessment) -> bool:
    """A quarter of the way to a rollback on the scale of evidence, or ten to one against being no worse: such a canary gets no
    more traffic until that is settled. The judge tells more from few than from half."""
    return _harm_suspected(assessment) or assessment.promotion <= SUSPECT_PROMOTION


def _harm_suspected(assessment: judge.Assessment) -> bool:
    suspicious: float = assessment.harm_needed**0.25
    return assessment.harm >= suspicious


def _shadowed(plan: Plan, state: RolloutState, deadline: bool) -> RolloutState:
    """Its errors and times are no worse: whether its predictions are, where that was asked for."""
    if plan.rows is None:
        return msgspec.structs.replace(state, decision="withdraw")
    said = comparison.said(plan.rows, state.rows)
    if comparison.decide(plan.rows, state.rows) == "pass":
        return msgspec.structs.replace(state, decision="withdraw", reasons=(*state.reasons, said))
    no_more = "the time is over" if deadline else "" if _rows_left(plan, state) else "no more rows are compared"
    undecided = msgspec.structs.replace(state, reasons=(*filter(None, (no_more,)), said))
    return _undecided(plan, undecided, deadline=True) if no_more else undecided


def _undecided(plan: Plan, state: RolloutState, deadline: bool) -> RolloutState:
    """The policy speaks where time is over; evidence that cannot be trusted is never extended or promoted."""
    policy = "rollback" if plan.mirror and plan.inconclusive == "promote" else plan.inconclusive
    if not deadline or policy == "rollback" or (policy == "extend" and state.extended):
        return _revert(state, state.reasons)
    if policy == "extend":
        return msgspec.structs.replace(state, extended=True)
    return msgspec.structs.replace(state, step=len(plan.weights) - 1, in_step=0.0)
