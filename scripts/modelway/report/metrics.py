"""What training and gate measured of a version, in the forms that other programs read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from modelway.markdown import cell, number, table
from modelway.monitoring.prometheus_rules import quoted
from modelway.records import Candidate, Verdict

HELP = {
    "modelway_training_metric": "A metric that the training logged, as it was logged last.",
    "modelway_gate_value": "What evaluate-gate measured; of a comparison the difference to production.",
    "modelway_gate_value_lower": "The lower end of its interval.",
    "modelway_gate_value_upper": "The upper end of its interval.",
    "modelway_gate_rows": "The rows that it rests on.",
    "modelway_gate_outcome": "1 of the outcome that the check, or with an empty check the whole verdict, has.",
}
FIELDS = ("model", "version", "of", "environment", "name", "value", "lower", "upper", "n", "rule", "outcome")


class VersionFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a version. What is not known of it is None, or empty."""

    of: Literal["training", "gate"]
    name: str
    value: float
    environment: str = ""
    lower: float | None = None
    upper: float | None = None
    n: int | None = None
    rule: str = ""
    outcome: str = ""


def figures_of(candidate: Candidate, verdict: Verdict | None) -> tuple[VersionFigure, ...]:
    """Those that have a value."""
    logged = [VersionFigure(of="training", name=name, value=value) for name, value in sorted(candidate.metrics.items())]
    judged = [
        VersionFigure(
            of="gate",
            name=check.name,
            value=check.value,
            environment=verdict.environment,
            lower=check.interval[0] if check.interval else None,
            upper=check.interval[1] if check.interval else None,
            n=check.n,
            rule=check.rule,
            outcome=check.outcome,
        )
        for check in (verdict.checks if verdict else ())
        if verdict is not None and check.value is not None
    ]
    return (*logged, *judged)


def as_prometheus(model: str, version: int, figures: Sequence[VersionFigure], verdict: Verdict | None) -> str:
    """Prometheus' text format, each family with its help and type."""
    lines = list[str]()
    for family, samples in _families(figures, verdict).items():
        if samples:
            lines += [f"# HELP {family} {HELP[family]}", f"# TYPE {family} gauge"]
            own = {"model": model, "version": str(version)}
            lines += [f"{family}{_labels({**own, **labels})} {value!r}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def as_csv(model: str, version: int, figures: Sequence[VersionFigure]) -> str:
    """A row for each figure, with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    for figure in figures:
        writer.writerow({"model": model, "version": version, **msgspec.structs.asdict(figure)})
    return text.getvalue()


def markdown(model: str, version: int, figures: Sequence[VersionFigure], verdict: Verdict | None) -> str:
    """GitHub-flavoured Markdown, ending in a newline."""
    judged = f", **{verdict.outcome}** for {cell(verdict.environment)}" if verdict else ""
    rows = [
        [
            figure.name,
            figure.of,
            number(figure.value),
            f"{number(figure.lower)} to {number(figure.upper)}" if figure.lower is not None else "—",
            "" if figure.n is None else str(figure.n),
            f"{figure.rule}: {figure.outcome}" if figure.rule else "",
        ]
        for figure in figures
    ]
    heads = ["figure", "of", "value:", "interval", "n:", "asked"]
    return f"### {cell(model)} version {version}{judged}\n\n{table(heads, rows)}\n"


def _families(
    figures: Sequence[VersionFigure], verdict: Verdict | None
) -> Mapping[str, list[tuple[dict[str, str], float]]]:
    """By a family's name its samples: labels and value."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {family: [] for family in HELP}
    for figure in figures:
        if figure.of == "training":
            found["modelway_training_metric"].append(({"name": figure.name}, figure.value))
            continue
        labels = {"environment": figure.environment, "check": figure.name}
        for family, value in _of_a_check(figure):
            found[family].append((labels, value))
        found["modelway_gate_outcome"].append(({**labels, "outcome": figure.outcome}, 1.0))
    if verdict is not None:
        whole = {"environment": verdict.environment, "check": "", "outcome": verdict.outcome}
        found["modelway_gate_outcome"].append((whole, 1.0))
    return found


def _of_a_check(figure: VersionFigure) -> Iterator[tuple[str, float]]:
    yield "modelway_gate_value", figure.value
    if figure.lower is not None and figure.upper is not None:
        yield "modelway_gate_value_lower", figure.lower
        yield "modelway_gate_value_upper", figure.upper
    if figure.n is not None:
        yield "modelway_gate_rows", float(figure.n)


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{key}={quoted(value)}" for key, value in labels.items()) + "}"
