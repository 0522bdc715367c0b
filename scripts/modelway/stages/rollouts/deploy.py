"""deploy-model: bring a release into an environment, judged under its traffic; the alias moves last."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from modelway import ci
from modelway.config import Deploy, Resolved
from modelway.errors import InvalidInput, ModelwayError, Refused
from modelway.observe import history
from modelway.observe.counts import Snapshot
from modelway.records import Release, Verdict
from modelway.registry import ledger
from modelway.registry.ledger_history import History
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import read_candidate, read_release, read_verdict
from modelway.rollout import engine, journal, judge, matching
from modelway.rollout.comparison import RowsPlan
from modelway.rollout.plan import LED, GroupRun, Plan, Side, pauses_of, side_of, weights_of
from modelway.rollout.planning import time_said
from modelway.stages.rollouts import announce, deployment, model_metrics, planned, rollout, skip
from modelway.stages.steps import workspace
from modelway.stages.steps.promote import AGAIN
from modelway.targets.state import Slot

KEEP_SECONDS = 600.0
"""Of blue, where nothing else is said."""


@dataclass(frozen=True)
class Deployed:
    """What became of it. story: the rollout's journal; None where the release was there already."""

    version: int
    story: journal.Story | None
    address: str
    problem: str = ""

    @property
    def outcome(self) -> engine.Outcome:
        return self.story.outcome if self.story else "deployed"

    @property
    def paused_at(self) -> int | None:
        """The step, in percent, at which it waits for a person."""
        story = self.story
        if story is None or not story.is_paused:
            return None
        return round(100 * story.plan.weights[story.state.step])


def deploy(
    project: Resolved,
    job: ci.Job,
    version: int,
    built_for: str,
    why: str,
    *,
    wait: bool = True,
    skipped: str = "",
    only: journal.Story | None = None,
    group: GroupRun | None = None,
) -> Deployed:
    """Bring the release of `version` into the project's environment. built_for: the environment whose gate it passed. wait:
    false: do what is due, and leave the rest to the next command. skipped: a person's reason for no analysis. only: go on with
    this rollout of it, and begin none where that has ended meanwhile. group: the deployment of a group that it is part of.

    Refused without a passing Verdict, and where a command that lives holds the target; what is refused has changed nothing.
    Run again after a crash it goes on with the rollout that it finds; a rollout of another release it undoes first."""
    asked = check(project, job, version, built_for, wait=wait, skipped=skipped)
    settings, client, release, target = asked.settings, asked.client, asked.release, asked.target
    if only is not None and only.plan.new.config_digest != release.config_digest:
        raise Refused(
            f"version {version} was built anew since its rollout began",
            fix="deploy it again, which undoes that rollout first, or end it with rollback-release",
        )
    if not wait and not asked.there:
        _check_remembered(target, compares=settings.strategy != "all-at-once" or bool(skipped))
    looked = () if asked.there or skipped else planned.first_look(target.place, target.state(), settings)
    prepared = None if asked.there else target.place.prepare(release, job.say)
    claim = target.claim(job.author, f"deploying version {version}", say=job.say)
    samples = () if settings.check_predictions is False else asked.verdict.samples
    work = rollout.Work(project, job, settings, claim, wait, samples, group)
    ran = target.place.is_running()
    begun = False
    try:
        problem = announce.announce_pending(project, job, claim)
        if problem:
            raise Refused(f"an earlier command's alias could not be moved: {problem}", fix="mend that first")
        claim.take_in()
        claim.run_stable(job.say)
        left = claim.unfinished()
        if only is not None and (left is None or left.plan.number != only.plan.number):
            begun = True
            return Deployed(version, claim.story(only.plan.number), target.address())
        if left is not None and left.plan.kind == "rollback":
            job.say("finishing a rollback that was cut off")
            begun_slot = claim.state.slots.get(left.plan.new.slot)
            if begun_slot:
                rollout.resume(work, left, begun_slot)
            else:
                rollout.undo(work, left, "it was cut off before it began")
            left = None
        if left is not None and only is None and not _same(left, release, settings, skipped):
            job.say(f"undoing the rollout of version {left.plan.new.version}, which nobody carries on")
            rollout.undo(work, left, f"version {version} is deployed instead, by strategy {settings.strategy}")
            left = None
        if left is None and _is_there(claim.state.current, release):
            begun = True
            claim.check_answer()
            rollout.tidy(work)
            job.say(f"version {version} is in {project.environment} already")
            return Deployed(version, None, target.address())
        _same_champion(client, project, asked.verdict)
        number = left.plan.number if left else claim.next_number()
        side = side_of(release, number)
        slot = claim.state.slots.get(side.slot) or target.place.again(
            prepared or target.place.prepare(release, job.say), side
        )
        plan = left.plan if left else _planned(work, release, slot, asked.weights, why, skipped, looked)
        begun = True
        state = rollout.resume(work, left, slot) if left else rollout.begin(work, plan, slot)
        rollout.tidy(work)
        return Deployed(version, claim.story(number), target.address(), state.problem)
    finally:
        if not (ran or begun):
            _as_it_was(work)
        claim.give_back(left=not wait)


