"""Verdict: what evaluate-gate hands on."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Outcome = Literal["pass", "fail", "inconclusive"]
CheckOutcome = Literal["pass", "fail", "inconclusive", "skipped"]


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One question that the policy asks, with the evidence that answers it."""

    name: str
    """Unique in its verdict: `roc_auc_score`, `roc_auc_score against production`, `accuracy_score where carrier = UA`."""
    rule: str
    """What was asked, such as `at least 0.85` or `not worse by more than 0.01`."""
    outcome: CheckOutcome
    n: int
    """The rows (for latency: the repetitions) that the value rests on."""
    value: float | None
    """Finite, or None where there is none; for a comparison the candidate's value minus production's."""
    interval: tuple[float, float] | None
    """At the policy's confidence; None only for a quantity without sampling error (the artifact's size)."""
    method: str = ""
    """How the interval was made: `Clopper-Pearson`, `DeLong`, `Newcombe`, `paired bootstrap`, ..."""
    limit: float | None = None
    candidate: float | None = None
    production: float | None = None
    detail: str = ""
    """Why it is inconclusive or skipped, or which groups are furthest apart, in words for a person."""


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A value of one group, and the rows that it is made of; None where there are none."""

    n: int
    value: float | None


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a fairness check was made of: one group of one column."""

    column: str
    name: str
    values: dict[str, Measured]
    """By quantity, such as `selection rate` or `mean absolute error`."""


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One held-out row with both models' predictions, for test-endpoint to compare with."""

    row: int
    features: dict[str, Any]
    label: Any
    candidate: Any
    production: Any = None


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One model version judged for one environment."""

    schema: str = "modelway/verdict/1"
    model: str
    version: int
    environment: str
    outcome: Outcome
    checks: tuple[Check, ...]
    model_digest: str
    data_digest: str
    policy_digest: str
    production_version: int | None = None
    production_digest: str = ""
    rows: int
    positive_class: str = ""
    """Of a binary task, as the test data writes it; empty otherwise."""
    positive_rows: int = 0
    """The rows that have it."""
    groups: tuple[Group, ...] = ()
    """Those that the fairness checks compared."""
    warnings: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()
