"""Models that misbehave, in a real worker: no secrets, limits that hold, and the model's own words when it fails."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from modelway import processes
from modelway.data.contract import Contract
from modelway.data.rows import open_rows
from modelway.environments.locks import Interpreter, describe
from modelway.errors import InvalidInput
from modelway.scored import Scored
from modelway.scoring import Columns, Worker, WorkerLimits, types_of
from modelway.scoring.score import WORKER
from modelway.stages.steps.rows import wanted_of

MODELS = """
import json, os, sys, time
import mlflow.pyfunc
import numpy as np

class Model(mlflow.pyfunc.PythonModel):
    def __init__(self, mode):
        self.mode = mode
    def predict(self, context, model_input, params=None):
        n = len(model_input)
        if self.mode == "environment":
            return [json.dumps({"environ": dict(os.environ), "cwd": os.getcwd(), "path": sys.path})] * n
        if self.mode == "hang":
            time.sleep(600)
        if self.mode == "memory":
            return [float(len(bytearray(8 << 30)))] * n
        if self.mode == "raise":
            raise ValueError("a row without\\nair pressure")
        if self.mode == "print":
            raise ValueError(f"cannot score these:\\n{model_input}\\n" + "x" * 2000 + " because of the tide")
        if self.mode == "exit":
            os._exit(3)
        if self.mode == "random":
            return np.random.default_rng().random(n)
        if self.mode == "input":
            return [float(len(sys.stdin.read()))] * n
        if self.mode == "rows":
            return model_input.to_json(orient="records", lines=True).splitlines()
        if self.mode == "types":
            return [json.dumps({name: str(kind) for name, kind in model_input.dtypes.items()})] * n
        if self.mode == "columns":
            return np.tile([0.25, 0.75], (n, 1))

