"""monitor.yml and retrain.yml by the templates that a team copies: what has changed is told to people once, it leads to one
training, whose end is recorded, and to nothing the night after."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from act import Act, ActRun
from listening import Listening, answering, listening
from team import MakeProject, address, config, serving, template

pytestmark = pytest.mark.long  # monitor-model and follow-policy run by themselves, also in CI

WORKFLOW, RETRAIN = ".github/workflows/monitor.yml", ".github/workflows/retrain.yml"
FIRST = (datetime.now(UTC) - timedelta(days=60)).date()
"""So that the last of 60 days was yesterday: to an old alarm nothing is done."""
REQUESTS = """
import datetime, sys
header, *parcels = open("data/train.csv").read().splitlines()
first, far = datetime.date.fromisoformat(sys.argv[2]), header.split(",").index("distance")
lines = []
for number in range(130 * int(sys.argv[1])):
    day, row = number // 130, parcels[number % len(parcels)].split(",")
    row[far] = str(float(row[far]) + (90 if day >= 55 else 0))
    lines.append(",".join([f"{first + datetime.timedelta(days=day)}T08:00:00Z", *row]))
open("data/requests.csv", "w").write("\\n".join(["asked_at," + header, *lines]) + "\\n")
"""
SECTIONS = """
monitor:
  data: data/requests.csv
  time-column: asked_at
  history-days: 42
  policy: { data: [notify, retrain], retrain: { dispatch: { workflow: retrain.yml, repository: team/parcels } } }
notify: { webhook: { pager: {} } }
"""


def project_files(model: str, days: int) -> dict[str, str]:
    text = config(model).replace("python make_data.py", f"python make_data.py && python3 asked_days.py {days} {FIRST}")
    text = re.sub(r"(?m)^notify:.*\n(?:  .*\n)*", "", text)
    retrain = template("retrain.yml").replace(
        "environment: production #", "deploy: false\n      environment: production #"
    )
    return {
        WORKFLOW: template("monitor.yml"),
        RETRAIN: retrain,
        "asked_days.py": REQUESTS,
        "modelway.yml": f"{text}\n{SECTIONS}",
    }


@pytest.fixture(scope="module")
def pager() -> Iterator[Listening]:
    with listening(answering(200)) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def github() -> Iterator[Listening]:
    """In the place of GitHub's API: a workflow's dispatch is answered by 204."""
    with listening(answering(204, b"")) as receiver:
        yield receiver


@dataclass(frozen=True)
class Nights:
    """Those after 55, 58 and 60 days; between the last two the training that the second one has started."""

    quiet: ActRun
    alarm: ActRun
    trained: ActRun
    again: ActRun
    after: ActRun


@pytest.fixture(scope="module")
def nights(act: Act, make_project: MakeProject, pager: Listening, github: Listening, server: str) -> Nights:
    secrets = {
        "MLFLOW_TRACKING_URI": server,
        "MODELWAY_WEBHOOK_URL": pager.url,
        "MODELWAY_WEBHOOK_SECRET": "open sesame, twice",
        "GITHUB_TOKEN": "may-start-workflows",
    }

    def night(days: int, workflow: str = WORKFLOW, event: str = "schedule", **more: Any) -> ActRun:
        project = make_project(f"parcels-watched-{days}", project_files("parcels-watched", days))
        env = {"GITHUB_API_URL": github.url}
        return act.run(project, project / workflow, event=event, secrets=secrets, env=env, **more)

    quiet, alarm = night(55), night(58)
    assert len(github.asked) == 1, [
        (s.id, s.exit_code, s.outputs, s.errors, s.log[-800:]) for s in alarm.steps.values()
    ]
    (asked,) = github.asked
    trained = night(58, RETRAIN, "workflow_dispatch", inputs=asked.json()["inputs"])
    carried = {"action": "model-drifted", "client_payload": asked.json()["inputs"]}
    return Nights(quiet, alarm, trained, night(58, RETRAIN, "repository_dispatch", payload=carried), night(60))


def test_people_are_told_once_what_has_changed_for_good(nights: Nights, pager: Listening) -> None:
    told = [nights.quiet, nights.alarm, nights.after]
    assert [run.step("monitor").outputs["outcome"] for run in told] == ["quiet", "alarm", "changed"], told[1].log[
        -2000:
    ]
    assert [run.exit_code for run in told] == [0, 1, 0]
    assert [run.step("notify").outputs["outcome"] for run in told] == ["success", "alarm", "ongoing"]
    first, second = (asked.json() for asked in pager.asked)
    assert (first["subject"], first["outcome"], first["model"]) == ("monitoring", "alarm", "parcels-watched")
    assert "distance: values" in first["sentence"]
    assert (second["subject"], second["outcome"], second["environment"]) == ("policy", "alarm", "production")
    assert "started: retrain.yml at main of team/parcels" in second["sentence"]


def test_an_alarm_starts_one_training(nights: Nights, github: Listening) -> None:
    policy = nights.alarm.step("policy")
    assert (policy.result, policy.outputs["act"]) == ("success", "retrain"), policy.errors
    assert nights.quiet.step("policy").outputs["reason"] == "no alarm is open"
    (asked,) = github.asked
    assert asked.path == "/repos/team/parcels/actions/workflows/retrain.yml/dispatches"
    assert asked.headers["Authorization"] == "Bearer may-start-workflows"
    assert asked.json()["inputs"]["claim"] == policy.outputs["claim"]
    assert "may-start-workflows" not in policy.log + policy.summary


def test_what_it_has_started_is_trained_judged_and_promoted(nights: Nights) -> None:
    run = nights.trained
    assert run.exit_code == 0, run.log[-3000:]
    assert run.step("begin").outputs["claim"] == nights.alarm.step("policy").outputs["claim"]
    assert run.step("promote").outputs["version"] == run.step("train").outputs["version"] != ""
    assert "is done" in run.step("ended").summary


def test_the_same_once_more_is_not_trained_again(nights: Nights) -> None:
    assert nights.again.exit_code == 0 and not nights.again.ran("train"), nights.again.log[-3000:]
    begin = nights.again.step("begin")
    assert begin.outputs["act"] == "none" and "has ended before: success" in begin.outputs["reason"]
    assert "was answered by the retrain of" in nights.after.step("policy").outputs["reason"]


def test_where_it_is_deployed_it_goes_the_whole_way(act: Act, make_project: MakeProject, server: str) -> None:
    """The template as it stands, begun by a person: the first version has no traffic to be judged under."""
    policy = "\nmonitor: { policy: { data: [retrain] } }\n"
    text = config("parcels-retrained", delivered=True)
    project = make_project("parcels-retrained", {RETRAIN: template("retrain.yml"), "modelway.yml": text + policy})
    run = act.run(project, project / RETRAIN, inputs={"reason": "new data"}, secrets={"MLFLOW_TRACKING_URI": server})
    assert run.exit_code == 0, run.log[-3000:]
    version = run.step("train").outputs["version"]
    assert run.step("deploy").outputs["outcome"] == "deployed" and not run.ran("promote")
    assert serving(address(project, "production")) == version != ""
    assert run.step("begin").outputs["reason"] == "new data" and "is done" in run.step("ended").summary
