"""Release notes: the changelog's newest section, and what changed of inputs, outputs and permissions since a tag.

Usage: scripts/run --in tool python release/notes.py [PREVIOUS_TAG]
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
GRANT, KEY = re.compile(r"^# The caller's job grants (.+)$", re.MULTILINE), re.compile(r"`([\w-]+: \w+)`")


def main() -> int:
    previous = sys.argv[1] if len(sys.argv) > 1 else ""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    print(f"# {newest[1].strip()}" if newest else "# Release")
    here = contract({path: (ROOT / path).read_text(encoding="utf-8") for path in files("")})
    there = contract({path: git("show", f"{previous}:{path}") for path in files(previous)}) if previous else set()
    for title, changes in (("Added", here - there), ("Removed", there - here)):
        if changes and previous:
            print(f"\n## {title} since {previous}\n\n" + "\n".join(f"- {change}" for change in sorted(changes)))
    return 0


def files(tag: str) -> list[str]:
    listed = git("ls-tree", "-r", "--name-only", tag) if tag else git("ls-files")
    return [
        name for name in listed.splitlines() if re.fullmatch(r"actions/.*/action\.yml|\.github/workflows/.*\.yml", name)
    ]


def contract(texts: dict[str, str]) -> set[str]:
    """Every input, output, secret and permission that a caller names, as one line each."""
    found: set[str] = set()
    for path, text in texts.items():
        document: dict[Any, Any] = yaml.safe_load(text)
        called = document
        if "jobs" in document:
            started = document.get(True) or document.get("on")
            if "workflow_call" not in started:
                continue  # one of our own, which nobody else calls
            called = started["workflow_call"]
        name = path.split("/")[1] if path.startswith("actions/") else Path(path).name
        for kind in ("inputs", "outputs", "secrets"):
            found |= {f"{name}: {kind[:-1]} `{key}`" for key in (called or {}).get(kind) or ()}
        found |= {
            f"{name}: the caller's job grants `{key}`" for line in GRANT.findall(text) for key in KEY.findall(line)
        }
    return found


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
