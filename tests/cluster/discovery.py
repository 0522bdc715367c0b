"""Tells Prometheus which pods to scrape, once a second: Debian's is built without its own discovery of Kubernetes.

Those that are annotated as the charts of Prometheus have it: prometheus.io/scrape "true", port and path. The labels are
`namespace` and `pod`.

Usage, by the supervisor only: python discovery.py KUBECONFIG FILE
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import requests

PERIOD = 1.0
PREFIX = "prometheus.io"


def main() -> None:
    kubeconfig, file = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {user['token']}"
    told = ""
    while True:
        time.sleep(PERIOD)
        try:
            answer = session.get(
                f"{cluster['server']}/api/v1/pods", timeout=5, verify=str(file.parent / "authority.crt")
            )
            answer.raise_for_status()
        except requests.RequestException:
            continue  # what was told last holds
        targets = json.dumps([target for pod in answer.json()["items"] if (target := scraped(pod))])
        if targets != told:
            told = targets
            unfinished = file.with_suffix(".new")
            unfinished.write_text(targets)
            unfinished.replace(file)


def scraped(pod: dict[str, Any]) -> dict[str, Any] | None:
    """What Prometheus scrapes of a pod; None where nothing."""
    metadata, address = pod["metadata"], pod["status"].get("podIP")
    annotations = metadata.get("annotations", {})
    port = annotations.get(f"{PREFIX}/port")
    if annotations.get(f"{PREFIX}/scrape") != "true" or not address or not port or pod["status"]["phase"] != "Running":
        return None
    labels = {"namespace": metadata["namespace"], "pod": metadata["name"]}
    labels["__metrics_path__"] = annotations.get(f"{PREFIX}/path", "/metrics")
    return {"targets": [f"{address}:{port}"], "labels": labels}


if __name__ == "__main__":
    main()
