"""The files that init writes: modelway.yml, the workflows, and a page that says what was assumed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelway.adoption.repository import FoundDeployment
from modelway.adoption.truth import LabelValues, limit_of
from modelway.data.yaml_text import flow, scalar
from modelway.markdown import table


@dataclass(frozen=True)
class Assumption:
    """What was taken, and why. key: of modelway.yml."""

    key: str
    value: str
    why: str


@dataclass(frozen=True)
class AdoptionPlan:
    """All that modelway.yml says. experiment: None is the model's name."""

    model: str
    train: str
    test: str
    contract: str
    packages: str
    command: str
    label: str
    truth: LabelValues
    experiment: str | None = None
    deployment: FoundDeployment | None = None


def config(plan: AdoptionPlan) -> str:
    """modelway.yml."""
    metric, least, why = limit_of(plan.truth)
    lines = [
        "# By `modelway init`; MODELWAY.md says what it assumed.",
        f"model: {scalar(plan.model)}",
        "",
        "data:",
        f"  train: {scalar(plan.train)}",
        f"  test: {scalar(plan.test)} # rows that no training has seen",
        f"  contract: {scalar(plan.contract)}",
        "",
        "train:",
        f"  requirements: {scalar(plan.packages)}",
        f"  command: {scalar(plan.command)}",
        "",
        *([f"registry: {{ experiment: {scalar(plan.experiment)} }}", ""] if plan.experiment else []),
        "gate:",
        f"  label: {scalar(plan.label)}",
    ]
    lines += [f"  task: {plan.truth.task}"] if plan.truth.task != "binary" else []
    label_as = plan.truth.label_as
    lines += [f"  label-as: {flow(label_as)} # as the training makes it of the column"] if label_as is not None else []
    lines += [f"  positive-class: {plan.truth.positive}"] if plan.truth.positive else []
    lines += [
        "  limits:",
        f"    {metric}: {{ at-least: {least:g} }} # {why}",
        "  against-production:",
        f"    {metric}: {{ not-worse-by: 0.02 }}",
        "",
        "environments:",
        "  production: {}",
    ]
    if plan.deployment:
        namespace = f"namespace: {plan.deployment.namespace}, " if plan.deployment.namespace else ""
        lines += [
            f"  # {plan.deployment.file} has a Deployment: instead of {{}}, a canary under its traffic (docs/kubernetes.md).",
            "  #   deploy:",
            "  #     target: kubernetes",
            f"  #     kubernetes: {{ {namespace}deployment: {plan.deployment.name} }}",
        ]
    return "\n".join(lines) + "\n"


def workflow(template: str, below: str) -> str:
    """One of workflows-templates, for a project in the folder `below` of the repository; empty: in its own."""
    if not below:
        return template
    placed = re.sub(r"(?m)^(    with:)$", rf"\1\n      working-directory: {scalar(below)}", template)
    return re.sub(r"(?m)^name: (\w+)$", lambda match: f"name: {match[1]} {below}", placed, count=1)


def page(plan: AdoptionPlan, assumed: Sequence[Assumption], to_do: Sequence[str], files: Mapping[str, str]) -> str:
    """MODELWAY.md. files: what was written, and what each is."""
    rows = [[item.key, item.value, item.why] for item in assumed]
    parts = [
        f"# Modelway for {plan.model}",
        "By `modelway init`: what it assumed, and what comes next. Correct modelway.yml where it is wrong; this page may go.",
        table(["key of modelway.yml", "assumed", "because"], rows),
    ]
    if to_do:
        parts.append("## Still to do")
        parts.append("\n".join(f"- {line}" for line in to_do))
    parts.append("## What was written")
    parts.append("\n".join(f"- `{name}`: {what}" for name, what in files.items()))
    parts.append("## Next")
    parts.append(
        "1. Try it on this machine: `modelway start-registry` says an address, `export MLFLOW_TRACKING_URI=` that, then"
        " `modelway validate-data`, `modelway train-model`, `modelway evaluate-gate --environment production --version 1`.\n"
        "2. Commit these files, with `out/` and `mlflow/` in .gitignore (reports, and the store of start-registry), and open a"
        " pull request: the workflow `check` trains and judges what it would change. It needs no secret.\n"
        "3. Set the secret MLFLOW_TRACKING_URI, and start the workflow `model`: a version that passes is promoted."
    )
    return "\n\n".join(parts) + "\n"
