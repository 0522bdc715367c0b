"""Real servers for tests: MLflow in the versions that are supported, and PostgreSQL from Debian. All on this machine, each
in a folder of the test's own, stopped when the test is done."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import requests

from modelway.environments import home, store
from modelway.loopback import free_port

ROOT = Path(__file__).resolve().parents[1]
LOCKS = {"3.17.2": "test-mlflow3.txt", "2.22.5": "test-mlflow2.txt"}
NEWEST_3, NEWEST_2 = LOCKS
MEMORY_BYTES = 2_000_000_000
"""Room that must be left in it, since what is kept in memory may grow."""
START_SECONDS = 120
"""Far more than it takes: a machine that is busy with everything else at once."""


def mlflow_python(version: str) -> str:
    """The interpreter of an environment with this version of MLflow, server and client; made on first use."""
    return store.interpreter(ROOT / "requirements" / LOCKS[version], sys.executable)


@contextlib.contextmanager
def mlflow_server(version: str, backend: str, folder: Path, workers: int = 1, root: str = "") -> Iterator[str]:
    """The address of a server. backend: sqlite for a file of its own, or the URI of a database. root: the address below which
    clients read and write artifacts themselves; where it is empty, the server hands them through."""
    folder.mkdir(parents=True, exist_ok=True)
    python = mlflow_python(version)
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        if backend == "sqlite":
            backend = f"sqlite:///{stack.enter_context(memory_folder())}/mlflow.db"
        command = [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--workers", str(workers), "--backend-store-uri", backend]
        served = ["--serve-artifacts", "--artifacts-destination", str(folder / "artifacts")]
        command += ["--no-serve-artifacts", "--default-artifact-root", root] if root else served
        process = stack.enter_context(running(command, folder / "server.log", clean_environ()))
        wait_until(lambda: _answers(uri), process, folder / "server.log")
        yield uri


def stores_python() -> str:
    """The interpreter of an environment with MLflow's client, boto3, moto and scikit-learn; made on first use."""
    return store.interpreter(ROOT / "requirements" / "test-stores.txt", sys.executable)


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[dict[str, str]]:
    """An S3 with one empty bucket, `models`: the variables by which clients find it and log in."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    command = [stores_python(), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, folder / "s3.log", clean_environ()) as process:
        wait_until(lambda: _answers(uri, "/moto-api/"), process, folder / "s3.log")
        assert requests.put(f"{uri}/models", timeout=30).status_code == 200
        yield {
            "MLFLOW_S3_ENDPOINT_URL": uri,
            "AWS_ACCESS_KEY_ID": "who-may",
            "AWS_SECRET_ACCESS_KEY": "open-sesame",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def memory_folder() -> tempfile.TemporaryDirectory[str]:
    """In memory where that is possible: a disk would make every one of thousands of small commits wait, or of small files."""
    memory = Path("/dev/shm")
    possible = (
        memory.is_dir()
        and shutil.disk_usage(memory).free > MEMORY_BYTES
        and not os.statvfs(memory).f_flag & os.ST_NOEXEC
    )
    return tempfile.TemporaryDirectory(prefix="modelway-test-", dir=memory if possible else None)


def clean_environ() -> dict[str, str]:
    """Without what would steer the server or a client; and without MLflow's job runners, nine processes that no test
    needs."""
    environ = home.without_python_settings(os.environ)
    environ = {name: value for name, value in environ.items() if not name.startswith(("MLFLOW_", "MODELWAY_"))}
    settings = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }
    return environ | settings


def postgresql_programs() -> Path | None:
    """The folder with initdb and postgres of the newest PostgreSQL from Debian; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The URI of an empty database in a cluster of its own, reached by a socket in a temporary folder."""
    programs = postgresql_programs()
    assert programs is not None, "PostgreSQL is not installed: apt-get install postgresql"
    # Not pytest's folder: a socket's path may have 107 characters, and the user postgres must reach it.
    folder = Path(tempfile.mkdtemp(prefix="modelway-pg-", dir="/tmp"))
    user: dict[str, object] = {}
    try:
        if os.getuid() == 0:  # the server refuses to run as root
            account = pwd.getpwnam("postgres")
            user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = folder / "data"
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "mlflow", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **user)  # type: ignore[call-overload]
        settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"]
        command = [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *settings]
        with running(command, folder / "postgres.log", dict(os.environ), signal.SIGINT, **user) as process:
            ready = [str(programs / "pg_isready"), "-q", "-h", str(folder), "-U", "mlflow"]
            wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, process, folder / "postgres.log")
            yield f"postgresql+psycopg2://mlflow@/postgres?host={folder}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, environ: dict[str, str], stop: int = signal.SIGTERM, **options: object
) -> Iterator[subprocess.Popen[bytes]]:
    """The program in a process group of its own, ended with all its children."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # type: ignore[call-overload]
            command,
            cwd=log.parent,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **options,
        )
    try:
        yield process
    finally:
        process.send_signal(stop)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(ready: object, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():  # type: ignore[operator]
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)


def _answers(uri: str, path: str = "/health") -> bool:
    try:
        return requests.get(uri + path, timeout=2).status_code == 200
    except requests.RequestException:
        return False
