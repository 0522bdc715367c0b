"""The labels of the held-out rows, read once: what is true of each row, in the form that the task counts in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from modelway.config import label_meaning
from modelway.config.sections import Gate
from modelway.errors import InvalidInput
from modelway.gate.classes import Class, class_of, classes_of, in_order, shown
from modelway.gate.missing import missing, unusable


@dataclass(frozen=True)
class Truth:
    """values (n,): each row's class, or the number of a regression. classes: in order; none in a regression. positive: of
    a binary task, and written as the data has it. policy: with its positive class."""

    policy: Gate
    values: npt.NDArray[Any]
    classes: tuple[Class, ...]
    positive: Class | None = None
    written: str = ""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_positive(self) -> npt.NDArray[np.bool_]:
        """(n,): of a binary task."""
        return np.asarray(self.values == self.positive, dtype=bool)


def read_truth(policy: Gate, labels: npt.NDArray[Any]) -> Truth:
    """Raises InvalidInput for labels that cannot be judged: missing ones, numbers that are not finite, and in a binary task
    more than two classes, two that are both not the positive one, or two of which nobody knows which is."""
    if labels.ndim != 1:
        raise InvalidInput(f"the label has shape {labels.shape}", where="gate.label", fix="name one column")
    absent = int(missing(labels).sum())
    if absent:
        raise InvalidInput(
            f"{absent} of {len(labels)} test rows have no label",
            where="gate.label",
            fix="leave these rows out of the test data",
        )
    if policy.task == "regression":
        return Truth(policy, _numbers(labels), ())
    bad = int(unusable(labels).sum())
    if bad:
        raise InvalidInput(
            f"{bad} of {len(labels)} labels are neither text, a truth value nor a finite number",
            where="gate.label",
            fix="mend the test data",
        )
    values = np.empty(len(labels), dtype=object)
    values[:] = classes_of(_meant(policy, labels))
    classes = tuple(in_order(set(values.tolist())))
    if policy.task != "binary":
        return Truth(policy, values, classes)
    policy = _with_positive_class(policy, classes)
    positive = None if policy.positive_class is None else class_of(policy.positive_class)
    hit = np.flatnonzero(values == positive)
    written = str(labels[hit[0]] if len(hit) else policy.positive_class)
    if isinstance(policy.label_as, str):  # many labels are one class
        written = f"{'' if positive else 'not '}{policy.label} {policy.label_as}"
    return Truth(policy, values, classes, positive, written[:100])


def _meant(policy: Gate, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(n,): as the model has them."""
    meaning = label_meaning.meaning_of(policy)
    if meaning is None:
        return labels
    listed = labels.tolist()
    known = {value: meaning.of(value) for value in set(listed)}
    unknown = [value for value in listed if known[value] is None]
    if unknown:
        raise InvalidInput(
            f"says nothing of {len(unknown)} of {len(listed)} labels: {shown(classes_of(np.array(unknown, dtype=object)))}",
            where=label_meaning.KEY,
            fix="name them too, or mend the test data",
        )
    meant = np.empty(len(listed), dtype=object)
    meant[:] = [known[value] for value in listed]
    return meant


def _numbers(labels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    try:
        numbers = labels.astype(float)
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        raise InvalidInput(
            "a regression needs finite numbers as labels", where="gate.label", fix="mend the test data, or gate.task"
        )
    return numbers


def _with_positive_class(policy: Gate, classes: tuple[Class, ...]) -> Gate:
    """The policy with its positive class: the one that it names, else 1 beside 0 or -1."""
    if len(classes) > 2:
        raise InvalidInput(
            f"the label has {len(classes)} values ({shown(classes)}), a binary task has 2",
            where="gate.task",
            fix="write task: multiclass, or make the label binary in the test data",
        )
    if policy.positive_class is not None:
        positive = class_of(policy.positive_class)
        if len(classes) == 2 and positive not in classes:
            raise InvalidInput(
                f"the label's values are {shown(classes)}, and {positive!r} is none of them",
                where="gate.positive-class",
                fix="write the one that the score speaks of",
            )
        return policy
    if not classes:
        return policy
    if not (set(classes) <= {0, 1} or set(classes) <= {-1, 1}):
        raise InvalidInput(
            f"the label's values are {shown(classes)}, and nothing says which of them is the positive class",
            where="gate.positive-class",
            fix=f"write the one that the score speaks of, such as positive-class: {json.dumps(classes[-1])[:100]}",
        )
    return msgspec.structs.replace(policy, positive_class=1)
