"""The rollback's template while the delivery's template holds its runner: two runners of one machine, which act plays. And the
release that was taken back, once more, by the short jobs of the schedule's template."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from act import Act, ActRun
from modelway.registry.mlflow import connect
from modelway.rollout import journal
from team import ADVANCE, DELIVER, HERE, ROLLBACK, MakeProject, address, config, serving, template
from traffic import traffic

pytestmark = pytest.mark.long  # tests/deployment has the same without the workflows, also in CI

MODEL = "parcels-held"
LONG = 600
"""Seconds that the canary's first step lasts: far longer than this test."""
CARRIED = 240
"""Seconds that the schedule has for a canary whose evidence is there within half a minute on an idle machine."""


@dataclass
class Scene:
    first: ActRun
    hopeless: ActRun
    back: ActRun
    held: ActRun
    back_seconds: float
    serving: str
    seen: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Path:
    text = config(MODEL, delivered=True)
    head, tail = text.split("  production:\n", 1)
    slow = (
        f"strategy: canary, steps: [50, 100], step-seconds: {LONG}, bake-seconds: {LONG}, timeout-seconds: {4 * LONG}"
    )
    soon = "history-seconds: 10, judge: { block-seconds: 1, latency: { margin-rate: 0.1 } }"
    tail = tail.replace("strategy: all-at-once", f"{slow}, {soon}", 1)
    copied = {DELIVER: "deliver-model.yml", ROLLBACK: "rollback.yml", ADVANCE: "advance.yml"}
    files = {"modelway.yml": f"{head}  production:\n{tail}", **{path: template(name) for path, name in copied.items()}}
    return make_project(MODEL, files)


