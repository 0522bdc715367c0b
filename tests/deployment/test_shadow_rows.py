"""A shadow's predictions beside stable's, row by row: real releases, live traffic, and what is told of it."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from checkout import commit_all
from deployment.shop import DEPLOYED, Shop, with_target
from deployment.test_shadow_and_testers import with_keys
from modelway.rollout import engine, journal
from modelway.rollout.comparison import RowCounts, worst_slice
from traffic import traffic

TRAIN = """
import os, mlflow, pandas as pd
from mlflow.models import infer_signature

rows = pd.read_csv(os.environ["MODELWAY_DATA"])
kind = os.environ["MODELWAY_PARAM_KIND"]

class Rule(mlflow.pyfunc.PythonModel):
    def __init__(self, kind):
        self.kind = kind
    def predict(self, context, model_input, params=None):
        said = ((model_input.a + 2 * model_input.b) > 0).astype(float) * 0.8 + 0.1
        if self.kind == "odd":  # one row in ten of one carrier in five: 2 % of all
            odd = (model_input.carrier == "UA") & (model_input.number % 10 == 0)
            said = said.where(~odd, 1 - said)
        return said.to_numpy()

features = rows[["carrier", "number", "a", "b"]]
model = Rule(kind)
with mlflow.start_run():
    mlflow.pyfunc.log_model(name="model", python_model=model,
        signature=infer_signature(features, model.predict(None, features)),
        pip_requirements=["mlflow-skinny", "pandas", "cloudpickle"])
"""
CARRIERS = ("AA", "UA", "DL", "B6", "WN")
SLICES = "slices: {columns: [carrier], limits: {accuracy_score: {at-least: 0.1}}}"
SECRET = 987654321
"""A value that every client's row has, and that nothing may tell."""


