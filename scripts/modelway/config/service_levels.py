"""What may stand below `monitor.service` in modelway.yml."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from modelway.config.keys import Section

LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
Objective = Annotated[float, Meta(ge=0.5, lt=1)]


class ServiceLevels(Section, frozen=True):
    """What the team promises of the model's answers, over 30 days (docs/dashboards.md)."""

    availability: Objective = 0.999
    """The share of requests that are not answered 5xx."""
    faster_than_ms: Annotated[float, Meta(ge=1, le=10_000)] = 250
    """What is a fast answer: one of the bounds that the server counts by (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500,
    5000, 10000)."""
    fast: Objective = 0.99
    """The share of requests that are answered so fast."""
    least_requests: Annotated[int, Meta(ge=1)] = 100
    """With fewer in the shorter window of an alert nobody is called: a share of so few says nothing."""
    selector: dict[str, str] = msgspec.field(default_factory=dict)
    """Labels that Prometheus gives these series besides, such as namespace: models."""
