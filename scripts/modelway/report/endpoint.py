"""Tests of an endpoint as people and as programs read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelway.endpoint.checks import EndpointCheckResult
from modelway.markdown import cell, table

DETAIL = 300
SIGNS = {"pass": "✅ pass", "fail": "❌ fail", "skipped": "➖ skipped"}


def counts(checked: Sequence[EndpointCheckResult]) -> dict[str, int]:
    """Outcome -> how many checks."""
    return {name: sum(item.outcome == name for item in checked) for name in SIGNS}


def record(url: str, checked: Sequence[EndpointCheckResult]) -> dict[str, Any]:
    """What the JSON report holds. What differs from run to run is in `run`."""
    found = counts(checked)
    return {
        "schema": "modelway/endpoint-tests/1",
        "url": url,
        "outcome": "fail" if found["fail"] or not found["pass"] else "pass",
        **found,
        "checks": [{"about": item.about, "name": item.name, "outcome": item.outcome} for item in checked],
        "run": {
            "checks": [{"detail": item.detail, "seconds": item.seconds} for item in checked],
        },
    }


def markdown(url: str, checked: Sequence[EndpointCheckResult]) -> str:
    """What failed stands first; what passed is folded away."""
    found = counts(checked)
    title = "❌" if found["fail"] or not found["pass"] else "✅"
    parts = [
        f"### {title} Endpoint {cell(url)}",
        f"{found['pass']} of {len(checked)} checks passed, {found['fail']} failed, {found['skipped']} were skipped.",
    ]
    failed = [item for item in checked if item.outcome == "fail"]
    if failed:
        parts.append(_table(failed))
    parts.append(f"<details><summary>All checks</summary>\n\n{_table(checked)}\n\n</details>")
    return "\n\n".join(parts)


def _table(checked: Sequence[EndpointCheckResult]) -> str:
    rows = [(SIGNS[item.outcome], item.about, item.name, item.detail[:DETAIL]) for item in checked]
    return table(("", "endpoint", "check", "what was seen"), rows)
