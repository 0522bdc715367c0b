"""The whole journey on this machine: examples/flight-delay through the reusable workflows, under act, on real flights.

Three models are trained, judged and, where they pass, promoted, against a real MLflow server that is started here and
stopped at the end. Everything is below out/demo; `summary.json` says what happened.

Usage: make demo      (or: scripts/run --in act python examples/demo.py)
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out" / "demo"
PROJECT, EXPORT, STORE, SUMMARY = OUT / "project", OUT / "modelway", OUT / "mlflow", OUT / "summary.json"
WORKFLOW = ".github/workflows/model.yml"
REF = "demo"
ADDRESS = json.loads((ROOT / "release" / "repository.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Scene:
    name: str
    says: str
    parameters: dict[str, str]
    expected: str


SCENES = (
    Scene("first", "the first model: logistic regression", {"model": "logistic"}, "promoted"),
    Scene("challenger", "a challenger: gradient boosting", {"model": "boosting"}, "promoted"),
    Scene(
        "worse",
        "one that left out the most telling feature, the delay at departure",
        {"model": "boosting", "without": "dep_delay"},
        "refused",
    ),
)


@dataclass
class Stage:
    """One scene as it went: what summary.json holds of it."""

    scene: str
    workflow: str
    exit_code: int = -1
    outcome: str = "failed"
    version: int | None = None
    digests: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    failing_checks: list[str] = field(default_factory=list)


def main() -> int:
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run_script("stop_registry", "--folder", str(STORE))  # of a demo that was cut off
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    say("the example becomes a project of its own, with one commit")
    make_project()
    subprocess.run([ROOT / "release" / "export", EXPORT, "--ref", REF], check=True, stdout=subprocess.DEVNULL)
    say("starting a real MLflow server (SQLite, on this machine only)")
    uri = run_script("start_registry", "--folder", str(STORE))["tracking-uri"]
    say(f"it answers on {uri}")
    stages: list[Stage] = []
    try:
        for number, scene in enumerate(SCENES, start=1):
            print(f"\n{number}. {scene.says}", flush=True)
            stages.append(play(scene, uri))
            write_summary(stages)
            if stages[-1].outcome != scene.expected:
                print(f"error: demo: {scene.name} was {stages[-1].outcome}, not {scene.expected}: see {log_of(scene)}")
                return 1
        print("\n4. what was in production when, and why\n", flush=True)
        history(uri)
    finally:
        run_script("stop_registry", "--folder", str(STORE))
    table(stages)
    print(f"\nThe demo took {time.monotonic() - began:.0f} s. Where to look:")
    print(f"  {SUMMARY.relative_to(ROOT)}      what happened, for a program")
    print(
        f"  {OUT.relative_to(ROOT)}/*.md            what each run's page shows: the checks, with n, value, interval, limit"
    )
    print(f"  {(PROJECT / WORKFLOW).relative_to(ROOT)}   the workflow that a team copies")
    print("`make clean` removes it all.")
    return 0


def say(text: str) -> None:
    print(f"   {text}", flush=True)


def run_script(script: str, *flags: str) -> dict[str, str]:
    """Run one of our scripts in a shell; its outputs."""
    done = subprocess.run(
        [ROOT / "scripts" / "run", script, *flags], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def make_project() -> None:
    """The example as a repository of its own, as a team has it."""
    ignored = shutil.ignore_patterns("data", "out", "__pycache__")
    shutil.copytree(ROOT / "examples" / "flight-delay", PROJECT, ignore=ignored)
    (PROJECT / ".gitignore").write_text("data/\nout/\n", encoding="utf-8")
    identity = ["-c", "user.name=Flight Delay", "-c", "user.email=team@example.org", "-c", "commit.gpgsign=false"]
    for arguments in (
        ["init", "--quiet", "-b", "main"],
        ["add", "--all"],
        ["commit", "--quiet", "-m", "Predict late flights"],
    ):
        subprocess.run(["git", *identity, *arguments], cwd=PROJECT, check=True)


def play(scene: Scene, uri: str) -> Stage:
    """Run the team's workflow for one scene and read what happened from act's own record of it."""
    began = time.monotonic()
    stage = Stage(scene.name, WORKFLOW)
    command = [
        "act",
        "workflow_dispatch",
        "--workflows",
        WORKFLOW,
        "--json",
        "--rm",
        "--platform",
        "ubuntu-latest=-self-hosted",
    ]
    for ref in (ADDRESS["major"], REF):
        command += ["--local-repository", f"{ADDRESS['repository']}@{ref}={EXPORT}"]
    command += ["--secret", f"MLFLOW_TRACKING_URI={uri}", "--input", f"parameters={json.dumps(scene.parameters)}"]
    command += ["--input", f"reason={scene.says}", "--actor", "you", "--env", "GITHUB_REPOSITORY=team/flight-delay"]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=act_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    outputs: dict[str, str] = {}
    summaries: list[str] = []
    try:
        for event in events(process, log_of(scene)):
            if event.get("command") == "set-output":
                outputs[event["name"]] = event.get("arg", "")
            elif event.get("command") == "summary":
                summaries.append(event.get("content", ""))
            tell(event)
        stage.exit_code = process.wait()
    finally:
        process.kill()
    pages = "\n\n".join(dict.fromkeys(summaries))  # act says an action's summary again for the step that used it
    (OUT / f"{scene.name}.md").write_text(pages + "\n", encoding="utf-8")
    stage.seconds = round(time.monotonic() - began, 1)
    stage.outcome = outcome_of(stage.exit_code, outputs)
    stage.version = int(outputs["version"]) if outputs.get("version") else None
    stage.digests = {name.removesuffix("-digest"): outputs[name] for name in outputs if name.endswith("-digest")}
    stage.failing_checks = json.loads(outputs.get("failing-checks") or "[]")
    return stage


def events(process: subprocess.Popen[str], log: Path) -> Iterator[dict[str, str]]:
    assert process.stdout is not None
    with log.open("w", encoding="utf-8") as stream:
        for line in process.stdout:
            stream.write(line)
            try:
                yield json.loads(line)
            except ValueError:
                continue  # what act prints before it logs as JSON


def tell(event: dict[str, str]) -> None:
    """Progress for a person: each step as it ends, errors and warnings with their words."""
    if event.get("command") in ("error", "warning"):
        say(f"   {event['command']}: {event.get('arg', '')}")
    elif event.get("raw_output") and event.get("msg", "").startswith("modelway: "):
        say(f"   {event['msg'].strip().removeprefix('modelway: ')}")
    elif event.get("stepResult") and event.get("stage") == "Main" and len(event.get("stepID", ())) == 1:
        seconds = int(event.get("executionTime", 0)) / 1e9
        job = event.get("job", "").rpartition("/")[2]
        step = re.sub(r".*/([\w-]+)@\w+", r"\1", event.get("step", ""))
        if step != "checkout":
            say(f"{job}: {step}: {event['stepResult']} ({seconds:.1f} s)")


def outcome_of(exit_code: int, outputs: dict[str, str]) -> str:
    if exit_code == 0 and outputs.get("promoted") == "true":
        return "promoted"
    return "refused" if exit_code and outputs.get("outcome") == "fail" else "failed"


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


def history(uri: str) -> None:
    subprocess.run(
        [ROOT / "scripts" / "run", "show_history", "--working-directory", str(PROJECT), "--tracking-uri", uri],
        check=True,
    )


def write_summary(stages: list[Stage]) -> None:
    SUMMARY.write_text(json.dumps({"stages": [asdict(stage) for stage in stages]}, indent=2) + "\n", encoding="utf-8")


def table(stages: list[Stage]) -> None:
    print("\n| scene      | version | outcome  | exit | seconds | refused for")
    print("|------------|---------|----------|------|---------|------------")
    for stage in stages:
        refused = ", ".join(stage.failing_checks[:3]) + (", ..." if len(stage.failing_checks) > 3 else "")
        left = f"| {stage.scene:10} | {stage.version!s:>7} | {stage.outcome:8} "
        print(f"{left}| {stage.exit_code:4} | {stage.seconds:7} | {refused}")


def log_of(scene: Scene) -> Path:
    return OUT / f"{scene.name}.log"


if __name__ == "__main__":
    sys.exit(main())
