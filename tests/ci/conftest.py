"""A step of GitHub's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A step of GitHub's: its variables, and a folder with its files."""
    for name in [name for name in os.environ if name.startswith(("MODELWAY_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("MODELWAY_NEEDED", "here")
    return tmp_path
