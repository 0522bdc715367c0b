"""What a deploy and a rollback share: take the target, put in order what another runner left, carry a plan out."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from modelway import ci
from modelway.config import Deploy, Resolved
from modelway.records import Release
from modelway.rollout import engine, journal
from modelway.rollout.plan import Kind, Plan, Side
from modelway.rollout.run import Surroundings, carry_out
from modelway.stages.rollouts import announce
from modelway.stages.steps.promote import who
from modelway.targets.local.machine import Machine, journal_of
from modelway.targets.local.state import Deployed, Pending, Slot
from modelway.targets.local.target import LocalTarget


@dataclass(frozen=True)
class Work:
    """One command's hold on a target. deploy: the section of modelway.yml."""

    project: Resolved
    job: ci.Job
    deploy: Deploy
    machine: Machine


def all_at_once(work: Work, kind: Kind, number: int, new: Side, why: str) -> Plan:
    """The plan that compares nothing: all traffic to the new release as soon as it is ready."""
    current = work.machine.deployed.current
    return Plan(
        kind=kind,
        id=uuid.uuid4().hex,
        model=work.project.model,
        environment=work.project.environment,
        number=number,
        new=new,
        stable=current.side if current else None,
        weights=(1.0,),
        step_seconds=0,
        bake_seconds=0,
        timeout_seconds=work.deploy.timeout_seconds,
        block_seconds=work.deploy.judge.block_seconds,
        why=why,
        who=who(work.job.environ),
    )


def side_of(number: int, release: Release) -> Side:
    return Side(
        slot=slot_name(release.version, number),
        version=release.version,
        built_for=release.environment,
        config_digest=release.config_digest,
        manifest_digest=release.manifest_digest,
        model_digest=release.model_digest,
    )


def slot_name(version: int, number: int) -> str:
    return f"v{version}-r{number}"


def in_order(work: Work) -> None:
    """Envoy runs, and so do all replicas of stable."""
    machine, stable = work.machine, work.machine.deployed.current
    with machine.lease.held():
        machine.start_proxy()
        if stable is not None:
            stable = machine.start_replicas(stable, dict(os.environ))
    if stable is not None:
        machine.wait_until_ready(stable, work.deploy.local.ready_seconds, work.job.say)


def unfinished(work: Work) -> journal.Story | None:
    """The last rollout, where it has no end."""
    return open_story(work.machine.folder, work.machine.deployed)


def open_story(folder: Path, deployed: Deployed) -> journal.Story | None:
    path = journal_of(folder, deployed.rollouts)
    story = journal.read(path) if deployed.rollouts and path.exists() else None
    return story if story is not None and not story.outcome else None


def undo(work: Work, story: journal.Story, why: str) -> engine.State:
    """End a rollout that nobody carries on: traffic to stable, the other release gone. One that was adopted is finished."""
    slot = work.machine.deployed.slots.get(story.plan.new.slot)
    if slot is None:  # it never came so far as to have one, or it is gone already
        slot = Slot(story.plan.new, (), "", "", "", "", "")
    return _carried(work, story.plan, _go_on(work, story, engine.Cancelled(time.time(), why)), slot)


def resume(work: Work, story: journal.Story, slot: Slot) -> engine.State:
    """Go on with a rollout that another runner began."""
    return _carried(work, story.plan, _go_on(work, story), slot)


def begin(work: Work, plan: Plan, slot: Slot) -> engine.State:
    """A new rollout: its number is taken and its journal begins before anything else happens."""
    with work.machine.lease.held():
        journal.begin(work.machine.journal(plan.number), plan)
        work.machine.change(rollouts=plan.number)
    return _carried(work, plan, engine.begin(plan), slot)


def next_number(machine: Machine) -> int:
    """One whose journal does not exist: a runner may have died between that file and target.json."""
    number = machine.deployed.rollouts + 1
    while machine.journal(number).exists():
        number += 1
    return number


def _go_on(work: Work, story: journal.Story, *then: engine.Event) -> engine.State:
    """The state of a rollout that another runner began: nobody knows what it did after the last line that it wrote, but that a
    release was adopted is what the target says."""
    machine = work.machine
    events: list[engine.Event] = [engine.Resumed(time.time())]
    if machine.deployed.stable == story.plan.new.slot and not story.state.adopted:
        events.append(engine.Adopted(time.time()))
    state = story.state
    for event in (*events, *then):
        with machine.lease.held():
            journal.append(machine.journal(story.plan.number), journal.Line(event=event))
        state = engine.advance(story.plan, state, event)
    return state


def _carried(work: Work, plan: Plan, state: engine.State, slot: Slot) -> engine.State:
    target = LocalTarget(work.machine, plan, slot, work.deploy.local.ready_seconds, work.job.say)

    def tell(plan: Plan) -> str:
        pending = Pending(
            kind=plan.kind,
            version=plan.new.version,
            release=plan.new.config_digest,
            built_for=plan.new.built_for,
            why=plan.why,
            who=plan.who,
            nonce=plan.id,
            model_digest=plan.new.model_digest,
        )
        return announce.announce(work.project, work.job, work.machine, pending)

    return carry_out(plan, state, target, Surroundings(tell, work.job.say))