class Unloadable(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        raise RuntimeError("weights are missing")
    def predict(self, context, model_input, params=None):
        return [1.0] * len(model_input)

for mode in ("environment", "input", "hang", "memory", "raise", "exit", "random", "rows", "types", "columns", "print"):
    mlflow.pyfunc.save_model(f"{sys.argv[1]}/{mode}", python_model=Model(mode), pip_requirements=["mlflow"])
from mlflow.models.signature import ModelSignature
from mlflow.types.schema import ColSpec, Schema
inputs = [("long", "age"), ("integer", "visits"), ("double", "income"), ("string", "name")]
signature = ModelSignature(Schema([ColSpec(kind, name) for kind, name in inputs]), Schema([ColSpec("double")]))
mlflow.pyfunc.save_model(f"{sys.argv[1]}/signed", python_model=Model("random"), signature=signature,
    pip_requirements=["mlflow"])
mlflow.pyfunc.save_model(f"{sys.argv[1]}/unloadable", python_model=Unloadable(), pip_requirements=["mlflow"])
"""

LIMITS = WorkerLimits(timeout_seconds=60, memory_mb=2048)
ROWS = Columns({"x": np.array([1.0, np.nan, 3.0]), "name": np.array(["a", None, ""], dtype=object)}, 3)


def score(
    model: Path,
    interpreter: Interpreter,
    rows: Columns,
    types: dict[str, str] | None,
    limits: WorkerLimits,
    repetitions: int,
) -> Scored:
    with Worker(interpreter, "mlflow.pyfunc.model", limits) as worker:
        worker.ask(model, rows, types, repetitions)
        return worker.answer()


@pytest.fixture(scope="module")
def interpreter(python: str) -> Interpreter:
    return describe(python)


@pytest.fixture(scope="module")
def models(interpreter: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([interpreter.path, "-W", "ignore", "-c", MODELS, folder], check=True, capture_output=True)
    return folder


def test_the_worker_has_no_secrets_a_home_of_its_own_and_nothing_of_ours(
    models: Path, interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "MODELWAY_ENV", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "s3cr3t")
    said = json.loads(score(models / "environment", interpreter, ROWS, None, LIMITS, 1).predictions[0])
    assert "s3cr3t" not in json.dumps(said)
    assert set(said["environ"]) <= {
        *("PATH", "HOME", "TMPDIR", "LANG", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
        *("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "LC_CTYPE"),
        *(name for name in said["environ"] if name.startswith("MLFLOW_")),
    }
    assert said["environ"]["HOME"] == said["cwd"]
    assert not Path(said["cwd"]).exists(), "and it is gone afterwards"
    assert not any(
        "modelway" in part and not part.endswith("scoring") and "environments" not in part for part in said["path"]
    )


@pytest.mark.parametrize(
    ("mode", "limits", "words"),
    [
        ("hang", WorkerLimits(8, 2048), "no predictions within 8 s"),
        ("memory", LIMITS, "MemoryError"),
        ("raise", LIMITS, "ValueError: a row without air pressure"),
        ("exit", LIMITS, "the worker ended with exit code 3"),
    ],
)
def test_a_model_that_fails_gives_no_predictions_and_says_why(
    models: Path, interpreter: Interpreter, mode: str, limits: WorkerLimits, words: str
) -> None:
    predicted = score(models / mode, interpreter, ROWS, None, limits, 1)
    assert words in predicted.error
    assert "\n" not in predicted.error
    assert len(predicted.predictions) == 0


PEOPLE = Columns(
    {
        "age": np.array([30, np.nan, 41]),
        "visits": np.array([np.nan, 2, np.nan]),
        "income": np.array([1.5, np.nan, 2.5]),
        "name": np.array(["Ada Lovelace", "Grace Hopper", "Alan Turing"], dtype=object),
    },
    3,
)
TYPES = {"age": "long", "visits": "integer", "income": "double", "name": "string"}


def test_rows_that_do_not_fit_the_signature_are_told_by_column_and_never_shown(
    models: Path, interpreter: Interpreter
) -> None:
    rows = PEOPLE
    assert score(models / "signed", interpreter, rows, TYPES, LIMITS, 1).error == (
        "the rows do not fit the model's signature: column 'age' is long, and 1 of 3 rows have no value there;"
        " column 'visits' is integer, and 2 of 3 rows have no value there."
        " Log the model with an input_example that has missing values there"
    )
    wrong = Columns({**rows.columns, "income": np.array(["much", "x", "y"], dtype=object)}, 3)
    whole = {"age": np.array([1, 2, 3]), "visits": np.array([1, 2, 3], dtype=np.int32)}
    text = {name: kind for name, kind in TYPES.items() if name != "income"}
    said = score(models / "signed", interpreter, Columns({**wrong.columns, **whole}, 3), text, LIMITS, 1).error
    assert said.startswith("the rows do not fit the model's signature: Incompatible input types for column income")
    assert "Lovelace" not in said and "much" not in said


def test_a_model_that_prints_its_rows_is_cut_to_its_reason(models: Path, interpreter: Interpreter) -> None:
    said = score(models / "print", interpreter, PEOPLE, None, LIMITS, 1).error
    assert said.startswith("ValueError: cannot score these: (rows) xxx") and said.endswith(" because of the tide")
    assert "Lovelace" not in said and len(said) < 500


def test_a_model_that_cannot_be_loaded_is_the_users_to_mend(models: Path, interpreter: Interpreter) -> None:
    with pytest.raises(
        InvalidInput, match="cannot be loaded in its own environment: RuntimeError: weights are missing"
    ):
        score(models / "unloadable", interpreter, ROWS, None, LIMITS, 1)
    with pytest.raises(InvalidInput, match="cannot be loaded"):
        score(models / "no-such-model", interpreter, ROWS, None, LIMITS, 1)


def test_other_predictions_the_second_time_are_noticed(models: Path, interpreter: Interpreter) -> None:
    assert not score(models / "random", interpreter, ROWS, None, LIMITS, 2).repeatable
    steady = score(models / "columns", interpreter, ROWS, None, LIMITS, 7)
    assert steady.repeatable
    assert len(steady.batch_seconds) == 7
    assert steady.predictions.shape == (3, 2)


def test_missing_values_arrive_as_missing(models: Path, interpreter: Interpreter) -> None:
    said = [json.loads(row) for row in score(models / "rows", interpreter, ROWS, None, LIMITS, 1).predictions]
    assert said == [{"x": 1.0, "name": "a"}, {"x": None, "name": None}, {"x": 3.0, "name": ""}]


def test_columns_have_the_signatures_types(models: Path, interpreter: Interpreter, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("d,l,b,s,i,unused\n5,7,true,007,3,zzz\n1.5,-2,false,NA,4,zzz\n")
    types = {"s": "string", "d": "double", "l": "long", "i": "integer", "b": "boolean"}
    with open_rows(path, "rows.csv", Contract()) as opened:
        rows = Columns(opened.arrays(wanted_of(types)), opened.count)
    assert list(rows.columns) == list(types), "in the signature's order"
    assert rows.columns["s"].tolist() == ["007", None]
    said = json.loads(score(models / "types", interpreter, rows, types, LIMITS, 1).predictions[0])
    assert {name: said[name] for name in "dlib"} == {"d": "float64", "l": "int64", "i": "int32", "b": "bool"}


def test_only_a_signature_over_named_columns_of_plain_types_is_judged() -> None:
    assert types_of(None) is None
    assert types_of({"inputs": '[{"name": "x", "type": "double"}]'}) == {"x": "double"}
    for inputs in ([{"type": "tensor", "tensor-spec": {}}], [{"name": "x", "type": "array"}]):
        with pytest.raises(InvalidInput, match="not over named columns"):
            types_of({"inputs": inputs})


OWNER = """
import json, os, signal, sys
sys.path[:0] = json.loads(sys.argv[1])
from modelway.environments.locks import describe
from modelway.scoring import Worker, WorkerLimits
worker = Worker(describe(sys.argv[2]), "mlflow.sklearn", WorkerLimits(60, 2048))
print(worker.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_that_nobody_asks_ends_with_its_block_or_with_its_owner(interpreter: Interpreter) -> None:
    with Worker(interpreter, "mlflow.sklearn", LIMITS) as worker:
        folder = worker.folder
        deadline = time.monotonic() + 60
        while not processes.find(str(WORKER), str(folder)):
            assert time.monotonic() < deadline, "it did not wait to be asked"
    assert not folder.exists() and not processes.find(str(WORKER), str(folder))
    paths = json.dumps([path for path in sys.path if path])
    owner = subprocess.run(
        [sys.executable, "-c", OWNER, paths, interpreter.path], capture_output=True, text=True, check=False
    )
    folder = Path(owner.stdout.strip())
    assert owner.returncode == -9 and folder.is_dir(), owner.stderr
    deadline = time.monotonic() + 60
    while processes.find(str(WORKER), str(folder)):
        assert time.monotonic() < deadline, "it waits for an owner that is dead"
        time.sleep(0.05)
    shutil.rmtree(folder)


def test_a_model_that_reads_its_input_gets_none(models: Path, interpreter: Interpreter) -> None:
    assert score(models / "input", interpreter, ROWS, None, LIMITS, 1).predictions.tolist() == [0.0] * 3
