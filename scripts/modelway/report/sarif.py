"""What checks found, as SARIF 2.1.0: for GitHub's code scanning, which shows each beside the line that asked for it.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) 2.1.0, and what GitHub's code scanning reads of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from modelway.config.document import Document
from modelway.report.findings import CheckFinding, line_of

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 5000
"""Of one run: GitHub keeps no more, the most severe first."""
LONGEST_MESSAGE = 900


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
        "locations": [{"physicalLocation": {"artifactLocation": where, "region": {"startLine": line_of(one, lines)}}}],
        "partialFingerprints": {"primaryLocationLineHash": f"{one.fingerprint}:1"},
    }


def _plain(message: str) -> str:
    """On one line; brackets would be a link to SARIF's readers."""
    flat = " ".join(message.split())
    cut = flat if len(flat) <= LONGEST_MESSAGE else f"{flat[: LONGEST_MESSAGE - 1]}…"
    return re.sub(r"([\\\[\]])", r"\\\1", cut)
