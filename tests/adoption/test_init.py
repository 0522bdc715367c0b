"""init in eight layouts: what it finds and writes, that it asks for what it cannot know, and that a model is judged."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from adoption.layouts import DATA, LAYOUTS, REQUIREMENTS, TEST, TRAIN, Layout, learn, rows
from checkout import commit_all
from modelway.adoption.truth import ROWS_NEEDED
from modelway.config import load_project
from modelway.gate import influence
from sampled import sampled

WORKFLOWS = Path(".github") / "workflows"


def made(folder: Path, layout: Layout) -> Path:
    for name, text in layout.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    commit_all(folder)
    return folder / layout.folder


def run(root: Path, folder: Path, script: str, *flags: str, code: int = 0, **environ: str) -> dict[str, str]:
    done = subprocess.run(
        [root / "scripts" / "run", script, *flags],
        cwd=folder,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == code and "Traceback" not in said, said
    assert len([line for line in done.stderr.splitlines() if line.startswith("error")]) == (code != 0), said
    return {"said": said, **dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)}


def flags_of(layout: Layout) -> list[str]:
    return [part for name, value in layout.asked.items() for part in (f"--{name}", value)]


def everything(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and ".git/" not in f"{path.relative_to(folder)}/"
    }


@pytest.mark.parametrize("name", sampled(list(LAYOUTS), 3))
def test_a_layout_is_understood_and_nothing_else_is_changed(name: str, root: Path, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    folder = made(tmp_path / "repository", layout)
    said = run(root, folder, "init", "--yes", *flags_of(layout))
    project = load_project(folder / "modelway.yml", "production")
    assert (project.train.command, project.train.requirements) == (layout.command, layout.packages)
    assert (project.data.train, project.data.test) == layout.data
    assert (project.gate.label, project.gate.task) == ("late", "binary")
    assert json.loads(said["kept"]) == [] and (layout.to_do or "[]") in said["to-do"]
    after = everything(tmp_path / "repository")
    assert {path: after[path] for path in layout.files} == dict(layout.files)
    assert len(after) - len(layout.files) == len(json.loads(said["written"])) == 5
    workflow = yaml.safe_load(next((tmp_path / "repository" / WORKFLOWS).glob("modelway-check*.yml")).read_text())
    given = workflow["jobs"]["check"]["with"]
    assert given.get("working-directory") == (layout.folder if layout.folder != "." else None)
    again = run(root, folder, "init", "--yes", *flags_of(layout))
    assert json.loads(again["written"]) == [] and len(json.loads(again["kept"])) == 5
    assert everything(tmp_path / "repository") == after


def test_what_runs_in_a_cluster_is_told(root: Path, tmp_path: Path) -> None:
    folder = made(tmp_path, LAYOUTS["service"])
    run(root, folder, "init", "--yes", *flags_of(LAYOUTS["service"]))
    text = (folder / "modelway.yml").read_text()
    assert "#     kubernetes: { namespace: shop, deployment: parcels-api }" in text
    deploy = (
        text.replace("production: {}", "production:")
        .replace("  #   deploy", "    deploy")
        .replace("  #     ", "      ")
    )
    (folder / "modelway.yml").write_text(
        "".join(line for line in deploy.splitlines(True) if "has a Deployment" not in line)
    )
    found = load_project(folder / "modelway.yml", "production").deploy
    assert found is not None and found.kubernetes.deployment == "parcels-api"


def test_what_would_spoil_the_first_verdict_is_to_do(root: Path, tmp_path: Path) -> None:
    """As in repositories that were tried: one file that was split, a training that reads the whole of it."""
    whole = learn("data/all.csv").replace(', input_example=X.head(), serialization_format="cloudpickle"', "")
    whole = whole.replace("    X = ", '    frame = frame.rename(columns={"carrier": "by"})\n    X = ')
    files = {
        "train.py": whole,
        "requirements.txt": REQUIREMENTS.replace("mlflow-skinny\nscikit-learn\n", "sklearn\n"),
        "data/all.csv": rows(500, 1),
        "data/train.csv": rows(400, 1),
        "data/test.csv": rows(100, 2),
        "models/1/test_predictions.csv": rows(100, 2),
    }
    folder = made(tmp_path, Layout(files, "", ""))
    to_do = json.loads(run(root, folder, "init", "--yes")["to-do"])
    assert [line for line in to_do if "reads data/all.csv" in line and "MODELWAY_DATA" in line]
    assert [line for line in to_do if "without a signature" in line]
    assert [line for line in to_do if "does not name mlflow" in line]
    assert [line for line in to_do if "names sklearn" in line]
    assert [line for line in to_do if "train.py logs its model in MLflow's own format" in line]
    assert [line for line in to_do if "train.py gives columns other names than data/test.csv has" in line]
    run(root, folder, "validate_data")  # which what was drafted of 400 rows lets 100 pass


def test_a_share_of_the_only_data_file_becomes_test_rows(root: Path, tmp_path: Path) -> None:
    files = {"train.py": learn("data/all.csv"), "requirements.txt": REQUIREMENTS, "data/all.csv": rows(900, 1)}
    folder = made(tmp_path, Layout({**files, "data/names.csv": "carrier,name\nx,X\ny,Y\n"}, "", ""))
    said = run(root, folder, "init", "--yes", "--test", "20%")
    data = load_project(folder / "modelway.yml", "production").data
    assert (data.train, data.test) == ("data/all-train.csv", "data/all-test.csv")
    learned, judged = (set((folder / name).read_text().splitlines()[1:]) for name in (data.train, data.test))
    assert not learned & judged and learned | judged == set(rows(900, 1).splitlines()[1:])
    assert 140 < len(judged) < 220
    assert "train.py reads data/all.csv" in said["to-do"] and "data/all-test.csv. Commit them" in said["to-do"]
    (folder / "modelway.yml").unlink()
    for again in (("--test", "20%"), ("--test", "0.2", "--train", "data/all.csv"), ()):  # nothing is split twice
        run(root, folder, "init", "--yes", *again)
        assert load_project(folder / "modelway.yml", "production").data == data
        assert len(list((folder / "data").iterdir())) == 4
        (folder / "modelway.yml").unlink()


def test_a_test_file_without_the_label_is_no_reason_to_split_nothing_off(root: Path, tmp_path: Path) -> None:
    """As competitions have it: the label is in train.csv alone; and the code imports by its folder's name."""
    unlabelled = "".join(line.rpartition(",")[0] + "\n" for line in rows(100, 2).splitlines())
    files = {"src/train.py": "import src.other\n" + learn("data/train.csv"), "requirements.txt": REQUIREMENTS}
    files |= {"data/train.csv": rows(900, 1), "data/test.csv": unlabelled, "data/gender_submission.csv": "a,b\n1,2\n"}
    folder = made(tmp_path, Layout(files, "", ""))
    assert "`--test 20%` split some off" in run(root, folder, "init", "--yes", code=2)["said"]
    for _ in range(2):  # it can be run again
        run(root, folder, "init", "--yes", "--test", "20%")
        project = load_project(folder / "modelway.yml", "production")
        assert (project.data.train, project.data.test) == ("data/train-train.csv", "data/train-test.csv")
    assert project.train is not None and project.train.command == "python -m src.train"
    run(root, folder, "init", "--yes")
    run(root, folder, "validate_data")


