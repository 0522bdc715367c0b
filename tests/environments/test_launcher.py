"""scripts/run: its own environment, whatever lies in the workspace; a signal to the step's shell reaches the script."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from documented import examples

PROBE = '''\
"""A probe."""
from typing import Annotated
from modelway import ci

@ci.use_case
def probe(
    job: ci.Job, *, ready: Annotated[str | None, ci.Input("A file to write when it runs.", left_out="none")] = None
) -> ci.Result:
    import json, pathlib, sys, time, requests
    job.say(json.dumps({"prefix": sys.prefix, "path": sys.path, "requests": requests.__file__, "json": json.__file__}))
    job.say(f"utf8={sys.flags.utf8_mode}")
    if ready:
        pathlib.Path(ready).touch()
        time.sleep(60)
    return ci.Result()

def main(argv=None):
    return ci.run(probe, argv)
'''

PLANTED = {
    "pandas.py": "raise SystemExit('planted pandas')",
    "json.py": "raise SystemExit('planted json')",
    "requests.py": "raise SystemExit('planted requests')",
    "modelway.py": "raise SystemExit('planted modelway')",
    "sitecustomize.py": "raise SystemExit('planted sitecustomize')",
    "usercustomize.py": "raise SystemExit('planted usercustomize')",
    "uv.toml": "[[[ not toml",
    "pyproject.toml": "[[[ not toml",
    ".python-version": "2.7",
    "pip.conf": "[global]\nindex-url = http://127.0.0.1:9/simple\n",
}


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """A checkout of scripts/ and requirements/ with one script more."""
    copy = tmp_path / "checkout"
    shutil.copytree(root / "scripts", copy / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "requirements", copy / "requirements", ignore=shutil.ignore_patterns("node_modules"))
    (copy / "scripts" / "probe.py").write_text(PROBE)
    return copy


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    for name, text in PLANTED.items():
        (folder / name).write_text(text)
    return folder


def environ_of(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "UV_CACHE", "HTTP"))}
    cache = os.environ.get("UV_CACHE_DIR") or f"{os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'}/uv"
    base = os.environ["MODELWAY_BASE_PYTHON"]  # of the tests' own version, for which they download wheels
    own = {"PATH": "/usr/bin:/bin", "HOME": str(home), "UV_CACHE_DIR": cache, "MODELWAY_TOOL_PYTHON": base}
    return {**kept, **own, **more}


def launch(checkout: Path, *arguments: str, cwd: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "scripts" / "run", *arguments], cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )


def test_nothing_of_the_workspace_reaches_the_tool(checkout: Path, workspace: Path, tmp_path: Path) -> None:
    """Made and used with everything planted that Python, uv or pip might read."""
    environ = environ_of(
        tmp_path / "home",
        PYTHONPATH=str(workspace),
        PYTHONSTARTUP=str(workspace / "sitecustomize.py"),
        PYTHONHOME=str(workspace),
        VIRTUAL_ENV=str(workspace),
        CONDA_PREFIX=str(workspace),
        UV_CONFIG_FILE=str(workspace / "uv.toml"),
        UV_PYTHON="2.7",
        UV_PROJECT_ENVIRONMENT=str(workspace),
    )
    done = launch(checkout, "probe", cwd=workspace, environ=environ)
    assert done.returncode == 0, done.stderr
    assert str(workspace) not in done.stdout
    assert str(tmp_path / "home" / ".cache" / "modelway" / "environments" / "tool-") in done.stdout
    assert sorted(path.name for path in workspace.iterdir()) == sorted(PLANTED), "and nothing is left in it"


@pytest.mark.long
def test_a_script_speaks_utf_8_whatever_the_locale(checkout: Path, workspace: Path, tmp_path: Path) -> None:
    """In C.UTF-8, which every machine has, Python decides by the locale unless it is told."""
    done = launch(checkout, "probe", cwd=workspace, environ=environ_of(tmp_path / "home", LC_ALL="C.UTF-8"))
    assert "utf8=1" in done.stdout.splitlines(), done.stderr
    said = launch(checkout, os.fsdecode(b"caf\xe9"), cwd=workspace, environ=environ_of(tmp_path / "home"))
    assert said.returncode == 2 and "there is no script" in said.stderr


@pytest.mark.long
def test_two_steps_that_start_at_once_make_one_environment(checkout: Path, workspace: Path, tmp_path: Path) -> None:
    environ = environ_of(tmp_path / "home")
    command = [checkout / "scripts" / "run", "probe"]
    started = [
        subprocess.Popen(command, cwd=workspace, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [process.communicate(timeout=120)[0].splitlines() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0, 0]
    assert len({lines[-1] for lines in said}) == 1
    assert sum("installing the environment" in lines[0] for lines in said) == 1, "the others waited for it"
    made = tmp_path / "home" / ".cache" / "modelway" / "environments"
    assert len([path for path in made.iterdir() if path.is_dir()]) == 1


@pytest.mark.long
def test_an_environment_that_was_cut_off_is_made_anew(checkout: Path, workspace: Path, tmp_path: Path) -> None:
    environ = environ_of(tmp_path / "home")
    assert launch(checkout, "probe", cwd=workspace, environ=environ).returncode == 0
    made = next((tmp_path / "home" / ".cache" / "modelway" / "environments").glob("tool-*/"))
    (made / "modelway-complete").unlink()
    shutil.rmtree(next(made.glob("lib/python*/site-packages")))
    done = launch(checkout, "probe", cwd=workspace, environ=environ)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("ends_in_exec", "saw_it"), [(True, True), (False, False)])
def test_a_signal_to_the_steps_shell_alone_reaches_the_script(
    checkout: Path, workspace: Path, tmp_path: Path, ends_in_exec: bool, saw_it: bool
) -> None:
    """GitHub signals only the step's bash, which forwards nothing: without `exec` in the step the script goes on."""
    environ = environ_of(tmp_path / "home")
    assert launch(checkout, "probe", cwd=workspace, environ=environ).returncode == 0
    ready = tmp_path / "ready"
    line = f"{'exec ' if ends_in_exec else ''}'{checkout}/scripts/run' probe --ready '{ready}'"
    step = tmp_path / "step.sh"
    step.write_text(line if ends_in_exec else f"{line}\ntrue\n")
    log = tmp_path / "log.txt"
    with log.open("w") as stream:
        shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(step)],
            cwd=workspace,
            env=environ,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 30
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert ready.exists()
        os.kill(shell.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):  # bash waits for its child, which knows of nothing
            shell.wait(timeout=3)
        assert ("cancelled" in log.read_text()) is saw_it
        assert not saw_it or shell.returncode == 130
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


