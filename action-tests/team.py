"""An ordinary team: its small project as a repository, and the workflows that it copied."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests
import yaml

from act import ActRun
from modelway.loopback import free_port

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent
IDENTITY = ["-c", "user.name=Parcels", "-c", "user.email=team@example.org", "-c", "commit.gpgsign=false"]

DELIVER, ROLLBACK, ADVANCE = (f".github/workflows/{name}.yml" for name in ("model", "rollback", "advance"))
"""Where a team puts the templates."""

MakeProject = Callable[..., Path]
"""make_project(model, files, inside): see `write_project`, in a folder of its own."""
RunAction = Callable[..., ActRun]
"""run_action(name, **inputs): action-tests/<name>/workflow.yml in the project that the actions' tests share."""


@dataclass(frozen=True)
class Deployed:
    """A run that changed what answers in the environment live. seen: the client's own counts meanwhile. serving: the version
    that answered when it had ended; alias: where the registry's pointed then, where that was looked up."""

    run: ActRun
    address: str
    seen: dict[str, int]
    serving: str
    alias: int = 0


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
    commit(repository)
    return repository


def commit(repository: Path) -> None:
    """Make a folder a repository with one commit."""
    for arguments in (["init", "--quiet", "-b", "main"], ["add", "--all"], ["commit", "--quiet", "-m", "Parcels"]):
        subprocess.run(["git", *IDENTITY, *arguments], cwd=repository, check=True)


def config(model: str, *, delivered: bool = False) -> str:
    """The project's modelway.yml with another model's name, and with free ports. delivered: what passes the gate is deployed
    to staging and production too, all at once."""
    text = (HERE / "project" / "modelway.yml").read_text(encoding="utf-8")
    assert "model: parcels\n" in text and "  staging: {}\n  production: {}\n" in text
    text = text.replace("model: parcels\n", f"model: {model}\n", 1)
    if delivered:
        for environment in ("staging", "production"):
            deploy = "deploy: { strategy: all-at-once, local: { port: 1, replicas: 1 } }"
            text = text.replace(f"  {environment}: {{}}\n", f"  {environment}:\n    {deploy}\n", 1)
    return with_free_ports(text)


def with_free_ports(text: str) -> str:
    return re.sub(r"port: \d+", lambda _: f"port: {free_port()}", text)


def address(project: Path, environment: str) -> str:
    """Where the environment's model answers."""
    known = yaml.safe_load((project / "modelway.yml").read_text(encoding="utf-8"))["environments"][environment]
    return f"http://127.0.0.1:{known['deploy']['local']['port']}"


def serving(address: str) -> str:
    """The version that answers there; empty where none does."""
    answer = requests.get(f"{address}/model/version", timeout=5)
    return str(answer.json()["version"]) if answer.ok else ""


def template(name: str) -> str:
    """A workflow that a team copies, as it stands."""
    return (ROOT / "workflows-templates" / name).read_text(encoding="utf-8")