def test_the_first_contract_lets_what_was_split_off_pass(root: Path, tmp_path: Path) -> None:
    """A value that one test row alone has is in it."""
    text = rows(300, 1).splitlines()
    files = {"train.py": learn("data/all.csv"), "requirements.txt": REQUIREMENTS}
    odd = [f"0.1,0.2,z{number},1" for number in range(3)]
    folder = made(tmp_path, Layout({**files, "data/all.csv": "\n".join([*text, *odd]) + "\n"}, "", ""))
    run(root, folder, "init", "--yes", "--test", "20%")
    run(root, folder, "validate_data")


def test_what_no_package_brings_is_to_do(root: Path, tmp_path: Path) -> None:
    for number, (packages, lacks) in enumerate((("mlflow-skinny\ntorch\npandas\n", True), ("mlflow\ntorch\n", False))):
        files = {"train.py": learn("data/train.csv"), "requirements.txt": packages, **DATA}
        folder = made(tmp_path / str(number), Layout(files, "", ""))
        assert ("does not name scipy" in run(root, folder, "init", "--yes")["to-do"]) == lacks


def test_a_number_with_few_values_in_a_file_with_semicolons(root: Path, tmp_path: Path) -> None:
    """As the wines have it, with which MLflow's own tutorial begins; read by a module that the training imports."""
    lines = [f"{number % 13 / 10};{number % 7};{3 + number % 7}" for number in range(900)]
    read = (
        'import os\nimport pandas\n\ndef wines():\n    return pandas.read_csv(os.environ["MODELWAY_DATA"], sep=";")\n'
    )
    train = (
        "from sklearn.linear_model import ElasticNet\nfrom shop.data import wines\n\nrows = wines()\n"
        'X_train, y_train = rows.drop("quality", axis=1), rows["quality"]\nnet = ElasticNet()\nnet.fit(X_train, y_train)\n'
    )
    files = {"train.py": train, "shop/__init__.py": "", "shop/data.py": read, "requirements.txt": REQUIREMENTS}
    files |= {"wine.csv": "\n".join(["acidity;sugar;quality", *lines]), "pyproject.toml": '[project]\nname = "wines"\n'}
    folder = made(tmp_path, Layout(files, "", ""))
    to_do = json.loads(run(root, folder, "init", "--yes", "--test", "20%")["to-do"])
    project = load_project(folder / "modelway.yml", "production")
    assert (project.model, project.gate.label, project.gate.task) == ("wines", "quality", "regression")
    assert "the code that trains has ElasticNet" in (folder / "MODELWAY.md").read_text()
    assert 'delimiter: ";"' in (folder / "contract.yml").read_text()
    assert not [line for line in to_do if "MODELWAY_DATA" in line]
    pasted = 'mlflow.sklearn.log_model(net, name="model", input_example=X_train[:5]'
    assert [line for line in to_do if pasted in line and "`import mlflow`" in line]
    run(root, folder, "validate_data")
    said = run(root, folder, "init", "--yes", "--label", "sugar", "--train", "wine-train.csv")["said"]
    assert "gate.label is quality, and --label asks for sugar" in said and "--train asks" not in said


