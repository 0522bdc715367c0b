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
from modelway.stages import announce, deployment, rollout
from modelway.targets.local import lease as leases
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
    deployment.existing(project)
    machine = deployment.open_target(project, job)
    held = leases.take(machine.folder, rollout.author(job), "a rollback", always=True)
    work = rollout.Work(project, job, settings, machine, held)
    stories = []
    try:
        with held.held():
            machine.start_proxy()
        left = rollout.unfinished(work)
        done = only_unfinished
        was = machine.deployed.deployments[-1].slot.side.version if machine.deployed.deployments else None
        if left is not None:
            wanted = left.plan.kind == "rollback" and to in (None, left.plan.new.version)
            ended = _end(work, left, wanted)
            stories.append(ended)
            # a canary that was ended is what there was to undo; a release that had been adopted is rolled back below
            done = only_unfinished or (to is None and (wanted or ended.outcome != "deployed"))
            was = left.plan.new.version
        kept = machine.deployed.deployments
        goal = None if done else _goal(kept, to, project.environment)
        if goal is not None:
            was = kept[-1].slot.side.version
            stories.append(_bring_back(work, goal, why))
        problem = announce.settle(project, job, machine)
    finally:
        held.give_back()
    if not stories:
        there = kept[-1].slot.side.version if kept else 0
        job.say(f"{f'version {there}' if there else 'nothing'} is in {project.environment}: nothing was changed")
        return RolledBack(there, None, (), problem)
    now = machine.deployed.current
    if now is None:
        return RolledBack(0, was, tuple(stories), problem)
    return RolledBack(now.side.version, was, tuple(stories), problem)


def _end(work: rollout.Work, left: journal.Story, wanted: bool) -> journal.Story:
    job, number = work.job, left.plan.number
    slot = work.machine.deployed.slots.get(left.plan.new.slot)
    if wanted and slot is not None:
        job.say("going on with a rollback that was cut off")
        rollout.resume(work, left, slot)
    else:
        job.say(f"ending the rollout of version {left.plan.new.version}")
        rollout.undo(work, left, f"rolled back by {rollout.author(job)}")
    return _story(work.machine.journal(number))


def _goal(kept: tuple[Deployment, ...], to: int | None, environment: str) -> Deployment | None:
    """The deployment to bring back; None where it is there."""
    if not kept:
        raise Refused(f"nothing is deployed in {environment}, so there is nothing to roll back", fix="deploy a version")
    current = kept[-1]
    if to is None:
        if current.kind == "rollback":
            return None
        before = [item for item in kept[:-1] if item.slot.side.config_digest != current.slot.side.config_digest]
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


def _bring_back(work: rollout.Work, goal: Deployment, why: str) -> journal.Story:
    machine = work.machine
    current = machine.deployed.current
    assert current is not None  # there are deployments, and the last of them is stable
    old = goal.slot.side
    for path in (goal.slot.environment, goal.slot.server, goal.slot.model, goal.slot.release):
        if not Path(path).exists():
            raise Refused(
                f"version {old.version} is not unpacked here any more",
                where=path,
                fix="deploy it again with deploy-model",
            )
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
