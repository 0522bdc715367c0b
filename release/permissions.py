"""What docs/permissions.md publishes: what the workflows and the templates ask of GitHub, read from the files themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

GRANT = re.compile(r"^# The caller's job grants (.+?)$", re.MULTILINE)
ITEM = re.compile(r"`([\w-]+: (?:read|write|none))` \(([^)]+)\)")
ASKED = re.compile(r"^ +(?:permissions: \{ )?([\w-]+: (?:read|write))(?: \})? +# (.+)$", re.MULTILINE)
"""A permission with its reason beside it, on a line of its own or in braces."""
REGISTRY = re.compile(r"MLFLOW_TRACKING_\w+")
INPUT = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")


def of_workflows(root: Path) -> str:
    """A row for each reusable workflow: its grant and the reasons, the environments that its jobs run in, and the secrets
    that it takes. ValueError where one does not say what it needs."""
    lines = ["| workflow | the calling job grants | environment | secrets |", "|---|---|---|---|"]
    for path in sorted((root / ".github" / "workflows").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        workflow = yaml.safe_load(text)
        call = workflow.get("on", workflow.get(True)) or {}  # YAML 1.1 reads `on` as true
        if "workflow_call" not in call:
            continue
        grant = GRANT.search(text)
        if grant is None or not ITEM.findall(grant[1]):
            raise ValueError(f"{path.name} does not say what the caller's job grants, in a comment at its top")
        needs = "<br>".join(f"`{asked}` {why}" for asked, why in ITEM.findall(grant[1]))
        taken = dict.fromkeys(REGISTRY.sub("MLFLOW_*", name) for name in call["workflow_call"].get("secrets", {}))
        secrets = ", ".join(f"`{name}`" for name in taken)
        lines.append(
            f"| {path.name} | {needs} | {', '.join(environments(root, path)) or 'none'} | {secrets or 'none'} |"
        )
    return "\n".join(lines)


def environments(root: Path, path: Path) -> list[str]:
    """Of the jobs of a reusable workflow and of those that it calls, as the caller's input names them; sorted."""
    workflow: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for job in workflow["jobs"].values():
        if name := environment_of(job):
            found.add("`" + INPUT.sub(r"<\g<1>>", name) + "`")
        called = re.fullmatch(r"\$/(\.github/workflows/[\w-]+\.yml)", job.get("uses", ""))
        if called:
            named = INPUT.fullmatch(str(job.get("with", {}).get("environment", "")))
            found |= {
                item.replace("<environment>", f"<{named[1]}>") if named else item
                for item in environments(root, root / called[1])
            }
    return sorted(found)


def environment_of(job: dict[str, Any]) -> str:
    """The name of a job's environment, as it is written; empty where it runs in none."""
    environment = job.get("environment", "")
    return str(environment["name"] if isinstance(environment, dict) else environment)


def of_templates(root: Path) -> str:
    """A row for each permission of each template, with the reason beside it. ValueError where one has no reason."""
    lines = ["| template | permission | why |", "|---|---|---|"]
    for path in sorted((root / "workflows-templates").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        said = dict.fromkeys(ASKED.findall(text))
        jobs = yaml.safe_load(text)["jobs"].values()
        asked = {f"{name}: {level}" for job in jobs for name, level in job.get("permissions", {}).items()}
        if asked != {permission for permission, _ in said}:
            raise ValueError(f"{path.name} does not say beside each permission what it is for")
        lines += [f"| {path.name} | `{permission}` | {why} |" for permission, why in said]
    return "\n".join(lines)
