"""A project on GitHub whose steps tell people, and the reports that are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from notice_cases import Configure, Kept, rollout

SETTINGS = ("GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB", "GITHUB_API_URL", "GITHUB_TOKEN")


@pytest.fixture
def project(github_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """report.json is of a canary that was taken back. State is kept beside it."""
    monkeypatch.setenv("MODELWAY_STATE", str(github_folder.parent / "state"))
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/parcels")
    monkeypatch.setenv("GITHUB_RUN_ID", "41")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    (github_folder / "report.json").write_text(json.dumps(rollout()))
    return github_folder


@pytest.fixture
def configure(project: Path) -> Configure:
    """configure(notify): modelway.yml with this section, and time enough for a busy machine where it names none."""

    def write(notify: Any) -> None:
        section = {"timeout-seconds": 30, **notify} if isinstance(notify, dict) else notify
        found = {"model": "parcels", "notify": section, "environments": {"production": None, "staging": None}}
        (project / "modelway.yml").write_text(json.dumps(found))

    return write


@pytest.fixture
def kept(project: Path) -> Kept:
    """What waits to be told."""

    def read() -> list[dict[str, Any]]:
        paths = (project.parent / "state").glob("notices/*/*/waiting/*.json")
        return [json.loads(path.read_text()) for path in sorted(paths)]

    return read
