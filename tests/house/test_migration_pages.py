"""docs/from-*.md: what a reader copies is read by what reads it, and each block has somebody who does."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

import servers
from documented import DOCS, blocks
from house.test_workflows import granted, reusable
from modelway.config import load_project
from modelway.data import load_contract, validate

BLOCKS = {
    "from-mlflow-stages": ["python", "sh", "yaml"],
    "from-cml": ["yaml", "yaml", "yaml"],
    "from-great-expectations": ["json", "yaml", "sh", "yaml"],
    "from-mlops-stacks": ["yaml", "python"],
    "from-sagemaker-pipelines": ["json", "yaml"],
}
"""The languages of a page's blocks, in their order. tests/stages/test_other_tools.py runs those of Python."""
ROWS = """\
carrier,dep_delay,tail,flight,day,departed,arrived
AA,5,N1A,1,2026-01-01,2026-01-01T08:00:00,2026-01-01T10:00:00
UA,,N2B,2,2026-01-01,2026-01-01T08:00:00,2026-01-01T10:00:00
AA,7,N3C,1,2026-01-02,2026-01-02T08:00:00,2026-01-02T10:00:00
"""
BREAKING = {
    "expect_table_row_count_to_be_between": (ROWS.splitlines()[3] + "\n", "", "rows at least"),
    "expect_column_values_to_not_be_null": ("UA,,", ",,", "carrier has no nulls"),
    "expect_column_values_to_be_in_set": ("UA,,", "XX,,", "carrier among allowed"),
    "expect_column_values_to_be_between": ("AA,5", "AA,5000", "dep_delay in range"),
    "expect_column_values_to_match_regex": ("N1A", "1A", "tail matches"),
    "expect_compound_columns_to_be_unique": ("N2B,2", "N2B,1", "flight, day unique"),
    "expect_column_pair_values_a_to_be_greater_than_b": ("T10", "T07", "arrived >= departed"),
}
"""By the expectation: what is replaced in ROWS, so that it is broken, and which check of ours says so."""
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def of_page(page: str, language: str) -> list[str]:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return [code for kind, code in blocks(text) if kind == language]


YAML = [(page, number) for page, kinds in BLOCKS.items() for number in range(kinds.count("yaml"))]
SHELL = [page for page, kinds in BLOCKS.items() if "sh" in kinds]


@pytest.mark.parametrize("page", BLOCKS)
def test_every_block_is_known_here(page: str) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    assert [kind for kind, _ in blocks(text)] == BLOCKS[page]


def test_every_page_from_another_tool_is_known() -> None:
    """Those of Flagger and Argo Rollouts are held by tests/stages/test_judge_plan.py."""
    assert {path.stem for path in DOCS.glob("from-*.md")} == {*BLOCKS, "from-flagger", "from-argo-rollouts"}


@pytest.mark.parametrize(("page", "number"), YAML)
def test_yaml_is_read_by_what_reads_it(page: str, number: int, tmp_path: Path) -> None:
    text = of_page(page, "yaml")[number]
    document = yaml.safe_load(text)
    if "jobs" in document:
        is_a_workflow(text, document, tmp_path)
    elif "model" in document:
        (tmp_path / "modelway.yml").write_text(text)
        for environment in document["environments"]:
            assert load_project(tmp_path / "modelway.yml", environment).model == document["model"]
    else:
        (tmp_path / "contract.yml").write_text(text)
        assert set(load_contract(tmp_path / "contract.yml").columns) == set(document["columns"])


def is_a_workflow(text: str, document: dict[str, Any], folder: Path) -> None:
    """By GitHub's schema; and what it calls of ours takes what it gives, and is granted what it needs."""
    (folder / "workflow.yml").write_text(text)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, folder / "workflow.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for job in document["jobs"].values():
        if "uses" in job:
            name = re.fullmatch(r"modelway/modelway/\.github/workflows/([\w-]+)\.yml@v1", job["uses"]).group(1)  # type: ignore[union-attr]
            inputs = reusable(name)["on"]["workflow_call"]["inputs"]
            assert {key for key, item in inputs.items() if item.get("required")} <= set(job["with"]) <= set(inputs)
            assert job["permissions"] == granted(name, job.get("with", {}))


@pytest.mark.parametrize("page", [*SHELL, "faq"])
def test_commands_have_the_flags_that_they_are_given(page: str, root: Path) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    lines = [line for block in of_page(page, "sh") for line in block.splitlines()]
    lines += [line.replace("\n", " ") for line in re.findall(r"`(scripts/run [^`]+)`", text)]
    assert lines
    for line in lines:
        program, name, *flags = shlex.split(line)
        assert program == "scripts/run"
        action = yaml.safe_load((root / "actions" / name.replace("_", "-") / "action.yml").read_text(encoding="utf-8"))
        assert {flag[2:] for flag in flags if flag.startswith("--")} <= set(action["inputs"]), line


def test_the_contract_says_what_the_suite_says(tmp_path: Path) -> None:
    """Rows that keep the suite pass, and each expectation that is broken is told by one check, and by no other."""
    (text,) = of_page("from-great-expectations", "json")
    asked = [one["type"] for one in json.loads(text)["expectations"]]
    assert asked == list(BREAKING)
    page = (DOCS / "from-great-expectations.md").read_text(encoding="utf-8").lower()
    assert [name for name in asked if f"`{name.replace('_', '')}`" not in page] == [], "each has its row in the table"
    (tmp_path / "contract.yml").write_text(of_page("from-great-expectations", "yaml")[0])
    contract = load_contract(tmp_path / "contract.yml")

    def broken(rows: str) -> list[str]:
        (tmp_path / "flights.csv").write_text(rows)
        checks = validate(contract, tmp_path / "flights.csv", NOW).checks
        return [check.name for check in checks if check.outcome == "fail"]

    assert broken(ROWS) == []
    for name, (whole, wrong, check) in BREAKING.items():
        assert broken(ROWS.replace(whole, wrong, 1)) == [check], name


def test_what_no_key_says_judges(tmp_path: Path) -> None:
    (tmp_path / "contract.yml").write_text(of_page("from-great-expectations", "yaml")[1])
    contract = load_contract(tmp_path / "contract.yml")
    (tmp_path / "rows.csv").write_text("origin,distance,cancelled,dep_delay\nJFK,600,0,3\nTST,0,1,4\nXXX,9000,1,\n")
    failing = [check.name for check in validate(contract, tmp_path / "rows.csv", NOW).checks if check.outcome == "fail"]
    assert failing == [
        "not (origin in ('XXX', 'YYY'))",
        "distance > 0",
        "dep_delay is null",
        "mean of distance of all rows",
        "no test flights",
    ]


def test_aws_takes_the_guardrail(tmp_path: Path) -> None:
    """As botocore holds what it sends against the API's own model."""
    (text,) = of_page("from-sagemaker-pipelines", "json")
    (tmp_path / "deployment.json").write_text(text)
    code = """
import json, sys
import botocore.session
from botocore.validate import ParamValidator

shape = botocore.session.get_session().get_service_model("sagemaker").shape_for("DeploymentConfig")
print(ParamValidator().validate(json.load(open(sys.argv[1])), shape).generate_report())
"""
    command = [servers.stores_python(), "-c", code, str(tmp_path / "deployment.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr
