"""What checks found, for the formats of CI systems: findings, each with the place in the file that asked for it, for
SARIF and GitLab's code quality; and all checks as the cases of a test, for JUnit's XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from modelway.config.document import Document, Where
from modelway.data.report import CheckResult, ContractReport, DataQuality, QualityReport, ValidationReport
from modelway.markdown import number
from modelway.records import Check, Verdict, digest_of_json
from modelway.report.junit import JUnitCase

LEVELS: Mapping[str, Literal["error", "warning"]] = {"fail": "error", "warn": "warning", "inconclusive": "warning"}
"""Outcome of a check -> how severe it is. What is not here is no finding."""


class CheckFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A check that does not pass. rule: the same for the same kind of check in every run. identity: what the check is,
    whatever it found and wherever it stands, so that GitHub knows it again. where: the place in the file that asks for it."""

    rule: str
    about: str
    level: Literal["error", "warning"]
    message: str
    identity: tuple[str, ...]
    where: Where = ()

    @property
    def fingerprint(self) -> str:
        """The same for the same check in every run."""
        return digest_of_json([self.rule, *self.identity])[:16]


def of_contract(report: ValidationReport, contract: Document) -> list[CheckFinding]:
    columns = contract.value.get("columns") if isinstance(contract.value, dict) else None
    known = sorted(columns if isinstance(columns, dict) else (), key=len, reverse=True)
    found = list[CheckFinding]()
    for part in report.reports:
        for check in part.failing:
            column = next((name for name in known if check.name.startswith(f"{name} ")), None)
            what = check.name if column is None else check.name[len(column) + 1 :]
            around: Where = () if column is None else ("columns", column)
            found.append(
                CheckFinding(
                    rule=f"contract/{'table' if column is None else _slug(what)}",
                    about="The data break their contract",
                    level="error",
                    message=_in_words(part.data, check),
                    identity=(part.data, check.name),
                    where=_key_in(contract, around, what),
                )
            )
    return found


def of_quality(report: QualityReport) -> list[CheckFinding]:
    """Places are those of modelway.yml."""
    return [
        CheckFinding(
            rule=f"quality/{check.kind}",
            about="Data that spoil a model",
            level=LEVELS[check.outcome],
            message=_in_words(part.data, check),
            identity=(part.data, check.name),
            where=("quality", check.kind),
        )
        for part in report.reports
        for check in (*part.failing, *part.warnings)
    ]


def of_gate(verdict: Verdict, config: Document) -> list[CheckFinding]:
    """Places are those of modelway.yml: of the environment's overlay, where it asks for the metric, else of gate."""
    found = list[CheckFinding]()
    for check in verdict.checks:
        if check.outcome not in LEVELS:
            continue
        found.append(
            CheckFinding(
                rule="gate/against-production" if check.production is not None else "gate/limit",
                about="The model does not pass the gate",
                level=LEVELS[check.outcome],
                message=f"{verdict.model} for {verdict.environment}: {_judged(check)}",
                identity=(verdict.model, verdict.environment, check.name),
                where=_asked_in(config, verdict.environment, check.name),
            )
        )
    return found


def cases_of_data(reports: Sequence[ContractReport | DataQuality]) -> dict[str, list[JUnitCase]]:
    """Data set -> every check of it."""
    return {
        part.data: [JUnitCase(part.data, check.name, check.outcome, _found(check)) for check in part.checks]
        for part in reports
    }


def cases_of_gate(verdict: Verdict) -> dict[str, list[JUnitCase]]:
    named = f"{verdict.model} for {verdict.environment}"
    return {named: [JUnitCase(named, check.name, check.outcome, _judged(check)) for check in verdict.checks]}


def line_of(one: CheckFinding, lines: Document | None) -> int:
    """Of the place, or of the nearest one around it that the file has."""
    where = one.where
    while lines is not None and where:
        if where in lines.lines:
            return lines.lines[where]
        where = where[:-1]
    return 1


def _in_words(data: str, check: CheckResult) -> str:
    return f"{data}: {check.name}: {_found(check)}"


def _found(check: CheckResult) -> str:
    """Without examples: who reads the repository need not be one who may see the data."""
    figures = f"found {number(check.value)}, limit {number(check.limit)}, of {check.n:,} looked at"
    return f"{figures}; asked: {check.rule}"


def _judged(check: Check) -> str:
    interval = f", interval {number(check.interval[0])} to {number(check.interval[1])}" if check.interval else ""
    why = f". {check.detail}" if check.detail else ""
    return f"{check.name} is {number(check.value)} (n {check.n}{interval}), asked: {check.rule}: {check.outcome}{why}"


def _slug(words: str) -> str:
    return re.sub(r"[^a-z]+", "-", words.lower()).strip("-")[:60] or "check"


def _key_in(document: Document, around: Where, what: str) -> Where:
    """The key below `around` that is one of the words of the check's name; else `around` itself."""
    words = set(re.split(r"[^a-z-]+", what.lower()))
    keys = [where[-1] for where in document.lines if where and where[:-1] == around and isinstance(where[-1], str)]
    return next(((*around, key) for key in keys if str(key) in words), around)


def _asked_in(config: Document, environment: str, check: str) -> Where:
    metric = check.split(" ")[0]
    roots: Iterable[Where] = (("environments", environment, "gate"), ("gate",))
    for root in roots:
        for where in config.lines:
            if where[: len(root)] == root and where[-1] == metric:
                return where
    return ("gate",)
