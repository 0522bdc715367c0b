"""Services that go together: each member's release in the order of the group's file; where one does not get there, those
before it go back, in the opposite order.

Which deployment of the group a release came with stands in its rollout's plan, on the member's own target, and nowhere
else: so a group survives its runner as each of its members does.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from modelway import ci
from modelway.config import Resolved
from modelway.config.group import load_group
from modelway.errors import CancelledByUser, InvalidInput, ModelwayError, Refused
from modelway.report.group import GroupOutcome, GroupReport, MemberReport
from modelway.rollout.journal import Story
from modelway.rollout.plan import GroupRun
from modelway.rollout.run import AtWork, Superseded
from modelway.stages.rollouts import deployment, failures
from modelway.stages.rollouts.deploy import check, deploy
from modelway.stages.rollouts.rollback import roll_back
from modelway.stages.steps import workspace

NamedFile = Annotated[
    str, ci.Input("The file that names the group and its members' modelway.yml, below working-directory.")
]
VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class GroupService:
    """A member, resolved for its environment. built_for: as of `deploy.deploy`."""

    name: str
    project: Resolved
    job: ci.Job
    built_for: str

    @property
    def running(self) -> int | None:
        """The version that has the traffic."""
        state = deployment.target_of(self.project).state()
        return state.current.side.version if state and state.current else None


@dataclass(frozen=True)
class ServiceGroup:
    """file: as it was given, for messages."""

    name: str
    file: str
    services: tuple[GroupService, ...]


@dataclass
class MemberDone:
    """What became of a service. failed: it did not get there, and has what it had. left: it should have gone back and did not.
    version: what was asked for. was: what it had."""

    service: GroupService
    version: int | None
    was: int | None
    outcome: Literal["not-begun", "deployed", "unchanged", "failed", "taken-back", "left"] = "not-begun"
    why: str = ""
    stories: list[Story] = field(default_factory=list)


@dataclass(frozen=True)
class GroupDone:
    """failures: why it is no success."""

    group: ServiceGroup
    members: tuple[MemberDone, ...]
    failures: tuple[ModelwayError, ...] = ()

    @property
    def outcome(self) -> GroupOutcome:
        """Of all of them together."""
        outcomes = {member.outcome for member in self.members}
        if "left" in outcomes:
            return "failed"
        if not outcomes.isdisjoint(("failed", "taken-back")):
            return "taken-back"
        return "deployed" if "deployed" in outcomes else "unchanged"

    @property
    def stories(self) -> list[Story]:
        return [story for member in self.members for story in member.stories]

    def report(self) -> GroupReport:
        """As it is now."""
        members = [
            MemberReport(
                name=member.service.name,
                model=member.service.project.model,
                environment=member.service.project.environment,
                was=member.was,
                asked=member.version,
                now=member.service.running,
                outcome=member.outcome,
                why=member.why,
                rollouts=tuple(story.plan.number for story in member.stories),
            )
            for member in self.members
        ]
        return GroupReport(outcome=self.outcome, group=self.group.name, members=tuple(members))


def load(job: ci.Job, file: str, environment: str) -> ServiceGroup:
    """The group with each member's configuration. InvalidInput where one has no deploy section, or two have one target."""
    group, document = load_group(job.folder / file, file)
    services = list[GroupService]()
    for number, member in enumerate(group.members):
        where = document.at(("members", number))
        own = job.beside(str(Path(file).parent / member.config))
        if not own.config_path.is_file():
            raise InvalidInput(f"there is no file {own.config}", where=where, fix="name the member's modelway.yml")
        project = workspace.resolve(own, member.environment or environment)
        if project.deploy is None or project.deploy.strategy in ("shadow", "ab"):
            said = "no deploy section" if project.deploy is None else f"strategy {project.deploy.strategy}, which ends"
            fix = "leave it out of the group, or give it a strategy that ends with the release in place"
            raise InvalidInput(f"has {said}", where=f"{own.config}: environment {project.environment}", fix=fix)
        name = member.name or project.model
        if any(other.name == name for other in services):
            fix = "name each model once, or give its members in several environments a name each"
            raise InvalidInput(f"{name} is in the group twice", where=where, fix=fix)
        if any(
            (other.project.model, other.project.environment) == (project.model, project.environment)
            for other in services
        ):
            said = f"{project.model} in {project.environment} is in the group twice, under another name"
            raise InvalidInput(said, where=where, fix="name each service once")
        services.append(GroupService(name, project, own, member.built_for))
    return ServiceGroup(group.group, file, tuple(services))


