"""A pipeline of GitLab's as its shell executor runs it: a fresh clone for each job, `before_script` and `script` as one bash,
variables by GitLab's precedence, and the dotenv reports of the jobs that it needs, read as strictly as GitLab reads them.

Source: GitLab's documentation of predefined variables and of artifacts:reports:dotenv. What is not read here, such as images
and caches, is held to GitLab's own schema by `make check`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

DOTENV_LINE = re.compile(r"([A-Za-z0-9_]+)=(\S(?:.*\S)?|)")
LARGEST_DOTENV = 5120
REFERENCE = re.compile(r"\$(\w+)")


@dataclass
class GitLabRun:
    """variables: the project's own, which come before those of the file. reports: job -> what its dotenv report says."""

    project: Path
    place: Path
    variables: dict[str, str]
    reports: dict[str, dict[str, str]] = field(default_factory=dict)

    def job(self, name: str) -> subprocess.CompletedProcess[str]:
        pipeline = yaml.safe_load((self.project / ".gitlab-ci.yml").read_text(encoding="utf-8"))
        job = extended(pipeline, name)
        clone = self.place / name
        shutil.rmtree(clone, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", self.project, clone], check=True)
        known = {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_PROJECT_DIR": str(clone),
            "CI_JOB_ID": str(len(self.reports) + 1),
            "CI_JOB_URL": f"https://gitlab.example.org/team/parcels/-/jobs/{len(self.reports) + 1}",
            "CI_SERVER_URL": "https://gitlab.example.org",
            "GITLAB_USER_LOGIN": "ana",
        }
        given = known | {key: str(value) for key, value in pipeline["variables"].items()}
        for needed in job.get("needs", []):
            given |= self.reports[needed]
        given |= self.variables
        given = {key: REFERENCE.sub(lambda found: given.get(found[1], ""), value) for key, value in given.items()}
        outside = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "MODELWAY_"))}
        done = subprocess.run(
            ["bash", "-e", "-c", "\n".join([*job["before_script"], *job["script"]])],
            cwd=clone,
            env=outside | given,
            capture_output=True,
            text=True,
            check=False,
        )
        self.reports[name] = dotenv(clone / job["artifacts"]["reports"]["dotenv"])
        return done


def extended(pipeline: dict[str, Any], name: str) -> dict[str, Any]:
    """The job with the keys of those that it extends; a later one has the last word."""
    job = pipeline[name]
    above = job.get("extends", [])
    found: dict[str, Any] = {}
    for each in [above] if isinstance(above, str) else above:
        found |= extended(pipeline, each)
    return found | job


def dotenv(path: Path) -> dict[str, str]:
    """AssertionError where GitLab would refuse the report."""
    content = path.read_bytes() if path.exists() else b""
    assert len(content) <= LARGEST_DOTENV
    found = {}
    for line in content.decode("utf-8").splitlines():
        match = DOTENV_LINE.fullmatch(line)
        assert match, line
        found[match[1]] = match[2]
    return found
