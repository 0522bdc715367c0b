"""deploy-model: bring a release into an environment, judged under its traffic; the alias moves last."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from modelway import ci
from modelway.build import layout, unpack
from modelway.config import Resolved
from modelway.environments import locks
from modelway.errors import InvalidInput, ModelwayError, Refused
from modelway.loopback import HOST
from modelway.records import Release, Verdict
from modelway.registry import ledger
from modelway.registry.ledger_history import History
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import read_candidate, read_release, read_verdict
from modelway.rollout import engine, journal
from modelway.rollout.plan import Plan, weights_of
from modelway.stages.rollouts import announce, deployment, layers, planned, rollout
from modelway.stages.steps import workspace
from modelway.stages.steps.promote import AGAIN
from modelway.targets.local.machine import Machine, ports, running, stop
from modelway.targets.local.state import Slot


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


def deploy(project: Resolved, job: ci.Job, version: int, built_for: str, why: str) -> Deployed:
    """Bring the release of `version` into the project's environment. built_for: the environment whose gate it passed.

    Refused without a passing Verdict, and where a command that lives holds the target; what is refused has changed nothing.
    Run again after a crash it goes on with the rollout that it finds; a rollout of another release it undoes first."""
    settings = deployment.section(project)
    deployment.check_runner(project, job)
    weights = weights_of(settings, project.source) if settings.strategy == "canary" else (1.0,)
    client = workspace.connect_registry(project, job)
    release, verdict = checked_release(client, project, version, built_for or project.environment)
    there = _check_target(project, client, release, verdict)
    unpacked = None if there else _unpacked(job, release, deployment.folder_of(project))
    machine = deployment.claimed(project, job, f"deploying version {version}")
    work = rollout.Work(project, job, settings, machine)
    ran = bool(running(machine.folder))
    begun = False
    try:
        problem = announce.settle(project, job, machine)
        if problem:
            raise Refused(f"an earlier command's alias could not be moved: {problem}", fix="mend that first")
        rollout.in_order(work)
        left = rollout.unfinished(work)
        if left is not None and left.plan.kind == "rollback":
            job.say("finishing a rollback that was cut off")
            slot = machine.deployed.slots.get(left.plan.new.slot)
            rollout.resume(work, left, slot) if slot else rollout.undo(work, left, "it was cut off before it began")
            left = None
        if left is not None and not _same(left, release):
            job.say(f"undoing the rollout of version {left.plan.new.version}, which nobody carries on")
            rollout.undo(work, left, f"version {version} is deployed instead")
            left = None
        if left is None and _is_there(machine.deployed.current, release):
            begun = True
            machine.ask()
            job.say(f"version {version} is in {project.environment} already")
            return Deployed(version, None, address_of(machine))
        _same_champion(client, project, verdict)
        number = left.plan.number if left else rollout.next_number(machine)
        slot = slot_of(work, release, unpacked or _unpacked(job, release, machine.folder), number)
        plan = left.plan if left else _planned(work, release, slot, weights, why)
        begun = True
        state = rollout.resume(work, left, slot) if left else rollout.begin(work, plan, slot)
        _tidy(work)
        return Deployed(version, journal.read(machine.journal(number)), address_of(machine), state.problem)
    finally:
        if not (ran or begun):
            _as_it_was(machine)
        machine.lease.give_back()


def address_of(machine: Machine) -> str:
    return f"http://{HOST}:{machine.deployed.port}"


def _check_target(project: Resolved, client: ModelRegistry, release: Release, verdict: Verdict) -> bool:
    """What can be refused before anything is touched: another address, and a comparison with another version than is there.
    Whether the release is there already."""
    deployed = deployment.look(project)
    if deployed is None:
        return False
    if said := deployment.other_port(project, deployed):
        raise InvalidInput(
            said,
            where="deploy.local.port",
            fix=f"write {deployed.port}; to move it, run stop-deployment with the old port and then deploy",
        )
    if deployed.pending or rollout.open_story(deployment.folder_of(project), deployed):
        return False  # what is there, and what the ledger says of it, is yet to be put right
    if _is_there(deployed.current, release):
        return True
    _compared_with_what_is_there(project, verdict, ledger.read(client.ledger(project.model)))
    return False


def _as_it_was(machine: Machine) -> None:
    """Nothing ran before this command, and it was refused: nothing runs after it."""
    with contextlib.suppress(ModelwayError, OSError), machine.lease.held():
        stop(machine.folder)


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


def _unpacked(job: ci.Job, release: Release, target: Path) -> unpack.Unpacked:
    """The release's files on this machine, held against their digests."""
    place = _layout_of(job, release)
    began, store = time.monotonic(), layers.store()
    layers.claim(store, target)
    found = unpack.unpack(place, release.manifest_digest, store)
    job.say(f"version {release.version} unpacked and checked ({time.monotonic() - began:.1f} s)")
    return found


