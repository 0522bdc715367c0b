"""Rows that a shadow was asked lately, predicted by it and by stable once more: paired, so that whatever differs is the
model's doing. Neither serves clients more slowly for it, and of the rows nothing but counts is kept."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelway.endpoint.dialects import MODELWAY, ServerDialect, mlflow
from modelway.endpoint.prediction_checks import same
from modelway.errors import ModelwayError
from modelway.rollout.comparison import ClassPair, RowCounts, RowsPlan, SliceRows, together
from modelway.serving import sampling
from modelway.serving.head import OPENS_HEADER
from modelway.targets.acts import Replicas
from modelway.targets.place import Replica, Unanswered

AT_ONCE = 25
"""Rows of one request: what it costs a server is the call, which clients' own requests share with it."""
MOST_FAILED = 5
"""After so many rows that could not be compared a round ends: a server in trouble is not asked for more."""
SHOWN = 40
"""Characters of a class, or of a slice's value."""
MISSING = "(missing)"
DIALECTS = {MODELWAY.path: MODELWAY, "/invocations": mlflow()}
"""By the path at which a client asked for the row: it can be asked for there again, whatever the server."""
SLOW = "an answer took longer than a block"
ASKING = 0.8
"""Of its time a round begins to ask for more; in the rest the last answer comes."""


class _Unusable(Exception):
    """What cannot be compared, in words without any value of a row."""


@dataclass(frozen=True)
class _Row:
    path: str
    values: Mapping[str, Any]


class RowComparison:
    """`targets.acts.Comparison`. One round asks at a time, in a thread of its own: a server that hangs holds up no block."""

    def __init__(self, plan: RowsPlan) -> None:
        self.plan = plan
        self._turn = itertools.count()
        self._round: _Round | None = None

    def __call__(self, new: Replicas, stable: Replicas, token: str, most: int, seconds: float) -> RowCounts:
        late = self._round is not None
        if self._round is None:
            deadline = time.monotonic() + ASKING * seconds
            self._round = _Round(self.plan, next(self._turn), new, stable, token, most, deadline)
        self._round.join(seconds)
        if self._round.is_alive():  # what it has by then is in the next counts
            return RowCounts(failed=1, why=SLOW) if late else RowCounts()
        done, self._round = self._round.counts, None
        return together(done)


class _Round(threading.Thread):
    """Some rows of the shadow's, asked of both until the deadline. turn: which replica is asked first."""

    def __init__(
        self, plan: RowsPlan, turn: int, new: Replicas, stable: Replicas, token: str, most: int, deadline: float
    ) -> None:
        super().__init__(name="compare rows", daemon=True)
        self.plan, self.turn, self.new, self.stable, self.token = plan, turn, new, stable, token
        self.most, self.deadline = most, deadline
        self.counts: list[RowCounts] = []
        self.start()

    def run(self) -> None:
        try:
            new, stable = _turned(self.new(), self.turn), _turned(self.stable(), self.turn)
            if not new or not stable:
                raise _Unusable(f"no server of {'the shadow' if not new else 'stable'} can be asked by itself")
            rows, classes = self._sampled(new)
            for part in _parts(rows):
                if self._is_over():
                    break
                self._compare(new[0], stable[0], part, classes)
        except _Unusable as unusable:
            self._failed(str(unusable))
        except Exception as error:  # noqa: BLE001  its words, or its frames, may hold a row
            self._failed(type(error).__name__)

    def _is_over(self) -> bool:
        return time.monotonic() > self.deadline or sum(part.failed for part in self.counts) >= MOST_FAILED

    def _failed(self, why: str, times: int = 1) -> None:
        self.counts.append(RowCounts(failed=times, why=why))

    def _sampled(self, new: Sequence[Replica]) -> tuple[list[_Row], list[str]]:
        """What the shadow's servers remember, and the names of its classes."""
        rows, classes = list[_Row](), list[str]()
        for replica in new:
            asked = json.dumps({"most": min(self.most - len(rows), sampling.MOST_REQUESTS)}).encode()
            said = _json(replica, "the shadow", sampling.PATH, asked, {OPENS_HEADER: self.token})
            try:
                classes = [str(name) for name in said["classes"]]
                rows += [_Row(str(item["path"]), dict(item["row"])) for item in said["rows"]]
                unreadable = int(said["unreadable"])
            except (KeyError, TypeError, ValueError):
                raise _Unusable("the shadow tells its rows in a form that is not known here") from None
            if unreadable:
                self._failed("a request holds no rows of named columns", unreadable)
            if len(rows) >= self.most or time.monotonic() > self.deadline:
                break
        return rows[: self.most], classes

    def _compare(self, new: Replica, stable: Replica, rows: Sequence[_Row], classes: Sequence[str]) -> None:
        """Together; where that fails one by one, since one row that is refused is none of the others'."""
        dialect = DIALECTS[rows[0].path]
        try:
            there = _predictions(stable, "stable", dialect, rows)
            here = _predictions(new, "the shadow", dialect, rows)
        except _Unusable as unusable:
            if len(rows) == 1:
                self._failed(str(unusable))
            for row in rows if len(rows) > 1 else ():
                if not self._is_over():
                    self._compare(new, stable, [row], classes)
            return
        for row, old, fresh in zip(rows, there, here, strict=True):
            self.counts.append(_counted(self.plan, row.values, old, fresh, classes))


