"""train-model with a real MLflow server: one model becomes a Candidate; whatever else happens, no run stays RUNNING."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import msgspec
import pytest

from checkout import commit_all
from modelway.records import Candidate
from modelway.registry.mlflow import MLflow, connect
from modelway.registry.stored_records import read_candidate
from modelway.stages.steps.candidate import why_none_is_inferred

LOGS_A_MODEL = """
import os, json, mlflow, pandas as pd
from mlflow.models import infer_signature
from sklearn.dummy import DummyRegressor

handed = json.load(open(os.environ["MODELWAY_TRAINING_FILE"]))
rows = pd.read_csv(os.environ["MODELWAY_DATA"])
with mlflow.start_run():
    mlflow.log_metrics({"mean": rows.y.mean(), "nan": float("nan")})
    for number in range(int(os.environ.get("MODELWAY_PARAM_MODELS", "1"))):
        model = DummyRegressor(strategy="constant", constant=rows.y.mean()).fit(rows[["x"]], rows.y)
        mlflow.sklearn.log_model(model, name=f"model{number}", input_example=rows[["x"]],
            pip_requirements=["mlflow", "scikit-learn"], serialization_format="cloudpickle")
print("told", handed["parameters"], os.environ["MODELWAY_SEED"], os.environ.get("PYTHONPATH"))
"""


@pytest.fixture
def project(tmp_path: Path, python: str) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(LOGS_A_MODEL)
    (folder / "train.csv").write_text("x,y\n1,2\n2,4\n")
    write_config(folder, "python train.py", python)
    (folder / ".gitignore").write_text("out/\n*.log\n")
    commit_all(folder)
    return folder


def write_config(folder: Path, command: str, python: str, more: str = "") -> None:
    text = f"""\
        model: mean-{folder.parent.name}
        data: {{train: train.csv}}
        train:
          python: {python}
          command: {json.dumps(command)}
          parameters: {{"quoted \\" name": "a\\nb $(id)"}}
          seed: 11
        """
    (folder / "modelway.yml").write_text(textwrap.dedent(text) + more)


def run(root: Path, project: Path, server: str, *flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "scripts" / "run", "train_model", *flags],
        cwd=project,
        env={**os.environ, "MLFLOW_TRACKING_URI": server, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def outputs(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def client_of(server: str) -> MLflow:
    return connect(server, {})


def statuses(server: str, project: Path) -> set[str]:
    client = client_of(server)
    return {run.status for run in client.search_runs(client.experiment_id(f"mean-{project.parent.name}"), "")}


def test_one_model_becomes_a_candidate_that_says_all_about_itself(root: Path, project: Path, server: str) -> None:
    done = run(root, project, server, "--semantic-version", "2.1.0", PYTHONPATH="/planted")
    assert done.returncode == 0, done.stderr
    assert """told {'quoted " name': 'a\\nb $(id)'} 11 None""" in done.stdout
    given = outputs(done)
    candidate = read_candidate(client_of(server), given["model"], int(given["version"]))
    assert candidate.digest == given["digest"]
    assert candidate.semantic_version == "2.1.0"
    assert candidate.seed == 11
    assert candidate.metrics == {"mean": 3.0}, "NaN is no number that JSON could hold"
    assert "nan" in done.stderr, "and its absence is said"
    assert candidate.signature is not None
    assert [column["name"] for column in candidate.signature["inputs"]] == ["x"]
    lock = candidate.environment.requirements
    assert "mlflow==" in lock
    assert "sqlalchemy==" in lock, "transitive packages too"
    assert "--hash=sha256:" in lock
    assert "://" not in lock
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True, check=True)
    assert candidate.commit == commit.stdout.strip()
    assert given["readable-version"].endswith(candidate.commit[:7])
    assert "sketch of the training data: 1 kB" in done.stdout and len(candidate.training_sketch) == 64
    report = msgspec.json.decode((project / "out/modelway/train-model.json").read_bytes(), type=Candidate)
    assert report == candidate


@pytest.mark.long
def test_trained_twice_has_the_same_content_and_says_so(root: Path, project: Path, server: str) -> None:
    first, second = (run(root, project, server) for _ in range(2))
    assert second.returncode == 0, second.stderr
    assert outputs(first)["content"] == outputs(second)["content"], (
        project / "out/modelway/train-model.md"
    ).read_text()
    assert outputs(first)["digest"] != outputs(second)["digest"], "what is stored has a new id and time"
    repeats = json.loads((project / "out/modelway/train-model.json").read_text())["repeats"]
    assert repeats == f"the same content as version {outputs(first)['version']}, trained from the same inputs"


@pytest.mark.long
def test_a_training_that_does_not_repeat_names_the_file(root: Path, project: Path, server: str) -> None:
    text = LOGS_A_MODEL.replace("constant=rows.y.mean()", "constant=__import__('time').time()")
    (project / "train.py").write_text(text)
    run(root, project, server)
    assert run(root, project, server).returncode == 0
    repeats = json.loads((project / "out/modelway/train-model.json").read_text())["repeats"]
    assert repeats.startswith("differs from version ")
    assert repeats.endswith(", trained from the same inputs, in model.pkl")


@pytest.mark.parametrize(
    ("command", "flags", "words", "status"),
    [
        ("echo starting; exit 7", [], "failed with exit code 7", "FAILED"),
        ("true", [], "logged no model", "FAILED"),
        ("python train.py", ["--parameters", '{"models": 2}'], "logged 2 models", "FAILED"),
        ("sleep 60", ["--timeout-minutes", "0.02"], "was still running after 0.02 minutes", "FAILED"),
        ("kill -9 $$", [], "was ended by SIGKILL", "FAILED"),
        ("no-such-program", [], "failed with exit code 127", "FAILED"),
    ],
)
def test_what_goes_wrong_is_one_line_and_the_run_is_closed(
    root: Path, project: Path, server: str, python: str, command: str, flags: list[str], words: str, status: str
) -> None:
    write_config(project, command, python)
    done = run(root, project, server, *flags)
    assert done.returncode in (2, 4)
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert statuses(server, project) == {status}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_step_that_is_cancelled_or_killed_leaves_no_run_running_and_no_process(
    root: Path, project: Path, server: str, python: str, number: signal.Signals
) -> None:
    """SIGKILL to the whole process group, as act and an out-of-memory killer do it: the guardian closes the run."""
    write_config(project, "echo $$ > pid.log; sleep 300", python)
    process = subprocess.Popen(
        [root / "scripts" / "run", "train_model"],
        cwd=project,
        env={**os.environ, "MLFLOW_TRACKING_URI": server},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    pid = project / "pid.log"
    wait_for(lambda: pid.exists() and pid.read_text().strip() != "")
    assert statuses(server, project) == {"RUNNING"}
    os.kill(process.pid, number) if number == signal.SIGINT else os.killpg(process.pid, number)
    process.wait(15)
    wait_for(lambda: statuses(server, project) == {"KILLED"})
    wait_for(lambda: not Path("/proc", pid.read_text().strip()).exists() or sys.platform != "linux")


def wait_for(condition: object) -> None:
    deadline = time.monotonic() + 30
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.long
def test_a_run_that_a_dead_machine_left_behind_is_closed_by_the_next(root: Path, project: Path, server: str) -> None:
    client = client_of(server)
    experiment = client.experiment_id(f"mean-{project.parent.name}")
    left = client.create_run(experiment, "left behind", {"modelway.deadline": "1000"})
    busy = client.create_run(experiment, "still busy", {"modelway.deadline": str(int(time.time() + 3600) * 1000)})
    assert run(root, project, server).returncode == 0
    assert client.get_run(left.id).status == "KILLED"
    assert client.get_run(busy.id).status == "RUNNING"


@pytest.mark.long
def test_a_version_trained_elsewhere_is_adopted_with_the_same_record(
    root: Path, project: Path, server: str, python: str, tmp_path: Path
) -> None:
    environ = {**os.environ, "MLFLOW_TRACKING_URI": server, "MODELWAY_DATA": str(project / "train.csv")}
    (tmp_path / "file.json").write_text('{"parameters": {}}')
    subprocess.run(
        [python, project / "train.py"],
        check=True,
        capture_output=True,
        env={**environ, "MODELWAY_TRAINING_FILE": str(tmp_path / "file.json"), "MODELWAY_SEED": ""},
    )
    client = client_of(server)
    logged = client.logged_models(client.search_runs("0", "")[0])[0]
    done = run(root, project, server, "--model-uri", logged.source)
    assert done.returncode == 0, done.stderr
    given = outputs(done)
    candidate = read_candidate(client, given["model"], int(given["version"]))
    assert candidate.environment.locked_at == "adoption"
    assert "--hash=sha256:" in candidate.environment.requirements
    assert candidate.data_digest == ""
    again = run(root, project, server, "--model-uri", f"models:/{given['model']}/{given['version']}")
    assert again.returncode == 0, again.stderr
    assert outputs(again)["version"] == given["version"], "a version of the project's own model is not copied"
    assert outputs(again)["digest"] == given["digest"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--model-uri", "s3://bucket/model"], "is not a model's address"),
        (["--model-uri", "models:/no-such/1"], "'no-such' has no version 1"),
        (["--semantic-version", "two"], "is not MAJOR.MINOR.PATCH"),
        (["--parameters", '{"a": [1]}'], "input parameters: a: is a list"),
        (["--parameters", "{"], "input parameters: is not JSON"),
        (["--parameters", '{"a-b": 1, "a_b": 2}'], "would both be $MODELWAY_PARAM_A_B"),
        (["--data", "nothing.csv"], "nothing.csv: no such file"),
        (["--data", "gs://bucket/x.csv"], "fetch it with data.command"),
        (["--python", "/no/such/python"], "/no/such/python: is not a Python that runs"),
        (["--tracking-uri", "http://127.0.0.1:9"], "the MLflow server at 127.0.0.1:9 cannot be reached"),
        (["--tracking-uri", "sqlite:///x.db"], "names a store, not a server"),
        (["--config", "nothing.yml"], "nothing.yml: cannot be read"),
        (["--requirements", "requirements.txt"], "train.python and train.requirements are both set"),
    ],
)
def test_bad_input_is_one_line_that_names_the_thing_and_the_fix(
    root: Path, project: Path, server: str, flags: list[str], words: str
) -> None:
    done = run(root, project, server, *flags)
    assert done.returncode == (4 if "cannot be reached" in words else 2)
    assert words in done.stderr
    assert "Fix: " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            "mlflow.set_experiment('mine')",
            (
                "it calls mlflow.set_experiment() with another experiment than that of the run that is open for it."
                " Fix: leave that call out, or write the same name as registry.experiment"
            ),
        ),
        (
            "mlflow.set_tracking_uri('sqlite:///mlflow.db')",
            (
                "it calls mlflow.set_tracking_uri() with another server than that of the run that is open for it."
                " Fix: leave that call out: $MLFLOW_TRACKING_URI names the server"
            ),
        ),
    ],
)
def test_a_command_that_leaves_its_run_is_told_what_to_do(
    root: Path, project: Path, server: str, call: str, words: str
) -> None:
    text = LOGS_A_MODEL.replace("with mlflow.start_run():", f"{call}\nwith mlflow.start_run():")
    (project / "train.py").write_text(text)
    done = run(root, project, server)
    assert done.returncode == 2
    failed = "error: train-model: wrong input: train.command: `python train.py` failed with exit code 1: "
    assert done.stderr == f"{failed}{words}\n"
    assert "RUNNING" not in statuses(server, project)


@pytest.mark.long
@pytest.mark.parametrize(
    ("example", "words"),
    [
        ("None", "warning: train-model: version 1 has no signature, and evaluate-gate will refuse it"),
        (
            "rows[['x']].to_numpy()",
            "warning: train-model: version 1 has a signature without named columns, and evaluate",
        ),
        ("rows[['x']]", ""),
    ],
)
def test_a_signature_that_the_gate_cannot_use_is_said_at_once(
    root: Path, project: Path, server: str, example: str, words: str
) -> None:
    text = LOGS_A_MODEL.replace('input_example=rows[["x"]]', f"input_example={example}")
    (project / "train.py").write_text(text)
    done = run(root, project, server)
    assert done.returncode == 0, done.stderr
    assert words in done.stderr
    assert ("signature" in done.stderr) == bool(words)
    if words:
        assert "log the model with a DataFrame as input_example=" in done.stderr


@pytest.mark.long
def test_an_experiment_that_the_configuration_names_too_is_kept(root: Path, project: Path, server: str) -> None:
    name = f"mine-{project.parent.name}"
    text = LOGS_A_MODEL.replace(
        "with mlflow.start_run():", f"mlflow.set_experiment('{name}')\nwith mlflow.start_run():"
    )
    (project / "train.py").write_text(text)
    config = project / "modelway.yml"
    config.write_text(config.read_text() + f"registry: {{experiment: {name}}}\n")
    done = run(root, project, server)
    assert done.returncode == 0, done.stderr
    client = client_of(server)
    assert [run.status for run in client.search_runs(client.experiment_id(name), "")] == ["FINISHED"]


@pytest.mark.long
def test_git_is_needed_and_any_checkout_with_a_commit_will_do(
    root: Path, project: Path, server: str, tmp_path: Path
) -> None:
    subprocess.run(["git", "checkout", "-q", "--detach"], cwd=project, check=True)
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{project}", shallow], check=True)
    assert run(root, shallow, server).returncode == 0
    (shallow / "train.py").write_text(LOGS_A_MODEL + "# changed\n")
    assert outputs(run(root, shallow, server))["commit"].endswith("-dirty")
    bare = tmp_path / "no-repository"
    bare.mkdir()
    (bare / "modelway.yml").write_text((project / "modelway.yml").read_text())
    done = run(root, bare, server, GIT_CEILING_DIRECTORIES=str(tmp_path))
    assert done.returncode == 2
    assert "not a git repository" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_password_in_the_servers_address_reaches_no_log_and_no_record(root: Path, project: Path, server: str) -> None:
    """MLflow prints the address of every run; the training logs in by MLflow's own variables."""
    host = server.removeprefix("http://")
    (project / "train.py").write_text(
        LOGS_A_MODEL
        + "print('logs in as', os.environ['MLFLOW_TRACKING_USERNAME'], os.environ['MLFLOW_TRACKING_URI'])\n"
    )
    done = run(root, project, f"http://somebody:swordfish-42@{host}")
    assert done.returncode == 0, done.stderr
    assert f"logs in as somebody http://{host}" in done.stdout
    assert "View run" in done.stdout
    assert "swordfish" not in done.stdout + done.stderr
    for path in (project / "out").rglob("*"):
        assert not path.is_file() or b"swordfish" not in path.read_bytes()


@pytest.mark.long
def test_a_folder_of_another_user_is_told_as_such(root: Path, project: Path, server: str) -> None:
    """As in a container job, where the checkout is another user's."""
    done = run(root, project, server, GIT_TEST_ASSUME_DIFFERENT_OWNER="1", GIT_CONFIG_GLOBAL="/dev/null")
    assert done.returncode == 2
    assert "git refuses to look into a folder of another user" in done.stderr
    assert f"git config --global --add safe.directory {project}" in done.stderr
    config = project.parent / "gitconfig"
    subprocess.run(["git", "config", "--file", config, "--add", "safe.directory", project], check=True)
    done = run(root, project, server, GIT_TEST_ASSUME_DIFFERENT_OWNER="1", GIT_CONFIG_GLOBAL=str(config))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["train.csv", "modelway.yml"])
def test_a_pointer_of_git_lfs_is_named_as_such(root: Path, project: Path, server: str, name: str) -> None:
    (project / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    done = run(root, project, server)
    assert done.returncode == 2
    assert f"{name}: is a Git-LFS pointer" in done.stderr and "lfs" in done.stderr.partition("Fix: ")[2]


def test_a_signature_that_is_missing_for_want_of_scipy_says_so() -> None:
    assert why_none_is_inferred("pandas==3.1.1\nscipy==1.17.1 \\\n    --hash=...\n") == ""
    assert "add it to the training's packages" in why_none_is_inferred("pandas==3.1.1\nscipy-stubs==1.17\n")
