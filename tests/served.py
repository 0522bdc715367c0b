"""A server under test, and how it is asked."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

RELEASE = {
    "model": 'a "quoted" name',
    "version": 3,
    "run_id": "r" * 32,
    "digest": "d" * 64,
    "content": "c" * 64,
    "trained_at": "2026-11-21T08:00:00Z",
    "environment": "staging",
}
READY_SECONDS = 60


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str) -> requests.Response:
        return self.session.get(f"http://127.0.0.1:{self.port}{path}", timeout=30)

    def post(self, path: str, body: Any, kind: str = "application/json") -> requests.Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.session.post(
            f"http://127.0.0.1:{self.port}{path}", data, headers={"content-type": kind}, timeout=30
        )

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def metric(self, start: str) -> float:
        """The sum of the lines of /metrics that start so."""
        lines = [line for line in self.get("/metrics").text.splitlines() if line.startswith(start)]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def wait(self) -> Served:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                if self.get("/ready").status_code == 200:
                    return self
            time.sleep(0.05)
        raise AssertionError(self.said())

    def stop(self) -> int:
        self.session.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


Serve = Callable[..., AbstractContextManager[Served]]
