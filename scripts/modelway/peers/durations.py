"""Durations as Go and Prometheus write them: 1m, 90s, 1h30m."""

from __future__ import annotations

import re

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
PROMETHEUS_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([a-zµμ]+)")
LONGEST_TEXT = 40


def seconds_of(text: str, units: dict[str, float] = UNITS) -> float | None:
    """None where it is none. Without a sign: no interval, window or pause of a manifest has one."""
    parts = PART.findall(text) if len(text) <= LONGEST_TEXT else []
    if not parts or "".join(number + unit for number, unit in parts) != text or any(u not in units for _, u in parts):
        return None
    return sum(float(number) * units[unit] for number, unit in parts)
