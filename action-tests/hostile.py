"""Hostile values, a workflow that gives each of them to every input of an action, and what must not come of it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from act import ActRun, Step, commands_on_github
from sampled import QUICK, sampled

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"

COMMANDS = """\
::set-output name=forged::1
::error title=forged::forged
 ::warning title=forged::forged
::add-mask::planted
::set-env name=FORGED::1
::add-path::/forged
##[error]forged
"""

FORGED = tuple(line.strip() for line in COMMANDS.splitlines())

DELIMITERS = """\
EOF
forged=1
modelway-
forged=1
forged<<EOF
1
EOF
"""

ONE_LINE = '$(touch pwned)`id`$(id)"; touch pwned; rm -rf ./planted # %0A::error::forged %0D##[error]forged'
"""One double quote and no second: where it is a command, as train-model's `command` is, bash finds no end of it."""

LINES = (
    f"{ONE_LINE}\n'; touch pwned; rm -rf ./planted #\n{COMMANDS}{DELIMITERS}\r{COMMANDS.replace(chr(10), chr(13))}\n"
)

VALUES = {
    "one-line": ONE_LINE,
    "long": (LINES + (COMMANDS + DELIMITERS) * 1000)[:100_000],
}

LONGEST_MESSAGE = 2000
OWN_VARIABLES = {"MODELWAY_FETCHED", "MODELWAY_LOCAL_REGISTRY"}
"""What an action of ours sets for the job's later steps."""


@dataclass(frozen=True)
class Setting:
    """What surrounds the hostile input. given: the other inputs, such that this one is used. before: a shell command.
    then: an action that is given the same value afterwards. refused_with: the exit code where it is no success."""

    given: Mapping[str, str] = field(default_factory=dict)
    before: str = ""
    then: str = ""
    refused_with: int = 2


@dataclass(frozen=True)
class Case:
    input: str
    value: str

    @property
    def id(self) -> str:
        return f"{self.input}_{self.value}"


Around = tuple[Setting, Mapping[str, Setting]]
"""For most cases; and for those, by the case's id or its input's name, that need another one."""


def setting_of(case: Case, around: Around) -> Setting:
    usual, special = around
    return special.get(case.id) or special.get(case.input, usual)


def action_of(export: Path, action: str) -> dict[str, Any]:
    return dict(yaml.safe_load((export / "actions" / action / "action.yml").read_text(encoding="utf-8")))


@functools.cache
def inputs(export: Path, action: str) -> tuple[str, ...]:
    return tuple(action_of(export, action)["inputs"])


def cases(export: Path, action: str, *, whole: bool) -> list[Case]:
    """One for every input that action.yml has, and every value. whole: also where QUICK is set; else it is one value then,
    another one for every other input, and what many actions have, such as config, is tried on the first of them."""
    names = inputs(export, action)
    tried = set(names)
    if QUICK and not whole:
        actions = sorted(path.name for path in export.joinpath("actions").iterdir())
        before = {name for other in actions[: actions.index(action)] for name in inputs(export, other)}
        tried = (tried - before) or {names[0]}
    found = []
    for number, name in enumerate(names):
        values = list(VALUES) if number % 2 == 0 else list(reversed(VALUES))
        if name in tried:
            found += [Case(name, value) for value in (values if whole else sampled(values, len(values)))]
    return found


def workflow(own: str, action: str, wanted: list[Case], around: Around) -> str:
    """All cases as steps of one job that goes on after a failure, and a last step that looks whether the canary sings.
    own: what names an action of ours, with {} in the place of its name."""
    steps: list[dict[str, Any]] = [{"uses": CHECKOUT}]
    for case in wanted:
        setting = setting_of(case, around)
        if setting.before:
            steps.append({"shell": "bash", "run": setting.before})
        hostile = {case.input: VALUES[case.value]}
        given = {**setting.given, **hostile}
        steps.append({"id": case.id, "uses": own.format(action), "continue-on-error": True, "with": given})
        if setting.then:
            steps.append({"id": f"{case.id}_then", "uses": own.format(setting.then), "with": hostile})
    look = 'find . -name pwned >found; echo "found=$(cat found)" >>"$GITHUB_OUTPUT"; cat planted/canary'
    steps.append({"id": "canary", "if": "always()", "shell": "bash", "run": look})
    job = {
        "runs-on": "ubuntu-latest",
        "env": {"MLFLOW_TRACKING_URI": "${{ secrets.MLFLOW_TRACKING_URI }}"},
        "steps": steps,
    }
    return json.dumps({"name": "hostile", "on": "workflow_dispatch", "jobs": {"hostile": job}})


def violations(run: ActRun, wanted: list[Case], around: Around, outputs: frozenset[str]) -> list[str]:
    """What happened that must not; empty where every value was data."""
    found = []
    for case in wanted:
        refused_with = setting_of(case, around).refused_with
        found += [f"{case.id}: {what}" for what in _of_step(run.step(case.id), refused_with, outputs)]
    canary = run.step("canary")
    if canary.log.strip() != "sings" or canary.outputs.get("found") != "":
        found.append("something was executed: a file was removed or made")
    return found


def _of_step(step: Step, refused_with: int, outputs: frozenset[str]) -> Iterator[str]:
    if (step.result, step.exit_code) not in (("success", 0), ("failure", refused_with)):
        yield f"ended as {step.result} with exit code {step.exit_code}: {step.annotations}"
    if len(step.errors) != (step.result == "failure"):
        yield f"{len(step.errors)} errors: {[error.message[:300] for error in step.errors]}"
    for annotation in step.annotations:
        if "forged" in annotation.title or annotation.message.startswith("forged"):
            yield f"a forged annotation: {annotation}"
        if len(annotation.message) > LONGEST_MESSAGE or len(annotation.message.splitlines()) != 1:
            yield f"an annotation of {len(annotation.message)} characters, not one line: {annotation.message[:300]!r}"
        if "Traceback" in annotation.message or "defect of modelway" in annotation.message:
            yield f"a defect: {annotation.message[:300]}"
    for error in step.errors:
        if step.exit_code == 2 and ". Fix: " not in error.message:
            yield f"an error without a fix: {error.message[:300]}"
    if step.outputs.keys() != outputs:
        yield f"outputs {sorted(step.outputs)}"
    if step.exported.keys() - OWN_VARIABLES:
        yield f"variables {sorted(step.exported)}"
    if taken := [line for line in step.commands if line.lstrip().startswith(FORGED)]:
        yield f"a command was taken from a value: {taken}"
    if "uid=" in step.log + json.dumps(step.outputs) + step.summary + str(step.annotations):
        yield "$(id) was executed"
    if "Traceback" in step.log:
        yield f"a traceback: {step.log[-500:]}"
    if shown := commands_on_github(step.printed):
        yield f"GitHub would take a command from {shown[:3]}"
    if "##[" in step.summary or len(step.summary.encode()) > 1024 * 1024:
        yield "the summary is not escaped, or too long"