@dataclass(frozen=True)
class Asked:
    """What a deployment begins with, once all is right that can be known before anything is touched. there: whether the
    release is what runs already."""

    settings: Deploy
    weights: tuple[float, ...]
    client: ModelRegistry
    release: Release
    verdict: Verdict
    target: deployment.AnyTarget
    there: bool


def check(
    project: Resolved, job: ci.Job, version: int, built_for: str, *, wait: bool = True, skipped: str = ""
) -> Asked:
    """Refused, or InvalidInput, where the deployment could not begin."""
    settings = deployment.section(project)
    deployment.check_runner(project, job)
    weights = weights_of(settings, project.source)
    pauses_of(settings, project.source)
    planned.check_rows(settings.shadow)
    model_metrics.check(settings, wait=wait)
    if skipped:
        skip.check(settings)
    client = workspace.connect_registry(project, job)
    release, verdict = checked_release(client, project, version, built_for or project.environment)
    target = deployment.target_of(project)
    planned.check_scales(settings, target.place)
    if settings.strategy == "rolling" and not wait:
        raise InvalidInput(
            "is false, and between two commands nobody would start stable's replicas again",
            where="input wait",
            fix="leave it out, or use strategy: canary",
        )
    there = _check_target(project, target, client, release, verdict)
    return Asked(settings, weights, client, release, verdict, target, there)


def _check_remembered(target: deployment.AnyTarget, *, compares: bool) -> None:
    """Before the lease is taken: where a command died, a guardian takes the traffic back then. compares: a rollout that is
    begun now does."""
    state, left = target.state(), target.unfinished()
    if left is not None:
        compares = left.plan.settings is not None and not left.state.adopted
    if compares and state is not None and state.current is not None:
        planned.check_remembered(target.place, state)


def _check_target(
    project: Resolved, target: deployment.AnyTarget, client: ModelRegistry, release: Release, verdict: Verdict
) -> bool:
    """What can be refused before anything is touched: another address, and a comparison with another version than is there.
    Whether the release is there already."""
    state = target.state()
    if state is None:
        return False
    if objection := target.place.objection(state, ephemeral=False):
        raise objection
    if state.pending or target.unfinished():
        return False  # what is there, and what the ledger says of it, is yet to be put right
    if _is_there(state.current, release):
        return True
    _compared_with_what_is_there(project, verdict, ledger.read(client.ledger(project.model)))
    return False


def _as_it_was(work: rollout.Work) -> None:
    """Nothing ran before this command, and it was refused: nothing runs after it."""
    with contextlib.suppress(ModelwayError, OSError), work.claim.held():
        work.claim.place.stop()


def checked_release(client: ModelRegistry, project: Resolved, version: int, built_for: str) -> tuple[Release, Verdict]:
    """The Release of a version, and the Verdict that it was built from, which passed and is still the newest; else Refused."""
    built = read_release(client, project.model, version, built_for)
    if built is None:
        raise Refused(f"version {version} was not built for {built_for}", fix="run build-image first")
    release = built.record
    stored = read_verdict(client, project.model, version, built_for)
    if stored is None or stored.record.outcome != "pass" or stored.sha256 != release.verdict_sha256:
        said = stored.record.outcome if stored else "missing"
        raise Refused(
            f"the verdict on version {version} for {built_for} is {said}, or is another than the one it was built from",
            fix="run evaluate-gate and build-image again",
        )
    return release, stored.record


