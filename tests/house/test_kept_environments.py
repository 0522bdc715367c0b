"""The environments that examples/cache keeps between runs: of which job, and by which files."""

from __future__ import annotations

import re
from fnmatch import filter as matching
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
LOCKS = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements/base.txt",
    "constraints.txt",
    "pyproject.toml",
    "uv.lock",
    "poetry.lock",
    "environment.yml",
    "conda.yaml",
)
"""Files that an environment of the team's is made of."""


def load(path: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / path).read_text(encoding="utf-8")))


def test_only_a_job_without_secrets_keeps_what_it_has_installed() -> None:
    (step,) = load("examples/cache/action.yml")["runs"]["steps"]
    [name] = re.findall(r"^github\.job == '(\w+)'$", step["if"])
    workflow = load(f".github/workflows/{name}.yml")
    assert list(workflow["jobs"]) == [name]
    assert "secrets" not in workflow[True]["workflow_call"]  # YAML 1.1 reads `on` as true


def test_another_lock_has_another_key() -> None:
    key = load("examples/cache/action.yml")["runs"]["steps"][0]["with"]["key"]
    patterns = [pattern.replace("**/", "*") for pattern in re.findall(r"'\*\*/([^']+)'", key)]
    read = {name for pattern in patterns for name in matching(LOCKS, pattern)}
    assert read == set(LOCKS)
    assert "'.github/**/*.yml'" in key, "which name modelway's version, and so its locks"