def test_a_model_that_is_logged_without_its_scaler_would_be_judged_on_other_numbers(root: Path, tmp_path: Path) -> None:
    """Two prices are no classes, where the code has a regression; what is to be mended is said of the file that fits."""
    train = (
        "import pandas as pd\nfrom sklearn.linear_model import Ridge\nfrom sklearn.preprocessing import StandardScaler\n\n"
        'def train():\n    rows = pd.read_csv("houses.csv")\n    X = StandardScaler().fit_transform(rows[["area"]])\n'
        '    model = Ridge()\n    model.fit(X, rows["price"])\n'
    )
    files = {
        "main.py": "from src.train import train\n\ntrain()\n",
        "src/train.py": train,
        "requirements.txt": REQUIREMENTS,
    }
    files["houses.csv"] = "\n".join(["area,price", *(f"{number},{330_000 + number % 2}" for number in range(1000))])
    folder = made(tmp_path, Layout(files, "", ""))
    to_do = json.loads(run(root, folder, "init", "--yes", "--test", "20%", "--label", "price")["to-do"])
    assert load_project(folder / "modelway.yml", "production").gate.task == "regression"
    assert [line for line in to_do if line.startswith("src/train.py logs no model") and "input_example=X[:5]" in line]
    assert [
        line
        for line in to_do
        if line.startswith("src/train.py calls StandardScaler().fit_transform outside of the model")
    ]


