"""Days of requests and their labels as files, and what monitor-model says of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from github_files import outputs_in

FIRST = date(2026, 1, 5)
DAYS, ROWS, HISTORY = 60, 120, 28
CONFIG = """\
model: m
data: {train: train.csv}
gate: {label: late, limits: {accuracy_score: {at-least: 0.82}}}
monitor:
  data: requests.csv
  time-column: asked_at
  history-days: 28
  leave-out: [request]
  performance: {prediction: p, labels: labels.csv, id: request, label: late}
"""
Right = Callable[[int], float]


def read(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open() as stream:
        header, *rows = csv.reader(stream)
    return header, rows


def write(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


def outputs(project: Path) -> dict[str, str]:
    return outputs_in(project.parent / "output")


def report(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project / "out" / "modelway" / "monitor-model.json").read_text())["performance"]
    return found