def versions_of(text: str, group: ServiceGroup) -> dict[str, int]:
    """NAME=VERSION for every member, one a line or between commas."""
    found = dict[str, int]()
    names = [service.name for service in group.services]
    for entry in filter(None, (part.strip() for part in re.split(r"[\n,]", text))):
        name, _, version = (part.strip() for part in entry.rpartition("="))
        if name not in names or not VERSION.fullmatch(version):
            fix = f"write such as {', '.join(f'{name}=7' for name in names)}"
            raise InvalidInput(f"{entry[:100]!r} is not NAME=VERSION", where="input versions", fix=fix)
        if name in found:
            raise InvalidInput(f"{name} is there twice", where="input versions", fix="name each member once")
        found[name] = int(version)
    if missing := [name for name in names if name not in found]:
        fix = "name a version of every member: one that is there already stays"
        raise InvalidInput(f"names no version of {', '.join(missing)}", where="input versions", fix=fix)
    return found


def forward(group: ServiceGroup, versions: dict[str, int], job: ci.Job, why: str) -> GroupDone:
    """All of them; or none, where one does not get there. Nothing is touched before every member could begin. Run again
    after a crash it goes on, and takes back what the run before had brought as well."""
    for service in group.services:
        try:
            check(service.project, service.job, versions[service.name], service.built_for)
        except ModelwayError as error:
            raise _of(service, error) from error
    run = _unfinished(group, versions) or GroupRun(group.name, uuid.uuid4().hex, time.time())
    members = [MemberDone(item, versions[item.name], item.running) for item in group.services]
    problems: list[ModelwayError] = []
    for number, member in enumerate(members, start=1):
        job.say(f"{number} of {len(members)}: version {member.version} of {member.service.name}")
        member.outcome = "failed"
        try:
            failure = _deploy(member, versions[member.service.name], run, why, problems)
            failure = failure or _taken_meanwhile(members[:number])
        except ModelwayError as error:
            failure = error
        except KeyboardInterrupt:
            failure = CancelledByUser("cancelled")
        except BaseException:
            _back(members[:number], run, f"{member.service.name} broke off", job)
            raise
        if failure is not None:
            member.outcome, member.why = "failed", failure.what
            another = isinstance(failure, Superseded | AtWork)  # another command has that one in its hands
            begun = members[: number - 1] if another else members[:number]
            _back(begun, run, f"{member.service.name} did not get there", job)
            return GroupDone(group, tuple(members), (_together(member, failure, members),))
    return GroupDone(group, tuple(members), tuple(problems))


def _taken_meanwhile(members: Sequence[MemberDone]) -> ModelwayError | None:
    """Another command has taken one of them back since: the group is no more what was asked for."""
    for member in members:
        if member.service.running != member.version:
            return Refused(f"{member.service.name} was taken back meanwhile by another command", fix="look at why")
    return None


def _deploy(
    member: MemberDone, version: int, run: GroupRun, why: str, problems: list[ModelwayError]
) -> ModelwayError | None:
    """Why it did not get there. problems: gets what is wrong though it did."""
    service = member.service
    done = deploy(service.project, service.job, version, service.built_for, why, group=run)
    member.stories += [done.story] if done.story else []
    found = failures.of_deployment(done)
    if done.outcome != "deployed":
        return found[0] if found else Refused(f"its rollout ended as {done.outcome}")
    member.outcome = "deployed" if done.story else "unchanged"
    problems += [_of(service, error) for error in found]
    return None