def row(number: int) -> dict[str, Any]:
    values = {"a": (number * 37 % 101) / 50 - 1, "b": (number * 61 % 103) / 51 - 1}
    return {"carrier": CARRIERS[number % 5], "number": SECRET * 10 + number // 5 % 10, **values}


def table(count: int) -> str:
    lines = ["carrier,number,a,b,y"]
    for number in range(count):
        values = row(number)
        noise = (number * 7919 % 997) / 498 - 1
        label = int(values["a"] + 2 * values["b"] + noise > 0)
        lines.append(f"{values['carrier']},{number},{values['a']},{values['b']},{label}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class RowShop(Shop):
    def configure(self, port: int, strategy: str = "canary", timeout: int = 600, replicas: int = 1) -> None:
        super().configure(port, strategy, timeout, replicas)
        path = self.folder / "modelway.yml"
        path.write_text(path.read_text().replace("  label: y\n", f"  label: y\n  {SLICES}\n", 1))

    def clients(self) -> AbstractContextManager[Counter[str]]:
        return traffic(f"http://127.0.0.1:{self.port}", row, 200)

    def shadow(self, kind: str, code: int, keys: str = "") -> tuple[str, journal.Story]:
        with_keys(self, bake_seconds=25, **({"shadow": keys} if keys else {}))
        said = self.deploy(kind, "--strategy", "shadow", code=code)
        return said, self.stories()[-1]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, server: str, python: str, root: Path) -> RowShop:
    folder = tmp_path_factory.mktemp("rows")
    (folder / "train.py").write_text(TRAIN)
    (folder / "train.csv").write_text(table(2000))
    (folder / "test.csv").write_text(table(3000))
    state, model = tmp_path_factory.mktemp("state"), f"rows-{uuid.uuid4().hex[:8]}"
    made = RowShop(folder, server, model, root, python, state)
    made.configure(8080)
    commit_all(folder)
    for kind in ("good", "same", "odd"):
        version = made.trained(kind)
        made.judged(version)
        done = made.run("build_image", "--environment", "production", "--version", version)
        assert done.returncode == 0, done.stderr
        made.versions[kind] = version
    return made


@pytest.fixture
def rows(models: RowShop, tmp_path: Path) -> Iterator[RowShop]:
    own = with_target(models, tmp_path)
    assert isinstance(own, RowShop)
    own.deploy("good")
    yield own
    own.run("stop_deployment", "--environment", own.environment)
    assert own.processes() == []


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def compared(story: journal.Story) -> list[RowCounts]:
    return [event.rows for event in story.events if isinstance(event, engine.Compared)]


@pytest.mark.long
def test_a_model_that_differs_on_2_percent_of_rows_is_found_in_500_with_its_slice(rows: RowShop) -> None:
    with rows.clients() as seen:
        said, story = rows.shadow("odd", 0, "{rows: 500}")
    assert seen["failed"] == 0
    assert "outcome=shadowed" in said, "told, and nothing decided by it"
    counts = story.state.rows
    assert counts.compared == 500, said
    low, high = counts.interval
    assert 0.0 < low < 0.02 < high < 0.1
    worst = worst_slice(counts)
    assert worst is not None and worst.name == "carrier = UA"
    assert sum(item.differ for item in counts.slices if item.value != "UA") == 0
    assert sum(pair.rows for pair in counts.classes if pair.stable != pair.new) == counts.differ
    assert "rows differ from stable's, most where carrier = UA" in said
    assert len(compared(story)) >= 5, "some in each block"
    assert all(written == follows for written, follows in journal.replay(story))
    assert rows.must("replay_rollout", 0).count("same=true") == 1
    out = rows.folder / "out" / "modelway"
    for path in (out / "deploy-model.html", out / "replay-rollout.html", out / "deploy-model.md"):
        text = path.read_text()
        assert "carrier = UA" in text and "below 0.5" in text, path


@pytest.mark.long
def test_nothing_but_counts_is_kept_of_the_rows(rows: RowShop) -> None:
    with rows.clients():
        said, story = rows.shadow("odd", 0, "{rows: 100}")
    assert story.state.rows.compared == 100
    places = [path for folder in (rows.target, rows.folder / "out") for path in folder.rglob("*") if path.is_file()]
    assert len(places) > 5
    for text in (said, *(path.read_text(errors="replace") for path in places)):
        assert str(SECRET) not in text


@pytest.mark.long
def test_more_that_differ_than_may_end_the_shadow(rows: RowShop) -> None:
    with rows.clients() as seen:
        said, story = rows.shadow("odd", 1, "{differ-at-most: 0.002, rows: 5000}")
    assert seen["failed"] == 0
    assert "at most 0.2 % may" in said and "most where carrier = UA" in said
    assert story.outcome == "rolled-back"
    assert rows.serving() == rows.versions["good"]


@pytest.mark.long
def test_few_enough_that_differ_let_it_pass(rows: RowShop) -> None:
    with_keys(rows, requires_shadow="true")
    with rows.clients():
        said, story = rows.shadow("same", 0, "{differ-at-most: 0.02}")
        assert story.state.rows.differ == 0 and story.state.rows.interval[1] < 0.02
        assert "predictions: 0.00% [0.00," in said
        rows.deploy("same")
    assert rows.serving() == rows.versions["same"]


@pytest.mark.long
def test_a_replica_that_is_gone_is_counted_and_the_others_are_asked(rows: RowShop) -> None:
    rows.configure(rows.port, replicas=2)
    rows.deploy("same", "--strategy", "all-at-once")
    with rows.clients() as seen:
        with_keys(rows, bake_seconds=10, shadow="{rows: 300}")
        running = rows.start("deploy_model", "--version", rows.versions["odd"], "--strategy", "shadow", *DEPLOYED)
        wait_until(lambda: bool(compared(rows.stories()[-1])))
        rows.kill_replica(rows.versions["same"])
        said, _ = running.communicate(timeout=120)
    story = rows.stories()[-1]
    assert story.state.rows.failed > 0 and "stable does not answer at /predict" in said
    assert story.state.rows.compared > 0 and running.returncode == 0, said
    assert seen["failed"] == 0


@pytest.mark.long
def test_a_runner_that_dies_loses_nothing_that_was_compared(rows: RowShop) -> None:
    with rows.clients() as seen:
        with_keys(rows, bake_seconds=15, shadow="{rows: 400}")
        running = rows.start("deploy_model", "--version", rows.versions["odd"], "--strategy", "shadow", *DEPLOYED)
        wait_until(lambda: rows.stories()[-1].state.rows.compared > 50)
        running.kill()
        running.communicate()
        before = rows.stories()[-1].state.rows.compared
        said = rows.deploy("odd", "--strategy", "shadow")
    story = rows.stories()[-1]
    assert "outcome=shadowed" in said
    assert any(isinstance(event, engine.Resumed) for event in story.events)
    assert story.plan.number == 2 and story.state.rows.compared == 400 > before > 50
    assert seen["failed"] == 0


@pytest.mark.long
def test_too_few_rows_for_what_is_asked_are_refused(rows: RowShop) -> None:
    with_keys(rows, shadow="{differ-at-most: 0.01, rows: 500}")
    said = rows.deploy("same", "--strategy", "shadow", code=2)
    assert "deploy.shadow.rows: is 500" in said and "not even so many equal predictions" in said


@pytest.mark.long
def test_a_comparison_for_which_too_few_requests_come_is_refused(rows: RowShop) -> None:
    rows.configure(rows.port, timeout=60)
    with_keys(rows, shadow="{differ-at-most: 0.0001, rows: 100000}")
    with rows.clients():
        said = rows.deploy("same", "--strategy", "shadow", code=1)
        with_keys(rows, strategy="shadow")
        before = rows.must("plan_rollout", 1)
    for told in (said, before):
        assert "requests at least have to be compared" in told and "raise deploy.timeout-seconds above" in told
    assert [story.plan.number for story in rows.stories()] == [1], "nothing was begun"


@pytest.mark.long
def test_the_token_is_for_this_user_alone_and_gone_with_the_shadow(rows: RowShop) -> None:
    with rows.clients():
        _, story = rows.shadow("same", 0, "{rows: 50}")
    assert story.state.rows.compared == 50
    assert list(rows.target.rglob("rows-token")) == []
    for pid in rows.processes():
        assert b"SAMPLE" not in Path(f"/proc/{pid}/environ").read_bytes()
    asked = requests.post(f"http://127.0.0.1:{rows.port}/sampled-rows", json={"most": 1}, timeout=5)
    assert asked.status_code == 404


@pytest.mark.long
def test_a_journal_with_rows_reads_back(rows: RowShop) -> None:
    line = journal.Line(event=engine.Compared(1.0, RowCounts(compared=3, differ=1, failed=2, why="x")))
    assert msgspec.json.decode(msgspec.json.encode(line), type=journal.Line) == line
    assert json.loads(msgspec.json.encode(line))["event"]["rows"]["differ"] == 1