def _turned(replicas: Sequence[Replica], turn: int) -> Sequence[Replica]:
    at = turn % len(replicas) if replicas else 0
    return [*replicas[at:], *replicas[:at]]


def _parts(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """Rows that one request may have together: of one path, with the same columns."""
    alike: dict[object, list[_Row]] = defaultdict(list)
    for row in rows:
        if row.path in DIALECTS:
            alike[row.path, tuple(row.values)].append(row)
    for group in alike.values():
        for at in range(0, len(group), AT_ONCE):
            yield group[at : at + AT_ONCE]


def _json(replica: Replica, who: str, path: str, body: bytes, headers: Mapping[str, str]) -> Any:
    """An answer's JSON; _Unusable, which says nothing of what was in it, where there is none."""
    try:
        return json.loads(replica.ask(path, body, headers))
    except Unanswered as error:
        raise _Unusable(f"{who} answers {error.status} at {path}") from None
    except ModelwayError:
        raise _Unusable(f"{who} does not answer at {path}") from None
    except (ValueError, RecursionError):
        raise _Unusable(f"{who} answers at {path} with what is not JSON") from None


def _predictions(replica: Replica, who: str, dialect: ServerDialect, rows: Sequence[_Row]) -> list[Any]:
    said = _json(replica, who, dialect.path, dialect.bytes_of([row.values for row in rows]), {})
    try:
        return dialect.predictions(said, len(rows))
    except ValueError:
        raise _Unusable(f"{who} answers at {dialect.path} with what are no predictions") from None


def _counted(plan: RowsPlan, row: Mapping[str, Any], old: Any, new: Any, classes: Sequence[str]) -> RowCounts:
    """One row. classes: the names of the model's, in the order of its probabilities; empty where they are not known."""
    pair = (class_of(plan, old, classes), class_of(plan, new, classes))
    if None in pair:
        differ = not same(old, new, plan.tolerance)
        named: tuple[ClassPair, ...] = ()
    else:
        differ = pair[0] != pair[1]
        named = (ClassPair(str(pair[0])[:SHOWN], str(pair[1])[:SHOWN], 1),)
    slices = tuple(SliceRows(column, _text(row.get(column)), 1, int(differ)) for column in plan.slices)
    return RowCounts(compared=1, differ=int(differ), classes=named, slices=slices)


def class_of(plan: RowsPlan, prediction: Any, classes: Sequence[str]) -> str | None:
    """The class that a prediction says; None where it says none: a number of a regression, an object, several outputs."""
    if isinstance(prediction, dict):
        prediction = list(prediction.values())
    if isinstance(prediction, list) and len(prediction) == 1:
        prediction = prediction[0]
    if plan.task == "regression" or prediction is None:
        return None
    if isinstance(prediction, list):
        if not all(type(item) in (int, float) for item in prediction) or not prediction:
            return None
        if plan.task == "multiclass" or len(prediction) > 2:
            best = prediction.index(max(prediction))
            return classes[best] if len(classes) == len(prediction) else f"class {best}"
        prediction = float(prediction[-1])
    if type(prediction) is float and not (plan.task == "multiclass" and prediction.is_integer()):
        above = prediction >= plan.threshold
        known = classes if len(classes) == 2 else (f"below {plan.threshold:g}", f"{plan.threshold:g} or above")
        return known[above]
    return _text(prediction) if isinstance(prediction, (bool, int, str, float)) else None


def _text(value: Any) -> str:
    """As the gate names a slice: 1 and 1.0 are one."""
    if value is None:
        return MISSING
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)[:SHOWN]
