"""The use cases on the in-memory target of docs/extending.md, with a real registry: they know of no target in particular.

Time is the world's own: a canary of half an hour, with the traffic that it gets, takes a moment.
"""

from __future__ import annotations

import random
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from deployment.shop import Shop
from modelway.config import load_project
from modelway.errors import Inconclusive, InvalidInput, OutsideFailure, Refused
from modelway.observe import counts
from modelway.registry.ledger import audit
from modelway.registry.ledger_versions import VersionLedger
from modelway.report.rollout import markdown
from modelway.rollout import engine, journal
from modelway.stages.rollouts import deployment, planned
from modelway.stages.rollouts.deploy import Deployed, deploy
from modelway.stages.rollouts.paused import continue_
from modelway.stages.rollouts.planned import foresee
from modelway.stages.rollouts.reasons import one_line
from modelway.stages.rollouts.rollback import RolledBack, roll_back
from modelway.stages.rollouts.unfinished import go_on
from modelway.targets import TARGETS, acts
from targets.test_in_memory import ask, documented_target

REQUESTS_PER_SECOND = 100


class World:
    """A clock that goes on where somebody waits, and the requests that come meanwhile. failing: version -> how many of its
    answers are errors."""

    def __init__(self) -> None:
        self.seconds, self.chance = time.monotonic(), random.Random(3)
        self.per_second, self.place, self.failing = REQUESTS_PER_SECOND, SimpleNamespace(shares={}), dict[str, float]()

    def monotonic(self) -> float:
        return self.seconds

    def time(self) -> float:
        return 1.8e9 + self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        for _ in range(round(seconds * self.per_second)):
            ask(self.place, self.chance, lambda version: self.chance.random() < self.failing.get(version, 0.0))


class Team:
    """The shop's project, in an environment whose target is in memory."""

    def __init__(self, shop: Shop, world: World, folder: Path) -> None:
        self.shop, self.world, self.said = shop, world, list[str]()
        environ = {"MLFLOW_TRACKING_URI": shop.server, "MODELWAY_STATE": str(folder)}
        self.job: Any = SimpleNamespace(
            environ=environ,
            folder=shop.folder,
            author="a tester",
            runner=SimpleNamespace(ends_with_job=False),
            say=self.said.append,
            hide_credentials=lambda address: None,
            warn=lambda title, text: self.said.append(text),
        )
        name = f"memory-{uuid.uuid4().hex[:8]}"
        text = (shop.folder / "modelway.yml").read_text()
        (folder / "modelway.yml").write_text(
            f"{text}  {name}: {{deploy: {{judge: {{latency: {{slower-than-ms: 1}}}}}}}}\n"
        )
        project = load_project(folder / "modelway.yml", name)
        assert project.deploy is not None
        self.project = msgspec.structs.replace(project, deploy=msgspec.structs.replace(project.deploy, target="memory"))

    def deploy(self, kind: str, skipped: str = "", **keys: object) -> Deployed:
        """keys: of the deploy section, for this deployment."""
        project = msgspec.structs.replace(self.project, deploy=msgspec.structs.replace(self.project.deploy, **keys))
        done = deploy(project, self.job, int(self.shop.versions[kind]), "production", "", skipped=skipped)
        self.world.place = deployment.target_of(self.project).place
        return done

    def roll_back(self, to: int | None = None) -> RolledBack:
        return roll_back(self.project, self.job, to, "")

    def alias(self) -> str:
        return str(self.shop.aliases()[self.project.environment])

    def serving(self) -> set[str]:
        return {ask(self.world.place, self.world.chance) for _ in range(50)}

    def entries(self) -> list[tuple[str, str]]:
        """All of them: the short look goes back to a checkpoint, which may be between two of these."""
        history = audit(VersionLedger(self.shop.client, self.shop.model))
        return [(row.entry.action, str(row.entry.version)) for row in history.on_chain(self.project.environment)]


