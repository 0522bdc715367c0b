"""docs/permissions.md is what the files ask for, and they ask for no more than was once decided here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import permissions

ROOT = Path(__file__).resolve().parents[2]
MORE = {
    "check.yml": {"pull-requests: write", "security-events: write"},
    **{name: {"security-events: write"} for name in ("data.yml", "train.yml", "gate.yml", "pipeline.yml", "scan.yml")},
    "check-pull-request.yml": {"pull-requests: write"},
    "monitor.yml": {"issues: write", "actions: write"},
}
"""Beside `contents: read`, those of inputs that are off by default too. To ask everybody for more is a major version
(docs/pinning.md)."""
ROW = re.compile(r"^\| ([\w-]+\.yml) \| (.+?) \|", re.MULTILINE)


def published(table: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, cell in ROW.findall(table):
        found.setdefault(name, set()).update(re.findall(r"`([\w-]+: \w+)`", cell))
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in (".github/workflows", "workflows-templates"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


@pytest.mark.parametrize("table", [permissions.of_workflows, permissions.of_templates])
def test_nothing_asks_for_more_than_was_decided(table: Callable[[Path], str]) -> None:
    text = table(ROOT)
    assert text in (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    asked = published(text)
    assert asked == {name: {"contents: read"} | MORE.get(name, set()) for name in asked}
    assert len(asked) >= 11


def test_every_reusable_workflow_and_template_has_a_row() -> None:
    reusable = {
        path.name for path in (ROOT / ".github" / "workflows").glob("*.yml") if "workflow_call:" in path.read_text()
    }
    assert set(published(permissions.of_workflows(ROOT))) == reusable
    templates = {path.name for path in (ROOT / "workflows-templates").glob("*.yml")}
    assert set(published(permissions.of_templates(ROOT))) == templates


def test_a_template_that_asks_for_more_shows_it_or_is_refused(copy: Path) -> None:
    template = copy / "workflows-templates" / "rollback.yml"
    before = template.read_text()
    line = next(line for line in before.splitlines() if "contents: read" in line)
    template.write_text(before.replace(line, f"{line}\n      id-token: write # logs in to a cloud"))
    assert published(permissions.of_templates(copy))["rollback.yml"] == {"contents: read", "id-token: write"}
    template.write_text(before.replace(line, f"{line}\n      id-token: write"))
    with pytest.raises(ValueError, match=r"rollback\.yml does not say"):
        permissions.of_templates(copy)


def test_a_workflow_that_does_not_say_what_it_needs_is_refused(copy: Path) -> None:
    workflow = copy / ".github" / "workflows" / "train.yml"
    workflow.write_text(workflow.read_text().replace("# The caller's job grants", "# It needs"))
    with pytest.raises(ValueError, match=r"train\.yml does not say"):
        permissions.of_workflows(copy)


def test_the_environments_are_those_of_the_jobs_that_a_chain_calls() -> None:
    of = {
        name: permissions.environments(ROOT, ROOT / ".github" / "workflows" / f"{name}.yml")
        for name in ("pipeline", "rollback")
    }
    assert of == {"pipeline": ["`<environment>`", "`<staging>`"], "rollback": ["`<environment>-rollback`"]}
