"""evaluate-gate and promote-model on a real server: only what was judged, as it was judged, gets into an environment."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from checkout import commit_all
from modelway.records import Verdict
from modelway.registry.mlflow import MLflow, connect
from modelway.registry.stored_records import Stored, read_verdict

TRAIN = """
import os, mlflow, numpy as np, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

rows = pd.read_csv(os.environ["MODELWAY_DATA"])
kind = os.environ["MODELWAY_PARAM_KIND"]
inputs = rows[["a"]] if kind == "weak" else rows[["a", "b"]]
model = LogisticRegression().fit(inputs, rows.y)
if kind == "nan":
    model.coef_[:] = np.nan
signature = None if kind == "bare" else infer_signature(inputs, model.predict_proba(inputs))
with mlflow.start_run():
    mlflow.sklearn.log_model(model, name="model", signature=signature, pyfunc_predict_fn="predict_proba",
        pip_requirements=["mlflow", "scikit-learn"], serialization_format="cloudpickle")
"""

CONFIG = """\
model: {model}
data: {{train: train.csv, test: test.csv}}
train: {{command: python train.py, python: {python}, parameters: {{kind: weak}}}}
gate:
  label: y
  limits: {{roc_auc_score: {{at-least: 0.6}}}}
  against-production: {{accuracy_score: {{not-worse-by: 0.02}}}}
environments:
  production:
  strict: {{gate: {{limits: {{roc_auc_score: {{at-least: 0.999}}}}}}}}
  library: {{gate: {{limits: {{fbeta_score: {{at-least: 0.6, with: {{beta: 2}}}}}}}}}}
