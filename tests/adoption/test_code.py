"""What code that trains says of itself."""

from __future__ import annotations

import pytest

from modelway.adoption.code import (
    OWN_SERVER,
    does_nothing,
    experiments,
    fitted,
    fitted_apart,
    imported,
    other_data,
    parsed,
)
from modelway.adoption.to_do import BEFORE_3

READS = 'import pandas as pd\nframe = pd.read_csv("../data/housing.csv")\n'


@pytest.mark.parametrize(
    ("code", "command", "found"),
    [
        (READS, "python train.py", ["../data/housing.csv"]),
        (f"%matplotlib inline\n{READS}", "papermill a.ipynb b.ipynb", ["../data/housing.csv"]),
        (READS.replace("housing", "train"), "python train.py", []),
        ('pd.read_csv(r"D:\\work\\train.csv")', "python train.py", []),
        (f'{READS}test = pd.read_csv("data/train.csv")', "python train.py", []),
        (f'import os\n{READS}os.environ["MODELWAY_DATA"]', "python train.py", []),
        (READS, 'python train.py --data "$MODELWAY_DATA"', []),
        (READS, "python train.py --data data/train.csv", []),
        ('READ = "https://example.org/housing.csv"', "python train.py", []),
        ("this is no Python: 'a.csv'", "python train.py", []),
        (f'{READS}frame.to_csv("out/scores.csv", index=False)', "python train.py", ["../data/housing.csv"]),
        (
            f'TO = os.path.join("out", "scores.csv")\n{READS}frame.to_csv(TO)',
            "python train.py",
            ["../data/housing.csv"],
        ),
        (f'{READS}print("\\nsaved: out/scores.csv")', "python train.py", ["../data/housing.csv"]),
        ('frame.to_csv("a.csv")\nframe = pd.read_csv("a.csv")', "python train.py", ["a.csv"]),
    ],
)
def test_data_that_the_code_names_though_its_data_are_elsewhere(code: str, command: str, found: list[str]) -> None:
    assert other_data(code, command, "data/train.csv") == found


@pytest.mark.parametrize(
    ("code", "command", "found"),
    [
        ("", "python train.py --config params.yaml", ["data/all.csv"]),
        ('open("conf/params.yaml")', "python train.py", ["data/all.csv"]),
        ("", "python train.py", []),
        ("", "python train.py --config params.yaml --data data/train.csv", []),
    ],
)
def test_data_that_settings_name(code: str, command: str, found: list[str]) -> None:
    settings = {"conf/params.yaml": {"data": {"raw": "data/all.csv", "seed": 3}}, "compose.yaml": {"x": "y.csv"}}
    assert other_data(code, command, "data/train.csv", settings) == found


@pytest.mark.parametrize(
    ("code", "nothing"),
    [
        ('"""A command."""\nimport typer\napp = 1\n\n\ndef train():\n    pass\n', True),
        ("def train():\n    pass\n\n\ntrain()\n", False),
        ('def train():\n    pass\n\n\nif __name__ == "__main__":\n    train()\n', False),
        ("import pandas\nmodel = pandas.DataFrame()\n", False),
        ('if "x" not in sys.path:\n    sys.path.append("x")\nlogging.basicConfig()\nclass A:\n    x = 1\n', True),
        ("def train():\n    pass\n\n\nif True:\n    train()\n", False),
        ("import mlflow\ndef train():\n    pass\nmlflow.run(train)\n", False),
        ("", False),
    ],
)
def test_a_module_that_only_defines_things(code: str, nothing: bool) -> None:
    assert does_nothing(code) is nothing


def test_a_line_that_this_python_cannot_read_hides_no_other() -> None:
    code = f'def show():\n    print f"a {{{{"\n{READS}x = (?)\nframe.to_csv("b.csv")\n'
    assert other_data(code, "python train.py", "data/train.csv") == ["../data/housing.csv"]
    assert parsed("\n".join(["this is no Python"] * 30)) is None


