"""Checks of what a server tells of itself: /health, /ready, /model/version, /metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from modelway.endpoint.checks import CheckFailed, CheckSkipped, EndpointCheck, Expected, document, ok, shown
from modelway.endpoint.client import Endpoint
from modelway.observe import prometheus

FIELDS = {
    "model": str,
    "version": int,
    "run_id": str,
    "digest": str,
    "content": str,
    "trained_at": str,
    "environment": str,
}
"""What /model/version holds (modelway.serving.release)."""
TIMES_ASKED = 5
"""Behind one address there may be several replicas, and all must say the same."""
COUNTER = "modelway_requests_total"


def _alive(endpoint: Endpoint, expected: Expected) -> str:
    return _status(endpoint, "/health", "ok")


def _ready(endpoint: Endpoint, expected: Expected) -> str:
    return _status(endpoint, "/ready", "ready")


def _status(endpoint: Endpoint, path: str, wanted: str) -> str:
    said = document(endpoint.get(path), f"GET {path}")
    if said.get("status") != wanted:
        raise CheckFailed(f'GET {path} says {shown(said)}, not {{"status": "{wanted}"}}')
    return f"200, {wanted}"


def version_of(endpoint: Endpoint) -> dict[str, Any]:
    """What /model/version says, of the types that are promised."""
    said = document(endpoint.get("/model/version"), "GET /model/version")
    for name, kind in FIELDS.items():
        if type(said.get(name)) is not kind:
            raise CheckFailed(f"GET /model/version: {name} is {shown(said.get(name))}, not {kind.__name__}")
    return said


def _version_fields(endpoint: Endpoint, expected: Expected) -> str:
    said = version_of(endpoint)
    return f"{shown(said['model'])} version {said['version']}"


def _one_version(endpoint: Endpoint, expected: Expected) -> str:
    first = version_of(endpoint)
    for _ in range(TIMES_ASKED - 1):
        other = version_of(endpoint)
        if other != first:
            raise CheckFailed(f"asked again it is another: version {first['version']}, then {other['version']}")
    return f"{TIMES_ASKED} times the same"


def _same(name: str) -> EndpointCheck:
    def ask(endpoint: Endpoint, expected: Expected) -> str:
        wanted = getattr(expected, name)
        if wanted in ("", None):
            raise CheckSkipped("not known: give environment and version")
        said = version_of(endpoint)[name]
        if said != wanted:
            raise CheckFailed(f"{name} is {shown(said)}, and should be {shown(wanted)}")
        return shown(said)

    return EndpointCheck("/model/version", f"{name} is as expected", ask)


def _metrics(endpoint: Endpoint, expected: Expected) -> str:
    samples = _samples(endpoint)
    _check_histograms(samples)
    return f"{len(samples)} samples"


def _samples(endpoint: Endpoint) -> list[prometheus.MetricValue]:
    try:
        return list(prometheus.read(ok(endpoint.get("/metrics"), "GET /metrics").body.decode("utf-8")))
    except UnicodeDecodeError:
        raise CheckFailed("GET /metrics is answered with what is not UTF-8") from None
    except ValueError as error:
        raise CheckFailed(f"/metrics, {shown(error)}") from None


def _check_histograms(samples: Sequence[prometheus.MetricValue]) -> None:
    """Buckets are cumulative, and the last is the count."""
    buckets: dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[float, float]]] = {}
    for name, labels, value in samples:
        if not name.endswith("_bucket"):
            continue
        try:
            bound = float(labels.get("le", ""))
        except ValueError:
            raise CheckFailed(f"/metrics: {name} has the bound {shown(labels.get('le'))}") from None
        rest = frozenset((key, text) for key, text in labels.items() if key != "le")
        buckets.setdefault((name.removesuffix("_bucket"), rest), []).append((bound, value))
    counts = {(name.removesuffix("_count"), frozenset(labels.items())): value for name, labels, value in samples}
    for (name, rest), found in buckets.items():
        ordered = sorted(found)
        values = [value for _, value in ordered]
        if values != sorted(values) or ordered[-1][0] != math.inf or counts.get((name, rest)) != values[-1]:
            raise CheckFailed(f"/metrics: the buckets of {name} do not add up")


def _labels(endpoint: Endpoint, expected: Expected) -> str:
    said = version_of(endpoint)
    wanted = {"model": said["model"], "version": str(said["version"]), "digest": said["digest"]}
    ours = [labels for name, labels, _ in _samples(endpoint) if name == COUNTER]
    if not ours:
        raise CheckFailed(f"/metrics has no {COUNTER}")
    for labels in ours:
        for name, value in wanted.items():
            if labels.get(name) != value:
                raise CheckFailed(
                    f"{COUNTER} has {name}={shown(labels.get(name))}, and /model/version says {shown(value)}"
                )
    return f"model, version and digest stand at {COUNTER}"


CHECKS = (
    EndpointCheck("/health", "answers", _alive),
    EndpointCheck("/ready", "answers", _ready),
    EndpointCheck("/model/version", "has every field", _version_fields),
    EndpointCheck("/model/version", "is the same each time", _one_version),
    *(_same(name) for name in ("model", "version", "run_id", "digest", "content")),
    EndpointCheck("/metrics", "is Prometheus' text", _metrics),
    EndpointCheck("/metrics", "names the model", _labels),
)
