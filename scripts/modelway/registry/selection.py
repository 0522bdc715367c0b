"""Which of many runs is the best by a metric, among those that keep conditions, and its version. Pure."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from modelway.errors import InvalidInput
from modelway.registry.entities import Run, Version

Direction = Literal["maximize", "minimize"]
PARENT_TAG = "mlflow.parentRunId"
"""Of a nested run: the run that it belongs to, as studies of hyperparameters make them."""

NUMBERS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
CONDITION = re.compile(r"(?P<name>[^<>=!]+?)\s*(?P<sign><=|>=|!=|<|>|=)\s*(?P<value>[^<>=!]+)")
FORMS = "write such as: val_loss <= 0.3, params.kind = forest, tags.team != research"


@dataclass(frozen=True)
class Condition:
    """What a run has to keep. of: metrics, params or tags."""

    of: Literal["metrics", "params", "tags"]
    name: str
    sign: str
    value: str

    def __str__(self) -> str:
        name = self.name if self.of == "metrics" else f"{self.of}.{self.name}"
        return f"{name} {self.sign} {self.value}"

    def holds(self, run: Run) -> bool:
        """False too where the run has no such metric, parameter or tag, or the metric is not finite."""
        if self.of == "metrics":
            found = run.metrics.get(self.name, math.nan)
            return math.isfinite(found) and NUMBERS[self.sign](found, float(self.value))
        said = (run.params if self.of == "params" else run.tags).get(self.name)
        return said is not None and (said == self.value) == (self.sign == "=")


@dataclass(frozen=True)
class Ranked:
    """A run that has the metric and keeps every condition."""

    run: Run
    value: float


@dataclass(frozen=True)
class Ranking:
    """best: the best first; of runs with one value the one that was started first. left_out: how many runs have the reason."""

    metric: str
    best: tuple[Ranked, ...]
    left_out: Mapping[str, int]

    @property
    def tied(self) -> tuple[Ranked, ...]:
        """All with the value of the best."""
        return tuple(ranked for ranked in self.best if ranked.value == self.best[0].value)


def conditions_of(text: str) -> tuple[Condition, ...]:
    """Of a list that commas separate. InvalidInput for what is none."""
    return tuple(_condition(part.strip()) for part in text.split(",")) if text.strip() else ()


def ranking(
    runs: Iterable[Run], metric: str, direction: Direction, conditions: Sequence[Condition] = (), parent: str = ""
) -> Ranking:
    """parent: the run whose nested runs alone count."""
    kept, left_out = list[Ranked](), dict[str, int]()
    for run in runs:
        if parent and run.tags.get(PARENT_TAG) != parent:
            continue
        why = _why_not(run, metric, conditions)
        if why:
            left_out[why] = left_out.get(why, 0) + 1
        else:
            kept.append(Ranked(run, run.metrics[metric]))
    sign = -1 if direction == "maximize" else 1
    kept.sort(key=lambda ranked: (sign * ranked.value, ranked.run.started_ms, ranked.run.id))
    return Ranking(metric, tuple(kept), left_out)


def version_of_run(versions: Iterable[Version], run_id: str) -> int | None:
    """The newest of the versions that was registered from the run; None where there is none."""
    return max((version.version for version in versions if version.run_id == run_id), default=None)


def _why_not(run: Run, metric: str, conditions: Sequence[Condition]) -> str:
    if metric not in run.metrics:
        return f"without {metric}"
    if not math.isfinite(run.metrics[metric]):
        return f"{metric} is not finite"
    broken = next((condition for condition in conditions if not condition.holds(run)), None)
    return f"not {broken}" if broken else ""


def _condition(text: str) -> Condition:
    match = CONDITION.fullmatch(text)
    if match is None:
        raise InvalidInput(f"{text[:100]!r} is no condition", where="input conditions", fix=FORMS)
    name, sign, value = match["name"].strip(), match["sign"], match["value"].strip()
    for of in ("params", "tags"):
        if name.startswith(f"{of}."):
            if sign in NUMBERS:
                what = f"{text[:100]!r} orders texts: a parameter or a tag is held with = or != alone"
                raise InvalidInput(what, where="input conditions", fix=FORMS)
            return Condition(of, name.removeprefix(f"{of}."), sign, value)
    name = name.removeprefix("metrics.")
    if sign not in NUMBERS or not _is_finite(value):
        what = f"{text[:100]!r} holds no metric against a number with <, <=, > or >="
        raise InvalidInput(what, where="input conditions", fix=FORMS)
    return Condition("metrics", name, sign, value)


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