def test_what_is_imported_by_dotted_names() -> None:
    code = "import a.b as c\nfrom d import e, f\nfrom . import g\ndef late():\n    from ..h import i\n"
    assert set(imported(code)) == {"a.b", "d", "d.e", "d.f", ".", ".g", "..h", "..h.i"}
    assert list(imported("this is no Python")) == []


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("scaler.fit(X)\nclf.fit(X_train, y_train)\n", ("clf", "X_train")),
        ("self.model.fit(self.X, y)", ("self.model", "self.X")),
        ('model = Ridge().fit(rows[["a"]], rows.y)', None),
        ("", None),
    ],
)
def test_what_the_code_calls_its_model_and_its_features(code: str, names: tuple[str, str] | None) -> None:
    assert fitted(code) == names


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("X = StandardScaler().fit_transform(frame[COLUMNS])\n", "StandardScaler().fit_transform"),
        ("frame = pd.get_dummies(frame)\n", "pd.get_dummies"),
        ('frame["late"] = le.fit_transform(frame["late"])\n', ""),
        ("y = LabelEncoder().fit_transform(frame[target])\ny = le.fit_transform(y_train)\n", ""),
        ("pipe = make_pipeline(StandardScaler(), Ridge())\nX = pipe[0].fit_transform(X)\n", ""),
        ("X = scaler.transform(X)\n", ""),
        ("this is no Python", ""),
    ],
)
def test_what_is_fitted_beside_the_model(code: str, call: str) -> None:
    assert fitted_apart(code, "late") == call


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('mlflow.set_experiment("late")', ["late"]),
        ('mlflow.set_experiment(experiment_name="late")', ["late"]),
        ('NAME = "late"\n\n\ndef train():\n    mlflow.set_experiment(NAME)\n', ["late"]),
        ('self.name = "late"\nmlflow.set_experiment(self.name)', ["late"]),
        ('name = "a"\nname = "b"\nmlflow.set_experiment(name)', [None]),
        ('def train(name="a"):\n    mlflow.set_experiment(name)', [None]),
        ('mlflow.set_experiment(config["name"])', [None]),
        ('mlflow.set_experiment(f"late-{day}")', [None]),
        ('mlflow.set_experiment(experiment_id="7")', [None]),
        ('mlflow.set_experiment("a")\nmlflow.set_experiment("b")', ["a", "b"]),
        ("mlflow.start_run()", []),
        ("this is no Python", []),
    ],
)
def test_which_experiment_the_code_chooses(code: str, found: list[str | None]) -> None:
    assert experiments(code) == found


@pytest.mark.parametrize(
    "server",
    [
        'os.environ["MLFLOW_TRACKING_URI"]',
        "os.environ.get('MLFLOW_TRACKING_URI', 'http://localhost:5000')",
        'os.getenv("MLFLOW_TRACKING_URI")',
    ],
)
def test_code_that_asks_for_its_server(server: str) -> None:
    assert OWN_SERVER.search(f"uri = {server}\nmlflow.set_tracking_uri(uri)")
    assert not OWN_SERVER.search('mlflow.set_tracking_uri("http://localhost:5000")')


@pytest.mark.parametrize(
    ("declared", "before"),
    [
        ("pandas\nmlflow==2.14.1\n", True),
        ("mlflow~=2.9", True),
        ("mlflow-skinny[extras]>=2,<3", True),
        ("mlflow<=2.22", True),
        ("  - mlflow=2.14", True),
        ('mlflow = "^2.10"', True),
        ('name = "mlflow-skinny"\nversion = "2.22.0"', True),
        ("mlflow", False),
        ("mlflow>=2.10.0\nnumpy<3", False),
        ("mlflow-skinny>=2.10 # <3", False),
        ('mlflow = "^3.1"', False),
        ("mlflow~=3.0,<4", False),
        ('name = "mlflow"\nversion = "3.2.0"', False),
    ],
)
def test_which_mlflow_is_pinned(declared: str, before: bool) -> None:
    assert bool(BEFORE_3.search(declared)) == before
