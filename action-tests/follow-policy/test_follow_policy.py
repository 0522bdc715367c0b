"""A night on which a version is found to be worse than the one before it, by monitor.yml's template: it goes back, once, and
how that ended is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from act import Act, ActRun
from listening import Listening, answering, listening
from modelway.registry import ledger
from modelway.registry.mlflow import MLflow, connect
from team import MakeProject, template

WORKFLOW, MODEL = ".github/workflows/monitor.yml", "parcels-worse"
DAYS, CAME = 42, 39
"""Days of requests, the last of which was yesterday; the day from which on the second version answers."""
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
FIRST = TODAY - timedelta(days=DAYS)
CONFIG = f"""\
model: {MODEL}
gate: {{ label: late, limits: {{ accuracy_score: {{ at-least: 0.8 }} }} }}
monitor:
  data: requests.csv
  reference: train.csv
  time-column: asked_at
  history-days: 28
  performance: {{ prediction: p, mature-days: 1 }}
  policy: {{ performance: [notify, rollback, retrain] }}
notify: {{ webhook: {{ pager: {{}} }} }}
environments: {{ production: }}
"""


def requests() -> str:
    """120 rows a day; nine of ten predictions are right, and from the second version on six of ten."""
    lines = ["asked_at,x,p,late"]
    for number in range(120 * DAYS):
        day, row = divmod(number, 120)
        late = row % 2
        right = row % 10 < (6 if day >= CAME else 9)
        moment = (FIRST + timedelta(days=day)).strftime("%Y-%m-%dT08:00:00Z")
        lines.append(f"{moment},{row * 37 % 101},{late if right else 1 - late},{late}")
    return "\n".join(lines) + "\n"


def put(client: MLflow, version: int, day: float) -> None:
    """That a version came into production on that day, as promote-model writes it."""
    run = client.create_run(client.experiment_id(MODEL), "made", {})
    client.update_run(run.id, "FINISHED")
    made = client.create_version(MODEL, f"{run.artifact_uri.rstrip('/')}/model", run.id, tags={})
    assert made.version == version
    store = client.ledger(MODEL, run.id)
    writer = ledger.Writer("ada", clock=lambda: FIRST + timedelta(days=day))
    change = ledger.Change("production", "production", "promote", version, "it passed the gate")
    ledger.record(store, ledger.read(store), change, writer)


@dataclass(frozen=True)
class Scene:
    worse: ActRun
    again: ActRun
    client: MLflow


@pytest.fixture(scope="module")
def pager() -> Iterator[Listening]:
    with listening(answering(200)) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def scene(act: Act, make_project: MakeProject, server: str, pager: Listening) -> Scene:
    files = {"modelway.yml": CONFIG, "requests.csv": requests(), WORKFLOW: template("monitor.yml")}
    project: Path = make_project(MODEL, files | {"train.csv": requests()})
    client = connect(server, {})
    put(client, 1, -0.5)
    put(client, 2, CAME - 0.1)
    secrets = {
        "MLFLOW_TRACKING_URI": server,
        "MODELWAY_WEBHOOK_URL": pager.url,
        "MODELWAY_WEBHOOK_SECRET": "open sesame, twice",
    }
    worse, again = (act.run(project, project / WORKFLOW, event="schedule", secrets=secrets) for _ in range(2))
    return Scene(worse, again, client)


def test_the_version_before_comes_back_with_the_evidence_as_its_reason(scene: Scene) -> None:
    policy = scene.worse.step("policy").outputs
    assert (policy["act"], policy["version"], policy["to"]) == ("rollback", "2", "1"), scene.worse.log[-3000:]
    assert scene.worse.jobs == {"monitor": "failure", "rollback": "success", "record": "success"}
    assert scene.worse.step("rollback").outputs["version"] == "1"
    registered = scene.client.get_model(MODEL)
    assert registered and registered.aliases["production"] == 1
    last = ledger.audit(scene.client.ledger(MODEL)).on_chain("production")[-1].entry
    assert last.action == "rollback" and "accuracy_score of version 2 is 0.6" in last.why


def test_how_it_ended_is_recorded_and_people_are_told_each_once(scene: Scene, pager: Listening) -> None:
    assert "is done" in scene.worse.step("ended").summary
    told = [(asked.json()["subject"], asked.json()["outcome"]) for asked in pager.asked]
    assert told == [("monitoring", "alarm"), ("policy", "alarm"), ("policy", "rolled-back")]


def test_the_same_night_once_more_changes_nothing(scene: Scene) -> None:
    assert scene.again.jobs == {"monitor": "failure"}, "the alarm is of this day still"
    policy = scene.again.step("policy").outputs
    assert policy["act"] == "none" and "this alarm was answered by the rollback of" in policy["reason"]
    assert len(ledger.audit(scene.client.ledger(MODEL)).on_chain("production")) == 3
