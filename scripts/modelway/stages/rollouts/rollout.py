"""What a deploy and a rollback share: a rollout begun, gone on with, or undone on the target that this command has claimed."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from modelway import ci
from modelway.config import Deploy, Resolved
from modelway.errors import ModelwayError
from modelway.records.verdict import Sample
from modelway.rollout import engine, journal
from modelway.rollout.plan import GroupRun, Kind, Plan, Side
from modelway.rollout.run import Superseded, Surroundings, carry_out
from modelway.stages.rollouts import announce, compare_rows, deployment, warm_up
from modelway.targets.acts import LeftRollout, TargetActs
from modelway.targets.place import Replica
from modelway.targets.state import Slot


@dataclass(frozen=True)
class Work:
    """One command's hold on a target. deploy: the section of modelway.yml. wait: false: a rollout is left where it only waits
    (`rollout.run.Surroundings`). samples: rows that replicas are warmed up with. group: whose deployment it is part of."""

    project: Resolved
    job: ci.Job
    deploy: Deploy
    claim: deployment.AnyClaim
    wait: bool = True
    samples: tuple[Sample, ...] = ()
    group: GroupRun | None = None

    @property
    def checks_predictions(self) -> bool:
        """Whether a replica must predict for the samples what the gate saw. Blue-green has no step at which a wrong one would
        meet few."""
        wanted = self.deploy.check_predictions
        return self.deploy.strategy == "blue-green" if wanted is None else wanted


def all_at_once(work: Work, kind: Kind, number: int, new: Side, why: str) -> Plan:
    """The plan that compares nothing: all traffic to the new release as soon as it is ready."""
    current = work.claim.state.current
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
        group=work.group,
        why=why,
        who=work.job.author,
    )


def begin(work: Work, plan: Plan, slot: Slot) -> engine.RolloutState:
    """A new rollout: its number is taken and its journal begins before anything else happens."""
    work.claim.begin(plan)
    return _carried(work, plan, engine.begin(plan), slot)


def resume(work: Work, story: journal.Story, slot: Slot) -> engine.RolloutState:
    """Go on with a rollout that another runner began, or has left."""
    left = None if work.wait else LeftRollout.of(story)
    return _carried(work, story.plan, _go_on(work, story), slot, left)


def undo(work: Work, story: journal.Story, why: str) -> engine.RolloutState:
    """End a rollout that nobody carries on: traffic to stable, the other release gone. One that was adopted is finished."""
    slot = work.claim.state.slots.get(
        story.plan.new.slot
    )  # None: it never came so far as to have one, or it is gone already
    return _carried(work, story.plan, _go_on(work, story, engine.Cancelled(time.time(), why)), slot)


def go_back(work: Work, story: journal.Story, slot: Slot | None) -> None:
    """End a rollout that was adopted and keeps the release before, which a rollout of its own is about to bring back."""
    _carried(work, story.plan, _go_on(work, story, engine.GoneBack(time.time())), slot)


def tidy(work: Work) -> None:
    """What nobody needs any more is removed. That it cannot be is no reason to fail: the release is there."""
    try:
        work.claim.place.tidy(work.claim, work.job.say)
    except Superseded:
        return
    except (ModelwayError, OSError) as error:
        said = error.line() if isinstance(error, ModelwayError) else error
        work.job.warn(work.project.environment, f"what nobody needs any more was not removed: {said}")


def _go_on(work: Work, story: journal.Story, *then: engine.Event) -> engine.RolloutState:
    """The state of a rollout that another runner began: nobody knows what it did after the last line that it wrote, but that a
    release was adopted is what the target says."""
    events: list[engine.Event] = [engine.Resumed(time.time())]
    if work.claim.state.stable == story.plan.new.slot and not story.state.adopted:
        events.append(engine.Adopted(time.time()))
    if (
        story.state.is_paused
    ):  # what a person said is on the record, whatever follows; where it cannot be read, all else goes on
        with contextlib.suppress(ModelwayError):
            word = work.claim.records.word(story.plan.number, story.plan.weights[story.state.step])
            events += [word] if word is not None else []
    state = story.state
    for event in (*events, *then):
        work.claim.append(story.plan.number, journal.Line(event=event))
        state = engine.advance(story.plan, state, event)
    return state


def _warm_up(work: Work, replicas: Sequence[Replica], is_new: bool) -> None:
    demand: warm_up.Demand = "the gate's predictions" if work.checks_predictions else "answers"
    warm_up.warm_up(work.samples, work.job.say, replicas, demand if is_new else "nothing")


def _carried(
    work: Work, plan: Plan, state: engine.RolloutState, slot: Slot | None, left: LeftRollout | None = None
) -> engine.RolloutState:
    warm = partial(_warm_up, work) if work.samples else None
    compared = compare_rows.RowComparison(plan.rows) if plan.rows is not None else None
    acts = TargetActs(work.claim, plan, slot, work.job.say, left, warm, compared)
    announced = partial(announce.announce, work.project, work.job, work.claim)
    return carry_out(plan, state, acts, Surroundings(announced, work.job.say, wait=work.wait))
