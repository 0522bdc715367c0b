"""Values of the libraries' metrics with their intervals: any function of truth and predictions, by the resampling engine."""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from modelway.errors import InvalidInput
from modelway.gate import bootstrap
from modelway.gate.classes import Class, class_of
from modelway.gate.estimate import Estimate, difference, estimate, unjudged
from modelway.gate.predictions import Need, Predictions
from modelway.gate.rows import JudgedRows

Array = npt.NDArray[Any]
MINIMUM_ROWS = 150
MINIMUM_OF_A_CLASS = 10
MINIMUM_DIFFERING = 10
"""Rows on which the model and the truth, or two models, differ: what an interval is made of."""
FEW_KINDS = 5
"""Rows that are alike are counted together where there are that many times fewer kinds of them."""
METHOD = "bootstrap, BCa and t"


@dataclass(frozen=True)
class LibraryFunction:
    """A metric of scikit-learn or fairlearn. module: where it is imported from. arguments: its keyword arguments, with classes
    as the codes of the rows."""

    name: str
    module: str
    need: Need
    greater_is_better: bool | None
    weights: bool
    classes: bool
    """Whether it is of classes, and not of numbers."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    of: Class | None = None
    where: str = ""
    takes_labels: bool = False
    """Whether it has to be told which classes there are, where it is given more than labels."""
    timed = False
    from_library = True

    @property
    def worst(self) -> float:
        return np.inf if self.greater_is_better is False else -np.inf

    @property
    def best(self) -> float:
        return -self.worst

    @property
    def method(self) -> str:
        """Such as: scikit-learn 1.9.1's fbeta_score."""
        library = "fairlearn" if self.module.startswith("fairlearn") else "scikit-learn"
        return f"{library} {importlib.import_module(self.module.partition('.')[0]).__version__}'s {self.name}"


class Values:
    """A metric of the rows, each counted as often as it is drawn: for one model, or the first's value minus the second's."""

    def __init__(self, metric: LibraryFunction, rows: JudgedRows, models: Sequence[Predictions]) -> None:
        self.metric = metric
        self.function = getattr(importlib.import_module(metric.module), metric.name)
        self.undefined = importlib.import_module("sklearn.exceptions").UndefinedMetricWarning
        self.truth = rows.truth.astype(np.int64) if rows.truth.dtype == bool else rows.truth
        self.given = [given_of(metric, model) for model in models]
        self.arguments = arguments_of(metric, rows, models)
        self.weight = rows.weight
        self.base = np.ones(len(rows.truth), dtype=np.int64)
        self.counted = False
        self.fault = ""

    def __call__(self, counts: bootstrap.Counts) -> float:
        """NaN where it has no value, for which `fault` is the reason."""
        found = [self.of(given, counts) for given in self.given]
        return found[0] if len(found) == 1 else found[0] - found[1]

    def of(self, given: Array, counts: bootstrap.Counts) -> float:
        weight: Array | None
        if self.counted:
            index = np.flatnonzero(counts)
            weight = counts[index] * (1.0 if self.weight is None else self.weight[index])
        else:
            index = np.repeat(np.arange(len(counts)), counts)
            weight = None if self.weight is None else self.weight[index]
        weights = {} if weight is None else {"sample_weight": weight}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", self.undefined)  # a value that scikit-learn made up
            try:
                found = self.function(self.truth[index], given[index], **self.arguments, **weights)
            except TypeError as error:
                raise self._refused(str(error)) from None
            except (ValueError, ArithmeticError, self.undefined) as error:
                self.fault = " ".join(str(error).split())[:200]
                return math.nan
        if np.ndim(found) != 0:
            raise self._refused(f"{self.metric.name} gives {np.size(found)} numbers with these arguments, not one")
        return float(found)

    def _refused(self, what: str) -> InvalidInput:
        return InvalidInput(
            " ".join(what.split())[:300], where=f"{self.metric.where[:200]}.with", fix="give arguments that it takes"
        )

    def count_alike(self) -> None:
        """Replace rows that are alike by how many they are, where the metric then has the same values."""
        columns = [self.truth, *self.given, *([] if self.weight is None else [self.weight])]
        if not (self.metric.weights and self.metric.classes) or any(column.ndim > 1 for column in columns):
            return
        kinds, counts = np.unique(np.stack(columns, axis=1), axis=0, return_counts=True)
        if len(kinds) * FEW_KINDS > len(self.truth):
            return
        before = self.truth, self.given, self.weight, self.base
        values = [self.of(given, self.base) for given in self.given]
        integers = [kinds[:, position].astype(column.dtype) for position, column in enumerate(columns)]
        self.truth, self.given = integers[0], integers[1 : 1 + len(self.given)]
        self.weight, self.base, self.counted = integers[-1] if self.weight is not None else None, counts, True
        if not np.allclose([self.of(given, counts) for given in self.given], values, rtol=1e-9, atol=1e-12):
            self.truth, self.given, self.weight, self.base = before
            self.counted = False


