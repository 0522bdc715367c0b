"""The outcome of a check of quality, by its value and limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec import UNSET

from modelway.data.checks import EXAMPLE_LIMIT, result
from modelway.data.quality.kind import QualityKeys, QualityKind
from modelway.data.queries import Sighting
from modelway.data.report import QualityCheck


@dataclass(frozen=True)
class Finding:
    """What was measured. at_least: the value must be at least the limit; else at most. failed: whatever the value is."""

    n: int
    value: float | None
    limit: float
    rule: str
    detail: str = ""
    examples: Sequence[Sighting] = ()
    at_least: bool = False
    failed: bool = False
    interval: tuple[float, float] | None = None

    def with_examples(self, examples: Sequence[Sighting]) -> Finding:
        return replace(self, examples=examples)

    def told(self, detail: str) -> Finding:
        return replace(self, detail=detail)


def judged(kind: QualityKind[Any], keys: QualityKeys, name: str, found: Finding, column: str = "") -> QualityCheck:
    """No value, and NaN, hold neither way. A broken check comes to what `severity` says."""
    made = result(
        name,
        found.rule,
        found.n,
        found.value,
        found.limit,
        at_least=found.at_least,
        examples=found.examples,
        detail=found.detail,
        failed=found.failed,
        cut=EXAMPLE_LIMIT,
    )
    return QualityCheck(
        name=made.name,
        rule=made.rule,
        outcome="pass" if made.outcome == "pass" else keys.severity,
        n=made.n,
        value=made.value,
        limit=made.limit,
        examples=made.examples,
        detail=made.detail,
        interval=UNSET if found.interval is None else found.interval,
        kind=kind.field.replace("_", "-"),
        column=column,
    )


def percent(count: int, of: int) -> float | None:
    return 100 * count / of if of else None