def test_every_actions_step_is_exactly_that_exec(root: Path) -> None:
    for path in sorted(root.glob("actions/*/action.yml")):
        script = path.parent.name.replace("-", "_")
        assert path.read_text().splitlines()[-1] == f'      run: exec "$GITHUB_ACTION_PATH/../../scripts/run" {script}'


def test_a_machine_without_an_index_says_what_to_do(checkout: Path, workspace: Path, tmp_path: Path) -> None:
    environ = environ_of(tmp_path / "home", PIP_INDEX_URL="http://127.0.0.1:9/simple")
    done = launch(checkout, "probe", cwd=workspace, environ=environ)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "could not be fetched from 127.0.0.1" in done.stderr
    assert "MODELWAY_WHEELHOUSE" in done.stderr


def test_a_wrong_hash_is_refused(checkout: Path, workspace: Path, tmp_path: Path) -> None:
    """The lock decides what is installed, whichever index it comes from."""
    lock = checkout / "requirements" / "tool.txt"
    text = lock.read_text()
    at = text.index("--hash=sha256:", text.index("msgspec=="))
    end = text.index("\nmypy", at) if "\nmypy" in text[at:] else text.index("\npyyaml", at)
    lock.write_text(text[:at] + "--hash=sha256:" + "0" * 64 + text[end:])
    done = launch(checkout, "probe", cwd=workspace, environ=environ_of(tmp_path / "home"))
    assert done.returncode == 2
    assert "msgspec" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.long
