"""`actions.lock` says of our own workflows what GitHub may run for them: GitHub refuses what it lacks, this says so before."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parents[2] / ".github" / "workflows"
LOCK: dict[str, Any] = yaml.safe_load((FOLDER / "actions.lock").read_text(encoding="utf-8"))
USES = re.compile(r"uses: ([\w./$-]+?)(?:@([0-9a-f]{40}))?(?:,[^#]*|\s*)(?:# (\S+))?$", re.MULTILINE)
MARK = "# This workflow is managed by gh actions-lock.\n"
AGAIN = "`gh actions-lock --no-narrow` and the paths of these two workflows write it anew"


def others_actions(text: str) -> dict[str, str]:
    """What a workflow names of other repositories: `owner/repository@commit` to the tag in the comment behind it."""
    return {
        f"{'/'.join(action.split('/')[:2])}@{commit}": tag
        for action, commit, tag in USES.findall(text)
        if not action.startswith(("./", "$/"))
    }


def test_every_workflow_that_can_be_locked_is() -> None:
    """A reusable one runs the team's own `./.github/actions/modelway-setup`, and no lock file holds a path; the pipeline
    names nothing but our own."""
    lockable = {
        f".github/workflows/{path.name}": sorted(others_actions(text))
        for path in FOLDER.glob("*.yml")
        if "uses: ./" not in (text := path.read_text(encoding="utf-8")) and others_actions(text)
    }
    assert lockable == LOCK["workflows"], AGAIN
    marked = {f".github/workflows/{path.name}" for path in FOLDER.glob("*.yml") if path.read_text().startswith(MARK)}
    assert marked == set(lockable), "GitHub's tool marks what it locks"


def test_what_is_locked_is_what_is_named_and_all_that_it_needs() -> None:
    locked, asked = LOCK["dependencies"], dict[str, str]()
    for name in LOCK["workflows"]:
        asked |= others_actions((FOLDER.parents[1] / name).read_text(encoding="utf-8"))
    needed = {one for entry in locked.values() for one in entry.get("uses", ())}
    assert locked.keys() == asked.keys() | needed, AGAIN
    for name, entry in locked.items():
        assert entry["commit"] == f"sha1-{name.partition('@')[2]}", AGAIN
        assert entry["ref"] == asked.get(name, entry["ref"]), f"{name}: the comment names another tag"
        assert entry["owner_id"] and entry["repo_id"]