def _same_champion(client: ModelRegistry, project: Resolved, verdict: Verdict) -> None:
    """Refused where the version was judged for this environment, but compared with another one than what is there now."""
    candidate = read_candidate(client, project.model, verdict.version)
    store = client.ledger(project.model, candidate.records_run_id)
    history = ledger.finish(store, project.environment, project.alias, ledger.Writer("deploy-model"))
    _compared_with_what_is_there(project, verdict, history)


def _compared_with_what_is_there(project: Resolved, verdict: Verdict, history: History) -> None:
    head = history.head_of(project.environment)
    if verdict.environment != project.environment or head is None or head.entry.there == verdict.version:
        return
    compared = verdict.production_version
    if compared != head.entry.there:
        raise Refused(
            f"the verdict on version {verdict.version} compared it with {compared or 'nothing'}, and"
            f" {ledger.named(head.entry.there)} is in {project.environment} now",
            fix=AGAIN.replace("promote", "build and deploy"),
        )


def _planned(
    work: rollout.Work,
    release: Release,
    slot: Slot,
    weights: tuple[float, ...],
    why: str,
    skipped: str,
    looked: Sequence[Snapshot],
) -> Plan:
    """The plan, with what the judge fixes before the start; refused where it cannot finish in its time. looked: at stable's
    traffic, before."""
    deploy, claim = work.deploy, work.claim
    current = claim.state.current
    why = why or f"passed the gate; built as {release.config_digest[:12]}"
    why = f"analysis skipped: {skipped}; {why}" if skipped else why
    base = msgspec.structs.replace(
        rollout.all_at_once(work, "deploy", claim.next_number(), slot.side, why),
        step_seconds=deploy.step_seconds,
        bake_seconds=deploy.bake_seconds,
        inconclusive=deploy.judge.inconclusive,
        keep_seconds=_keep_seconds(deploy) if current is not None else 0.0,
    )
    if current is None and deploy.strategy in ("shadow", "ab"):
        trial = "a shadow" if deploy.strategy == "shadow" else "an A/B"
        raise Refused(
            f"nothing is in {work.project.environment} that {trial} could be compared with",
            where="deploy.strategy",
            fix="deploy a version first",
        )
    if current is not None and deploy.requires_shadow and deploy.strategy != "shadow":
        _check_shadowed(work, release, current.side, skipped)
    if current is None or (deploy.strategy == "all-at-once" and not skipped):
        reason = "nothing is there to compare it with" if current is None else "strategy all-at-once"
        work.job.say(f"all traffic at once: {reason}{', so it does not pause' if deploy.pause_at else ''}")
        return base
    if not work.wait:
        planned.check_remembered(claim.place, claim.state)
    if skipped:
        return skip.planned(work, base, skipped)
    past = planned.watched(claim.place, claim.state, deploy, looked)
    waits = pauses_of(deploy, work.project.source)
    pauses: dict[str, Any] = {"pauses": waits, "pause_seconds": deploy.pause_seconds if waits else 0.0}
    if deploy.strategy == "blue-green":
        expects = f"all traffic at once, then {time_said(deploy.bake_seconds)} under the eyes of the judge"
        work.job.say(expects)
        settings = planned.settings_of(deploy, past, claim.latest())
        watched: dict[str, Any] = {"slow_ms": past.slow_ms, "settings": settings, "expects": expects}
        return msgspec.structs.replace(base, step_seconds=deploy.bake_seconds, **pauses, **watched)
    if deploy.strategy == "ab":
        return _compared(work, base, past)
    shares = model_metrics.shares(deploy, claim.place, claim.state, past.requests_per_second)
    if shares:
        work.job.say(f"compared besides: {model_metrics.said(shares)}")
    batches = planned.rolling_of(deploy, claim.place, current) if deploy.strategy == "rolling" else None
    weights = batches.weights if batches is not None else weights
    if batches is not None:
        bounds = batches.bounds
        work.job.say(f"{bounds.whole} replicas are replaced, {bounds.surge + bounds.unavailable} at a time at most")
    ratio = planned.replica_ratio(deploy, weights, claim.place)
    learned = planned.learning(deploy, claim.latest, ratio, shares)
    made = planned.planned(deploy, weights, past, learned, work.job.say)
    judged: dict[str, Any] = {
        "weights": weights,
        "rolling": batches,
        "mirror": deploy.strategy == "shadow",
        "rows": _rows(work),
        "testers": deploy.testers,
        "slow_ms": made.past.slow_ms,
        "settings": made.settings,
        "expects": made.expects,
    }
    return msgspec.structs.replace(base, **pauses, **judged)