def test_a_wheelhouse_replaces_the_network(checkout: Path, workspace: Path, tmp_path: Path, root: Path) -> None:
    """uv itself comes from it too; the index is a closed port, so any call to it would fail."""
    wheelhouse = tmp_path / "wheels"
    (tmp_path / "modelway").symlink_to(root)
    [documented] = examples("workflows.md", "A folder of wheels", "bash")
    named = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-euc", documented], cwd=tmp_path, env=named, check=True, capture_output=True)
    environ = environ_of(
        tmp_path / "home", PIP_INDEX_URL="http://127.0.0.1:9/simple", MODELWAY_WHEELHOUSE=str(wheelhouse)
    )
    done = launch(checkout, "probe", cwd=workspace, environ=environ)
    assert done.returncode == 0, done.stderr
    next(wheelhouse.glob("msgspec-*")).unlink()
    shutil.rmtree(tmp_path / "home")
    done = launch(checkout, "probe", cwd=workspace, environ=environ)
    assert done.returncode == 2
    assert "msgspec" in done.stderr


def test_a_python_that_is_too_old_or_missing_is_one_line(checkout: Path, workspace: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname"):
        (tools / name).symlink_to(shutil.which(name) or "")
    (tools / "python3").write_text("#!/usr/bin/env bash\nexit 1\n")
    (tools / "python3").chmod(0o755)
    run = checkout / "scripts" / "run"
    run.write_text(run.read_text().replace("/usr/bin/python3", "/no/such/python3"))
    environ = environ_of(tmp_path / "home", PATH=str(tools), MODELWAY_TOOL_PYTHON="")
    done = launch(checkout, "probe", cwd=workspace, environ=environ)
    assert done.returncode == 2
    assert done.stderr == (
        "error: modelway: no Python 3.11 or newer is on PATH. Fix: install one (such as python3.12), or name it in"
        " MODELWAY_TOOL_PYTHON\n"
    )


def test_an_unknown_script_and_an_unwritable_home_are_one_line(checkout: Path, workspace: Path, tmp_path: Path) -> None:
    done = launch(checkout, "evaluate_gait", cwd=workspace, environ=environ_of(tmp_path / "home"))
    assert done.returncode == 2
    assert "there is no script 'evaluate_gait'" in done.stderr
    file = tmp_path / "a-file"
    file.touch()
    done = launch(checkout, "probe", cwd=workspace, environ=environ_of(tmp_path, MODELWAY_HOME=str(file)))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "MODELWAY_HOME" in done.stderr


def test_on_github_a_failure_of_the_launcher_is_one_annotation(checkout: Path, workspace: Path, tmp_path: Path) -> None:
    """Before any environment exists: with a bare Python, as on a new runner."""
    github = {"GITHUB_ACTIONS": "true"}
    unknown = launch(checkout, "100%_unknown", cwd=workspace, environ=environ_of(tmp_path / "home", **github))
    assert unknown.returncode == 2
    assert unknown.stdout.startswith("::error title=modelway::scripts/run: there is no script '100%25_unknown'. Fix: ")
    offline = environ_of(tmp_path / "home", PIP_INDEX_URL="http://127.0.0.1:9/simple", **github)
    failed = launch(checkout, "probe", cwd=workspace, environ=offline)
    assert failed.returncode == 2
    *_, last = failed.stdout.splitlines()
    assert last.startswith("::error title=modelway::uv is not on PATH and could not be fetched from 127.0.0.1")
    assert "Traceback" not in unknown.stderr + failed.stderr


def test_what_lies_in_the_workspace_is_not_run_for_a_dot_in_path(root: Path, tmp_path: Path) -> None:
    """PATH=. finds the workspace's own bash, python3, git and uv."""
    for name in ("bash", "python3", "python3.11", "git", "uv", "env", "uname", "sh"):
        planted = tmp_path / name
        planted.write_text(f"#!/bin/sh\necho planted > {tmp_path}/ran\n")
        planted.chmod(0o755)
    for path in (
        f".:{os.environ['PATH']}",
        f":{os.environ['PATH']}",
        f"{os.environ['PATH']}:",
        f"bin/..:{os.environ['PATH']}",
    ):
        done = subprocess.run(
            [root / "scripts" / "run", "validate_data", "--help"],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


def test_windows_is_one_line(root: Path) -> None:
    done = subprocess.run(
        ["bash", root / "scripts" / "run", "validate_data"],
        env={**os.environ, "OSTYPE": "msys"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: modelway: Windows is not supported. Fix: use runs-on: ubuntu-latest, or WSL\n"
