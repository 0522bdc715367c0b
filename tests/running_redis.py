"""A Redis of a test's own, which may go and come back."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis


@dataclass
class RunningRedis:
    """hashes: what is there whenever it has started."""

    folder: Path
    port: int
    password: str = ""
    hashes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{f':{self.password}@' if self.password else ''}127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, decode_responses=True)

    def start(self) -> None:
        program = shutil.which("redis-server")
        assert program, "install redis-server"
        flags = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", str(self.folder)]
        flags += ["--requirepass", self.password] if self.password else []
        self.process = subprocess.Popen([program, *flags], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.client.ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < deadline and self.process.poll() is None, "redis-server does not start"
                time.sleep(0.05)
        for key, fields in self.hashes.items():
            self.client.hset(key, mapping=dict(fields))

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
