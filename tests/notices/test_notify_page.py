"""docs/notify.md: what a reader copies is right as it stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import documented
from listening import listening
from modelway.config import load_project
from modelway.config.notify import NO_SUCCESS, NoticeOutcome, Notify
from modelway.notices.receivers import receivers_of
from notice_cases import Configure

PAGE = documented.DOCS / "notify.md"


def test_the_configuration_is_one(tmp_path: Path) -> None:
    (text,) = documented.examples("notify.md", "In modelway.yml", "yaml")
    (tmp_path / "modelway.yml").write_text(text)
    names = {one.name for one in receivers_of(load_project(tmp_path / "modelway.yml", "production").notify, {})}
    assert {"slack releases", "slack incidents", "email on-call", "github-issue incidents"} < names and len(names) == 7


def test_every_kind_and_every_outcome_is_told_of() -> None:
    text = PAGE.read_text(encoding="utf-8")
    kinds = [name for name in Notify.__struct_encode_fields__ if name != "timeout-seconds"]
    outcomes = NoticeOutcome.__args__  # type: ignore[attr-defined]
    assert [name for name in (*kinds, *outcomes) if f"| `{name}` |" not in text] == []
    assert set(outcomes) - set(NO_SUCCESS) == {"success", "ongoing"}


def test_the_steps_give_inputs_that_there_are(root: Path) -> None:
    known = yaml.safe_load((root / "actions" / "notify" / "action.yml").read_text(encoding="utf-8"))["inputs"]
    given = []
    for text in documented.examples("notify.md", "In a workflow", "yaml"):
        document = yaml.safe_load(text)
        for job in document.get("jobs", document).values():
            given += [step for step in job["steps"] if "/notify@" in step.get("uses", "")]
    assert len(given) == 2 and all(set(step["with"]) <= set(known) for step in given)


def test_the_call_from_python(
    project: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (code,) = documented.examples("notify.md", "In a workflow")
    folder = project / "out" / "modelway"
    folder.mkdir(parents=True)
    (folder / "monitor-model.json").write_text((project / "report.json").read_text())
    with listening() as channel:
        monkeypatch.setenv("MODELWAY_SLACK_URL", channel.url)
        configure({"slack": {"releases": {}}})
        exec(code, {})
        assert len(channel.asked) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "rolled-back ['slack releases'] []"
