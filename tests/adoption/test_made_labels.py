"""init where the training makes another label of what the files hold: gate.label-as says so, and the model is judged by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adoption.layouts import REQUIREMENTS, Layout, learn, rows
from adoption.test_init import made, run
from checkout import commit_all
from modelway.config import load_project


def labelled_anew(label: str, no: str, yes: str) -> Layout:
    """A team whose files hold something else than what its model learns. label: the line that makes it. no, yes: what the
    files hold of the two classes."""
    code = learn("").replace('""', 'os.environ["MODELWAY_DATA"]').replace('y = frame["late"]', label)
    header, *lines = (line.rpartition(",") for line in rows(900, 1, "delay").splitlines())
    data = "\n".join(["".join(header), *(f"{values},{yes if late == '1' else no}" for values, _, late in lines)])
    files = {
        "train.py": f"import os\n\nfrom sklearn.preprocessing import LabelEncoder\n{code}",
        "parcels.csv": f"{data}\n",
        "requirements.txt": REQUIREMENTS,
    }
    return Layout(files, "", "")


ENCODED = 'y = LabelEncoder().fit_transform(frame["delay"])'
ANEW = {
    "compared": (labelled_anew('y = (frame["delay"] >= 15).astype(int)', "14.5", "15"), ">= 15"),
    "mapped": (labelled_anew('y = frame["delay"].map({"No": 0, "Yes": 1})', "No", "Yes"), {"No": 0, "Yes": 1}),
    "encoded": (labelled_anew(ENCODED, "on time", "late: yes"), {"late: yes": 0, "on time": 1}),
}


@pytest.mark.parametrize("name", ANEW)
def test_what_the_training_makes_of_the_label_is_said(name: str, root: Path, tmp_path: Path) -> None:
    layout, label_as = ANEW[name]
    folder = made(tmp_path, layout)
    said = run(root, folder, "init", "--yes", "--test", "20%", "--label", "delay")
    gate = load_project(folder / "modelway.yml", "production").gate
    assert (gate.label, gate.label_as, gate.task) == ("delay", label_as, "binary")
    assert "gate.label-as" in (folder / "MODELWAY.md").read_text()
    assert "anew" not in said["to-do"]


def test_a_class_that_no_test_row_has_is_numbered_too(root: Path, tmp_path: Path) -> None:
    files = dict(labelled_anew(ENCODED, "a", "c").files)
    files["test.csv"] = files.pop("parcels.csv")
    files["train.csv"] = files["test.csv"] + "".join(f"0.{row},0.1,x,b\n" for row in range(200))
    run(root, made(tmp_path, Layout(files, "", "")), "init", "--yes", "--label", "delay")
    gate = load_project(tmp_path / "modelway.yml", "production").gate
    assert (gate.label_as, gate.task) == ({"a": 0, "b": 1, "c": 2}, "multiclass")


@pytest.mark.long
@pytest.mark.parametrize("name", ANEW)
def test_a_model_is_judged_by_the_label_that_its_training_makes(
    name: str, root: Path, tmp_path: Path, server: str
) -> None:
    folder = made(tmp_path, ANEW[name][0])
    model = f"init-anew-{name}-{tmp_path.name}"
    run(root, folder, "init", "--yes", "--model-name", model, "--test", "30%", "--label", "delay")
    commit_all(tmp_path)
    run(root, folder, "validate_data")
    version = run(root, folder, "train_model", MLFLOW_TRACKING_URI=server)["version"]
    flags = ("--environment", "production", "--version", version)
    assert run(root, folder, "evaluate_gate", *flags, MLFLOW_TRACKING_URI=server)["outcome"] == "pass"
