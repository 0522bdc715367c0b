"""follow-policy as a step: what is due is claimed, GitHub is asked as it wants to be, and every failure is one line."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import documented
import follow_policy
import modelway
from listening import Listening, answering, hang, in_turn, listening, reset
from modelway.config import load_project
from modelway.errors import InvalidInput
from modelway.registry import ledger
from modelway.registry.act_log import ActLog
from modelway.registry.ledger_entries import sealed
from modelway.report.happenings import happening_of
from modelway.stages import follow_policy as stage
from modelway.stages.rollouts import deployment
from modelway.stages.steps import alarm_policy, workspace
from monitoring.policy_cases import CHAIN, moment, performance, report
from registry.in_memory import InMemory

CONFIG = """\
model: m
gate: { label: late, limits: { accuracy_score: { at-least: 0.85 } } }
monitor:
  performance: { prediction: p }
  policy:
    performance: [notify, rollback, retrain]
    data: [notify, retrain]
    retrain: { dispatch: { workflow: retrain.yml, repository: team/parcels } }
environments: { production: , staging: { monitor: { policy: { performance: [notify], data: [notify] } } } }
"""
EVENT = "dispatch: { event-type: model-drifted, repository: team/parcels }"


class Scene:
    """A project, a registry in memory with the chain of policy_cases, and a server in the place of GitHub's API."""

    def __init__(self, folder: Path, github: Listening) -> None:
        self.folder, self.github, self.registry, self.now = folder, github, InMemory(), moment(31)
        (folder / "modelway.yml").write_text(CONFIG)
        self.registry.post_version("m", "memory://m", "r", tags={})
        previous = ""
        for row in CHAIN:
            made = sealed(msgspec.structs.replace(row.entry, previous=previous))
            previous = made.hash
            text = msgspec.json.encode({**msgspec.to_builtins(made)}).decode()
            fields = {key: value for key, value in json.loads(text).items() if key != "heads"}
            tags = {"modelway.ledger": json.dumps(fields), f"modelway.apply.{row.number}": "applied 2026"}
            self.registry.post_version("m.ledger", "memory://l", "r", tags=tags)
        self.registry.versions["m", 8] = self.registry.versions["m", 1]
        self.registry.set_alias("m", "production", 8)

    def wrote(self, found: Any, name: str = "monitor-model.json") -> str:
        (self.folder / name).write_bytes(msgspec.json.encode(found))
        return name

    def asked(self, found: Any, environment: str = "production") -> stage.PolicyFollowed:
        return modelway.follow_policy(environment=environment, report=self.wrote(found))

    @property
    def acts(self) -> Any:
        return ActLog(self.registry.ledger("m.policy-acts"), "production", "").read().acts