def test_requirements_as_powershell_writes_them_beside_a_lock_of_nothing(root: Path, tmp_path: Path) -> None:
    code = learn("data/train.csv").replace(
        "import mlflow\n", 'import os\nimport mlflow\nos.environ["MLFLOW_TRACKING_URI"] = "x"\n'
    )
    code = code.replace(
        '    y = frame["late"]', '    frame["late"] = frame["late"].map({0: 0, 1: 1})\n    y = frame["late"]'
    )
    lock = 'version = 1\n[[package]]\nname = "mine"\nversion = "0.1"\nsource = { virtual = "." }\n'
    project = '[project]\nname = "mine"\nversion = "0.1"\ndependencies = []\n'
    folder = made(tmp_path, Layout({"train.py": code, "uv.lock": lock, "pyproject.toml": project, **DATA}, "", ""))
    (folder / "requirements.txt").write_bytes(REQUIREMENTS.replace("\n", "\r\n").encode("utf-16"))
    to_do = run(root, folder, "init", "--yes")["to-do"]
    train = load_project(folder / "modelway.yml", "production").train
    assert train.requirements == "requirements.txt" and "does not name mlflow" not in to_do
    assert "train.py sets MLFLOW_TRACKING_URI" in to_do and "train.py makes late anew" in to_do


def test_rows_that_are_judged_on_are_not_to_be_read(root: Path, tmp_path: Path) -> None:
    for number, command in enumerate(("", "python train.py --valid data/test.csv")):
        reads = 'import pandas\nscore = pandas.read_csv("data/test.csv")\n' if not command else ""
        files = {"train.py": learn("data/train.csv"), "requirements.txt": REQUIREMENTS, **DATA}
        files["train.py"] += f"\n{reads}"
        folder = made(tmp_path / str(number), Layout(files, "", ""))
        said = run(root, folder, "init", "--yes", *(["--command", command] if command else []))["to-do"]
        assert f"{'train.command' if command else 'train.py'} names data/test.csv" in said


def test_of_numbers_the_larger_one_is_positive(root: Path, tmp_path: Path) -> None:
    """As scikit-learn has it; and fewer rows than R² and balanced accuracy are judged on are told."""
    files = {"train.py": learn("data/train.csv"), "requirements.txt": REQUIREMENTS}
    for name, count in (("train", 400), ("test", 100)):
        head, *lines = rows(count, count).splitlines()
        coded = [f"{line[:-1]}{1 + (number < 5)}" for number, line in enumerate(lines)]
        files[f"data/{name}.csv"] = "\n".join([head, *coded])
    folder = made(tmp_path, Layout(files, "", ""))
    to_do = json.loads(run(root, folder, "init", "--yes")["to-do"])
    assert "positive-class: 2" in (folder / "modelway.yml").read_text()
    assert "gate.positive-class" in (folder / "MODELWAY.md").read_text()
    assert [line for line in to_do if f"{ROWS_NEEDED} are needed to tell balanced_accuracy_score" in line]
    assert ROWS_NEEDED == influence.MINIMUM_ROWS


