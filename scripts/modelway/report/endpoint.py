"""Tests of an endpoint as people and as CI systems read them: Markdown, and JUnit's XML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from modelway.endpoint.checks import EndpointCheckResult
from modelway.markdown import cell, table

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
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


def junit(url: str, checked: Sequence[EndpointCheckResult]) -> str:
    """One suite, one case a check; the class is the endpoint's path."""
    found = counts(checked)
    total = {
        "tests": str(len(checked)),
        "failures": str(found["fail"]),
        "errors": "0",
        "skipped": str(found["skipped"]),
        "time": f"{sum(item.seconds for item in checked):.3f}",
    }
    root = ElementTree.Element("testsuites", total)
    suite = ElementTree.SubElement(root, "testsuite", {"name": f"test-endpoint {_text(url)}", **total})
    for item in checked:
        names = {"classname": _text(item.about), "name": _text(item.name), "time": f"{item.seconds:.3f}"}
        case = ElementTree.SubElement(suite, "testcase", names)
        if item.outcome == "pass":
            ElementTree.SubElement(case, "system-out").text = _text(item.detail)
        else:
            kind = "failure" if item.outcome == "fail" else "skipped"
            ElementTree.SubElement(case, kind, {"message": _text(item.detail)})
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _text(value: str) -> str:
    """What XML cannot hold, replaced."""
    return NOT_XML.sub("\ufffd", value)
