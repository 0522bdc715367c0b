"""A real Prometheus, which scrapes once in a second."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

import servers
from modelway.loopback import HOST, free_port
from modelway.observe.prometheus_url import PrometheusUrl

Targets = Sequence[Mapping[str, Any]]
"""As file_sd has them: {"targets": [HOST:PORT], "labels": {...}}."""


class RealPrometheus:
    def __init__(self, process: subprocess.Popen[bytes], url: str, folder: Path) -> None:
        self.process, self.url, self.folder, self.get = process, url, folder, PrometheusUrl(url)

    def set_targets(self, targets: Targets) -> None:
        """What is scraped from now on; taken up within a second."""
        draft = self.folder / "targets.draft"
        draft.write_text(json.dumps(list(targets)), encoding="utf-8")
        draft.replace(self.folder / "targets.json")

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def real_prometheus(
    folder: Path, targets: Targets, path: str = "/metrics", every: str = "1s"
) -> Iterator[RealPrometheus]:
    """path: of the metrics of every target."""
    program = shutil.which("prometheus")
    assert program, "this test needs Debian's package prometheus"
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "prometheus.log"
    job = {"job_name": "scraped", "metrics_path": path, "scrape_interval": every, "scrape_timeout": "1s"}
    job["file_sd_configs"] = [{"files": [str(folder / "targets.json")], "refresh_interval": "1s"}]  # type: ignore[assignment]
    (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [job]}), encoding="utf-8")
    (folder / "targets.json").write_text(json.dumps(list(targets)), encoding="utf-8")
    command = [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command += [f"--web.listen-address={HOST}:{port}", "--log.level=warn"]
    with servers.running(command, log, dict(os.environ)) as process:
        url = f"http://{HOST}:{port}"

        def ready() -> bool:
            with contextlib.suppress(requests.RequestException):
                return requests.get(f"{url}/-/ready", timeout=1).status_code == 200
            return False

        servers.wait_until(ready, process, log)
        yield RealPrometheus(process, url, folder)