def with_label(rows: str, value: str) -> str:
    head, *lines = rows.splitlines()
    return "\n".join([head, *(f"{line.rpartition(',')[0]},{value}" for line in lines)]) + "\n"


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "two models": (
        {"a/train.py": learn("x"), "b/train.py": learn("x"), "requirements.txt": REQUIREMENTS, **DATA},
        "2 trainings were found (a/train.py, b/train.py)",
    ),
    "no training": ({"requirements.txt": REQUIREMENTS, "app.py": "", **DATA}, "nothing that trains was found"),
    "no packages": ({"train.py": learn("x"), **DATA}, "nothing declares the packages"),
    "a project that never said what it needs": (
        {"train.py": learn("x"), "pyproject.toml": '[project]\nname = "x"\ndependencies = []\n', **DATA},
        "nothing declares the packages",
    ),
    "a parameter without a default": (
        {
            "MLproject": "entry_points: {main: {parameters: {alpha: float}, command: 'python run.py {alpha}'}}\n",
            "run.py": "",
            **DATA,
        },
        "MLproject asks for alpha, which has no default, to run `python run.py {alpha}`",
    ),
    "a label that the training makes": (
        {"train.py": learn("x").replace('["late"]', '["good"]'), "requirements.txt": REQUIREMENTS, **DATA},
        "cannot be told: the code has good, which is no column of the data",
    ),
    "no held-out rows": (
        {"train.py": learn("x"), "requirements.txt": REQUIREMENTS, "data/parcels.csv": TRAIN},
        "`--test 20%` splits some off",
    ),
    "no data": ({"train.py": learn("x"), "requirements.txt": REQUIREMENTS}, "(none)"),
    "no label": (
        {"train.py": learn("x").replace('["late"]', "[name]"), "requirements.txt": REQUIREMENTS, **DATA},
        "the column that holds the truth cannot be told",
    ),
    "test data without it": (
        {
            "train.py": learn("x"),
            "requirements.txt": REQUIREMENTS,
            "data/train.csv": TRAIN,
            "data/test.csv": TEST.replace("late", "early", 1),
        },
        "data/test.csv: has no column 'late'",
    ),
    "test data of one class": (
        {
            "train.py": learn("x"),
            "requirements.txt": REQUIREMENTS,
            "data/train.csv": TRAIN,
            "data/test.csv": with_label(TEST, "1"),
        },
        "data/test.csv: every row has '1' as its late",
    ),
    "test data whose label is yet to come": (
        {
            "train.py": learn("x"),
            "requirements.txt": REQUIREMENTS,
            "data/train.csv": TRAIN,
            "data/test.csv": with_label(TEST, ""),
        },
        "data/test.csv: no row has a value of 'late'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_known_is_one_line_and_nothing_is_written(name: str, root: Path, tmp_path: Path) -> None:
    files, wrong = REFUSED[name]
    folder = made(tmp_path, Layout(files, "", ""))
    before = everything(folder)
    said = run(root, folder, "init", "--yes", code=2)
    assert wrong in said["said"] and "Fix: " in said["said"]
    assert "to-do" not in said, "an empty list would say that nothing is"
    assert everything(folder) == before


def test_a_split_that_cannot_be_is_one_line_and_nothing_is_written(root: Path, tmp_path: Path) -> None:
    files = {"train.py": learn("x"), "requirements.txt": REQUIREMENTS, "data/all.csv": rows(900, 1)}
    files["cut.csv"] = rows(900, 1) + "0.1,0.2\n"
    files |= {"few.csv": rows(1, 1), "no label.csv": rows(900, 1).replace("late", "early", 1), "data.arrow": "ARROW1"}
    folder = made(tmp_path, Layout(files, "", ""))
    before = everything(folder)
    for flags, wrong in (
        (("--train", "few.csv", "--test", "20%"), "few.csv: has too few rows to split (1)"),
        (("--train", "cut.csv", "--test", "20%"), "wrong input: cut.csv: cannot be read as CSV: line 902 has 2 cells"),
        (("--train", "no label.csv", "--test", "20%"), "the column that holds the truth cannot be told"),
        (("--train", "no label.csv", "--test", "20%", "--label", "late"), "no column 'late'"),
        (("--train", "data.arrow", "--test", "20%"), "data.arrow: cannot be split"),
        (("--train", "s3://bucket/all.csv", "--test", "20%"), "nothing can be split off it"),
        (("--train", "data/all.csv", "--test", "95%"), "95% of the rows cannot be test rows"),
        (("--test", "20%"), "the training data cannot be told"),
    ):
        said = run(root, folder, "init", "--yes", *flags, code=2)["said"]
        assert wrong in said and "Fix: " in said, said
        assert everything(folder) == before


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "service"])
def test_a_model_is_judged_by_what_it_wrote(name: str, root: Path, tmp_path: Path, server: str) -> None:
    """From nothing to a verdict, without an edit."""
    layout = LAYOUTS[name]
    folder = made(tmp_path, layout)
    model = f"init-{name}-{tmp_path.name}"
    run(root, folder, "init", "--yes", "--model-name", model, *flags_of(layout))
    commit_all(tmp_path)
    run(root, folder, "validate_data")
    version = run(root, folder, "train_model", MLFLOW_TRACKING_URI=server)["version"]
    flags = ("--environment", "production", "--version", version)
    assert run(root, folder, "evaluate_gate", *flags, MLFLOW_TRACKING_URI=server)["outcome"] == "pass"
