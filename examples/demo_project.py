"""The example as a repository of its own, which the demo's scenes change as a team would."""

from __future__ import annotations

import shutil
import subprocess

from demo_act import OUT, ROOT

PROJECT = OUT / "project"


def make_project() -> None:
    """The example as a repository of its own, as a team has it."""
    ignored = shutil.ignore_patterns("data", "out", "__pycache__")
    shutil.copytree(ROOT / "examples" / "flight-delay", PROJECT, ignore=ignored)
    (PROJECT / ".gitignore").write_text("data/\nout/\n", encoding="utf-8")
    git("init", "--quiet", "-b", "main")


def edit(*edits: tuple[str, str, str]) -> None:
    """Each: a file, a line's end, and what stands there instead."""
    for path, old, new in edits:
        text = (PROJECT / path).read_text(encoding="utf-8")
        (PROJECT / path).write_text(text.replace(f"{old}\n", f"{new}\n"), encoding="utf-8")


def commit(message: str) -> None:
    git("add", "--all")
    git("commit", "--quiet", "-m", message)


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=Flight Delay", "-c", "user.email=team@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=PROJECT, check=True)
