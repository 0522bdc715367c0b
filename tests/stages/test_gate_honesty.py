"""What would make a verdict worthless is refused or said, on a real server: a model that has seen the answers, a label
whose positive class nobody named, a model that gives no probabilities, one without a signature."""

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
from modelway.registry.mlflow import connect
from modelway.registry.stored_records import read_verdict

WRONG = "error: evaluate-gate: wrong input: "
TRAIN = """
import os, mlflow, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

rows = pd.read_csv(os.environ["MODELWAY_DATA"])
columns = os.environ["MODELWAY_PARAM_COLUMNS"].split()
how = os.environ["MODELWAY_PARAM_HOW"]
label = rows.pop("y") if "y" not in columns else rows.y
model = LogisticRegression().fit(rows[columns], label)
signature = None if how == "bare" else infer_signature(rows[columns], model.predict_proba(rows[columns]))
more = {} if how == "labels" else {"pyfunc_predict_fn": "predict_proba"}
with mlflow.start_run():
    mlflow.sklearn.log_model(model, name="model", signature=signature, serialization_format="cloudpickle",
        pip_requirements=["mlflow", "scikit-learn"], **more)
"""

CONFIG = """\
model: {model}
data: {{train: train.csv, test: test.csv}}
train: {{command: python train.py, python: {python}, parameters: {{columns: a b, how: probabilities}}}}
gate:
  label: y
  limits: {{roc_auc_score: {{at-least: 0.6}}}}
  fairness: {{columns: [c], limits: {{demographic_parity_difference: {{at-most: 0.1}}}}}}
environments: {{production: }}
"""


@dataclass(frozen=True)
class Project:
    folder: Path
    server: str
    model: str
    root: Path

    def run(self, script: str, *flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / "scripts" / "run", script, *flags],
            cwd=self.folder,
            env={**os.environ, "MLFLOW_TRACKING_URI": self.server},
            capture_output=True,
            text=True,
            check=False,
        )

    def trained(self, columns: str = "a b", how: str = "probabilities") -> subprocess.CompletedProcess[str]:
        done = self.run("train_model", "--parameters", json.dumps({"columns": columns, "how": how}))
        assert done.returncode == 0, done.stderr
        return done

    def judged(self, *flags: str, code: int) -> str:
        done = self.run("evaluate_gate", "--environment", "production", "--version", "1", *flags)
        assert done.returncode == code, done.stderr
        return done.stderr

    def verdict(self) -> Verdict:
        stored = read_verdict(connect(self.server, {}), self.model, 1, "production")
        assert stored
        return stored.record

    def report(self) -> str:
        return (self.folder / "out/modelway/evaluate-gate.md").read_text()


def rows(start: int, stop: int, labels: tuple[str, str] = ("0", "1")) -> list[str]:
    """a, b, a group, a delay from which the label was made, and the label; each row's noise comes from its number."""
    lines = []
    for row in range(start, stop):
        a, b = (row * 37 % 101) / 50 - 1, (row * 61 % 103) / 51 - 1
        delay = a + 2 * b + (row * 7919 % 997) / 498 - 1
        lines.append(f"{a},{b},{'x' if a + b > 0.5 else 'yz'[row % 2]},{delay:.6f},{labels[delay > 0]}")
    return lines


def write(file: Path, lines: list[str]) -> None:
    file.write_text("\n".join(["a,b,c,delay,y", *lines]) + "\n")


@pytest.fixture
def project(tmp_path: Path, server: str, python: str, root: Path) -> Project:
    model = f"honest-{uuid.uuid4().hex[:8]}"
    (tmp_path / "train.py").write_text(TRAIN)
    write(tmp_path / "train.csv", rows(0, 1500))
    write(tmp_path / "test.csv", rows(5000, 6500))
    (tmp_path / "modelway.yml").write_text(CONFIG.format(model=model, python=python))
    commit_all(tmp_path)
    return Project(tmp_path, server, model, root)


def test_the_label_as_an_input_is_refused_and_the_fix_works(project: Project) -> None:
    project.trained("a b y")
    assert project.judged(code=2) == (
        f"{WRONG}gate.label: version 1 takes 'y' as an input, and it is the label. Fix: train without that column: drop it"
        " before fit, and from input_example or signature\n"
    )
    project.trained("a b")
    assert project.run("evaluate_gate", "--environment", "production", "--version", "2").returncode in (0, 1, 3)


def test_the_training_data_as_test_data_is_refused(project: Project) -> None:
    project.trained()
    said = project.judged("--data", "train.csv", code=2)
    assert "data.test train.csv: version 1 was trained on this very data" in said
    assert len(said.splitlines()) == 1
    copied = project.folder / "copied.csv"
    copied.write_bytes((project.folder / "train.csv").read_bytes())
    assert "was trained on this very data" in project.judged("--data", "copied.csv", code=2)