def _layout_of(job: ci.Job, release: Release) -> Path:
    """Where the image is on this machine: where it was built, or where it is pulled to from the registry, by its digest."""
    built = Path(release.layout)
    if layout.blob(built, release.manifest_digest).is_file():
        return built
    # another digest is that of an image which the team's own Dockerfile made of this one
    if not release.image.endswith(f"@sha256:{release.manifest_digest}"):
        raise InvalidInput(
            f"the image of version {release.version} is not on this machine, and was not pushed as it is",
            where=release.layout,
            fix="run build-image here, or with build.image and without build.dockerfile elsewhere",
        )
    from modelway.build.pull import pull  # what speaks to a registry takes a third of a second to import

    place = layers.images(release.model)
    job.say(f"version {release.version} was built on another machine: pulling {release.image}")
    pull(release.image, place, job.say)
    return place


def slot_of(work: rollout.Work, release: Release, found: unpack.Unpacked, number: int) -> Slot:
    """Ports of its own for the unpacked release; those it has already, where it was begun before."""
    side = rollout.side_of(number, release)
    if side.slot in work.machine.deployed.slots:
        return work.machine.deployed.slots[side.slot]
    return Slot(
        side=side,
        ports=ports(work.deploy.local.replicas),
        python=locks.python_of_minor(release.python),
        environment=str(found.environment),
        server=str(found.server),
        model=str(found.model),
        release=str(found.release),
    )


def _tidy(work: rollout.Work) -> None:
    """What nobody needs any more is removed. That it cannot be is no reason to fail: the release is there."""
    try:
        if removed := layers.prune(layers.store()):
            work.job.say(f"{removed} unpacked layers that no target needs any more were removed")
    except (ModelwayError, OSError) as error:
        said = error.line() if isinstance(error, ModelwayError) else error
        work.job.warn("deploy-model", f"old layers were not removed: {said}")


def _planned(work: rollout.Work, release: Release, slot: Slot, weights: tuple[float, ...], why: str) -> Plan:
    """The plan, with what the judge fixes before the start; refused where it cannot finish in its time."""
    deploy, machine = work.deploy, work.machine
    current = machine.deployed.current
    why = why or f"passed the gate; built as {release.config_digest[:12]}"
    base = msgspec.structs.replace(
        rollout.all_at_once(work, "deploy", rollout.next_number(machine), slot.side, why),
        step_seconds=deploy.step_seconds,
        bake_seconds=deploy.bake_seconds,
        inconclusive=deploy.judge.inconclusive,
    )
    if current is None or deploy.strategy == "all-at-once":
        reason = "nothing is there to compare it with" if current is None else "strategy all-at-once"
        work.job.say(f"all traffic at once: {reason}")
        return base
    made = planned.planned(deploy, weights, planned.watched(machine.folder, machine.deployed, deploy), work.job.say)
    judged: dict[str, Any] = {
        "weights": weights,
        "slow_ms": made.past.slow_ms,
        "settings": made.settings,
        "expects": made.numbers.sentence,
    }
    return msgspec.structs.replace(base, **judged)


def _same(story: journal.Story, release: Release) -> bool:
    return story.plan.kind == "deploy" and story.plan.new.config_digest == release.config_digest


def _is_there(current: Slot | None, release: Release) -> bool:
    return current is not None and current.side.config_digest == release.config_digest
