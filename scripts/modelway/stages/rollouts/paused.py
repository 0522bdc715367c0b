"""A person lets a rollout go on from its pause. Their word is left on the target, beside the journal and without the lease:
who carries the rollout on takes it up, be it at work now or started later, and a rollback waits for neither."""

from __future__ import annotations

import time
from dataclasses import dataclass

from modelway import ci
from modelway.config import Resolved
from modelway.errors import ModelwayError, Refused
from modelway.rollout import engine
from modelway.rollout.journal import Story
from modelway.stages.rollouts import deployment


@dataclass(frozen=True)
class Word:
    """changed: false: it had been given before."""

    said: engine.Continued
    story: Story
    changed: bool


def continue_(project: Resolved, job: ci.Job, version: int, percent: int | None, why: str) -> Word:
    """Refused where that version is not paused there, or was taken back meanwhile; nothing is changed then. percent: the pause
    that is meant; None: the one that it is at."""
    target, _ = deployment.existing(project)
    story = _of_version(target.last(), version, project.environment)
    state, plan = story.state, story.plan
    given = [event for event in story.events if isinstance(event, engine.Continued)]
    before = [said for said in given if percent is not None and round(100 * said.weight) == percent]
    if story.outcome in ("", "deployed") and state.decision != "revert" and before:
        return Word(before[-1], story, changed=False)
    if refusal := _refusal(story, percent):
        raise refusal
    weight = plan.weights[state.step]
    if earlier := target.records.word(plan.number, weight):
        return Word(earlier, story, changed=False)
    now = time.time()
    if state.paused_at is not None and now > state.paused_at + plan.pause_seconds:
        raise Refused(
            f"the pause of rollout {plan.number} was over after {plan.pause_seconds:.0f} s: deploy-model takes it back",
            fix="deploy it again; deploy.pause-seconds gives more time",
        )
    word = engine.Continued(now, weight, job.author, why)
    said = target.records.leave_word(plan.number, word)
    after = _of_version(target.last(), version, project.environment)
    if refusal := _taken_back(after):
        raise refusal  # meanwhile: nobody takes the word up
    return Word(said, after, changed=said == word)


def _of_version(story: Story | None, version: int, environment: str) -> Story:
    if story is None or story.plan.kind != "deploy":
        raise Refused(f"no deployment is under way in {environment}, so nothing is paused", fix="deploy the version")
    if story.plan.new.version != version:
        raise Refused(
            f"rollout {story.plan.number} is that of version {story.plan.new.version}, not {version}",
            where="input version",
            fix="look at what is there now, then decide",
        )
    return story


def _refusal(story: Story, percent: int | None) -> ModelwayError | None:
    plan, state = story.plan, story.state
    if refusal := _taken_back(story):
        return refusal
    name = f"rollout {plan.number} of {plan.new.name}"
    if state.paused_at is None or state.decision:
        at = f"it is at {plan.weights[state.step]:.0%}" if not state.decision else "it has passed its steps"
        waits = ", ".join(f"{share:.0%}" for share in plan.pauses) or "no step (deploy.pause-at)"
        return Refused(f"{name} is not paused: {at}, and it pauses at {waits}", fix="wait until deploy-model says so")
    weight = plan.weights[state.step]
    if percent is not None and percent != round(100 * weight):
        return Refused(f"{name} is paused at {weight:.0%}, not at {percent} %", where="input at", fix="name its step")
    return None


def _taken_back(story: Story) -> ModelwayError | None:
    if story.state.decision != "revert":
        return None
    said = "; ".join(story.state.reasons)
    return Refused(
        f"rollout {story.plan.number} of {story.plan.new.name} was taken back: {said}", fix="deploy it again"
    )
