"""Running a workflow of the demo with act, telling of it as it goes, and reading back what happened."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out" / "demo"
ADDRESS = json.loads((ROOT / "release" / "repository.json").read_text(encoding="utf-8"))
UPLOADS = {
    r"actions/upload-artifact@\w+": ROOT / "action-tests" / "uploads" / "upload-artifact",
    r"github/codeql-action@\w+": ROOT / "action-tests" / "uploads" / "codeql-action",
}
"""What keeps reports on GitHub, and shows findings there: act skips the steps, and would fetch the actions all the same."""
PLATFORMS = ("ubuntu-latest", "self-hosted", "modelway-rollback")
"""All of these labels are this machine."""


@dataclass
class Run:
    """outputs: of all actions, a later one's over an earlier one's. pages: what each step shows on the run's page."""

    exit_code: int = -1
    outputs: dict[str, str] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)


def say(text: str) -> None:
    print(f"   {text}", flush=True)


def full_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """This process's own, with the demo's state, and what the target needs."""
    return {**os.environ, "MODELWAY_STATE": str(OUT / "state"), **environ}


def run_script(script: str, *flags: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Run one of our scripts in a shell; its outputs."""
    command = [ROOT / "scripts" / "run", script, *flags]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False, env=full_environment(environ or {})
    )
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def act_command(event: str, workflow: str, trees: Mapping[str, Path]) -> list[str]:
    """act on this machine. trees: what references lead to, by what they name: a ref of our own repository, or a whole
    `owner/name@ref`."""
    command = ["act", event, "--workflows", workflow, "--json", "--rm"]
    for label in PLATFORMS:
        command += ["--platform", f"{label}=-self-hosted"]
    used = {ref if "@" in ref else f"{ADDRESS['repository']}@{ref}": tree for ref, tree in trees.items()}
    check = (ROOT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8").replace("/upload-sarif@", "@")
    for pattern, tree in UPLOADS.items():
        used |= dict.fromkeys(re.findall(pattern, check), tree)
    for address, tree in used.items():
        command += ["--local-repository", f"{address}={tree}"]
    return command


def run_workflow(
    project: Path,
    workflow: str,
    log: Path,
    *,
    secrets: Mapping[str, str],
    inputs: Mapping[str, str],
    refs: Sequence[str],
    export: Path,
    environ: Mapping[str, str],
    seen: Callable[[str], None],
) -> Run:
    """Run a workflow of `project`; what it refers to is in `export`. seen: is told every line of progress."""
    command = act_command("workflow_dispatch", workflow, dict.fromkeys((ADDRESS["major"], *refs), export))
    for name, value in inputs.items():
        command += ["--input", f"{name}={value}"]
    for name in secrets:
        command += ["--secret", name]  # from the environment: an argument list is everybody's to read
    command += ["--actor", "you", "--env", "GITHUB_REPOSITORY=team/flight-delay"]
    run = Run()
    process = subprocess.Popen(
        command,
        cwd=project,
        env={**act_environment(), **environ, **secrets},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for event in _events(process, log):
            if event.get("command") == "set-output" and event.get("arg"):
                run.outputs[event["name"]] = event["arg"]
            elif event.get("command") == "summary" and event.get("content", "") not in run.pages:
                run.pages.append(event["content"])  # act says an action's page again for the step that used it
            tell(event)
            seen(str(event.get("msg", "")))
        run.exit_code = process.wait()
    finally:
        process.kill()
    return run


def _events(process: subprocess.Popen[str], log: Path) -> Iterator[dict[str, str]]:
    assert process.stdout is not None
    with log.open("w", encoding="utf-8") as stream:
        for line in process.stdout:
            stream.write(line)
            try:
                yield json.loads(line)
            except ValueError:
                continue  # what act prints before it logs as JSON


PROGRESS = re.compile(r"modelway: |version \d+ (is|gets)|back to |\d+%: version|needs about|alias |accepted: |going on")
"""Lines of our own scripts that tell a person where they are."""


def tell(event: dict[str, str]) -> None:
    """Progress for a person: each step as it ends, errors and warnings with their words."""
    message = str(event.get("msg", "")).strip()
    if event.get("command") in ("error", "warning"):
        say(f"   {event['command']}: {event.get('arg', '')}")
    elif event.get("raw_output") and PROGRESS.match(message):
        say(f"   {message.removeprefix('modelway: ')[:160]}")
    elif event.get("stepResult") and event.get("stage") == "Main" and len(event.get("stepID", ())) == 1:
        seconds = int(event.get("executionTime", 0)) / 1e9
        job = event.get("job", "").rpartition("/")[2]
        step = re.sub(r".*/([\w-]+)@\w+", r"\1", event.get("step", ""))
        if step != "checkout":
            say(f"{job}: {step}: {event['stepResult']} ({seconds:.1f} s)")


def act_environment() -> dict[str, str]:
    """What the run may see of this machine: act's own state below out/, the tool's and uv's caches where they are."""
    home = os.environ.get("HOME", "/")
    cache = os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache"
    kept = ("PATH", "HOME", "LANG", "MODELWAY_HOME", "MODELWAY_TOOL_PYTHON", "MODELWAY_WHEELHOUSE")
    kept += tuple(
        name for name in os.environ if name.startswith(("PIP_", "UV_", "SSL_")) or name.lower().endswith("_proxy")
    )
    environ = {name: os.environ[name] for name in kept if name in os.environ}
    environ.setdefault("MODELWAY_HOME", f"{cache}/modelway")
    environ.setdefault("UV_CACHE_DIR", f"{cache}/uv")
    return {**environ, "XDG_CACHE_HOME": str(OUT / "act")}
