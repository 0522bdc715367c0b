"""rollback-release: bring back the release that was there before; traffic first, then the alias.

Needs the target alone: the release is unpacked there still. With the registry down the traffic goes back all the same, and
what could not be told is kept for the next command.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from modelway import ci
from modelway.config import Resolved
from modelway.errors import Refused
from modelway.rollout import journal
from modelway.stages.rollouts import announce, deployment, rollout
from modelway.targets.local.machine import ports
from modelway.targets.local.state import Deployment


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
    deployed = deployment.existing(project)
    open_ = rollout.open_story(deployment.folder_of(project), deployed)
    # what is refused takes the target from nobody
    if (
        not only_unfinished
        and (to is not None or not open_)
        and (goal := _goal(deployed.deployments, to, project.environment))
    ):
        _check(goal)
    if said := deployment.other_port(project, deployed):
        job.warn("rollback-release", f"{said}: it stays where it is")
    machine = deployment.claimed(project, job, "a rollback", always=True)
    work = rollout.Work(project, job, settings, machine)
    stories = []
    try:
        left = rollout.unfinished(work)
        if left or machine.deployed.current:
            with machine.lease.held():
                machine.start_proxy()
        done = only_unfinished
        was = machine.deployed.deployments[-1].slot.side.version if machine.deployed.deployments else None
        if left is not None:
            ended = _end(work, left, to)
            stories.append(ended)
            # what it had begun is what there was to undo or finish; but what had been adopted is rolled back below, and
            # a rollback that was cut off before it had begun anything is begun again
            cut_off = left.plan.kind == "rollback" and ended.outcome != "deployed"
            adopted = left.plan.kind == "deploy" and ended.outcome == "deployed"
            done = only_unfinished or (to is None and not cut_off and not adopted)
            was = left.plan.new.version
        kept = machine.deployed.deployments
        goal = None if done else _goal(kept, to, project.environment)
        if goal is not None:
            was = kept[-1].slot.side.version
            stories.append(_bring_back(work, goal, why))
        if machine.deployed.current and not (stories and stories[-1].outcome == "failed"):
            rollout.in_order(work)
            machine.ask()
        problem = announce.settle(project, job, machine)
    finally:
        machine.lease.give_back()
    now = machine.deployed.current
    there = now.side.version if now else 0
    if not stories:
        job.say(f"{f'version {there}' if there else 'nothing'} is in {project.environment}: nothing was changed")
        return RolledBack(there, None, (), problem)
    return RolledBack(there, was, tuple(stories), problem)


def _end(work: rollout.Work, left: journal.Story, to: int | None) -> journal.Story:
    job, number = work.job, left.plan.number
    slot = work.machine.deployed.slots.get(left.plan.new.slot)
    if left.plan.kind == "rollback" and to in (None, left.plan.new.version) and slot is not None:
        job.say("going on with a rollback that was cut off")
        rollout.resume(work, left, slot)
    else:
        job.say(f"ending the rollout of version {left.plan.new.version}")
        rollout.undo(work, left, f"rolled back by {deployment.author(job)}")
    return _story(work.machine.journal(number))


def _goal(kept: tuple[Deployment, ...], to: int | None, environment: str) -> Deployment | None:
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
                f"version {current.slot.side.version} is the first in {environment}: there is nothing to roll back to",
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


def _check(goal: Deployment) -> None:
    """Refused where it cannot be brought back from what is on this machine."""
    for path in (goal.slot.environment, goal.slot.server, goal.slot.model, goal.slot.release):
        if not Path(path).exists():
            raise Refused(
                f"version {goal.slot.side.version} is not unpacked here any more",
                where=path,
                fix="deploy it again with deploy-model",
            )


def _bring_back(work: rollout.Work, goal: Deployment, why: str) -> journal.Story:
    machine = work.machine
    current = machine.deployed.current
    assert current is not None  # there are deployments, and the last of them is stable
    _check(goal)
    old = goal.slot.side
    number = rollout.next_number(machine)
    side = msgspec.structs.replace(old, slot=rollout.slot_name(old.version, number))
    slot = msgspec.structs.replace(goal.slot, side=side, ports=ports(work.deploy.local.replicas))
    why = why or f"rolled back from version {current.side.version}"
    plan = rollout.all_at_once(work, "rollback", number, side, why)
    rollout.begin(work, plan, slot)
    return _story(machine.journal(number))


def _story(path: Path) -> journal.Story:
    story = journal.read(path)
    assert story is not None  # it was written by this command
    return story
