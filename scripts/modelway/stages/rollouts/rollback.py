"""rollback-release: bring back the release that was there before; traffic first, then the alias.

Needs the target alone: the release is unpacked there still. With the registry down the traffic goes back all the same, and
what could not be told is kept for the next command.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from modelway import ci
from modelway.config import Resolved
from modelway.errors import Refused
from modelway.rollout import journal, rolling
from modelway.rollout.plan import Side, slot_name
from modelway.rollout.rolling import RollingPlan
from modelway.stages.rollouts import announce, deployment, rollout
from modelway.targets.state import Deployment, Slot


@dataclass(frozen=True)
class RolledBack:
    """What is there now, and how it came. stories: of the rollouts that this command ended or began; none where it changed
    nothing. problem: what could not be told to the registry."""

    version: int
    left: int | None
    stories: tuple[journal.Story, ...]
    problem: str


def roll_back(project: Resolved, job: ci.Job, to: int | None, why: str, *, only_unfinished: bool = False) -> RolledBack:
    """End a rollout that is under way; where there is none, or another version is asked for, bring that version back.

    Refused where there is nothing to go back to. A second run changes nothing."""
    settings = deployment.section(project)
    target, state = deployment.existing(project)
    # what is refused takes the target from nobody
    if not only_unfinished and (to is not None or not target.unfinished()):
        goal = _goal(state.deployments, to, project.environment)
        if goal is not None:
            target.place.check_kept(goal.slot)
    if objection := target.place.objection(state, ephemeral=False):
        job.warn("rollback-release", f"{objection.what}: it stays where it is")
    claim = target.claim(job.author, "a rollback", always=True, say=job.say)
    work = rollout.Work(project, job, settings, claim)
    stories = []
    try:
        left = claim.unfinished()
        if left or claim.state.current:
            with claim.held():
                claim.place.start(claim, None)
        done = only_unfinished
        was = claim.state.deployments[-1].slot.side.version if claim.state.deployments else None
        if left is not None:
            ended = _end(work, left, to, only_unfinished=only_unfinished)
            stories.append(ended)
            # what it had begun is what there was to undo or finish; but what had been adopted is rolled back below, and
            # a rollback that was cut off before it had begun anything is begun again
            cut_off = left.plan.kind == "rollback" and ended.outcome != "deployed"
            adopted = left.plan.kind == "deploy" and ended.outcome == "deployed"
            done = only_unfinished or (to is None and not cut_off and not adopted)
            was = left.plan.new.version
        kept = claim.state.deployments
        goal = None if done else _goal(kept, to, project.environment)
        if goal is not None:
            was = kept[-1].slot.side.version
            stories.append(_bring_back(work, goal.slot, why))
        if claim.state.current and not (stories and stories[-1].outcome == "failed"):
            claim.run_stable(job.say)
            claim.check_answer()
            rollout.tidy(work)
        problem = announce.announce_pending(project, job, claim)
    finally:
        claim.give_back()
    now = claim.state.current
    there = now.side.version if now else 0
    if not stories:
        job.say(f"{now.side.name if now else 'nothing'} is in {project.environment}: nothing was changed")
        return RolledBack(there, None, (), problem)
    return RolledBack(there, was, tuple(stories), problem)


def _end(work: rollout.Work, left: journal.Story, to: int | None, *, only_unfinished: bool) -> journal.Story:
    job, claim = work.job, work.claim
    slot = claim.state.slots.get(left.plan.new.slot)
    kept = None if only_unfinished else _kept(work, left, to)
    if kept is not None:
        job.say(f"{kept.name} runs still")
        rollout.go_back(work, left, slot)
    elif left.plan.kind == "rollback" and to in (None, left.plan.new.version) and slot is not None:
        job.say("going on with a rollback that was cut off")
        rollout.resume(work, left, slot)
    else:
        job.say(f"ending the rollout of {left.plan.new.name}")
        rollout.undo(work, left, f"rolled back by {job.author}")
    return claim.story(left.plan.number)


def _kept(work: rollout.Work, left: journal.Story, to: int | None) -> Side | None:
    """The release before an adopted one, where it is what is to be brought back, and runs still, as it does not after a
    rolling rollout."""
    state, before = work.claim.state, left.plan.stable
    adopted = left.plan.kind == "deploy" and state.stable == left.plan.new.slot and left.plan.rolling is None
    if adopted and before is not None and before.slot in state.slots and to in (None, before.version):
        return before
    return None


def _goal(kept: tuple[Deployment[Slot], ...], to: int | None, environment: str) -> Deployment[Slot] | None:
    """The deployment to bring back; None where it is there."""
    if not kept:
        raise Refused(f"nothing is deployed in {environment}, so there is nothing to roll back", fix="deploy a version")
    current = kept[-1]
    if to is None:
        if current.kind == "rollback":
            return None
        # of another version, not another build of the one that is there
        before = [item for item in kept[:-1] if item.slot.side.version != current.slot.side.version]
        if not before:
            raise Refused(
                f"{current.slot.side.name} is the first in {environment}: there is nothing to roll back to",
                fix="deploy another version, or end all of it with stop-deployment",
            )
        return before[-1]
    if current.slot.side.version == to:
        return None
    known = [item for item in kept if item.slot.side.version == to]
    if not known:
        versions = ", ".join(sorted({str(item.slot.side.version) for item in kept}, key=int))
        raise Refused(
            f"version {to} was never in {environment}, or too long ago; known are {versions}",
            where="input to",
            fix="name one of these, or deploy the version",
        )
    return known[-1]


def _rolling(work: rollout.Work, current: Slot) -> RollingPlan | None:
    """A few replicas at a time, each batch as soon as it is ready, where that is how releases replace each other; None where
    what is there does not run whole: nobody waits for that."""
    place = work.claim.place
    if work.deploy.strategy != "rolling" or not place.scales or place.size(current) < (whole := place.whole(current)):
        return None
    return rolling.unjudged(rolling.bounds_of(work.deploy.rolling, whole))


def _bring_back(work: rollout.Work, kept: Slot, why: str) -> journal.Story:
    claim = work.claim
    current = claim.state.current
    assert current is not None  # there are deployments, and the last of them is stable
    claim.place.check_kept(kept)
    number = claim.next_number()
    running = [slot for slot in claim.state.slots.values() if slot.side.config_digest == kept.side.config_digest]
    if running:
        slot = running[0]
    else:
        side = msgspec.structs.replace(kept.side, slot=slot_name(kept.side.version, number))
        slot = claim.place.again(kept, side, way_back=True)
    why = why or f"rolled back from {current.side.name}"
    plan = rollout.all_at_once(work, "rollback", number, slot.side, why)
    rollout.begin(work, msgspec.structs.replace(plan, rolling=_rolling(work, current)), slot)
    return claim.story(number)
