"""Checks as JUnit's XML, which GitLab, Jenkins and others show as the tests of a run.

Source: the schema of Jenkins' xUnit plugin, and what GitLab reads of it (unit test reports).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple
from xml.etree import ElementTree

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
KINDS = {"fail": "failure", "inconclusive": "error", "skipped": "skipped"}
"""Outcome -> the element that says it: a case without any passed. An inconclusive check has neither passed nor failed, and a
run in which it counts as passed would be a lie."""


class JUnitCase(NamedTuple):
    """A check. about: what it is about, such as a data set; shown as the case's class. seconds: how long it took."""

    about: str
    name: str
    outcome: Literal["pass", "warn", "fail", "inconclusive", "skipped"]
    detail: str
    seconds: float = 0.0


def document_of(suites: Mapping[str, Sequence[JUnitCase]]) -> str:
    """A suite for each name, with its cases."""
    root = ElementTree.Element("testsuites", _totals([case for cases in suites.values() for case in cases]))
    for name, cases in suites.items():
        suite = ElementTree.SubElement(root, "testsuite", {"name": _text(name), **_totals(cases)})
        for each in cases:
            names = {"classname": _text(each.about), "name": _text(each.name), "time": f"{each.seconds:.3f}"}
            case = ElementTree.SubElement(suite, "testcase", names)
            if kind := KINDS.get(each.outcome):
                ElementTree.SubElement(case, kind, {"message": _text(each.detail)})
            else:
                ElementTree.SubElement(case, "system-out").text = _text(each.detail)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _totals(cases: Sequence[JUnitCase]) -> dict[str, str]:
    kinds = [KINDS.get(case.outcome) for case in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }


def _text(value: str) -> str:
    """What XML cannot hold, replaced."""
    return NOT_XML.sub("\ufffd", value)
