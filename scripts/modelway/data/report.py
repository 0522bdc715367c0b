"""What validate-data and check-quality hand on: the outcome of every check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

Outcome = Literal["pass", "fail"]
CheckOutcome = Literal["pass", "warn", "fail"]
"""warn: broken, and no reason to stop."""


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A violating value: shortened, on one line, with what cannot be printed as an escape."""

    value: str
    row: int | None = None
    """Counted from 1, without the header; None where it is not one row's."""
    file: str = ""
    """Below the folder that was named; empty where the data is one file."""


class CheckResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that the contract asks for, and what was found."""

    name: str
    """Such as `dep_delay in range`."""
    rule: str
    """What was asked, such as `from -60 to 1440`."""
    outcome: CheckOutcome
    n: int
    """The rows, values or columns looked at."""
    value: float | None
    """What was measured: a number of violations, of rows, of hours, or a percentage. None where there was nothing."""
    limit: float
    examples: tuple[Example, ...] = ()
    detail: str = ""
    """Why it fails, in words, where the figures do not say it."""
    interval: tuple[float, float] | UnsetType = UNSET
    """Of the value, with 95 % confidence, where it is an estimate."""


class ContractReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same data, contract and moment give the same report, byte for byte."""

    schema: str = "modelway/contract-report/1"
    data: str
    """The data's name, as it was given."""
    outcome: Outcome
    rows: int
    checks: tuple[CheckResult, ...]
    data_digest: str
    contract_digest: str
    not_held: tuple[str, ...] = ()
    """What the contract asks of the data beside, in a form that says more than the checks hold."""

    @property
    def failing(self) -> tuple[CheckResult, ...]:
        return tuple(check for check in self.checks if check.outcome == "fail")


class ValidationReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One contract over several data sets: what validate-data hands on."""

    schema: str = "modelway/validation-report/1"
    outcome: Outcome
    reports: tuple[ContractReport, ...]


def combined(reports: Sequence[ContractReport]) -> ValidationReport:
    """A pass only where there is a report, and every one passes."""
    good = bool(reports) and all(report.outcome == "pass" for report in reports)
    return ValidationReport(outcome="pass" if good else "fail", reports=tuple(reports))


class QualityCheck(CheckResult, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that check-quality looks at."""

    kind: str
    """Its key below `quality` in modelway.yml."""
    column: str = ""
    """Empty where it is about the whole data set."""


class DataQuality(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The checks of one data set, or of one beside another."""

    data: str
    outcome: CheckOutcome
    rows: int
    columns: int
    checks: tuple[QualityCheck, ...]
    not_checked: tuple[str, ...] = ()
    """What was left out, and why."""
    data_digest: str = ""

    @property
    def failing(self) -> tuple[QualityCheck, ...]:
        return tuple(check for check in self.checks if check.outcome == "fail")

    @property
    def warnings(self) -> tuple[QualityCheck, ...]:
        return tuple(check for check in self.checks if check.outcome == "warn")


class QualityReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same data, settings and moment give the same report, byte for byte."""

    schema: str = "modelway/quality-report/1"
    outcome: CheckOutcome
    """fail where a check fails, else warn where one warns."""
    now: str
    reports: tuple[DataQuality, ...]
    settings_digest: str


def worst(outcomes: Sequence[CheckOutcome]) -> CheckOutcome:
    """fail of a fail, and of nothing at all."""
    if not outcomes or "fail" in outcomes:
        return "fail"
    return "warn" if "warn" in outcomes else "pass"