@pytest.fixture(scope="module")
def scene(act: Act, project: Path, server: str, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    secrets = {"MLFLOW_TRACKING_URI": server}
    first = act.run(project, project / DELIVER, secrets=secrets)
    assert first.exit_code == 0, first.log[-3000:]
    held: list[ActRun] = []
    inputs = {"parameters": '{"note": "another"}'}
    delivery = threading.Thread(
        target=lambda: held.append(act.run(project, project / DELIVER, inputs=inputs, secrets=secrets))
    )
    where = address(project, "production")
    with traffic(where, parcel, 100) as seen:
        time.sleep(6)  # so much of the past that a plan can be made
        hopeless = act.run(in_a_hurry(project), project / DELIVER, secrets=secrets)
        put_back(project)
        delivery.start()
        wait_for_the_canary(act.state / "targets" / f"{MODEL}-production" / "journal" / "000002.jsonl")
        began = time.monotonic()
        other = replace(act, cache=tmp_path_factory.mktemp("other-runner"))
        back = other.run(project, project / ROLLBACK, inputs={"reason": "it was not fine"}, secrets=secrets)
        took = time.monotonic() - began
        delivery.join(120)
    return Scene(first, hopeless, back, held[0], took, serving(where), dict(seen))


def parcel(number: int) -> dict[str, float]:
    return {"distance": float(number % 101), "weight": float(number % 51)}


def in_a_hurry(project: Path) -> Path:
    """With a minute for all that the canary must last."""
    path = project / "modelway.yml"
    path.write_text(path.read_text().replace(f"timeout-seconds: {4 * LONG}", "timeout-seconds: 60"))
    return project


def put_back(project: Path) -> None:
    path = project / "modelway.yml"
    path.write_text(path.read_text().replace("timeout-seconds: 60", f"timeout-seconds: {4 * LONG}"))


def wait_for_the_canary(path: Path) -> None:
    """Until it has a share of the traffic, and something was observed of it."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        story = journal.read(path) if path.exists() else None
        if story is not None and (story.state.routed or 0) > 0:
            return
        time.sleep(0.2)
    raise AssertionError("the canary did not begin")


def test_the_plan_was_told_before_training(scene: Scene) -> None:
    plan = scene.held.step("plan")
    assert plan.outputs["outcome"] == "possible" and "canary requests" in plan.outputs["sentence"]
    assert next(iter(scene.held.jobs)) == "plan"


def test_a_plan_that_cannot_finish_ends_it_before_anything_is_trained(scene: Scene) -> None:
    assert scene.hopeless.exit_code == 1 and scene.hopeless.jobs == {"plan": "failure"}
    (error,) = scene.hopeless.step("plan").errors
    assert error.title == "plan-rollout: refused" and "timeout-seconds" in error.message
    assert "| deploy.timeout-seconds: " in scene.hopeless.step("plan").summary
    assert not scene.hopeless.ran("train")


def test_the_rollback_does_not_wait_for_the_canary(scene: Scene) -> None:
    assert scene.back.exit_code == 0, scene.back.log[-3000:]
    assert scene.back_seconds < LONG / 4, "seconds, where the canary would have taken many minutes"
    said = scene.back.step("rollback").outputs
    assert said["version"] == scene.first.step("train").outputs["version"] == scene.serving


def test_the_canary_finds_that_it_was_superseded_and_changes_nothing_more(scene: Scene) -> None:
    assert scene.held.exit_code == 1
    assert scene.held.within("production").jobs == {"canary": "failure"}
    (error,) = scene.held.within("production").step("deploy").errors
    assert "superseded" in error.message
    assert scene.seen.get("failed", 0) == 0


@pytest.fixture(scope="module")
def carried(act: Act, project: Path, server: str, scene: Scene) -> list[ActRun]:
    """A job that begins the canary and does not wait, then those of the schedule until there is nothing left to do."""
    path = project / "modelway.yml"
    lasts = f"step-seconds: {LONG}, bake-seconds: {LONG}"
    assert lasts in path.read_text()
    path.write_text(path.read_text().replace(lasts, "step-seconds: 1, bake-seconds: 6"))
    version = scene.held.step("train").outputs["version"]
    known: Any = {"project": project, "secrets": {"MLFLOW_TRACKING_URI": server}}
    with traffic(address(project, "production"), parcel, 100):
        time.sleep(6)
        begun = {"version": version, "wait": "false"}
        runs = [act.run(workflow=HERE / "canary" / "workflow.yml", inputs=begun, **known)]
        deadline = time.monotonic() + CARRIED
        while time.monotonic() < deadline and outcome(runs[-1]) in ("", "under-way"):
            time.sleep(5)
            runs.append(act.run(workflow=project / ADVANCE, event="schedule", **known))
    return [*runs, act.run(workflow=project / ADVANCE, event="schedule", **known)]


def outcome(run: ActRun) -> str:
    return run.step("deploy" if run.ran("deploy") else "advance").outputs["outcome"]


def test_a_schedule_carries_the_canary_that_another_job_has_begun(carried: list[ActRun], scene: Scene) -> None:
    first, *scheduled, last = carried
    assert all(run.exit_code == 0 for run in carried), [run.log[-2000:] for run in carried if run.exit_code]
    assert outcome(first) == "under-way" and scheduled
    assert {outcome(run) for run in scheduled[:-1]} <= {"under-way"} and outcome(scheduled[-1]) == "deployed"
    version = scene.held.step("train").outputs["version"]
    for run in scheduled:
        assert run.jobs == {"advance": "success"} and run.step("advance").outputs["version"] == version
        assert f"version {version} gets " in run.step("advance").log
    assert (outcome(last), last.step("advance").outputs["version"]) == ("unchanged", "")


def test_what_the_schedule_has_brought_is_there(
    carried: list[ActRun], scene: Scene, project: Path, server: str
) -> None:
    version = scene.held.step("train").outputs["version"]
    assert serving(address(project, "production")) == version
    registered = connect(server, {}).get_model(MODEL)
    assert registered and registered.aliases["production"] == int(version)
