"""SARIF for code scanning: each finding beside the line that asked for it, and the same one in every run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

import check_quality
import validate_data
from github_files import outputs_in
from modelway.config import strict_yaml
from modelway.config.document import Document
from modelway.records import Check, Verdict
from modelway.report import junit
from modelway.report.findings import CheckFinding, of_gate
from modelway.report.junit import JUnitCase
from modelway.report.sarif import MOST_RESULTS, document_of

CONTRACT = """\
# asked of every file
columns:
  late:
    type: integer
    range: [0, 1]
  "delay [min]":
    type: number
    nullable: true
    range: [-60, 1440]
"""


def checked(text: str) -> Any:
    """Its one run, after all that code scanning asks of a document."""
    document = json.loads(text)
    assert document["version"] == "2.1.0" and document["$schema"].startswith("https://")
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "modelway" and run["automationDetails"]["id"].endswith("/")
    assert len(run["results"]) <= MOST_RESULTS and len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["shortDescription"]["text"] and rule["fullDescription"]["text"] and rule["help"]["text"]
        assert len(rule["properties"]["tags"]) <= 20
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning") and 0 < len(result["message"]["text"]) <= 1100
        assert not re.search(r"(?<!\\)[\[\]]", result["message"]["text"]), "a bracket would be a link"
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert not re.search(r"^/|^\w+:|\\|\s|\.\./", place["artifactLocation"]["uri"]), "below the root, escaped"
        assert re.fullmatch(r"[0-9a-f]{16}:1", result["partialFingerprints"]["primaryLocationLineHash"])
    hashes = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(hashes)) == len(hashes)
    return run


@pytest.fixture
def project(github_folder: Path, monkeypatch: Any) -> Path:
    """A project in the folder `models a` of a repository."""
    folder = github_folder / "models a"
    folder.mkdir()
    (folder / "contract.yml").write_text(CONTRACT)
    (folder / "given.csv").write_text('late,"delay [min]"\n1,3\n7,9999\n')
    monkeypatch.setenv("GITHUB_WORKSPACE", str(github_folder))
    return folder


def validated(project: Path, code: int) -> Any:
    flags = ["--data", "given.csv", "--contract", "contract.yml", "--working-directory", "models a"]
    assert validate_data.main(flags) == code
    return checked(Path(outputs_in(project.parent.parent / "output")["sarif"]).read_text())


def places(run: Any) -> list[tuple[str, str, int]]:
    """Rule, file and line of each."""
    found = [(one["ruleId"], one["locations"][0]["physicalLocation"]) for one in run["results"]]
    return [(rule, place["artifactLocation"]["uri"], place["region"]["startLine"]) for rule, place in found]


def test_a_broken_contract_is_shown_where_it_asks(project: Path) -> None:
    run = validated(project, 1)
    assert places(run) == [
        ("contract/in-range", "models%20a/contract.yml", 5),
        ("contract/in-range", "models%20a/contract.yml", 9),
    ]
    message = run["results"][1]["message"]["text"]
    assert message.startswith("given.csv: delay \\[min\\] in range: found 1, limit 0, of 2 looked at")
    assert "9999" not in message, "examples are for those who may see the data"


def test_gitlab_shows_the_same_beside_the_same_lines(project: Path) -> None:
    """What GitLab asks of a code quality report: a path below the root, a fingerprint for each, a severity that it knows."""
    run = validated(project, 1)
    found = json.loads((project / "out/modelway/validate-data.codequality.json").read_text())
    assert [(one["location"]["path"], one["location"]["lines"]["begin"]) for one in found] == [
        ("models a/contract.yml", 5),
        ("models a/contract.yml", 9),
    ]
    assert {one["severity"] for one in found} == {"major"} and len({one["fingerprint"] for one in found}) == 2
    assert [one["check_name"] for one in found] == [one["ruleId"] for one in run["results"]]
    assert "9999" not in json.dumps(found), "examples are for those who may see the data"


def test_every_check_is_a_test_of_junits(project: Path) -> None:
    validated(project, 1)
    suites = ElementTree.parse(project / "out/modelway/validate-data.xml").getroot()
    record = json.loads((project / "out/modelway/validate-data.json").read_text())
    checks = record["reports"][0]["checks"]
    assert [case.attrib["name"] for case in suites.iter("testcase")] == [check["name"] for check in checks]
    failed = [case.attrib["name"] for case in suites.iter("testcase") if case.find("failure") is not None]
    assert failed == ["late in range", "delay [min] in range"] and suites.attrib["failures"] == "2"


def test_an_inconclusive_check_has_not_passed_and_what_xml_cannot_hold_is_replaced() -> None:
    cases = [
        JUnitCase("m\0", f"<{name}>", name, "a\x1b & b") for name in ("pass", "warn", "fail", "inconclusive", "skipped")
    ]  # type: ignore[arg-type]
    suite = ElementTree.fromstring(junit.document_of({"m": cases})).find("testsuite")
    assert suite is not None
    assert [[element.tag for element in case] for case in suite] == [
        ["system-out"],
        ["system-out"],
        ["failure"],
        ["error"],
        ["skipped"],
    ]
    assert {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    assert suite[2][0].attrib["message"] == "a\ufffd & b" and suite[2].attrib["name"] == "<fail>"


def test_what_is_asked_of_the_whole_table_is_shown_in_the_contract_too(project: Path) -> None:
    (project / "given.csv").write_text('late,"delay [min]"\n')
    asked = {(rule, file) for rule, file, _ in places(validated(project, 1))}
    assert ("contract/table", "models%20a/contract.yml") in asked


def test_a_finding_is_the_same_one_though_values_and_lines_move(project: Path) -> None:
    def hashes(run: Any) -> list[str]:
        return [one["partialFingerprints"]["primaryLocationLineHash"] for one in run["results"]]

    before = hashes(validated(project, 1))
    (project / "contract.yml").write_text("# a line more\n\n" + CONTRACT)
    (project / "given.csv").write_text('late,"delay [min]"\n1,3\n7,9999\n8,9999\n')
    again = validated(project, 1)
    assert hashes(again) == before and [line for *_, line in places(again)] == [7, 11]


def test_what_was_found_is_closed_by_a_run_without_findings(project: Path) -> None:
    (project / "given.csv").write_text('late,"delay [min]"\n1,3\n0,4\n')
    run = validated(project, 0)
    assert run["results"] == [] and run["automationDetails"]["id"].startswith("modelway/validate-data/")


def test_quality_is_shown_in_the_configuration(project: Path) -> None:
    (project / "modelway.yml").write_text("model: parcels\ndata: { train: twice.csv }\n")
    (project / "twice.csv").write_text("a,b\n" + "1,\n" * 300)
    code = check_quality.main(["--working-directory", "models a"])
    run = checked(Path(outputs_in(project.parent.parent / "output")["sarif"]).read_text())
    assert code in (0, 1) and run["results"]
    assert {file for _, file, _ in places(run)} == {"models%20a/modelway.yml"}
    assert all(rule.startswith("quality/") for rule, *_ in places(run))


CONFIG = """\
model: parcels
gate:
  metrics:
    roc_auc_score: { at-least: 0.8 }
    accuracy_score: { at-least: 0.7 }