@pytest.fixture
def scene(github_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    with listening(answering(204, b"")) as github:
        made = Scene(github_folder, github)
        monkeypatch.setenv("GITHUB_API_URL", github.url)
        monkeypatch.setenv("GITHUB_TOKEN", "may-start-workflows")
        monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
        monkeypatch.setattr(workspace, "connect_registry", lambda *arguments: made.registry)
        monkeypatch.setattr(stage, "_now", lambda: made.now)
        yield made


FALLEN, DRIFTED = report(performance()), report(drifted=30)


def test_a_version_that_fell_is_to_go_back_to_the_better_one(scene: Scene) -> None:
    found = scene.asked(FALLEN)
    assert (found.act, found.version, found.to, found.claim, found.notify) == ("rollback", 8, 7, 1, True)
    assert found.exit_code == 0 and not scene.github.asked, "a rollback is the workflow's"
    text = Path(found.report).with_suffix(".md").read_text()
    assert "| 7 | 2026-10-01 | 2026-10-20 | 20 | 20,000 | 0.9 |" in text and "A rollback is due to version 7" in text
    told = happening_of(Path(found.report).read_bytes(), "report")
    assert (told.subject, told.outcome, told.version) == ("policy", "alarm", 7)
    again = scene.asked(FALLEN)
    assert (again.act, again.claim) == ("none", None) and "is under way" in again.reason
    assert happening_of(Path(again.report).read_bytes(), "report").outcome == "ongoing"
    ended = modelway.follow_policy(environment="production", claim=1, result="success")
    assert (ended.act, ended.claim, ended.decided.result) == ("rollback", 1, "success")
    assert happening_of(Path(ended.report).read_bytes(), "report").outcome == "rolled-back"
    scene.now += timedelta(days=3)
    assert "this alarm was answered by the rollback" in scene.asked(FALLEN).reason


def test_drift_starts_a_training_once(scene: Scene) -> None:
    found = scene.asked(DRIFTED)
    assert (found.act, found.claim, found.started) == ("retrain", 1, "retrain.yml at main of team/parcels")
    (asked,) = scene.github.asked
    assert asked.path == "/repos/team/parcels/actions/workflows/retrain.yml/dispatches"
    assert asked.headers["Authorization"] == "Bearer may-start-workflows"
    body = asked.json()
    assert body["ref"] == "main"
    assert set(body["inputs"]) == {"claim", "reason", "details"} and "distance" in body["inputs"]["reason"]
    details = json.loads(body["inputs"]["details"])
    assert (body["inputs"]["claim"], details["version"]) == ("1", "8")
    assert set(details) == {"model", "environment", "version", "report"}
    scene.asked(DRIFTED)
    assert len(scene.github.asked) == 1


def test_an_event_of_the_repository_carries_the_same(scene: Scene) -> None:
    path = scene.folder / "modelway.yml"
    path.write_text(CONFIG.replace("dispatch: { workflow: retrain.yml, repository: team/parcels }", EVENT))
    assert scene.asked(DRIFTED).started == "the event model-drifted of team/parcels"
    (asked,) = scene.github.asked
    assert asked.path == "/repos/team/parcels/dispatches"
    assert asked.json()["event_type"] == "model-drifted" and asked.json()["client_payload"]["claim"] == "1"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b'{"message": "Bad credentials"}', "the token in $GITHUB_TOKEN is wrong or has expired"),
        (403, b'{"message": "Resource not accessible by integration"}', "it needs actions: write in team/parcels"),
        (404, b'{"message": "Not Found"}', "check the repository team/parcels, that it has retrain.yml"),
        (422, b'{"message": "No ref found for: main"}', "check that main exists, that retrain.yml has `on: workflow_"),
    ],
)
def test_what_github_refuses_is_one_line_and_can_be_done_the_next_time(
    scene: Scene, status: int, body: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.github.behave = in_turn(answering(status, body), answering(204, b""))
    assert follow_policy.main(["--environment", "production", "--report", scene.wrote(DRIFTED)]) == 2
    errors = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert len(errors) == 1 and said in errors[0] and "may-start-workflows" not in errors[0]
    (act,) = scene.acts
    assert act.result == "not-begun"
    found = scene.asked(DRIFTED)
    assert (found.act, found.started) == ("retrain", "retrain.yml at main of team/parcels"), "nothing is lost"


def test_what_may_have_been_started_keeps_its_claim_and_is_not_started_again(scene: Scene) -> None:
    for behaviour in (reset, answering(502)):
        scene.github.behave, before = behaviour, len(scene.github.asked)
        scene.now += timedelta(days=4)
        found = scene.asked(report(drifted=scene.now.toordinal() - moment(0).toordinal()))
        assert (found.act, found.exit_code) == ("retrain", 4)
        assert "whether retrain.yml at main of team/parcels was started is not known" in found.failures[0].line()
        assert len(scene.github.asked) == before + 1, "asked once"
    assert [act.result for act in scene.acts] == ["unknown", None]


def test_a_server_that_is_not_there_or_asks_to_wait_is_no_start(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "SECONDS", 0.6)
    scene.github.behave = answering(429, Retry_After="60")
    assert scene.asked(DRIFTED).exit_code == 4
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    assert scene.asked(DRIFTED).exit_code == 4
    assert [act.result for act in scene.acts] == ["not-begun", "not-begun"]


def test_a_server_that_hangs_is_waited_for_so_long_and_no_longer(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "SECONDS", 0.3)
    scene.github.behave = hang
    found = scene.asked(DRIFTED)
    assert (found.exit_code, found.act, scene.acts[0].result) == (4, "retrain", None)


def begun(scene: Scene, claim: int | None = None) -> stage.PolicyFollowed:
    return modelway.follow_policy(environment="production", begin="retrain", claim=claim, reason="new data")


def test_a_training_begins_by_the_claim_of_the_alarm_once(scene: Scene) -> None:
    claim = scene.asked(DRIFTED).claim
    first = begun(scene, claim)
    assert (first.act, first.claim) == ("retrain", claim)
    modelway.follow_policy(environment="production", claim=claim, result="failure")
    again = begun(scene, claim)
    assert (again.act, again.claim) == ("none", None) and "claim 1 has ended before: failure" in again.reason


def test_a_training_that_somebody_asks_for_is_claimed_too(scene: Scene) -> None:
    """Budget and cool-down are the alarms'; one at a time is everybody's."""
    first = begun(scene)
    assert (first.act, first.claim, scene.acts[0].why) == ("retrain", 1, "new data")
    second = begun(scene)
    assert second.act == "none" and "the retrain of" in second.reason and "is under way" in second.reason
    assert scene.asked(FALLEN).act == "none", "no rollback meanwhile"
    modelway.follow_policy(environment="production", claim=1, result="success")
    assert begun(scene).act == "retrain"


def test_a_claim_that_was_given_up_is_claimed_anew_with_its_alarms(scene: Scene) -> None:
    claim = scene.asked(DRIFTED).claim
    scene.now += timedelta(hours=30)
    found = begun(scene, claim)
    assert found.act == "retrain" and found.claim != claim
    assert scene.acts[1].alarms == scene.acts[0].alarms != ()


def test_no_training_begins_during_a_rollout(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = scene.asked(DRIFTED).claim
    monkeypatch.setattr(alarm_policy, "_busy", lambda *arguments: "the rollout of version 9 is under way")
    for number in (claim, None):
        found = begun(scene, number)
        assert (found.act, found.reason) == ("none", "retrain: the rollout of version 9 is under way")
    assert [act.result for act in scene.acts] == ["not-begun"], "it is due again"


def test_two_monitors_at_once_have_one_act(scene: Scene) -> None:
    scene.wrote(DRIFTED)
    together, found = threading.Barrier(6), list[str]()

    def work() -> None:
        together.wait()
        found.append(modelway.follow_policy(environment="production", report="monitor-model.json").act)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["none"] * 5 + ["retrain"] and len(scene.github.asked) == 1


def test_a_claim_of_a_run_that_died_is_given_up_and_said(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.github.behave = reset
    scene.asked(DRIFTED)
    scene.github.behave = answering(204, b"")
    scene.now += timedelta(hours=73)
    found = scene.asked(DRIFTED)
    assert (found.act, scene.acts[0].result) == ("retrain", "unknown")
    (said,) = found.decided.given_up
    assert "the retrain of claim 1 has not said how it ended" in said and said in capsys.readouterr().out
    assert scene.asked(DRIFTED).decided.given_up == (), "it is said once"
    late = modelway.follow_policy(environment="production", claim=1, result="success")
    assert late.decided.result == "unknown" and "has ended before, and stays as it is" in capsys.readouterr().out


def test_without_an_alarm_or_a_policy_nobody_is_asked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_registry(*arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr(workspace, "connect_registry", no_registry)
    assert scene.asked(report()).reason == "no alarm is open"
    found = scene.asked(FALLEN, "staging")
    assert (found.act, found.notify) == ("none", True)


def test_a_rollout_that_is_under_way_or_unknown_is_left_alone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scene.folder / "modelway.yml"
    path.write_text(CONFIG.replace("production: ,", "production: { deploy: { local: { port: 18281 } } },"))

    class Target:
        def unfinished(self) -> Any:
            raise InvalidInput("the cluster is not there")

    monkeypatch.setattr(deployment, "target_of", lambda project: Target())
    found = scene.asked(FALLEN)
    assert found.act == "none" and "whether a rollout is under way is not known: the cluster" in found.reason


def test_an_alias_that_was_moved_by_hand_is_no_ground_for_a_rollback(scene: Scene) -> None:
    scene.registry.set_alias("m", "production", 1)
    found = scene.asked(FALLEN)
    assert found.act == "retrain"
    assert found.decided.not_due[0].why == "the alias production says version 1, the ledger version 8: see show-history"


def test_what_the_target_runs_and_the_ledger_does_not_know_is_left_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = scene.folder / "modelway.yml"
    path.write_text(CONFIG.replace("production: ,", "production: { deploy: { local: { port: 18281 } } },"))
    side = SimpleNamespace(version=9)
    state = SimpleNamespace(current=SimpleNamespace(side=side))
    target = SimpleNamespace(unfinished=lambda: None, state=lambda: state)
    monkeypatch.setattr(deployment, "target_of", lambda project: target)
    assert "the target runs version 9, and the ledger says version 8" in scene.asked(FALLEN).reason
    side.version = 8
    story = SimpleNamespace(plan=SimpleNamespace(new=SimpleNamespace(version=9)))
    target.unfinished = lambda: story
    assert "the rollout of version 9 is under way" in begun(scene).reason
    target.unfinished = lambda: None
    assert scene.asked(FALLEN).act == "rollback"


def test_a_token_that_is_missing_for_training_keeps_no_rollback_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    assert scene.asked(FALLEN).act == "rollback"


def test_a_report_with_a_day_that_is_none_is_one_line(scene: Scene) -> None:
    name = scene.wrote(DRIFTED)
    path = scene.folder / name
    path.write_text(path.read_text().replace("2026-10-31", "yesterday"))
    with pytest.raises(InvalidInput, match="is no report of monitor-model"):
        modelway.follow_policy(environment="production", report=name)


def test_a_ledger_that_was_edited_is_no_ground_to_act_on(scene: Scene) -> None:
    version = scene.registry.versions["m.ledger", 1]
    edited = version.tags["modelway.ledger"].replace('"because"', '"never"')
    scene.registry.set_version_tag("m.ledger", 1, "modelway.ledger", edited)
    with pytest.raises(ledger.ChainBroken, match="edited"):
        scene.asked(FALLEN)
    assert not scene.acts


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "give exactly one of report, begin and result"),
        (["--report", "r.json", "--claim", "1"], "report goes without"),
        (["--report", "r.json", "--begin", "retrain"], "give exactly one"),
        (["--claim", "1"], "give exactly one"),
        (["--result", "success"], "result goes with claim"),
        (["--begin", "retrain", "--claim", "7"], "the log of m has no claim 7 in production"),
        (["--begin", "rollback"], "is not one of retrain"),
        (["--report", "gone.json"], "report gone.json: cannot be read"),
        (["--report", "modelway.yml"], "report modelway.yml: is no report of monitor-model"),
        (["--claim", "7", "--result", "success"], "the log of m has no claim 7 in production"),
    ],
)
def test_wrong_input_is_one_line_with_the_fix(
    scene: Scene, flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert follow_policy.main(["--environment", "production", *flags]) == 2
    (error,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert said in error and "Fix: " in error


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("performance: { prediction: p }", "history-days: 28", "there will be no such alarm"),
        ("accuracy_score: {", "brier_score: {", "no rollback can follow: it needs a metric below a limit of the gate"),
        ("data: [notify, retrain]", "data: [rollback]", "no rollback follows such an alarm"),
        ("data: [notify, retrain]", "service: [retrain]", "no retrain follows such an alarm"),
        ("retrain: {", "retrain: { most-per-day: 2,", "2 in 24 hours cannot be with cool-down-hours 72"),
        ("workflow: retrain.yml", "workflow: retrain.yml, event-type: x", "both workflow and event-type are named"),
        ("workflow: retrain.yml", "workflow: ../retrain.yml", "monitor.policy.retrain.dispatch.workflow: is text"),
        (", repository: team/parcels", "", "no repository is named"),
        ("retrain.yml, ", "retrain.yml, token-variable: NOBODY, ", "$NOBODY: is not set"),
    ],
)
def test_a_policy_that_cannot_be_is_one_line_and_nothing_is_claimed(
    scene: Scene, old: str, new: str, said: str
) -> None:
    assert old in CONFIG
    (scene.folder / "modelway.yml").write_text(CONFIG.replace(old, new))
    with pytest.raises(InvalidInput) as caught:
        scene.asked(DRIFTED)
    assert said in caught.value.line() and "Fix: " in caught.value.line()
    assert not scene.acts


def test_hostile_names_are_only_text(scene: Scene) -> None:
    hostile = "x\n::error::forged | <b> @team"
    found = report(drifted=30)
    change = msgspec.structs.replace(found.alarms[0].changes[0], column=hostile)
    alarms = (msgspec.structs.replace(found.alarms[0], changes=(change,)),)
    named = msgspec.structs.replace(found, alarms=alarms, open={hostile: alarms[0].day})
    done = scene.asked(named)
    assert done.act == "retrain"
    text = Path(done.report).with_suffix(".md").read_text()
    assert "<b>" not in text and "\n::error" not in text


def test_the_documented_policy_is_one(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's modelway.yml, and its example in Python."""
    (text,) = documented.examples("policy.md", "Policy: what follows an alarm", "yaml")
    (scene.folder / "modelway.yml").write_text(text)
    project = load_project(scene.folder / "modelway.yml", "production")
    policy = alarm_policy.checked_policy(project)
    assert policy.acts("performance") == ("notify", "rollback", "retrain") and policy.changes
    (scene.folder / "modelway.yml").write_text(CONFIG)
    (scene.folder / "out" / "modelway").mkdir(parents=True)
    scene.wrote(FALLEN, "out/modelway/monitor-model.json")
    (code,) = documented.examples("policy.md", "From Python")
    exec(code, {})
    assert "rollback accuracy_score of version 8" in capsys.readouterr().out
