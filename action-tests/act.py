"""Runs a workflow with act, and reads from `act --json` what every step did: result, outputs, summary, annotations.

Nothing of the run is left behind but what it did to the registry and to the targets: act's own state, and that of the
deployments, is below folders of the test session.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo_act import ADDRESS, act_command, act_environment

TIMEOUT_SECONDS = 300
STATE = "MODELWAY_STATE"
EXIT_STATUS = re.compile(r"exit status (\d+)")
CALL = "subpath '.github/workflows/"
"""What act says when a job calls a reusable workflow."""
COMMAND = re.compile(r"^\s*::([a-z-]+)(?: ([^\n]*?))?::(.*)$", re.DOTALL)
"""As GitHub reads it: the first `::` ends the properties. act takes the last."""
OLD_COMMAND = re.compile(r"##\[[\w-]+[^\]]*\]")
KNOWN_COMMANDS = frozenset(
    ["add-mask", "add-matcher", "debug", "error", "group", "endgroup", "notice", "remove-matcher", "save-state"]
    + ["set-env", "set-output", "add-path", "stop-commands", "warning", "echo"]
)


@dataclass(frozen=True)
class Annotation:
    level: str
    title: str
    message: str


@dataclass
class Step:
    """One step of the caller's job; what happened inside a composite action is its own."""

    job: str
    id: str
    result: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    outputs: dict[str, str] = field(default_factory=dict)
    exported: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    annotations: list[Annotation] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    """Lines of the log that the runner showed as they are."""
    commands: list[str] = field(default_factory=list)
    """Lines of the log that the runner took for a command, as they were printed."""

    def of_level(self, level: str) -> list[Annotation]:
        return [annotation for annotation in self.annotations if annotation.level == level]

    @property
    def errors(self) -> list[Annotation]:
        return self.of_level("error")

    @property
    def warnings(self) -> list[Annotation]:
        return self.of_level("warning")

    @property
    def log(self) -> str:
        return "\n".join(self.printed)


@dataclass(frozen=True)
class ActRun:
    exit_code: int
    jobs: Mapping[str, str]
    """Job -> success or failure; a job that did not run is not there."""
    steps: Mapping[tuple[str, str], Step]
    """(job, step's id) -> the step, in the order of the run."""
    log: str
    """All that act printed, its JSON included, but for the masks: what is to be hidden stands in them."""

    def step(self, name: str) -> Step:
        """The one step with this id."""
        (found,) = [step for step in self.steps.values() if step.id == name]
        return found

    def ran(self, name: str) -> bool:
        return any(step.id == name for step in self.steps.values())

    def within(self, caller: str) -> ActRun:
        """What the workflow did that this job called, where two jobs, one after the other, call the same. Nothing where
        the job did not run."""
        current, kept = "", []
        for line in self.log.split("\n"):
            for event in _events(line):
                current = event["jobID"] if "stepID" not in event and CALL in str(event.get("msg", "")) else current
            kept += [line] if current == caller else []
        return parsed(self.exit_code, "\n".join(kept))


