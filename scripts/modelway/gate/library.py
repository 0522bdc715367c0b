"""Metrics of scikit-learn and fairlearn by their names: for whatever has no closed form here, by resampling.

What each is called and takes stands in library.json, so that a policy is checked where neither is installed. They are imported
when a value is asked for, and only then.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import UNSET

from modelway.config.document import suggestion
from modelway.config.keys import Comparison, Limit, Policy
from modelway.errors import InvalidInput
from modelway.gate import metrics, resampled
from modelway.gate.classes import class_of
from modelway.gate.estimate import Estimate
from modelway.gate.kind import Case
from modelway.gate.metrics import OwnMetric
from modelway.gate.predictions import Need
from modelway.gate.resampled import LibraryFunction
from modelway.gate.rows import JudgedRows

FILE = Path(__file__).with_name("library.json")
NEEDS: dict[str, Need] = {"labels": "label", "scores": "score", "probabilities": "probability"}
BETWEEN_GROUPS = ("_difference", "_ratio", "_group_min", "_group_max")
EQUAL: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "binary": {"specificity": ("true_negative_rate", {})},
    "multiclass": {
        "f1_score": ("f1_score", {"average": "macro"}),
        "macro_precision": ("precision_score", {"average": "macro"}),
        "macro_recall": ("recall_score", {"average": "macro"}),
        "macro_roc_auc": ("roc_auc_score", {"multi_class": "ovr"}),
    },
    "regression": {},
}
"""Our own metrics that the libraries call otherwise."""


@dataclass(frozen=True)
class LibraryMetric(LibraryFunction):
    """A quantity (modelway.gate.quantities) that a library computes."""

    def measure(self, case: Case) -> Estimate:
        assert case.rows is not None
        return self.of_rows(case.rows, case.confidence)

    def of_rows(self, rows: JudgedRows, confidence: float) -> Estimate:
        """The candidate's value on these rows."""
        sides = metrics.judged_rows(self.of, self.need, rows)
        return sides if isinstance(sides, Estimate) else resampled.measure(self, sides, confidence)

    def compare(self, case: Case) -> Estimate:
        assert case.rows is not None
        sides = metrics.judged_rows(self.of, self.need, case.rows, compared=True)
        return sides if isinstance(sides, Estimate) else resampled.compare(self, sides, case.confidence)


@cache
def table() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def names() -> list[str]:
    return [*table()["metrics"], *table()["named"]]


def find(policy: Policy, name: str, asked: Limit | Comparison, where: str) -> LibraryMetric | None:
    """The metric of this name, with the limit's own arguments; None where there is none, or none without arguments that
    fits the task. InvalidInput for arguments that it does not take."""
    base, of, wanted = name.partition(metrics.OF)
    one_class = policy.task == "multiclass" and bool(of and wanted)
    base = base if one_class else name
    named = table()["named"].get(base, {"metric": base, "with": {}})
    entry = table()["metrics"].get(named["metric"])
    if entry is None:
        return None
    given = {} if asked.arguments is UNSET else asked.arguments
    for key in given:
        if key not in entry["parameters"]:
            raise InvalidInput(
                f"{name[:100]} takes no argument {key[:100]!r}",
                where=f"{where[:200]}.with",
                fix=suggestion(key, entry["parameters"]) if entry["parameters"] else "leave out `with`",
            )
    arguments = {**named["with"], **given}
    for key in entry["required"]:
        if key not in arguments:
            raise InvalidInput(
                f"{name[:100]} needs the argument {key}", where=where[:200], fix=f"write `with: {{{key}: ...}}`"
            )
    if not arguments and ("binary" if one_class else policy.task) not in entry["tasks"]:
        if any(name in own for own in metrics.TASKS.values()):
            return None
        raise InvalidInput(
            f"{name[:100]} does not fit the task {policy.task}",
            where=where[:200],
            fix=f"it is for {' and '.join(entry['tasks'])}{hint(base)}",
        )
    need = entry["of"] if asked.of is UNSET else asked.of
    found = LibraryMetric(
        name=named["metric"],
        module=entry["module"],
        need=NEEDS[need],
        takes_labels="labels" in entry["parameters"],
        greater_is_better={"greater": True, "smaller": False}.get(entry["better"]),
        weights=entry["weights"],
        classes=policy.task != "regression",
        arguments=arguments,
        of=class_of(wanted) if one_class else None,
        where=where,
    )
    if policy.sample_weight is not UNSET and not found.weights:
        raise InvalidInput(
            f"{name[:100]} takes no sample weights",
            where=where[:200],
            fix="leave out gate.sample-weight, or judge by a metric that takes them",
        )
    return found


def weighted(policy: Policy, name: str, own: OwnMetric, where: str) -> LibraryMetric:
    """What the libraries have for one of our own metrics: with weights its closed form does not hold."""
    base, of, wanted = name.partition(metrics.OF)
    task = "binary" if own.of is not None else policy.task
    function, arguments = EQUAL[task].get(base if own.of is not None else name, (base, {}))
    asked = Limit(arguments=arguments) if arguments else Limit()
    found = find(policy, f"{function}{of}{wanted}" if own.of is not None else function, asked, where)
    assert found is not None  # each of our own is in the table: tests/gate/test_library.py
    return found


def hint(name: str) -> str:
    """What arguments would do where a metric does not fit the task without."""
    entry = table()["metrics"].get(name, {"parameters": ()})
    for argument, value in (("average", "macro"), ("multi_class", "ovr")):
        if argument in entry["parameters"]:
            return f"; of more classes write `with: {{{argument}: {value}}}`"
    return ""


def compares_groups(name: str) -> bool:
    return any(name.endswith(ending) and name.removesuffix(ending) in names() for ending in BETWEEN_GROUPS)


def no_single_number(name: str) -> str:
    """Why a function of the libraries is no metric of a model; empty for one that is not theirs."""
    return f"{name} gives no single number for plain predictions" if name in table()["other"] else ""


CLEARLY_NEARER = 0.15
"""A name of the libraries is meant, and not one of our own, where it is as much more alike."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The fix for a name that does not exist."""
    listed, likest = list(known), ("", 0.5)
    for offered, more in ((listed, 0.0), (names(), CLEARLY_NEARER)):
        for close in difflib.get_close_matches(name[:200], offered, n=1, cutoff=min(likest[1] + more, 1.0)):
            likest = close, difflib.SequenceMatcher(None, close, name[:200]).ratio()
    if likest[0]:
        return f"did you mean {likest[0]}"
    return f"choose from {', '.join(listed)}, or name a metric of scikit-learn or fairlearn"
