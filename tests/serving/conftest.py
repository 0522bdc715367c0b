"""Real servers of real MLflow models, each a process started as an image starts it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelway.environments import store
from modelway.loopback import free_port
from served import RELEASE, Serve, Served

START = Path("scripts/modelway/serving/start.py")


@pytest.fixture(scope="session")
def folder(root: Path, python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The saved models, expected.json, release.json."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run(
        [python, "-I", "-W", "ignore", root / "tests/serving/models.py", folder], check=True, capture_output=True
    )
    (folder / "release.json").write_text(json.dumps(RELEASE), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def expected(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def start(root: Path, python: str, folder: Path) -> Callable[..., Served]:
    """Start a server; the caller ends it. The packages of requirements/serving.txt come as they do in a bundle: from a
    folder of their own."""
    beside = store.interpreter(root / "requirements" / "serving.txt", sys.executable)
    [packages] = Path(beside).parents[1].glob("lib/python3*/site-packages")
    count = iter(range(1000))

    def started(model: str, *flags: str, environ: dict[str, str] | None = None) -> Served:
        port = free_port()
        log = folder / f"log-{next(count)}.txt"
        command = [python, "-I", str(root / START), "--environment", str(packages), "--model", str(folder / model)]
        command += ["--release", str(folder / "release.json"), "--host", "127.0.0.1", "--port", str(port), *flags]
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command, stdout=stream, stderr=stream, env=kept | (environ or {}), start_new_session=True
            )
        return Served(process, port, log)

    return started


@pytest.fixture(scope="session")
def serve(start: Callable[..., Served]) -> Serve:
    @contextlib.contextmanager
    def serving(model: str, *flags: str, environ: dict[str, str] | None = None) -> Iterator[Served]:
        server = start(model, *flags, environ=environ)
        try:
            yield server.wait()
        finally:
            if server.process.poll() is None:
                os.killpg(server.process.pid, signal.SIGKILL)
            server.process.wait()
            server.session.close()

    return serving


@pytest.fixture(scope="session")
def boosting(serve: Serve) -> Iterator[Served]:
    with serve("boosting") as server:
        yield server


@pytest.fixture(scope="session")
def told(serve: Serve) -> Iterator[Served]:
    """With limits small enough to be met."""
    flags = ("--max-body-bytes", "20000", "--max-rows", "50", "--header-seconds", "1", "--body-seconds", "1")
    with serve("told", *flags, "--max-waiting", "12", environ={"MODELWAY_KEEP_ALIVE_SECONDS": "2"}) as server:
        yield server