@dataclass(frozen=True)
class Act:
    """export: the tree that `uses:` is mapped to. ref: what own references in it name. cache: act's own state. state: what
    deployments and images of this machine are kept in, instead of the user's own folder. also: more refs and their trees."""

    export: Path
    ref: str
    cache: Path
    state: Path
    also: Mapping[str, Path] = field(default_factory=dict)

    def run(
        self,
        project: Path,
        workflow: Path,
        *,
        inputs: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        event: str = "workflow_dispatch",
        payload: Mapping[str, Any] | None = None,
    ) -> ActRun:
        """Run `workflow` in a fresh workspace with what is checked out in `project`. payload: of the event."""
        trees = {ADDRESS["major"]: self.export, self.ref: self.export, **self.also}
        command = act_command(event, str(workflow), trees)
        known = {STATE: str(self.state), **(env or {})}
        for flag, values in (("--input", inputs), ("--secret", secrets), ("--env", known)):
            for name, value in (values or {}).items():
                command += [flag, f"{name}={value}"]
        if payload is not None:
            self.cache.mkdir(parents=True, exist_ok=True)
            path = self.cache / "event.json"
            path.write_text(json.dumps(payload), encoding="utf-8")
            command += ["--eventpath", str(path)]
        return parsed(*self._execute(command, project))

    def left_running(self) -> list[int]:
        """Processes that a run left behind, but for those of deployments."""
        scripts = (self.export / "scripts").resolve()
        found = {*left_running(self.cache), *left_running(scripts)}
        return sorted(found - {*left_running(self.state)})

    def _execute(self, command: list[str], project: Path) -> tuple[int, str]:
        environ = {**act_environment(), "XDG_CACHE_HOME": str(self.cache)}
        process = subprocess.Popen(
            command,
            cwd=project,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        timer = threading.Timer(TIMEOUT_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            said, _ = process.communicate()
        finally:
            timer.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        log = said.decode("utf-8", "replace")
        assert process.returncode >= 0, f"act was ended after {TIMEOUT_SECONDS} s: {log[-2000:]}"
        return process.returncode, log


def parsed(exit_code: int, log: str) -> ActRun:
    jobs: dict[str, str] = {}
    steps: dict[tuple[str, str], Step] = {}
    for event in _events(log):
        job = str(event.get("jobID", ""))
        if "jobResult" in event:
            jobs[job] = event["jobResult"]
        if event.get("stage") == "Main" and event.get("stepID"):
            step_id = event["stepID"][0]
            _add(steps.setdefault((job, step_id), Step(job, step_id)), event)
    shown = "\n".join(line for line in log.split("\n") if '"command":"add-mask"' not in line)
    return ActRun(exit_code, jobs, steps, shown)


def _events(log: str) -> Iterator[dict[str, Any]]:
    for line in log.split("\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue  # what act prints before it logs as JSON, and its last word
        if isinstance(event, dict):
            yield event


def _add(step: Step, event: Mapping[str, Any]) -> None:
    command, outermost = event.get("command"), len(event["stepID"]) == 1
    if "raw" in event:
        step.commands.append(event["raw"].rstrip("\n"))
    if command == "set-output":
        step.outputs[event.get("name", event.get("raw", ""))] = event.get("arg", "")
    elif command == "set-env":
        step.exported[event.get("name", event.get("raw", ""))] = event.get("arg", "")
    elif command == "summary":
        step.summary = event.get("content", "")
    elif command in ("error", "warning", "notice"):
        step.annotations.append(annotation_of(event["raw"]))
    elif event.get("raw_output"):
        step.printed.append(event["msg"].rstrip("\n"))
    elif status := EXIT_STATUS.fullmatch(str(event.get("msg", ""))):
        step.exit_code = int(status[1])
    if outermost and "stepResult" in event:
        step.result = event["stepResult"]
        step.seconds = int(event.get("executionTime", 0)) / 1e9


def annotation_of(line: str) -> Annotation:
    match = COMMAND.match(line.rstrip("\n"))
    if not match:  # the old form, ##[error]message
        level, _, message = line.strip().removeprefix("##[").partition("]")
        return Annotation(level, "", message)
    properties = dict(pair.partition("=")[::2] for pair in (match[2] or "").split(",") if pair)
    return Annotation(match[1], unescaped(properties.get("title", "")), unescaped(match[3]))


def unescaped(text: str) -> str:
    for escape, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def commands_on_github(lines: list[str]) -> list[str]:
    """The lines that GitHub's runner would take for a command; act knows fewer forms of it."""
    found = []
    for line in lines:
        match = COMMAND.match(line)
        if (match and match[1] in KNOWN_COMMANDS) or OLD_COMMAND.search(line):
            found.append(line)
    return found


def left_running(folder: Path) -> list[int]:
    """Processes that work below `folder`, or whose command line names something there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            at_work = (process / "cwd").readlink().is_relative_to(folder)
            if at_work or str(folder).encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue  # it has ended meanwhile, or is not ours
    return [pid for pid in found if pid != os.getpid()]
