"""Which column is the truth, by the code that trains and the names that people give it; and what that asks of the gate."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from modelway.adoption.code import parsed

TRUTHS = re.compile(r"y|target|label|truth|response|outcome|class(?:es)?")
"""What code calls the truth: such as y, y_train, TARGET, label_column."""
USUAL = ("target", "label", "y", "class", "outcome")
MAKES = {"apply", "map", "replace", "where", "select", "cut", "qcut", "fit_transform", "transform"}
"""Calls that give a column other values."""
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


@dataclass(frozen=True)
class LabelValues:
    """classes: how many test rows have each, by its text; empty for a number. rows: of the test data. why: it is that task."""

    task: Task
    classes: Mapping[str, int]
    rows: int
    why: str = ""


def label_of(code: str, columns: Sequence[str]) -> str | None:
    """The column that the code names as the truth most often; else the only one with a usual name. code: Python."""
    found = Counter(name for name in _named(code) if name in columns)
    if found:
        (name, often), *others = found.most_common()
        if not others or others[0][1] < often:
            return name
    usual = [column for column in columns if column.lower() in USUAL]
    return usual[0] if len(usual) == 1 else None


def truths_elsewhere(code: str, columns: Sequence[str]) -> list[str]:
    """Names that the code has for the truth, the most frequent first, though no column is called so: it makes one."""
    return [name for name, _ in Counter(name for name in _named(code) if name not in columns).most_common()]


def is_made_anew(code: str, label: str) -> bool:
    """Whether the code writes other values into the column, such as `rows["quality"] = rows["quality"] >= 7`."""
    tree = parsed(code)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Assign) and any(_is_column(target, label) for target in node.targets):
            parts = list(ast.walk(node.value))
            called = {
                call.func.attr for call in parts if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
            }
            if any(isinstance(part, ast.Compare | ast.Lambda) for part in parts) or called & MAKES:
                return True
    return False


def _is_column(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == name


def _named(code: str) -> Iterator[str]:
    """Every text that the code uses as the name of the truth's column, once for each time."""
    tree = parsed(code)
    if tree is None:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _assigned(target, node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from _assigned(node.target, node.value)
        elif isinstance(node, ast.Call):
            yield from _called(node)


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, of in zip(target.elts, value.elts, strict=True):
            yield from _assigned(one, of)
    elif isinstance(target, ast.Name) and _is_a_truth(target.id):
        yield from _column(value)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value


def _called(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("fit", "train_test_split", "cross_val_score", "score") and len(call.args) > 1:
        yield from _column(call.args[1])
    elif name == "drop":
        dropped = [*call.args[:1], *(given.value for given in call.keywords if given.arg in ("columns", "labels"))]
        for each in dropped:
            if isinstance(each, ast.List) and len(each.elts) == 1:
                each = each.elts[0]
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield each.value
    elif name == "add_argument" and call.args and isinstance(call.args[0], ast.Constant):
        flag = str(call.args[0].value).strip("-").replace("-", "_")
        for given in call.keywords:
            if given.arg == "default" and isinstance(given.value, ast.Constant) and _is_a_truth(flag):
                yield str(given.value.value)


def _column(value: ast.expr) -> Iterator[str]:
    """Of `frame["late"]`, `frame[["late"]]`, `frame.late`, `frame.pop("late")`, and of one of these with a call behind it."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if value.func.attr == "pop" and value.args and isinstance(value.args[0], ast.Constant):
            yield str(value.args[0].value)
        elif not value.args or value.func.attr in ("astype", "map", "replace", "fillna"):
            yield from _column(value.func.value)
    elif isinstance(value, ast.Subscript):
        key = value.slice
        if isinstance(key, ast.List) and len(key.elts) == 1:
            key = key.elts[0]
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value
    elif isinstance(value, ast.Attribute):
        if value.attr == "values":
            yield from _column(value.value)
        else:
            yield value.attr


def _is_a_truth(name: str) -> bool:
    return any(TRUTHS.fullmatch(part) for part in name.lower().split("_"))


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
