"""An ordinary team: its small project as a repository, and the workflows that it copied."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from act import ActRun

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent
IDENTITY = ["-c", "user.name=Parcels", "-c", "user.email=team@example.org", "-c", "commit.gpgsign=false"]

MakeProject = Callable[..., Path]
"""make_project(model, files, inside): see `write_project`, in a folder of its own."""
RunAction = Callable[..., ActRun]
"""run_action(name, **inputs): action-tests/<name>/workflow.yml in the project that the actions' tests share."""


def write_project(repository: Path, model: str, files: Mapping[str, str] | None = None, inside: str = ".") -> Path:
    """The project with this model's name as a repository with one commit. files: more of them, path -> text. inside: the
    folder of the repository that the project is in."""
    folder = repository / inside
    shutil.copytree(HERE / "project", folder, ignore=shutil.ignore_patterns("data", "out", "__pycache__"))
    # the same text as the example's: one environment serves both
    shutil.copy(ROOT / "examples" / "flight-delay" / "requirements.txt", folder)
    (folder / "modelway.yml").write_text(config(model), encoding="utf-8")
    for path, text in {".gitignore": "data/\nout/\n", "planted/canary": "sings\n", **(files or {})}.items():
        target = repository / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for arguments in (["init", "--quiet", "-b", "main"], ["add", "--all"], ["commit", "--quiet", "-m", "Parcels"]):
        subprocess.run(["git", *IDENTITY, *arguments], cwd=repository, check=True)
    return repository


def config(model: str) -> str:
    """The project's modelway.yml with another model's name."""
    text = (HERE / "project" / "modelway.yml").read_text(encoding="utf-8")
    assert "model: parcels\n" in text
    return text.replace("model: parcels\n", f"model: {model}\n", 1)


def template(name: str) -> str:
    """A workflow that a team copies, as it stands."""
    return (ROOT / "workflows-templates" / name).read_text(encoding="utf-8")