def measure(metric: LibraryFunction, rows: JudgedRows, confidence: float) -> Estimate:
    """The candidate's value. rows: at least one, of which the candidate gives what the metric needs."""
    n, values = len(rows.truth), Values(metric, rows, [rows.candidate])
    value = values(values.base)
    found = drawn(values, rows)
    if isinstance(found, str):
        return unjudged(n, found, value=value)
    ends = bootstrap.interval(found, confidence, degrees(metric, rows))
    return estimate(n, value, ends, method_of(metric, rows))


def compare(metric: LibraryFunction, rows: JudgedRows, confidence: float) -> Estimate:
    """The candidate's value minus production's, on the same rows drawn again."""
    assert rows.production is not None
    n, values = len(rows.truth), Values(metric, rows, [rows.candidate, rows.production])
    ours, theirs = (values.of(given, values.base) for given in values.given)
    found = drawn(values, rows)
    if isinstance(found, str):
        return unjudged(n, found, value=ours - theirs)
    ends = bootstrap.interval(found, confidence, degrees(metric, rows))
    return difference(n, ours, theirs, ends, f"{method_of(metric, rows)}, paired")


def drawn(values: Values, rows: JudgedRows) -> bootstrap.Resampled | str:
    """The rows drawn again and again; or why no interval can be made of them."""
    if not math.isfinite(values(values.base)):
        return values.fault or "the metric has no finite value on these rows"
    models = [rows.candidate] if len(values.given) == 1 else [rows.candidate, rows.production or rows.candidate]
    if reason := too_few(values.metric, rows, models):
        return reason
    values.count_alike()
    found = bootstrap.resample(values, values.base)
    if found.failed:
        why = f": {values.fault}" if values.fault else ""
        return f"{found.failed} of the times that rows were drawn again, the metric has no value{why}"
    return found


def method_of(metric: LibraryFunction, rows: JudgedRows) -> str:
    return f"{metric.method}, {METHOD}" + ("" if rows.weight is None else ", weighted rows")


def effective(rows: JudgedRows) -> float:
    """How many rows of equal weight say as much (Kish 1965, Survey Sampling, section 11.7)."""
    weight = rows.weight
    return float(len(rows.truth)) if weight is None else float(weight.sum() ** 2 / (weight**2).sum())


def _fewest(rows: JudgedRows) -> float:
    """The rows of the rarest class, as many as of equal weight say as much."""
    counts = np.unique(rows.truth, return_counts=True)[1]
    return float(counts.min()) * effective(rows) / len(rows.truth)


def degrees(metric: LibraryFunction, rows: JudgedRows) -> float:
    return max((_fewest(rows) if metric.classes else effective(rows)) - 1, 1.0)


def too_few(metric: LibraryFunction, rows: JudgedRows, models: Sequence[Predictions]) -> str:
    """Why an interval by resampling is not to be trusted; empty where it is."""
    n = effective(rows)
    if n < MINIMUM_ROWS:
        said = f"{n:.0f} rows" if rows.weight is None else f"rows that say as much as {n:.0f} of equal weight"
        return f"{said}, resampling needs at least {MINIMUM_ROWS}"
    if metric.classes and _fewest(rows) < MINIMUM_OF_A_CLASS:
        return f"{_fewest(rows):.0f} rows of the rarest class, resampling needs at least {MINIMUM_OF_A_CLASS}"
    first = given_of(metric, models[0])
    second = given_of(metric, models[1]) if len(models) > 1 else rows.truth
    if first.shape == second.shape and (len(models) > 1 or metric.need == "label"):
        differing = int((first != second).reshape(len(first), -1).any(axis=1).sum())
        who = "the two models differ" if len(models) > 1 else "the model and the truth differ"
        if differing < MINIMUM_DIFFERING:
            return f"{who} on {differing} rows, resampling needs at least {MINIMUM_DIFFERING}"
    return ""


def given_of(metric: LibraryFunction, model: Predictions) -> Array:
    """(n,), or (n, k) with the classes' columns in the order of their codes."""
    if metric.need == "label":
        return model.label.astype(np.int64) if model.label.dtype == bool else model.label
    if model.probabilities is None:
        assert model.score is not None  # metrics.judged_rows has looked
        return model.score
    return np.asarray(model.probabilities[:, np.argsort(model.classes)])


def arguments_of(metric: LibraryFunction, rows: JudgedRows, models: Sequence[Predictions]) -> Mapping[str, Any]:
    """With the classes that they name as codes, and with the columns' classes where the function has to be told them."""
    arguments = dict(metric.arguments)
    if not metric.classes or metric.module.startswith("fairlearn"):
        return arguments
    for key in ("labels", "pos_label"):
        if arguments.get(key) is not None:
            several = isinstance(arguments[key], list)
            codes = [_code(metric, rows, value) for value in (arguments[key] if several else [arguments[key]])]
            arguments[key] = codes if several else codes[0]
    if metric.need != "label" and metric.takes_labels:
        known = models[0].classes or (0, 1)
        arguments.setdefault("labels", sorted(known))
    return arguments


def _code(metric: LibraryFunction, rows: JudgedRows, value: Any) -> int:
    wanted = class_of(value)
    if wanted in rows.codes:
        return rows.codes[wanted]
    named = ", ".join(str(one)[:40] for one in list(rows.codes)[:5])
    raise InvalidInput(
        f"no row has the class {str(value)[:40]!r}", where=f"{metric.where[:200]}.with", fix=f"write one of {named}"
    )
