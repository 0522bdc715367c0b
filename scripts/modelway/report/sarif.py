"""What checks found, as SARIF 2.1.0: for GitHub's code scanning, which shows each beside the line that asked for it.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) 2.1.0, and what GitHub's code scanning reads of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from modelway.config.document import Document, Where
from modelway.data.report import CheckResult, QualityReport, ValidationReport
from modelway.markdown import number
from modelway.records import Verdict, digest_of_json

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 5000
"""Of one run: GitHub keeps no more, the most severe first."""
LONGEST_MESSAGE = 900
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
        interval = f", interval {number(check.interval[0])} to {number(check.interval[1])}" if check.interval else ""
        why = f". {check.detail}" if check.detail else ""
        said = (
            f"{check.name} is {number(check.value)} (n {check.n}{interval}), asked: {check.rule}: {check.outcome}{why}"
        )
        found.append(
            CheckFinding(
                rule="gate/against-production" if check.production is not None else "gate/limit",
                about="The model does not pass the gate",
                level=LEVELS[check.outcome],
                message=f"{verdict.model} for {verdict.environment}: {said}",
                identity=(verdict.model, verdict.environment, check.name),
                where=_asked_in(config, verdict.environment, check.name),
            )
        )
    return found


def document_of(findings: Sequence[CheckFinding], category: str, file: str, lines: Document | None) -> str:
    """A run of the tool modelway, also where nothing was found: GitHub then closes what was. category: what tells this
    analysis from others of the same commit. file: what the findings are in, below the repository's root. lines: of it."""
    shown = sorted(findings, key=lambda one: one.level)[:MOST_RESULTS]
    rules = {one.rule: one for one in reversed(shown)}
    results = [_result(one, list(rules), file, lines) for one in shown]
    described = [_rule(one) for one in rules.values()]
    run = {
        "tool": {"driver": {"name": "modelway", "rules": described}},
        "automationDetails": {"id": f"{category}/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    text = msgspec.json.encode({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})
    return msgspec.json.format(text, indent=2).decode() + "\n"


def _rule(one: CheckFinding) -> dict[str, Any]:
    words = {"text": f"{one.about}: {one.rule.partition('/')[2].replace('-', ' ')}"}
    return {
        "id": one.rule,
        "name": one.rule.replace("/", "-"),
        "shortDescription": words,
        "fullDescription": words,
        "help": {"text": "The report of the run has the values, the limits and the number of rows."},
        "defaultConfiguration": {"level": one.level},
        "properties": {"tags": ["model", one.rule.partition("/")[0]]},
    }


def _result(one: CheckFinding, rules: Sequence[str], file: str, lines: Document | None) -> dict[str, Any]:
    where = {"uri": quote(file, safe="/"), "uriBaseId": "%SRCROOT%"}
    return {
        "ruleId": one.rule,
        "ruleIndex": rules.index(one.rule),
        "level": one.level,
        "message": {"text": _plain(one.message)},
        "locations": [{"physicalLocation": {"artifactLocation": where, "region": {"startLine": _line(one, lines)}}}],
        "partialFingerprints": {"primaryLocationLineHash": f"{digest_of_json([one.rule, *one.identity])[:16]}:1"},
    }


def _line(one: CheckFinding, lines: Document | None) -> int:
    """Of the place, or of the nearest one around it that the file has."""
    where = one.where
    while lines is not None and where:
        if where in lines.lines:
            return lines.lines[where]
        where = where[:-1]
    return 1


def _plain(message: str) -> str:
    """On one line; brackets would be a link to SARIF's readers."""
    flat = " ".join(message.split())
    cut = flat if len(flat) <= LONGEST_MESSAGE else f"{flat[: LONGEST_MESSAGE - 1]}…"
    return re.sub(r"([\\\[\]])", r"\\\1", cut)


def _in_words(data: str, check: CheckResult) -> str:
    """Without examples: who reads the repository need not be one who may see the data."""
    figures = f"found {number(check.value)}, limit {number(check.limit)}, of {check.n:,} looked at"
    return f"{data}: {check.name}: {figures}; asked: {check.rule}"


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
