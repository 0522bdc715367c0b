"""Reports that are told, and the types of what the tests are given."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from github_files import outputs_in
from modelway.notices.notice import Happening, Notice, notice_of

Configure = Callable[[Any], None]
"""configure(notify): modelway.yml with this section."""
Kept = Callable[[], list[dict[str, Any]]]
"""What waits to be told."""


def rollout(outcome: str = "rolled-back", reasons: tuple[str, ...] = ("errors",), **more: Any) -> dict[str, Any]:
    """What deploy-model writes, of which a notice reads these parts."""
    plan = {"schema": "modelway/rollout/1", "kind": "deploy", "model": "parcels", "environment": "production"}
    plan |= {"new": {"version": 7}, "stable": {"version": 6}, "why": "passed the gate"} | more.pop("plan", {})
    return {"plan": plan, "outcome": outcome, "reasons": reasons, "problem": "", "paused": ""} | more


def some_notice(
    identity: str = "a" * 64, outcome: Any = "failed", sentence: str = "it is broken", **more: Any
) -> Notice:
    """Of a rollout that went wrong."""
    found = Happening(
        subject="rollout", outcome=outcome, sentence=sentence, model="parcels", environment="production", **more
    )
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return notice_of(found, identity=identity, at=at, run="https://example.org/runs/1", report="", clean=str)


def told(project: Path) -> tuple[list[str], list[str]]:
    """Who was told, and who was not, by the step's outputs."""
    given = outputs_in(project.parent / "output")
    return json.loads(given["told"]), json.loads(given["not-told"])


def warning(capsys: Any) -> str:
    """The only one."""
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::warning ")]
    return line.replace("%3A", ":")
