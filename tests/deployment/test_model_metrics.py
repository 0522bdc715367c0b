"""What the model says, judged beside errors and times: real releases that predict otherwise, live traffic, and what becomes of
them."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from checkout import commit_all
from deployment.shop import Shop, with_target
from modelway.rollout import engine, journal
from observe.real_prometheus import real_prometheus
from stages.test_gate_and_promote import rows

TRAIN = """
import os, mlflow, pandas as pd
from mlflow.models import infer_signature

rows = pd.read_csv(os.environ["MODELWAY_DATA"])
kind = os.environ["MODELWAY_PARAM_KIND"]

class Rule(mlflow.pyfunc.PythonModel):
    # The gate, which sends whole batches, sees no difference; single requests do.
    def __init__(self, kind):
        self.kind = kind
    def predict(self, context, model_input, params=None):
        score = model_input.a + 2 * model_input.b
        single = len(model_input) < 500
        if self.kind.startswith("score"):
            return (1 / (1 + 2.7 ** -(score + (1.5 if single and self.kind == "score-shifted" else 0)))).to_numpy()
        said = (score > (-1.2 if single and self.kind == "shifted" else 0)).astype(int)
        if single and self.kind == "silent":
            return [None if a > 0.6 else int(one) for one, a in zip(said, model_input.a)]
        return said.to_numpy()

features = rows[["a", "b"]]
model = Rule(kind)
with mlflow.start_run():
    mlflow.pyfunc.log_model(name="model", python_model=model,
        signature=infer_signature(features, model.predict(None, features)),
        pip_requirements=["mlflow-skinny", "pandas", "cloudpickle"])