"""


@dataclass(frozen=True)
class Team:
    """A team's project and its server."""

    folder: Path
    server: str
    model: str
    root: Path

    def run(self, script: str, *flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / "scripts" / "run", script, *flags],
            cwd=self.folder,
            env={**os.environ, "MLFLOW_TRACKING_URI": self.server, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    def trained(self, kind: str) -> str:
        done = self.run("train_model", "--parameters", json.dumps({"kind": kind}))
        assert done.returncode == 0, done.stderr
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)["version"]

    def judged(self, version: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = self.run("evaluate_gate", "--environment", "production", "--version", version)
        assert done.returncode == code, done.stderr
        return done

    def promoted(self, *flags: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = self.run("promote_model", "--environment", "production", *flags)
        assert done.returncode == code, done.stderr
        assert len([line for line in done.stderr.splitlines() if line.startswith("error")]) == (code != 0)
        return done

    @property
    def client(self) -> MLflow:
        return connect(self.server, {})

    def aliases(self) -> dict[str, int]:
        registered = self.client.get_model(self.model)
        return dict(registered.aliases) if registered else {}

    def verdict(self) -> Verdict:
        stored = read_verdict(self.client, self.model, 1, "production")
        assert isinstance(stored, Stored)
        return stored.record


def rows(n: int, shift: int = 0) -> str:
    """A logistic truth in two features, deterministic: every row's noise comes from its number."""
    lines = ["a,b,y"]
    for row in range(shift, shift + n):
        a, b = (row * 37 % 101) / 50 - 1, (row * 61 % 103) / 51 - 1
        noise = (row * 7919 % 997) / 498 - 1
        lines.append(f"{a},{b},{int(a + 2 * b + noise > 0)}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def team(tmp_path: Path, server: str, python: str, root: Path) -> Team:
    model = f"team-{uuid.uuid4().hex[:8]}"
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "train.csv").write_text(rows(2000))
    (tmp_path / "test.csv").write_text(rows(3000, shift=5000))
    (tmp_path / "modelway.yml").write_text(CONFIG.format(model=model, python=python))
    commit_all(tmp_path)
    return Team(tmp_path, server, model, root)


@pytest.mark.long
def test_a_metric_of_scikit_learn_is_judged_by_its_name(team: Team) -> None:
    """The step's own environment has no scikit-learn."""
    version = team.trained("strong")
    done = team.run("evaluate_gate", "--environment", "library", "--version", version)
    assert done.returncode == 0, done.stderr
    report = json.loads((team.folder / "out" / "modelway" / "evaluate-gate.json").read_text())
    [check] = [item for item in report["checks"] if item["name"] == "fbeta_score"]
    low, high = check["interval"]
    assert 0.6 < low < check["value"] < high and check["outcome"] == "pass"
    assert "scikit-learn" in check["method"]


def test_the_way_of_two_versions_into_production(team: Team) -> None:
    first = team.trained("weak")
    assert "nothing is in production yet" in team.judged(first).stderr
    assert team.aliases() == {"candidate": 1}, "a pass sets the candidate, and no environment"
    assert team.verdict().production_version is None
    assert [sample.row for sample in team.verdict().samples][:2] == [0, 30]
    assert len(team.verdict().samples) == 100
    done = team.promoted("--version", first, "--reason", "the first")
    assert "promoted=true" in done.stdout
    assert team.aliases()["production"] == 1
    second = team.trained("strong")
    team.judged(second)
    team.promoted("--version", second)
    assert team.aliases() == {"candidate": 2, "production": 2}
    again = team.promoted("--version", second)
    assert "is in production already, by entry 2" in again.stdout
    shown = team.run("show_history", "--environment", "production").stdout
    assert "the first" in shown
    assert "version=2" in shown
    before = team.run("show_history", "--environment", "production", "--at", "2001-01-01T00:00:00Z").stdout
    assert "there was nothing in production" in before
    team.judged("1", code=1)
    assert "the verdict on version 1 for production is fail" in team.promoted("--version", "1", code=1).stderr
    assert team.aliases()["production"] == 2


@pytest.mark.long
def test_what_changed_since_the_verdict_is_named_and_not_promoted(team: Team) -> None:
    version = team.trained("weak")
    assert "there is no verdict on version 1" in team.promoted("--version", version, code=1).stderr
    team.judged(version)
    test, config = (team.folder / name for name in ("test.csv", "modelway.yml"))
    original, policy = test.read_text(), config.read_text()
    test.write_text(rows(2999, shift=5000))
    assert "the held-out data changed since the verdict" in team.promoted("--version", version, code=1).stderr
    test.write_text(original)
    config.write_text(policy.replace("0.6}", "0.61}"))
    assert "the policy (section gate) changed since" in team.promoted("--version", version, code=1).stderr
    config.write_text("# a comment changes nothing\n" + policy)
    client = team.client
    artifacts = client.version_artifacts(team.model, 1)
    stored = client.read_artifact(artifacts, "model.pkl", 1 << 20)
    client.upload(artifacts, "model.pkl", stored + b"\0")
    assert "are not what was recorded" in team.promoted("--version", version, code=1).stderr
    assert "they were changed" in team.judged(version, code=1).stderr
    client.upload(artifacts, "model.pkl", stored)
    assert team.aliases() == {"candidate": 1}
    team.promoted("--version", version)


@pytest.mark.long
def test_a_verdict_against_what_is_no_longer_there_is_stale(team: Team) -> None:
    for kind in ("weak", "strong", "strong"):
        team.trained(kind)
    team.judged("1")
    team.promoted("--version", "1")
    team.judged("2")
    team.judged("3")
    team.promoted("--version", "2")
    refused = team.promoted("--version", "3", code=1)
    assert "compared it with version 1, and version 2 is there now" in refused.stderr


@pytest.mark.long
def test_other_test_data_than_production_was_judged_on_is_warned_about(team: Team) -> None:
    for kind in ("weak", "strong"):
        team.trained(kind)
    team.judged("1")
    team.promoted("--version", "1")
    (team.folder / "test.csv").write_text(rows(2500, shift=6000))
    assert "the test data is not what version 1 in production was judged on" in team.judged("2").stderr


@pytest.mark.long
def test_an_alias_moved_by_hand_is_reported_and_never_healed(team: Team) -> None:
    for kind in ("weak", "strong"):
        team.trained(kind)
    team.judged("1")
    team.promoted("--version", "1")
    team.client.set_alias(team.model, "production", 2)
    assert "somebody moved it by hand" in team.judged("2", code=1).stderr, "the gate compares with the ledger"
    assert "somebody moved it by hand" in team.promoted("--version", "2", code=1).stderr
    assert team.aliases()["production"] == 2, "untouched"
    team.promoted("--restore", "true", "--reason", "a mistake")
    assert team.aliases()["production"] == 1
    team.client.set_alias(team.model, "production", 2)
    team.promoted("--adopt", "true", "--reason", "it was meant")
    assert team.aliases()["production"] == 2
    assert "it was meant" in team.run("show_history").stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [("nan", 1, "NaN"), ("bare", 2, "has no signature")],
)
def test_a_model_that_cannot_be_judged_never_passes(team: Team, kind: str, code: int, words: str) -> None:
    version = team.trained(kind)
    assert words in team.judged(version, code=code).stderr
    assert team.aliases() == {}


CANNOT_TELL = (
    ("a,b,y\n", 3, "rows"),
    ("a,b,y\n1,1,1\n0.5,0.5,1\n", 3, "class"),
    ("a,b\n1,1\n", 2, "has no column 'y'"),
    ("a,b,y\n1,x,1\n0,0,0\n", 2, "test.csv:2: 'x' in column 'b' is no double"),
)
"""Test data, the exit code, and words of the line."""


@pytest.mark.long
def test_data_that_cannot_tell_never_passes(team: Team) -> None:
    version = team.trained("strong")
    for test, code, words in CANNOT_TELL:
        (team.folder / "test.csv").write_text(test)
        assert words in team.judged(version, code=code).stderr, test
        assert team.aliases() == {}


COUNTRIES = """
import mlflow, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

rows = pd.read_csv("train.csv", sep=";", keep_default_na=False)
inputs = rows[["country"]]
model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(inputs, rows.y)
with mlflow.start_run():
    mlflow.sklearn.log_model(model, name="model", signature=infer_signature(inputs, model.predict_proba(inputs)),
        pyfunc_predict_fn="predict_proba", pip_requirements=["mlflow", "scikit-learn"], serialization_format="cloudpickle")
"""


@pytest.mark.long
def test_the_gate_reads_by_the_contract(team: Team) -> None:
    """NA is a country; delimiter, pattern of files and what is hidden are as validate-data has them, not a guess."""
    lines = [f"{'NA' if row % 2 else 'DE'};{(row % 2 + (row % 10 == 0)) % 2}" for row in range(2000)]
    text = "country;y\n" + "\n".join(lines) + "\n"
    (team.folder / "train.csv").write_text(text)
    for place in ("test", "test/.hidden"):
        (team.folder / place).mkdir()
        for part in ("1", "2"):
            (team.folder / place / f"part-{part}.csv").write_text(text)
    (team.folder / "train.py").write_text(COUNTRIES)
    contract = 'delimiter: ";"\nnull-values: [""]\ncolumns: {country: {type: string, nullable: false}}\n'
    (team.folder / "contract.yml").write_text(contract)
    config = team.folder / "modelway.yml"
    config.write_text(
        config.read_text()
        .replace("test: test.csv", "test: test/part-*.csv, contract: contract.yml")
        .replace("limits: {{roc", "limits: {roc")
        .replace("roc_auc_score: {at-least: 0.6}", "accuracy_score: {at-least: 0.85}")
    )
    version = team.trained("weak")
    team.judged(version)
    verdict = team.verdict()
    assert verdict.rows == 4000
    (check,) = (check for check in verdict.checks if check.name == "accuracy_score")
    assert check.value == pytest.approx(0.9)
    assert {sample.features["country"] for sample in verdict.samples} == {"NA", "DE"}
    team.promoted("--version", version)
    assert team.run("validate_data").returncode == 0
    config.write_text(config.read_text().replace("test/part-*.csv", "test"))
    team.judged(version)
    assert team.verdict().rows == 4000, "what is hidden is no data"
    (team.folder / "contract.yml").write_text(contract.replace("string, nullable: false", "integer"))
    assert "contract, and string in the model's signature" in team.judged(version).stderr


@pytest.mark.long
def test_each_environment_has_its_own_policy_and_verdict(team: Team) -> None:
    version = team.trained("strong")
    team.judged(version)
    done = team.run("evaluate_gate", "--environment", "strict", "--version", version)
    assert done.returncode == 1
    assert "roc_auc_score" in done.stderr
    refused = team.run("promote_model", "--environment", "strict", "--version", version)
    assert refused.returncode == 1
    assert "the verdict on version 1 for strict is fail" in refused.stderr
    assert team.run("promote_model", "--environment", "production", "--version", version).returncode == 0


@pytest.mark.parametrize(
    ("script", "flags", "words"),
    [
        ("evaluate_gate", ["--environment", "production", "--version", "9"], "there is no"),
        ("evaluate_gate", ["--environment", "production", "--version", "one"], "is not a whole number"),
        ("evaluate_gate", ["--environment", "prod", "--version", "1"], "unknown environment 'prod'"),
        ("evaluate_gate", ["--version", "1"], "input environment: is required"),
        ("promote_model", ["--environment", "production"], "give exactly one of version, adopt and restore"),
        ("promote_model", ["--environment", "production", "--version", "9"], "there is no"),
        ("promote_model", ["--environment", "production", "--restore", "true"], "there is no registered model"),
        ("show_history", ["--at", "last Tuesday"], "is not a time"),
    ],
)
def test_bad_input_is_one_line(team: Team, script: str, flags: list[str], words: str) -> None:
    done = team.run(script, *flags)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