@pytest.fixture
def team(built: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    world = World()
    module = documented_target()
    monkeypatch.setenv("MODELWAY_STATE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "memory", module)
    monkeypatch.setitem(TARGETS, "memory", "memory")
    for known in (acts, planned, counts):
        monkeypatch.setattr(known, "time", world)
    return Team(built, world, tmp_path)


def test_the_first_release_a_canary_and_the_way_back(team: Team) -> None:
    good, again = team.shop.versions["good"], team.shop.versions["again"]
    assert foresee(team.project)[0].outcome == "unneeded"
    first = team.deploy("good")
    assert first.outcome == "deployed" and not first.problem
    assert (team.serving(), team.alias()) == ({good}, good)
    began = team.world.seconds
    done = team.deploy("again")
    assert done.outcome == "deployed", team.said
    assert team.world.seconds - began > 600, "it baked for its time"
    assert (team.serving(), team.alias()) == ({again}, again)
    assert team.deploy("again").story is None, "it is there already"
    assert foresee(team.project)[0].outcome == "unknown", "the target keeps no past"
    back = team.roll_back()
    assert (back.version, back.left, back.problem) == (int(good), int(again), "")
    assert (team.serving(), team.alias()) == ({good}, good)
    assert team.roll_back().stories == (), "a second run changes nothing"
    assert team.entries() == [("deploy", good), ("deploy", again), ("rollback", good)]
    stories = deployment.stories(team.project)
    assert [story.outcome for story in stories] == ["deployed"] * 3
    assert all(written == follows for story in stories for written, follows in journal.replay(story))
    assert deployment.stop(team.project, team.job)
    assert not deployment.stop(team.project, team.job)
    team.roll_back(int(again))
    assert team.serving() == {again}, "it comes back after everything was stopped"


def test_a_canary_that_fails_goes_back_by_itself(team: Team) -> None:
    team.deploy("good")
    team.world.failing[team.shop.versions["again"]] = 0.2
    done = team.deploy("again")
    assert done.outcome == "rolled-back"
    assert (team.serving(), team.alias()) == ({team.shop.versions["good"]}, team.shop.versions["good"])
    assert len(deployment.existing(team.project)[1].slots) == 1


class Died(BaseException):
    """The runner is gone."""


def dead_in_a_pause(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """`good` is there, and the runner that carried a canary of `again` has died in its pause at 10 %."""
    assert team.project.deploy is not None
    paused = msgspec.structs.replace(team.project.deploy, pause_at=(10,))
    team.project = msgspec.structs.replace(team.project, deploy=paused)
    dead_when(team, monkeypatch, lambda story: story.state.is_paused)


def dead_when(team: Team, monkeypatch: pytest.MonkeyPatch, comes: Callable[[journal.Story], bool]) -> None:
    """`good` is there, and the runner that carried a canary of `again` has died when this came."""
    team.deploy("good")
    sleep = team.world.sleep

    def dies(seconds: float) -> None:
        story = deployment.target_of(team.project).last()
        if story is not None and comes(story):
            raise Died
        sleep(seconds)

    monkeypatch.setattr(team.world, "sleep", dies)
    with pytest.raises(Died):
        team.deploy("again")
    monkeypatch.setattr(team.world, "sleep", sleep)


def dead_at_half(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_when(team, monkeypatch, lambda story: story.state.routed == 0.5)


def test_a_schedule_goes_on_with_what_it_finds_and_knows_no_version(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert go_on(team.project, team.job, wait=True) is None, "nothing was ever deployed"
    dead_at_half(team, monkeypatch)
    with pytest.raises(InvalidInput, match="input wait: is false, and nothing remembers what is counted"):
        go_on(team.project, team.job, wait=False)
    with pytest.raises(InvalidInput, match="nothing remembers"):
        deploy(team.project, team.job, int(team.shop.versions["again"]), "production", "", wait=False)
    assert (left := deployment.target_of(team.project).unfinished()) and left.state.routed == 0.5, "nothing was touched"
    done = go_on(team.project, team.job, wait=True)
    assert done is not None and (done.outcome, str(done.version)) == ("deployed", team.shop.versions["again"])
    assert team.serving() == {team.shop.versions["again"]}
    team.job.environ["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"
    assert go_on(team.project, team.job, wait=True) is None, "and asks nobody else where nothing is under way"


def test_a_schedule_takes_a_bad_release_back_and_begins_it_never_again(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead_at_half(team, monkeypatch)
    team.world.failing[team.shop.versions["again"]] = 0.2
    done = go_on(team.project, team.job, wait=True)
    assert done is not None and done.outcome == "rolled-back"
    assert go_on(team.project, team.job, wait=True) is None
    assert len(deployment.stories(team.project)) == 2 and team.serving() == {team.shop.versions["good"]}


def test_what_another_has_ended_meanwhile_is_not_begun_again(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking and taking the target a rollback came."""
    dead_at_half(team, monkeypatch)
    left = deployment.target_of(team.project).unfinished()
    assert left is not None
    team.roll_back()
    done = deploy(team.project, team.job, left.plan.new.version, "production", "", only=left)
    assert done.outcome == "rolled-back" and len(deployment.stories(team.project)) == 2
    assert team.serving() == {team.shop.versions["good"]}
    other = msgspec.structs.replace(left.plan.new, config_digest="another")
    anew = replace(left, plan=msgspec.structs.replace(left.plan, new=other))
    with pytest.raises(Refused, match="was built anew since its rollout began"):
        deploy(team.project, team.job, left.plan.new.version, "production", "", only=anew)


def test_a_schedule_leaves_a_rollout_to_who_is_at_work_on_it(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_at_half(team, monkeypatch)
    claim = deployment.target_of(team.project).claim("another", "deploying it")
    before = len(deployment.stories(team.project)[-1].events)
    done = go_on(team.project, team.job, wait=True)
    assert done is not None and (done.outcome, done.paused_at) == ("", None)
    assert any("deploying it by another is at work" in said for said in team.said)
    assert len(deployment.stories(team.project)[-1].events) == before
    claim.give_back()


def test_a_rollback_that_was_cut_off_is_not_a_schedules_to_finish(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object) -> None:
        raise Died

    team.deploy("good")
    team.deploy("again")
    monkeypatch.setattr(team.world.place, "route", dies)
    with pytest.raises(Died):
        team.roll_back()
    with pytest.raises(Refused, match="a rollback to version .* was cut off. Fix: run rollback-release again"):
        go_on(team.project, team.job, wait=True)


def test_a_word_that_cannot_be_read_holds_no_rollback_up(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_in_a_pause(team, monkeypatch)
    continue_(team.project, team.job, int(team.shop.versions["again"]), 10, "it looks well")
    (word,) = (deployment.target_of(team.project).records.folder / "journal").glob("*continued*")  # type: ignore[attr-defined]
    word.write_text("{")
    team.roll_back()
    assert deployment.stories(team.project)[-1].outcome == "rolled-back"
    assert team.serving() == {team.shop.versions["good"]}


def test_a_word_is_on_the_record_also_where_a_rollback_came_first(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_in_a_pause(team, monkeypatch)
    again = int(team.shop.versions["again"])
    with pytest.raises(Refused, match="is paused at 10%, not at 50 %"):
        continue_(team.project, team.job, again, 50, "too early")
    first = continue_(team.project, team.job, again, 10, "it looks well")
    assert first.changed
    assert continue_(team.project, team.job, again, None, "once more") == replace(first, changed=False)
    team.roll_back()
    story = deployment.stories(team.project)[-1]
    assert story.outcome == "rolled-back" and team.serving() == {team.shop.versions["good"]}
    (word,) = [event for event in story.events if isinstance(event, engine.Continued)]
    assert (word.who, word.why) == ("a tester", "it looks well")
    with pytest.raises(Refused, match="was taken back: rolled back by a tester"):
        continue_(team.project, team.job, again, None, "too late")


def test_a_hotfix_skips_the_analysis_with_its_reason_on_the_record(team: Team) -> None:
    again = team.shop.versions["again"]
    team.deploy("good")
    team.world.per_second = 0  # nothing to judge by holds it up no more
    done = team.deploy("again", "hotfix of incident 4711")
    assert done.outcome == "deployed" and team.serving() == {again}, team.said
    assert "the analysis is skipped by a tester: hotfix of incident 4711" in team.said
    story = deployment.stories(team.project)[-1]
    assert story.plan.skipped == "hotfix of incident 4711" and story.plan.who == "a tester"
    assert "> the analysis was skipped by a tester: hotfix of incident 4711" in markdown(story)
    history = audit(VersionLedger(team.shop.client, team.shop.model))
    entry = history.on_chain(team.project.environment)[-1].entry
    assert "analysis skipped: hotfix of incident 4711" in entry.why and entry.who == "a tester"


def test_a_hotfix_that_answers_nothing_is_taken_back(team: Team) -> None:
    team.deploy("good")
    team.world.sleep(5)
    team.world.failing[team.shop.versions["again"]] = 1.0
    done = team.deploy("again", "hotfix of incident 4711")
    assert done.outcome == "rolled-back" and done.story is not None
    assert "dead on arrival" in done.story.state.reasons[0]
    assert team.serving() == {team.shop.versions["good"]}


def test_what_the_team_has_asked_for_is_not_passed_by(team: Team) -> None:
    team.deploy("good")
    with pytest.raises(Refused, match="skip-analysis does not pass it by"):
        team.deploy("again", "hotfix", requires_shadow=True)
    with pytest.raises(InvalidInput, match="would pass by the person whom deploy.pause-at waits for"):
        team.deploy("again", "hotfix", pause_at=(10,))
    with pytest.raises(InvalidInput, match="strategy shadow is nothing but an analysis"):
        team.deploy("again", "hotfix", strategy="shadow")
    assert team.serving() == {team.shop.versions["good"]}
    assert len(deployment.stories(team.project)) == 1


def test_rolling_needs_a_target_that_starts_and_ends_single_replicas(team: Team) -> None:
    team.deploy("good")
    with pytest.raises(InvalidInput, match="target memory starts and ends no single replica of a release"):
        team.deploy("again", strategy="rolling")
    assert team.serving() == {team.shop.versions["good"]}
    assert len(deployment.stories(team.project)) == 1


@pytest.mark.parametrize(
    ("reason", "said"),
    [("  ", "is blank"), ("x" * 301, "has 301 characters"), ("one\ntwo", "U\\+000A"), ("a\u202eb", "U\\+202E")],
)
def test_a_reason_that_says_nothing_is_refused(reason: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        one_line(reason, "skip-analysis")


def test_counts_that_are_not_to_be_trusted_promote_nothing(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that can be read and says that it is behind: blocks are dropped with its reason, and time runs out."""
    team.deploy("good")
    place, routed = team.world.place, []
    snapshot, route = place.snapshot, place.route

    def late() -> counts.Snapshot:
        return msgspec.structs.replace(snapshot(), gap="the newest scrape is 90 s old" if routed else "")

    def remembered(claim: Any, shares: Any, back: str) -> None:
        routed.append(shares)
        route(claim, shares, back)

    monkeypatch.setattr(place, "snapshot", late)
    monkeypatch.setattr(place, "route", remembered)
    done = team.deploy("again")
    assert done.outcome == "rolled-back"
    assert "not counted: the newest scrape is 90 s old" in team.said
    assert team.serving() == {team.shop.versions["good"]}


def test_requests_that_cannot_be_counted_are_not_taken_for_none(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.deploy("good")
    place = team.world.place
    told = msgspec.structs.replace(place.snapshot(), gap="pod-1/0: no answer in 5 s")
    monkeypatch.setattr(place, "snapshot", lambda: told)
    with pytest.raises(OutsideFailure, match="cannot be counted: pod-1/0: no answer in 5 s"):
        team.deploy("again")
    assert len(deployment.stories(team.project)) == 1, "nothing was begun"


def test_without_traffic_nothing_is_judged(team: Team) -> None:
    team.deploy("good")
    team.world.per_second = 0
    with pytest.raises(Inconclusive, match="got no request"):
        team.deploy("again")
    assert len(deployment.stories(team.project)) == 1


@pytest.mark.long
def test_with_the_registry_down_the_next_command_announces(team: Team) -> None:
    good = team.shop.versions["good"]
    team.deploy("good")
    team.deploy("again")
    team.job.environ["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"
    assert team.roll_back().problem
    assert team.serving() == {good} != {team.alias()}
    assert len(deployment.existing(team.project)[1].pending) == 1
    with pytest.raises(OutsideFailure, match=r"the alias could not be moved: .* run the same command again"):
        go_on(team.project, team.job, wait=False)
    team.job.environ["MLFLOW_TRACKING_URI"] = team.shop.server
    assert go_on(team.project, team.job, wait=False) is None, "a schedule is such a command, too"
    assert team.alias() == good
    assert not deployment.existing(team.project)[1].pending


def test_a_command_that_is_at_work_is_not_disturbed_but_by_a_rollback(team: Team) -> None:
    team.deploy("good")
    claim = deployment.target_of(team.project).claim("another", "deploying version 9")
    with pytest.raises(Refused, match="deploying version 9 by another is at work"):
        team.deploy("again")
    team.roll_back(int(team.shop.versions["good"]))
    with pytest.raises(Refused, match="superseded"), claim.held():
        pass
