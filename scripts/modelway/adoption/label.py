"""Which column is the truth, by the code that trains, its settings, and the names that people give it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from modelway.adoption.code import parsed, texts_in
from modelway.adoption.made_label import MadeLabel, column_of, labels_made
from modelway.adoption.split import NUMBERS_ROWS

TRUTHS = re.compile(r"y|target|label|truth|response|outcome|class(?:es)?")
"""What code calls the truth: such as y, y_train, TARGET, label_column."""
USUAL = ("target", "label", "y", "class", "outcome")
MAKES = {"apply", "map", "replace", "where", "select", "cut", "qcut", "fit_transform", "transform"}
"""Calls that give a column other values."""
OF_PLOTS = ("label", "labels", "y")
"""Keyword arguments that mean something else where pictures are drawn."""
ITS_ROWS = {"astype", "map", "apply", "replace", "fillna", "dropna", "copy", "reset_index"}
ITS_ROWS |= {"to_numpy", "ravel", "reshape", "squeeze", "tolist", "to_list", "to_frame"}
"""Calls behind a column that give its rows; others, such as value_counts, tell of them."""


def label_of(code: str, columns: Sequence[str]) -> tuple[str | None, MadeLabel | None]:
    """The column that the code names as the truth most often, or that it makes it of; else the only one with a usual name. And
    what the code makes of it, where that is one thing. code: Python."""
    by_key = {_key(column): column for column in columns} | {column: column for column in columns}

    def meant(name: str) -> str:
        return by_key.get(name) or by_key.get(_key(name), name)

    made = [replace(one, name=meant(one.name), column=meant(one.column)) for one in labels_made(code)]
    made = [one for one in made if one.column in columns]
    names = {*columns, *(one.name for one in made)}
    name = _most([meant(each) for each in _named(code) if meant(each) in names])
    if name is None:
        usual = [column for column in columns if column.lower() in USUAL]
        name = usual[0] if len(usual) == 1 else None
    found = [one for one in made if one.name == name or (_is_y(one) and name in (None, one.column))]
    sources = {one.column for one in found}
    if len(sources) == 1:
        return sources.pop(), _together(found)
    return (name if name in columns else None), None


def _together(found: Sequence[MadeLabel]) -> MadeLabel | None:
    """Of the same column: one that is said several times, or one and then another of what it has written into the column."""
    one, *others = sorted(set(found), key=lambda made: made.line)
    if not others:
        return one
    if len(others) == 1 and one.name == others[0].name == others[0].column:
        numbered = others[0].rule is None
        return replace(others[0], before=one, comparison=one.comparison if numbered else "")
    return None


def _key(name: str) -> str:
    """The same of names that code makes of those in files."""
    return re.sub(r"[\s_.-]+", "_", name.strip().lower())


def _is_y(made: MadeLabel) -> bool:
    """A variable that a model may learn; what names classes for pictures is none."""
    return (
        not made.is_column and _is_a_truth(made.name) and not {"name", "names", "map"} & {*made.name.lower().split("_")}
    )


def _most(names: Sequence[str]) -> str | None:
    """The most frequent; None where two are."""
    found = Counter(names).most_common(2)
    return found[0][0] if found and (len(found) == 1 or found[0][1] > found[1][1]) else None


def label_in_settings(settings: Iterable[Any], columns: Collection[str]) -> str | None:
    """The column that files of settings name under a key such as target_col. settings: plain values."""
    found = {text for one in settings for key, text in texts_in(one) if _is_a_truth(key) and text in columns}
    return found.pop() if len(found) == 1 else None


def truths_elsewhere(code: str, columns: Sequence[str]) -> list[str]:
    """Names that the code has for the truth, the most frequent first, though no column is called so: it makes one."""
    return [name for name, _ in Counter(name for name in _named(code) if name not in columns).most_common()]


def is_made_anew(code: str, label: str) -> bool:
    """Whether the code makes what it learns of the column, such as `rows["good"] = rows["quality"] >= limit`, or writes other
    values into it."""
    tree = parsed(code)
    truths = set(_named(code))
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Assign):
            parts = list(ast.walk(node.value))
            learned = any(
                column_of(target) == label or (_is_truth(target, truths) and label in map(column_of, parts))
                for target in node.targets
            )
            called = {
                call.func.attr for call in parts if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
            }
            if learned and (any(isinstance(part, ast.Compare | ast.Lambda) for part in parts) or called & MAKES):
                return True
    return False


def _is_truth(target: ast.expr, truths: Collection[str]) -> bool:
    if isinstance(target, ast.Name):
        return _is_a_truth(target.id)
    return column_of(target) in truths


def _named(code: str) -> Iterator[str]:
    """Every text that the code uses as the name of the truth's column, once for each time."""
    tree = parsed(code)
    return filter(None, _names(tree)) if tree else iter(())


def _names(tree: ast.Module) -> Iterator[str]:
    """Some are empty."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _assigned(target, node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from _assigned(node.target, node.value)
        elif isinstance(node, ast.Call):
            yield from _called(node)
            named = (given for given in node.keywords if given.arg and given.arg not in OF_PLOTS)
            yield from (_text(given.value) for given in named if _is_a_truth(str(given.arg)))
        elif isinstance(node, ast.Dict):
            entries = zip(node.keys, node.values, strict=True)
            yield from (_text(value) for key, value in entries if key and _is_a_truth(_text(key)))
        elif isinstance(node, ast.arguments):
            pairs = [*zip(reversed([*node.posonlyargs, *node.args]), reversed(node.defaults), strict=False)]
            with_none = zip(node.kwonlyargs, node.kw_defaults, strict=True)
            pairs += [(argument, default) for argument, default in with_none if default]
            yield from (_text(default) for argument, default in pairs if _is_a_truth(argument.arg))


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, of in zip(target.elts, value.elts, strict=True):
            yield from _assigned(one, of)
    elif isinstance(target, ast.Name | ast.Attribute) and _is_a_truth(ast.unparse(target).rpartition(".")[2]):
        yield from _column(value)
        yield _text(value)


def _text(node: ast.expr) -> str:
    """Empty where it is none."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _called(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("fit", "train_test_split", "cross_val_score", "score") and len(call.args) > 1:
        yield from _column(call.args[1])
    elif name == "drop":
        dropped = [*call.args[:1], *(given.value for given in call.keywords if given.arg in ("columns", "labels"))]
        for each in dropped:
            if isinstance(each, ast.List) and len(each.elts) == 1:
                each = each.elts[0]
            if not NUMBERS_ROWS.fullmatch(_text(each)):
                yield _text(each)
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
        elif value.func.attr in ITS_ROWS:
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
