"""The script behind compare-contracts: exit codes, outputs, what a person reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import compare_contracts

OLD = "columns:\n  a: {type: integer, range: [0, 10]}\n  b: {type: string}\n"
NEW = "columns:\n  a: {type: integer, range: [0, 11]}\n  b: {type: string, nullable: false}\n  'c | d': {}\n"


@pytest.fixture(autouse=True)
def folder(github_folder: Path) -> Path:
    (github_folder / "old.yml").write_text(OLD)
    (github_folder / "new.yml").write_text(NEW)
    return github_folder


def run(*arguments: str) -> int:
    return compare_contracts.main(["--earlier", "old.yml", "--contract", "new.yml", *arguments])


def test_a_breaking_change_is_refused_with_its_key(folder: Path, capsys: Any) -> None:
    assert run() == 1
    assert "new.yml breaks who relies on old.yml: columns.a.range." in capsys.readouterr().out
    record = json.loads((folder / "out/modelway/compare-contracts.json").read_text())
    assert record["outcome"] == "breaking"
    assert [(change["where"], change["effect"]) for change in record["changes"]] == [
        ("columns.a.range", "breaking"),
        ("columns.b.nullable", "compatible"),
        ("columns.c | d", "compatible"),
    ]
    summary = (folder.parent / "summary").read_text()
    assert "1 breaking, 2 compatible" in summary and "| columns.c &#124; d |" in summary
    assert "breaking-changes" in (folder.parent / "output").read_text()


def test_a_breaking_change_may_only_be_told(folder: Path) -> None:
    assert run("--breaking", "report") == 0


def test_the_same_and_what_is_compatible_pass(folder: Path) -> None:
    (folder / "new.yml").write_text(OLD)
    assert run() == 0
    (folder / "new.yml").write_text(OLD.replace("10]", "9]"))
    assert run() == 0


def test_forms_may_differ(folder: Path) -> None:
    """A JSON Schema of the same wishes is no change."""
    schema = {"properties": {"a": {"type": ["integer", "null"], "minimum": 0, "maximum": 10}, "b": {"type": "string"}}}
    (folder / "new.json").write_text(json.dumps(schema))
    assert compare_contracts.main(["--earlier", "old.yml", "--contract", "new.json"]) == 0


def test_the_contract_is_that_of_modelway_yml(folder: Path, capsys: Any) -> None:
    (folder / "modelway.yml").write_text("model: m\ndata: {contract: new.yml}\n")
    assert compare_contracts.main(["--earlier", "old.yml"]) == 1
    (folder / "modelway.yml").write_text("model: m\n")
    assert compare_contracts.main(["--earlier", "old.yml"]) == 2
    assert "data.contract is not set" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "told"), [("none.yml", "none.yml: cannot be read"), ("old.yml#x", "has one table only")]
)
def test_a_mistake_is_one_line(folder: Path, capsys: Any, given: str, told: str) -> None:
    assert compare_contracts.main(["--earlier", given, "--contract", "new.yml"]) == 2
    assert told in capsys.readouterr().out
