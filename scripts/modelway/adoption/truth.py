"""The truth in the test rows: its task, its classes and how many rows have each, and what that asks of the gate."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from modelway.adoption.made_label import MadeLabel
from modelway.config.keys import Scalar
from modelway.config.label_meaning import class_text
from modelway.data import engines
from modelway.data.dialect import CsvDialect
from modelway.data.queries import Malformed, Missing, NotAllowed, Outside
from modelway.data.sources import find_source
from modelway.data.summaries import SummaryTable
from modelway.data.values import Bound
from modelway.data.yaml_text import scalar
from modelway.errors import InvalidInput

MOST_CLASSES = 20
RARE = 0.8
"""From this share of the most frequent class on, accuracy says little: balanced accuracy is asked for."""
ROWS_NEEDED = 150
"""Below that the gate has no interval for balanced accuracy and R²: it would be inconclusive for every model."""
REGRESSION = re.compile(
    r"\b(\w*Regressor|LinearRegression|(?:Ridge|Lasso|ElasticNet)(?:CV)?|SVR|(?:root_)?mean_\w+_error|r2_score|MSELoss|L1Loss"
    r"|reg:\w+|regression)\b"
)
CLASSES = re.compile(
    r"\b(\w*Classifier(?:CV)?|Logistic\w*|SVC|GaussianNB|(?:balanced_)?accuracy\w*|f1_score|roc_auc\w*|predict_proba"
    r"|classification_report|\w*CrossEntropy\w*|binary:\w+|multi:\w+|multiclass|n_classes|num_class\w*|stratify)\b"
)
"""What code that learns the one, or the other, is full of."""
Task = Literal["binary", "multiclass", "regression"]
POSITIVE = ("1", "true", "yes", "y", "positive", "t")
"""Texts of a class that people mean by the positive one."""
USUAL_PAIRS = ({0, 1}, {-1, 1}, {1, 2})
"""Of whole numbers that are classes, whatever the code has."""
LABELLED = "name test data that has the label, or let `--test 20%` split some off the training data"
ONE_CLASS = "name test rows of each class by --test, or another column by --label"


@dataclass(frozen=True)
class LabelValues:
    """classes: how many test rows have each, by its text; empty for a number. rows: of the test data. why: it is that task.
    positive: the class as YAML writes it, where it has to be named. label_as: what the training makes of the column, as
    gate.label-as has it; classes are those that it makes then."""

    task: Task
    classes: Mapping[str, int]
    rows: int
    why: str = ""
    positive: str | None = None
    label_as: str | Mapping[Scalar, Scalar] | None = None


def truth_of(
    path: Path,
    name: str,
    column: str,
    dialect: CsvDialect,
    code: str,
    made: MadeLabel | None,
    learned: Sequence[Bound],
) -> LabelValues:
    """made: what the code makes of the column before it learns from it; where that cannot be said of these rows, it is not.
    learned: the column's values in the training data, where they are few. InvalidInput where there is no label in the test
    rows, or only one."""
    with (
        tempfile.TemporaryDirectory(prefix="modelway-init-") as folder,
        engines.engine(engines.DEFAULT).open_table(find_source(path, name), dialect, Path(folder), 1024) as table,
    ):
        if column not in {item.name for item in table.columns}:
            raise InvalidInput(f"has no column {column[:100]!r}", where=name, fix=LABELLED)
        assert isinstance(table, SummaryTable)
        if made and made.comparison and (found := _compared(table, column, made.comparison)):
            return found
        for kind in ("integer", "boolean", "string"):
            rows, (malformed,) = table.answers([NotAllowed(column, kind, ())], 0)
            values = table.few_values({column: kind}, MOST_CLASSES)[column]
            if values and malformed.n:
                break
        else:
            _, (missing,) = table.answers([Missing(column)], 0)
            if missing.count == missing.n:
                raise InvalidInput(f"no row has a value of {column[:100]!r}", where=name, fix=LABELLED)
            return LabelValues("regression", {}, rows, f"{column} has many different numbers")
        names = _names(made, values, learned) if made else None
        if len(values) == 1:
            raise InvalidInput(
                f"every row has {_text(values[0])[:60]!r} as its {column[:100]}, so no model can be told from another",
                where=name,
                fix=ONE_CLASS,
            )
        if names is None and kind == "integer" and set(values) not in USUAL_PAIRS and (shows := regression_in(code)):
            return LabelValues("regression", {}, rows, f"the code that trains has {shows}")
        asked = [NotAllowed(column, kind, (value,)) for value in values]
        _, answers = table.answers(asked, 0)
    counts = [answer.n - answer.count for answer in answers]
    if names is None or all(class_text(value) == class_text(name) for value, name in names.items()):
        classes = {_text(value): count for value, count in zip(values, counts, strict=True)}
        why = f"{column} has {len(classes)} different values in the test rows"
        return LabelValues(task_of(classes), classes, rows, why, _positive(values, classes))
    return _named(column, values, counts, names, rows)


def _names(made: MadeLabel, values: Sequence[Bound], learned: Sequence[Bound]) -> dict[Scalar, Scalar] | None:
    """Of the test rows' values and the training's: what numbers all of them needs all."""
    if made.rule is None and not learned:
        return None
    known = {class_text(value) for value in values}
    return made.names([*values, *(value for value in learned if class_text(value) not in known)])


def _compared(table: SummaryTable, column: str, comparison: str) -> LabelValues | None:
    """None where a value is no number, or all are of one class."""
    sign, _, written = comparison.partition(" ")
    bound = float(written)
    low, high = (bound, None) if sign in ("<", ">=") else (None, bound)
    rows, (malformed, outside) = table.answers([Malformed(column, "number"), Outside(column, "number", low, high)], 0)
    kept = outside.count if sign in ("<", ">") else outside.n - outside.count
    if malformed.count or not 0 < kept < outside.n:
        return None
    why = f"the training makes 1 and 0 of {column}"
    return LabelValues("binary", {"0": outside.n - kept, "1": kept}, rows, why, None, comparison)


def _named(
    column: str, values: Sequence[Bound], counts: Sequence[int], names: Mapping[Scalar, Scalar], rows: int
) -> LabelValues:
    """With the classes as the model knows them."""
    classes = Counter[str]()
    for value, count in zip(values, counts, strict=True):
        assert isinstance(value, Scalar)
        classes[_text(names[value])] += count
    made = dict.fromkeys(names.values())
    why = f"the training makes {len(made)} classes of the values of {column}"
    task: Task = "binary" if len(made) == 2 else "multiclass"
    return LabelValues(task, dict(classes), rows, why, _positive(list(made), classes), dict(names))


def _text(value: Bound) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _positive(values: Sequence[Bound], classes: Mapping[str, int]) -> str | None:
    """None where the gate knows it: 1 beside 0 or -1."""
    if len(values) != 2 or set(classes) in ({"0", "1"}, {"-1", "1"}, {"false", "true"}):
        return None
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return scalar(max(values))  # as scikit-learn has it
    meant = [value for value in values if _text(value).lower() in POSITIVE]
    chosen = meant[0] if len(meant) == 1 else min(values, key=lambda value: (classes[_text(value)], _text(value)))
    return scalar(chosen)


def task_of(classes: Mapping[str, int] | None) -> Task:
    """classes: None where there are more than MOST_CLASSES values, or they are no whole numbers or texts."""
    if not classes:
        return "regression"
    return "binary" if len(classes) == 2 else "multiclass"


def regression_in(code: str) -> str | None:
    """What shows that the code learns a number; None where nothing does, or something shows that it learns classes."""
    found = REGRESSION.search(code)
    return found[1] if found and not CLASSES.search(code) else None


def limit_of(truth: LabelValues) -> tuple[str, float, str]:
    """A metric, the least that it may be, and why: better than a model that has learned nothing."""
    if truth.task == "regression":
        return "r2_score", 0.0, "always saying the mean of the test rows has 0"
    rows = sum(truth.classes.values())
    most, often = max(truth.classes.items(), key=lambda item: (item[1], item[0]))
    share = often / rows
    if share > RARE:
        chance = 1 / len(truth.classes)
        return "balanced_accuracy_score", round(chance + 0.05, 2), f"a model that has learned nothing has {chance:.2g}"
    least = min(0.99, -(-share * 100 // 1) / 100)
    return "accuracy_score", least, f"always saying {most} is right on {share:.1%} of the test rows"