environments:
  production:
    gate:
      metrics:
        roc_auc_score: { at-least: 0.9 }
"""


def test_the_gate_is_shown_where_the_environment_asks() -> None:
    def check(name: str, outcome: Any, **more: Any) -> Check:
        return Check(name=name, rule="at least 0.9", outcome=outcome, n=40, value=0.7, interval=(0.6, 0.8), **more)

    checks = (
        check("roc_auc_score", "fail"),
        check("roc_auc_score against production", "inconclusive", candidate=0.7, production=0.8),
        check("accuracy_score where a = b", "fail"),
        check("recall_score", "pass"),
        check("artifact size", "fail"),
        check("f1_score", "skipped"),
    )
    digests = {"model_digest": "a", "data_digest": "b", "policy_digest": "c"}
    verdict = Verdict(model="m", version=3, environment="production", outcome="fail", checks=checks, rows=40, **digests)
    config = strict_yaml.read_text(CONFIG, "modelway.yml")
    run = checked(document_of(of_gate(verdict, config), "modelway/evaluate-gate/m", "modelway.yml", config))
    found = [(rule, line, one["level"]) for (rule, _, line), one in zip(places(run), run["results"], strict=True)]
    assert found == [
        ("gate/limit", 10, "error"),
        ("gate/limit", 5, "error"),
        ("gate/limit", 2, "error"),
        ("gate/against-production", 10, "warning"),
    ]


def test_there_are_never_more_than_github_keeps_and_the_worst_come_first() -> None:
    many = [
        CheckFinding(rule="quality/x", about="a", level=level, message="m " * 999, identity=(str(n), level))  # type: ignore[arg-type]
        for n in range(MOST_RESULTS)
        for level in ("warning", "error")
    ]
    run = checked(document_of(many, "c", "modelway.yml", Document("modelway.yml", {})))
    assert {one["level"] for one in run["results"]} == {"error"} and len(run["results"]) == MOST_RESULTS


def test_hostile_names_are_text() -> None:
    name = '[x](http://y) \\ "q" \n ::error::x %0A \u202e </script>'
    one = CheckFinding(rule="contract/x", about="a", level="error", message=name, identity=(name,))
    run = checked(document_of([one], name, 'a b"[c].yml', None))
    assert run["results"][0]["message"]["text"].startswith("\\[x\\](http://y) \\\\ ")
    assert msgspec.json.decode(msgspec.json.encode(run)) == run