def _compared(work: rollout.Work, base: Plan, past: history.Past) -> Plan:
    """An A/B, for its time."""
    deploy = work.deploy
    assert deploy.ab is not None, "weights_of has refused that"
    settings = judge.by_key(planned.settings_of(deploy, past, work.claim.latest()))
    expects = f"{matching.said(deploy.ab)} reaches it for {time_said(deploy.timeout_seconds)}, unless it does harm"
    work.job.say(expects)
    changed: dict[str, Any] = {"weights": LED, "led": deploy.ab, "settings": settings, "expects": expects}
    return msgspec.structs.replace(base, slow_ms=past.slow_ms, keep_seconds=0.0, **changed)


def _rows(work: rollout.Work) -> RowsPlan | None:
    """How the shadow's predictions are compared; None where they are not. InvalidInput where too few would be."""
    gate: Any = work.project.gate  # its keys are declared by the kinds of check
    wanted = work.deploy.shadow
    if work.deploy.strategy != "shadow" or not wanted.rows:
        return None
    if not work.wait and not work.claim.place.keeps_rows_token:
        why = "only the command that starts a shadow there can ask it for the rows"
        if wanted.differ_at_most is not None:
            raise InvalidInput(
                f"is given, and with wait: false no row is compared on target {work.deploy.target}: {why}",
                where="deploy.shadow.differ-at-most",
                fix="leave wait out, or the key",
            )
        work.job.say(f"no predictions are compared: {why}")
        return None
    return RowsPlan(
        most=wanted.rows,
        task=gate.task,
        threshold=gate.decision_threshold,
        tolerance=wanted.tolerance,
        slices=gate.slices.columns,
        differ_at_most=wanted.differ_at_most,
    )


def _keep_seconds(deploy: Deploy) -> float:
    if deploy.keep_seconds is not None:
        return deploy.keep_seconds
    return KEEP_SECONDS if deploy.strategy == "blue-green" else 0.0


def _check_shadowed(work: rollout.Work, release: Release, stable: Side, skipped: str) -> None:
    """Refused unless the release was no worse as a shadow of what is there."""
    wanted = release.config_digest, stable.config_digest
    shadowed = (story.plan for story in work.claim.stories() if story.outcome == "shadowed")
    if any(plan.stable and (plan.new.config_digest, plan.stable.config_digest) == wanted for plan in shadowed):
        return
    raise Refused(
        f"version {release.version} was not compared, as a shadow, with {stable.name}",
        where="deploy.requires-shadow",
        fix="run deploy-model with strategy shadow first"
        + (", or set the key to false: skip-analysis does not pass it by" if skipped else ""),
    )


def _same(story: journal.Story, release: Release, deploy: Deploy, skipped: str) -> bool:
    """One that was begun without an analysis is gone on with by whoever comes."""
    plan = story.plan
    same = plan.kind == "deploy" and plan.new.config_digest == release.config_digest
    asked = deploy.strategy == "shadow", deploy.ab if deploy.strategy == "ab" else None
    return same and (plan.mirror, plan.led) == asked and bool(plan.skipped or not skipped)


def _is_there(current: Slot | None, release: Release) -> bool:
    return current is not None and current.side.config_digest == release.config_digest