"""
KINDS = ("good", "same", "shifted", "silent", "score", "score-shifted")


@dataclass(frozen=True)
class ClassShop(Shop):
    """Its models may say classes, of which nobody knows the AUC."""

    def configure(self, port: int, strategy: str = "canary", timeout: int = 600, replicas: int = 1) -> None:
        super().configure(port, strategy, timeout, replicas)
        path = self.folder / "modelway.yml"
        path.write_text(path.read_text().replace("roc_auc_score", "accuracy_score"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, server: str, python: str, root: Path) -> Shop:
    folder = tmp_path_factory.mktemp("shifts")
    (folder / "train.py").write_text(TRAIN)
    (folder / "train.csv").write_text(rows(2000))
    (folder / "test.csv").write_text(rows(3000, shift=5000))
    made = ClassShop(folder, server, f"shift-{uuid.uuid4().hex[:8]}", root, python, tmp_path_factory.mktemp("state"))
    made.configure(8080)
    commit_all(folder)
    for kind in KINDS:
        version = made.trained(kind)
        made.judged(version)
        done = made.run("build_image", "--environment", "production", "--version", version)
        assert done.returncode == 0, done.stderr
        made.versions[kind] = version
    return made


@pytest.fixture
def shop(models: Shop, tmp_path: Path) -> Iterator[Shop]:
    own = with_target(models, tmp_path)
    yield own
    own.run("stop_deployment", "--environment", own.environment)
    assert own.processes() == []


def judging(shop: Shop, keys: str) -> None:
    path = shop.folder / "modelway.yml"
    path.write_text(path.read_text().replace("judge: {", f"judge: {{{keys}, ", 1))


def last(shop: Shop) -> journal.Story:
    story = shop.stories()[-1]
    assert all(written == follows for written, follows in journal.replay(story)), "the same decisions follow again"
    return story


@pytest.mark.long
def test_classes_that_shift_are_taken_back_by_name(shop: Shop) -> None:
    shop.deploy("good")
    with shop.traffic() as seen:
        time.sleep(4)
        judging(shop, "predictions: {differ-at-most: 0.05}")
        said = shop.deploy("shifted", code=1)
    assert seen["failed"] == 0, "not one request fails: errors and times see nothing"
    assert "compared besides: predictions of class" in said
    assert "back to version" in said
    assert "predictions of class" in "".join(last(shop).state.reasons)
    assert "more than 5 points apart" in "".join(last(shop).state.reasons)
    assert shop.serving() == shop.versions["good"]
    report = json.loads((shop.folder / "out" / "modelway" / "deploy-model.json").read_text())
    names = [metric["name"] for metric in report["assessment"]["metrics"]]
    assert names[:2] == ["errors", "latency"] and "predictions of other classes" in names
    assert "predictions of class" in (shop.folder / "out" / "modelway" / "deploy-model.html").read_text()


@pytest.mark.long
def test_a_release_that_predicts_alike_passes_and_says_so(shop: Shop) -> None:
    shop.deploy("good")
    with shop.traffic() as seen:
        time.sleep(4)
        judging(shop, "predictions: {differ-at-most: 0.05}, refused: {}, nulls: {rise-at-most: 0.02}")
        shop.deploy("same")
    assert seen["failed"] == 0
    assert shop.serving() == shop.versions["same"]
    told = " ".join(last(shop).state.reasons)
    for name in ("predictions of class", "predictions of other classes", "refused inputs", "null predictions"):
        assert name in told
    assert "less than 10 points apart" in told


@pytest.mark.long
def test_without_the_key_nobody_looks(shop: Shop) -> None:
    shop.deploy("good")
    with shop.traffic():
        time.sleep(4)
        shop.deploy("shifted")
    blocks = [event.block for event in last(shop).events if isinstance(event, engine.Observed)]
    assert not any(block.watched or block.unwatched for block in blocks)


@pytest.mark.long
def test_scores_that_shift_are_taken_back_by_the_quarter(shop: Shop) -> None:
    shop.deploy("score")
    with shop.traffic():
        time.sleep(4)
        judging(shop, "predictions: {differ-at-most: 0.05}")
        shop.deploy("score-shifted", code=1)
    assert re.match(r"predictions (up to|above) 0\.", "".join(last(shop).state.reasons))
    assert shop.serving() == shop.versions["score"]


@pytest.mark.long
def test_predictions_that_are_null_are_taken_back(shop: Shop) -> None:
    shop.deploy("good")
    with shop.traffic() as seen:
        time.sleep(4)
        judging(shop, "nulls: {rise-at-most: 0.02}")
        shop.deploy("silent", code=1)
    assert seen["failed"] == 0
    assert "null predictions: the canary has" in "".join(last(shop).state.reasons)


@contextlib.contextmanager
def bookings(seen: Counter[str], per_cent: dict[str, int]) -> Iterator[str]:
    """The address of a service of the team's that counts what came of each answer, by the version that gave it. per_cent:
    version -> so many of a hundred are booked."""

    class Told(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            lines = []
            for version, booked in per_cent.items():
                trials = seen[f"{version} 200"]
                lines.append(f'searches_total{{model_version="{version}"}} {trials}')
                lines.append(f'bookings_total{{model_version="{version}"}} {trials * booked // 100}')
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(("\n".join(lines) + "\n").encode())

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Told) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.long
def test_a_release_that_sells_less_is_taken_back_by_the_teams_own_counter(shop: Shop, tmp_path: Path) -> None:
    """Nothing else of it is worse."""
    shop.deploy("good")
    good, worse = shop.versions["good"], shop.versions["same"]
    with (
        shop.traffic() as seen,
        bookings(seen, {good: 90, worse: 70}) as address,
        real_prometheus(tmp_path / "prometheus", [{"targets": [address]}]) as prometheus,
    ):
        one = '{model_version="{version}"}'
        series = f"trials: 'searches_total{one}', successes: 'bookings_total{one}'"
        judging(shop, f"outcomes: [{{name: bookings, {series}, fall-at-most: 0.05}}]")
        path = shop.folder / "modelway.yml"
        text = path.read_text().replace("local: {", f"local: {{prometheus: {prometheus.url}, ", 1)
        path.write_text(text.replace("block-seconds: 0.5", "block-seconds: 2", 1))
        time.sleep(12)
        whole = path.read_text()
        path.write_text(whole.replace("bookings_total", "booking_total"))
        assert "none is counted as a success, so none can be missed" in shop.deploy("same", code=3)
        path.write_text(whole)
        said = shop.deploy("same", code=1)
    assert "compared besides: without bookings" in said
    assert re.match(r"without bookings: the canary has (2\d|3\d)\.\d+% of", last(shop).state.reasons[0])
    assert shop.serving() == good


@pytest.mark.long
def test_what_cannot_be_compared_is_refused_before_anything_happens(shop: Shop) -> None:
    shop.deploy("good")
    judging(shop, "predictions: {}")
    said = shop.deploy("same", "--strategy", "blue-green", code=2)
    assert "deploy.judge.predictions" in said
    said = shop.deploy("same", "--wait", "false", code=2)
    assert "nothing remembers what the servers predict" in said
    assert len(shop.stories()) == 1