@pytest.mark.long
def test_rows_that_were_trained_on_are_counted(project: Project) -> None:
    project.trained()
    write(project.folder / "test.csv", rows(1300, 2600))
    said = project.judged(code=1)
    assert "200 of 1300 test rows stand in the training data too (train.csv): a model that remembers them" in said
    write(project.folder / "train.csv", rows(0, 1400))
    said = project.judged(code=1)
    assert "100 of 1300 test rows stand in the training data too (train.csv, which is not what version 1 was" in said
    (project.folder / "train.csv").write_text("a,b\n1,2,3\n")
    assert "whether test rows stand in the training data is not known" in project.judged(code=1)
    (project.folder / "train.csv").unlink()
    assert "training data" not in project.judged(code=1), "not at hand in every job"


@pytest.mark.long
def test_a_feature_that_the_label_was_made_from_is_warned_about(project: Project) -> None:
    project.trained("a delay")
    assert "the input 'delay' alone gives the label of all 1500 test rows" in project.judged(code=1)
    assert any(warning.startswith("the input 'delay'") for warning in project.verdict().warnings)


@pytest.mark.long
def test_the_report_says_the_positive_class_and_what_each_group_has(project: Project) -> None:
    project.trained()
    said = project.judged(code=1)
    verdict = project.verdict()
    x, y, z = (group.values["selection rate"] for group in sorted(verdict.groups, key=lambda group: group.name))
    least, name = min((y, "y"), (z, "z"), key=lambda pair: pair[0].value)
    pair = f"selection rate {x.value:.4g} (n {x.n}) where x, {least.value:.4g} (n {least.n}) where {name}"
    assert pair in said and pair in project.report()
    assert x.n + y.n + z.n == 1500
    assert verdict.positive_class == "1"
    assert f"The positive class is 1: {verdict.positive_rows} of 1500 rows have it." in project.report()
    assert {(group.column, group.name) for group in verdict.groups} == {("c", "x"), ("c", "y"), ("c", "z")}
    assert "### Groups of c" in project.report()


@pytest.mark.long
def test_labels_of_1_and_2_need_the_positive_class_and_the_fix_works(project: Project) -> None:
    for file in ("train.csv", "test.csv"):
        write(project.folder / file, rows(*((0, 1500) if file == "train.csv" else (5000, 6500)), ("1", "2")))
    project.trained()
    said = project.judged(code=2)
    assert said == (
        f"{WRONG}gate.positive-class: the label's values are 1, 2, and nothing says which of them is the positive class."
        " Fix: write the one that the score speaks of, such as positive-class: 2\n"
    )
    config = project.folder / "modelway.yml"
    config.write_text(config.read_text().replace("  label: y\n", "  label: y\n  positive-class: 2\n"))
    assert "roc_auc_score" not in project.judged(code=1), "the area is above its limit, only fairness fails"
    assert project.verdict().positive_class == "2"


@pytest.mark.long
def test_a_model_that_gives_labels_is_told_how_its_flavor_gives_probabilities(project: Project) -> None:
    project.trained(how="labels")
    assert project.judged(code=2) == (
        f"{WRONG}gate.limits.roc_auc_score: roc_auc_score needs a score for every row, and the model gives labels only."
        ' Fix: log the model with pyfunc_predict_fn="predict_proba"\n'
    )


@pytest.mark.long
def test_a_model_without_signature_is_warned_about_when_it_is_trained(project: Project) -> None:
    done = project.trained(how="bare")
    assert "warning: train-model: version 1 has no signature, and evaluate-gate will refuse it" in done.stderr
    report = (project.folder / "out/modelway/train-model.md").read_text()
    assert "| signature | none" in report
    assert "has no signature" in project.judged(code=2)
    assert "signature" not in project.trained().stderr


@pytest.mark.long
def test_a_contract_that_breaks_the_model_is_refused_and_the_fix_works(project: Project) -> None:
    config = project.folder / "modelway.yml"
    config.write_text(config.read_text().replace("gate:\n", "gate:\n  contract: refuse\n"))
    project.trained()
    assert "data.contract is not set" in project.judged(code=2)
    config.write_text(config.read_text().replace("test.csv}", "test.csv, contract: contract.yml}"))
    contract = project.folder / "contract.yml"
    contract.write_text("columns: {a: {type: number}, c: {type: string}}\n")
    said = project.judged(code=1)
    assert (
        "contract.yml: the contract allows what version 1 does not take: column 'b' is not in the contract. Fix:"
        in said
    )
    contract.write_text("columns: {a: {type: number}, b: {type: number}, c: {type: string}}\n")
    assert "does not take" not in project.judged(code=1)
    assert project.verdict().outcome == "fail"  # of its fairness