def back(group: ServiceGroup, job: ci.Job, why: str) -> GroupDone:
    """Every member that came with the group's last deployment, and has the traffic still, gives it back to what was there
    before; the others stay. Refused where there was none. A second run changes nothing."""
    run = max(_runs(group), key=lambda run: run.at, default=None)
    if run is None:
        fix = "deploy-group deploys it; rollback-release takes a single member back"
        raise Refused(f"{group.name} was never deployed as a group there", where=group.file, fix=fix)
    members = [MemberDone(item, None, item.running, "unchanged") for item in group.services]
    _back(members, run, why or f"{group.name} goes back", job)
    left = [member for member in members if member.outcome == "left"]
    for member in members:
        if member.outcome == "unchanged":
            job.say(f"{member.service.name} stays: what it has did not come with the group's last deployment")
    failed = tuple(_of(member.service, Refused(member.why)) for member in left)
    return GroupDone(group, tuple(members), failed)


def _back(members: Sequence[MemberDone], run: GroupRun, why: str, job: ci.Job) -> None:
    """Those that have what came with this deployment of the group, the last one first. One that cannot go back keeps none of
    the others from it."""
    for member in reversed(members):
        service, failed = member.service, member.outcome == "failed"
        try:
            if not _came_with(service, run):
                continue
            job.say(f"{service.name} goes back: {why}")
            done = roll_back(service.project, service.job, None, why)
            member.stories += done.stories
            story = done.stories[-1] if done.stories else None
            if story is not None and story.outcome == "failed":
                member.outcome, member.why = "left", "; ".join(story.state.reasons)
            elif not failed:
                member.outcome = "taken-back"
        except ModelwayError as error:
            member.outcome, member.why = "left", error.line()


def _current(service: GroupService) -> Story | None:
    """The rollout by which what has the traffic came, or is about to; None where that was a way back. A way back that was cut
    off has not taken it yet."""
    target = deployment.target_of(service.project)
    state, left = target.state(), target.unfinished()
    if left is not None and left.plan.kind == "deploy":
        return left
    last = state.deployments[-1] if state is not None and state.deployments else None
    return target.records.story(last.rollout) if last is not None and last.kind == "deploy" else None


def _came_with(service: GroupService, run: GroupRun) -> bool:
    story = _current(service)
    return story is not None and story.plan.group == run


def _runs(group: ServiceGroup) -> Iterator[GroupRun]:
    """Every deployment of the group that its members remember."""
    for service in group.services:
        for story in deployment.target_of(service.project).latest():
            if story.plan.group is not None and story.plan.group.name == group.name:
                yield story.plan.group


def _unfinished(group: ServiceGroup, versions: dict[str, int]) -> GroupRun | None:
    """The deployment of these versions that a runner left behind: a member has what came with it, and another never had its
    part of it."""
    for service in group.services:
        story = _current(service)
        run = story.plan.group if story is not None else None
        if story is None or run is None or run.name != group.name or story.plan.new.version != versions[service.name]:
            continue
        if not all(_had(other, run, versions[other.name]) for other in group.services):
            return run
    return None


def _had(service: GroupService, run: GroupRun, version: int) -> bool:
    """Whether the service had this version in that deployment of the group, be it that it had it before."""
    target = deployment.target_of(service.project)
    if any(story.plan.group == run and story.outcome == "deployed" for story in target.latest()):
        return True
    state = target.state()
    before = [item for item in state.deployments if item.at <= run.at] if state is not None else []
    return bool(before) and before[-1].slot.side.version == version


def _together(failed: MemberDone, failure: ModelwayError, members: Sequence[MemberDone]) -> ModelwayError:
    """The one line: why, and what became of the others."""
    taken = [item for item in members if item.outcome == "taken-back"]
    left = [item for item in members if item.outcome == "left"]
    said = f"{failed.service.name} did not get there: {failure.what}"
    if taken:
        said += f"; back with it: {', '.join(item.service.name for item in taken)}"
    said += "".join(f"; {item.service.name} was not taken back: {item.why}" for item in left)
    return failure.as_said(said, "run rollback-group once that is mended" if left else None)


def _of(service: GroupService, error: ModelwayError) -> ModelwayError:
    """The same, of whom it is."""
    return error.as_said(f"{service.name}: {error.what}")
