"""What a target wrote before is read for ever; and who may know of the targets that there are."""

from __future__ import annotations

import ast
import json
import shutil
import typing
from pathlib import Path

import msgspec
import pytest

from modelway.config import Deploy
from modelway.observe import counts
from modelway.rollout import journal
from modelway.targets import TARGETS, FolderRecords
from modelway.targets.local.state import LocalState

BEFORE = Path(__file__).with_name("before")
"""Written by the release before targets had an interface: a rollback that the registry was not told of."""
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def records(tmp_path: Path) -> FolderRecords[LocalState]:
    shutil.copytree(BEFORE, tmp_path / "target")
    return FolderRecords(tmp_path / "target", LocalState)


def test_the_state_of_before_is_read_and_written_back_as_it_was(records: FolderRecords[LocalState]) -> None:
    state = records.read()
    assert state is not None and state.current is not None
    assert (state.model, state.environment, state.stable) == ("flight-delay", "production", "v2-r3")
    assert (state.port, state.admin_port, state.serial, state.rollouts) == (8080, 20099, 17, 3)
    assert state.current.ports == (20003, 20013)
    assert state.current.paths == tuple(
        f"/state/layers/2/{name}" for name in ("environment", "server", "model", "release.json")
    )
    assert [(item.slot.side.version, item.kind, item.rollout) for item in state.deployments] == [
        (2, "deploy", 1),
        (3, "deploy", 2),
        (2, "rollback", 3),
    ]
    assert [(item.version, item.kind, item.nonce) for item in state.pending] == [(2, "rollback", "n" * 32)]
    assert [item.why for item in state.never_announced] == ["version 2 of flight-delay was deleted in MLflow"]
    records.write(state)
    assert json.loads((records.folder / "target.json").read_text()) == json.loads((BEFORE / "target.json").read_text())


def test_the_journal_of_before_is_read_and_its_decisions_follow(records: FolderRecords[LocalState]) -> None:
    story = records.story(3)
    assert story is not None
    assert (story.outcome, story.state.problem) == ("deployed", "Connection refused")
    assert all(written == follows for written, follows in journal.replay(story))
    assert len(list(journal.replay(story))) == 6


def test_what_a_recorder_of_before_writes_is_read() -> None:
    taken = msgspec.json.decode((BEFORE / "history.jsonl").read_bytes(), type=counts.Snapshot)
    sample = taken.releases["v2-r3"]
    assert (sample.requests, sample.errors, sample.timed, counts.quick(sample, 5), counts.quick(sample, 50)) == (
        10,
        1,
        9,
        4,
        9,
    )


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_only_targets_know_a_target(name: str) -> None:
    package = TARGETS[name].rpartition(".")[0]
    for path in SCRIPTS.rglob("*.py"):
        if not path.is_relative_to(SCRIPTS / "modelway" / "targets"):
            assert not [known for known in imported(path) if known.startswith(package)], path


def test_only_a_target_knows_which_source_counts() -> None:
    for path in SCRIPTS.rglob("*.py"):
        if path.is_relative_to(SCRIPTS / "modelway" / "targets" / "local") or path.name == "envoy.py":
            continue
        assert "modelway.observe.envoy" not in imported(path), path


def test_every_target_that_can_be_named_can_be_opened_and_has_its_section() -> None:
    named = typing.get_args(typing.get_type_hints(Deploy)["target"])
    assert set(named) == set(TARGETS)
    assert set(named) <= {field.name for field in msgspec.structs.fields(Deploy)}
