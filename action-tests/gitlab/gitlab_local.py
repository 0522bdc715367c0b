"""A pipeline of GitLab's as gitlab-ci-local runs it: a copy of the commit for each job, which hands on
artifacts and dotenv reports, and nothing else. What that program is more lenient in than GitLab is held here: the reports
are read as strictly as GitLab reads them.

Source: GitLab's documentation of artifacts:reports:dotenv; gitlab-ci-local's of what it leaves out (timeouts, masking).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from team import IDENTITY, ROOT

MODULES = ROOT / "requirements" / "node" / "node_modules"
DOTENV_LINE = re.compile(r"([A-Za-z0-9_]+)=(\S(?:.*\S)?|)")
LARGEST_DOTENV = 5120
FLAGS = (
    "--shell-isolation",
    "--no-artifacts-to-source",
    "--force-shell-executor",
    "--ignore-predefined-vars",
    "CI_JOB_TOKEN",
)
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass
class GitLabRun:
    """variables: the project's own, which come before those of the file. reports: job -> what its dotenv report says."""

    project: Path
    variables: dict[str, str]
    reports: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """GitLab knows a default branch; a clone of its does too."""
        for arguments in (
            ["remote", "add", "origin", "git@gitlab.example.org:team/parcels.git"],
            ["update-ref", "refs/remotes/origin/main", "HEAD"],
            ["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"],
        ):
            subprocess.run(["git", *IDENTITY, *arguments], cwd=self.project, check=True)
        ignored = self.project / ".git" / "info" / "exclude"
        ignored.write_text(ignored.read_text(encoding="utf-8") + "\n.gitlab-ci-local\n", encoding="utf-8")

    def job(self, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """One job, as by a click: those that it needs have run before."""
        # of a job with an image it says the place within the container, also where it starts none
        known = {"CI_PROJECT_DIR": str(self.built(name)), "GITLAB_USER_LOGIN": "ana"} | self.variables | variables
        given = [f"--variable={key}={value}" for key, value in known.items()]
        done = self.ask([name, *given])
        self.reports[name] = dotenv(self.built(name) / "out" / "modelway.env")
        return done

    def built(self, name: str) -> Path:
        """The copy that the job ran in."""
        return self.project / ".gitlab-ci-local" / "builds" / name

    def ask(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        outside = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "MODELWAY_"))}
        done = subprocess.run(
            [node(), MODULES / ".bin" / "gitlab-ci-local", *FLAGS, *arguments],
            cwd=self.project,
            env=outside,
            capture_output=True,
            text=True,
            check=False,
        )
        done.stdout, done.stderr = COLOURS.sub("", done.stdout), COLOURS.sub("", done.stderr)
        return done


def node() -> str:
    """Node 22 or newer: that of requirements/node where this machine is one that it is made for, else the machine's own."""
    brought = MODULES / ".bin" / "node"
    found = str(brought) if brought.exists() else shutil.which("node")
    assert found, "gitlab-ci-local runs in Node. Fix: make requirements/node/node_modules"
    return found


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
