"""The part of istiod that reads its objects and tells proxies what to do, built from Go modules; it needs no cluster."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import programs

SOURCE = programs.HERE / "istio"
Object = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """refused: what Istio's own validation said; else what a gateway is told, as Envoy's JSON has it."""

    refused: str
    routes: Sequence[Object] = ()
    clusters: Sequence[Object] = ()


def told(*objects: Object) -> Told:
    """What a gateway with the label istio: ingress would be told where these objects are all that there is."""
    program = programs.built(SOURCE, _build) / "istio"
    text = "\n---\n".join(json.dumps(item) for item in objects)
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        return Told(done.stderr.strip())
    said = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))  # among what Istio logs
    return Told("", said["routes"], said["clusters"])


def _build(source: Path, place: Path, go: str, _: str) -> None:
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", "-s -w"]
    programs.run_go([go, "build", *flags, "-o", str(place / "istio"), "."], source)
