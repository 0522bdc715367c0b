"""MLflow's own client in a process and an environment of its own, so that a step's environment stays small and the
credentials of a store reach nothing else.
"""

from __future__ import annotations

import json
import math
import os
import random
import select
import subprocess
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from modelway import processes
from modelway.environments import home, locks, store
from modelway.environments.tools import requirements_file
from modelway.errors import InvalidInput, OutsideFailure
from modelway.files import last_line
from modelway.registry.protocol import AmbiguousAnswer, Rejected

WORKER = Path(__file__).with_name("client_worker.py")
PLAIN, GOOGLE, AZURE = "stores", "stores-google", "stores-azure"
ENVIRONMENTS = {
    "s3": PLAIN,
    "dbfs": PLAIN,
    "databricks": PLAIN,
    "databricks-uc": PLAIN,
    "arn": PLAIN,
    "gs": GOOGLE,
    "wasbs": AZURE,
    "abfss": AZURE,
    "azureml": AZURE,
}
"""Scheme of an address, of a registry or of artifacts -> the environment (requirements/NAME.in) whose client knows it."""
LOGINS = {
    PLAIN: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else boto3 takes",
    GOOGLE: "set GOOGLE_APPLICATION_CREDENTIALS",
    AZURE: "set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or AZURE_STORAGE_CONNECTION_STRING",
}
DATABRICKS_LOGIN = "set DATABRICKS_HOST and DATABRICKS_TOKEN"
SETTINGS = {
    # once, since only the caller knows what may be repeated
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "OMP_NUM_THREADS": "1",
}
CALL_SECONDS, FILES_SECONDS, END_SECONDS = 180, 3600, 1
ATTEMPTS = 4
SECRET_NAMES = ("TOKEN", "SECRET", "PASSWORD", "KEY", "CREDENTIAL", "CONNECTION_STRING", "SAS")


def scheme_of(address: str) -> str:
    """`s3` of s3://bucket, `arn` of arn:aws:..., `databricks` of databricks; empty for a path."""
    word = address.strip().partition(":")[0].lower()
    return word if word.replace("-", "").isalnum() else ""


class ClientProcess:
    """One client for one registry, started at the first call and ended with this object, or with this process.

    environment: its name, of ENVIRONMENTS. until: by time.monotonic, after which nothing is begun, waited for or repeated."""

    def __init__(
        self, tracking_uri: str, environment: str, environ: Mapping[str, str], until: float = math.inf
    ) -> None:
        self.tracking_uri, self.environment, self.until = tracking_uri, environment, until
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._rest = b""
        self._lock = threading.Lock()

    def call(self, what: str, /, *, once: bool = False, seconds: float = CALL_SECONDS, **arguments: Any) -> Any:
        """The answer of one of client_worker.Calls. once: one attempt, AmbiguousAnswer where its effect is unknown.

        Rejected where the store says no; OutsideFailure where it fails, again and again, or gives no answer in time."""
        for attempt in range(ATTEMPTS):
            try:
                with self._lock:
                    return self._asked(what, seconds, arguments)
            except Rejected:
                raise
            except OutsideFailure as failure:
                if once:
                    raise AmbiguousAnswer(failure.what, where=failure.where, fix=failure.fix) from None
                pause = 0.2 * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311 - spreads the load, no secret
                if attempt + 1 == ATTEMPTS or time.monotonic() + pause > self.until:
                    raise
                time.sleep(pause)
        raise AssertionError("there is one attempt at least")

    def end(self) -> None:
        if self._process is not None:
            self._finalizer()
            self._process = None

    def _asked(self, name: str, seconds: float, arguments: Mapping[str, Any]) -> Any:
        until = min(self.until, time.monotonic() + seconds)
        if self._process is None:
            self._start()
            self._exchanged("start", {"tracking_uri": self.tracking_uri}, until)
        return self._exchanged(name, arguments, until)

    def _start(self) -> None:
        python = store.interpreter(requirements_file(self.environment), locks.base_python())
        self._log = tempfile.NamedTemporaryFile(prefix="modelway-client-")  # noqa: SIM115 - as long as the process
        command = [python, "-I", "-X", "utf8", str(WORKER)]
        environ = {**home.without_python_settings(self._environ), **SETTINGS}
        self._process = processes.start(command, "/", environ, subprocess.PIPE, subprocess.PIPE, self._log)
        self._finalizer = weakref.finalize(self, _end, self._process, self._log)
        self._rest = b""

    def _exchanged(self, name: str, arguments: Mapping[str, Any], until: float) -> Any:
        process = self._process
        assert process is not None and process.stdin is not None
        try:
            try:
                process.stdin.write(json.dumps({"name": name, "arguments": arguments}).encode() + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                raise self._died() from None
            line = self._line(until)
        except BaseException:
            self.end()  # what it may still answer is no answer to the next call
            raise
        said = json.loads(line)
        if "error" not in said:
            return said["answer"]
        if name == "start":
            self.end()
        raise self._failure(said["error"], str(arguments.get("uri", "")))

    def _line(self, until: float) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        stream = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], min(left, 3600))[0]:
                raise OutsideFailure(f"{self._named()} gave no answer in time", fix="try again, or look into its log")
            piece = os.read(stream, 1 << 20)
            if not piece:
                raise self._died()
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _failure(self, error: Mapping[str, Any], uri: str) -> InvalidInput | OutsideFailure:
        """uri: of artifacts, where the call was about some."""
        message, code, status = self._hidden(str(error["message"])), str(error["code"]), int(error["status"])
        if not error["user"]:
            fix = "check the address and the network, and look into the service's log"
            return OutsideFailure(f"{self._named()} failed: {message}", where=uri, fix=fix)
        fix = ""
        if error["login"] and scheme_of(self.tracking_uri).startswith("databricks"):
            fix = DATABRICKS_LOGIN
        elif error["login"]:
            served = scheme_of(self.tracking_uri) in ("http", "https")
            fix = LOGINS[self.environment] + ("; or start the server with --serve-artifacts" if served else "")
        return Rejected(f"{self._named()} refused: {message}", status=status, code=code, where=uri, fix=fix)

    def _died(self) -> OutsideFailure:
        said = last_line(Path(self._log.name)) if self._log else ""
        what = f"{self._named()} ended without an answer: {self._hidden(said) or 'it said nothing'}"
        return OutsideFailure(what, fix=f"see that requirements/{self.environment}.txt fits the service")

    def _named(self) -> str:
        shown = scheme_of(self.tracking_uri)
        return f"MLflow's client ({self.environment}) for {'an MLflow server' if shown in ('http', 'https') else shown}"

    def _hidden(self, text: str) -> str:
        for name, value in self._environ.items():
            if len(value) > 3 and any(part in name.upper() for part in SECRET_NAMES):
                text = text.replace(value, "***")
        return text


def _end(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    for stream in (process.stdin, process.stdout, log):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    with suppress(subprocess.TimeoutExpired):  # it ends with its input
        process.wait(END_SECONDS)
    processes.end_own(process)
