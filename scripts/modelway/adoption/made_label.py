"""A label that the training makes of a column, such as `rows["good"] = rows["quality"] >= 7`, as gate.label-as has it."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from modelway.adoption.code import parsed
from modelway.config.keys import Scalar
from modelway.config.label_meaning import COMPARISON, SIGNS, class_text
from modelway.data.values import Bound

Rule = Callable[[Bound], Scalar | None]
Made = tuple[str, Rule | None, str, str]
"""A MadeLabel without its name."""
ORDERS: Mapping[type[ast.cmpop], str] = {ast.GtE: ">=", ast.LtE: "<=", ast.Gt: ">", ast.Lt: "<"}
OPPOSITE = {">=": "<", "<": ">=", ">": "<=", "<=": ">"}
SAME_VALUES = ("astype", "to_numpy", "ravel", "copy", "rename", "to_frame", "values")
"""Calls and attributes that leave a column's values as they are."""


@dataclass(frozen=True)
class MadeLabel:
    """name: of the variable, or of the column that is made (is_column). column: what it is made of. rule: what a value
    becomes, None for one that it says nothing of; of LabelEncoder, which numbers all values in their order, None. comparison:
    the rule as gate.label-as has it, empty where that has to name every value. said: the rule, by which two are told apart.
    line: of the code. before: what the code had made of the column already."""

    name: str = field(compare=False)
    is_column: bool = field(compare=False)
    column: str
    rule: Rule | None = field(compare=False)
    comparison: str
    said: str
    line: int = field(compare=False)
    before: MadeLabel | None = None

    def names(self, values: Sequence[Bound]) -> dict[Scalar, Scalar] | None:
        """What each of the column's values becomes; None where it says nothing of one."""
        if self.before:
            first = self.before.names(values)
            second = replace(self, before=None).names(list(first.values())) if first else None
            return {value: second[name] for value, name in first.items()} if first and second else None
        if self.rule is None:
            ordered = sorted(set(values), key=lambda value: (isinstance(value, str), value))  # as LabelEncoder does
            found: list[tuple[Bound, Scalar | None]] = [(value, at) for at, value in enumerate(ordered)]
        else:
            found = [(value, self.rule(value)) for value in values]
        named = {value: name for value, name in found if name is not None and isinstance(value, str | int | float)}
        return named if len(named) == len(set(values)) else None


@dataclass(frozen=True)
class ColumnCondition:
    """keeps: whether a value of the column keeps it. comparison: as gate.label-as has it, empty where that has none."""

    column: str
    keeps: Callable[[Bound], bool]
    comparison: str
    said: str


def labels_made(code: str) -> list[MadeLabel]:
    """Every one that the code assigns to a variable or a column, if it can be read."""
    tree = parsed(code)
    return list(_MadeIn(tree).labels()) if tree else []


class _MadeIn:
    """What one program makes of columns."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._values = dict[str, list[ast.expr | None]]()
        """What each variable is wherever it is given a value, as a parameter too; None: something that is not known."""
        given = dict[str, list[ast.Call]]()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                given.setdefault(ast.unparse(node.func).rpartition(".")[2], []).append(node)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                value = None if isinstance(node, ast.AugAssign) else node.value
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self._note(target, value)
            elif isinstance(node, ast.For):
                self._note(node.target, None)
            elif isinstance(node, ast.FunctionDef):
                self._note_parameters(node, given.get(node.name, []))

    def _note(self, target: ast.expr, value: ast.expr | None) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self._values.setdefault(node.id, []).append(value if node is target else None)

    def _note_parameters(self, function: ast.FunctionDef, calls: Sequence[ast.Call]) -> None:
        """Their defaults, unless a call may give another value."""
        arguments = [*function.args.posonlyargs, *function.args.args]
        defaults = dict(zip([item.arg for item in reversed(arguments)], reversed(function.args.defaults), strict=False))
        for at, argument in enumerate(arguments):
            given = any(
                len(call.args) > at or {word.arg for word in call.keywords} & {argument.arg, None} for call in calls
            )
            self._values.setdefault(argument.arg, []).append(None if given else defaults.get(argument.arg))

    def _value(self, node: ast.expr) -> ast.expr:
        """Of a variable that is one thing wherever it is given a value: that."""
        found = self._values.get(node.id, []) if isinstance(node, ast.Name) else []
        written = {ast.unparse(value) if value else "" for value in found}
        return found[0] if len(written) == 1 and found[0] is not None else node

    def labels(self) -> Iterator[MadeLabel]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                variable = target.id if isinstance(target, ast.Name) else ""
                if name := variable or column_of(target):
                    yield from (MadeLabel(name, not variable, *made, node.lineno) for made in self._made(node.value))

    def _made(self, node: ast.expr) -> Iterator[Made]:
        node = _bare(node)
        if (kept := self._condition(node, column_of)) is not None:
            yield _of_condition(kept, 1, 0)
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
            return
        call, of, given = node.func.attr, node.func.value, self._value(node.args[0])
        if call == "where" and len(node.args) == 3 and (kept := self._condition(given, column_of)) is not None:
            yield from _chosen(kept, node.args[1], node.args[2])
        elif call == "fit_transform" and self._is_encoder(of) and (column := column_of(_bare(given))):
            yield column, None, "", "numbered"
        elif call == "cut" and (column := column_of(_bare(given))):
            yield from self._of_cut(column, node)
        elif call in ("map", "apply", "replace") and (column := column_of(_bare(of))):
            if isinstance(given, ast.Lambda):
                yield from self._of_lambda(column, given)
            elif isinstance(given, ast.Dict) and (named := _constants(given)):
                texts = {class_text(value): name for value, name in named.items()}
                otherwise = call == "replace"  # what it does not name stays
                said = f"{call} {sorted(texts.items(), key=repr)}"
                yield (
                    column,
                    lambda value: texts.get(class_text(value), _scalar(value) if otherwise else None),
                    "",
                    said,
                )

    def _of_cut(self, column: str, call: ast.Call) -> Iterator[Made]:
        """Of `pandas.cut(column, bins=[0, 6.5, 10], labels=["bad", "good"])`."""
        given = dict(zip(("bins", "right", "labels"), call.args[1:], strict=False))
        given |= {word.arg: word.value for word in call.keywords if word.arg}
        try:
            bins, right, labels = (
                ast.literal_eval(self._value(given[name])) if name in given else default
                for name, default in (("bins", None), ("right", True), ("labels", None))
            )
        except (ValueError, TypeError):
            return
        if not (isinstance(bins, list | tuple) and all(isinstance(edge, int | float) for edge in bins)):
            return
        names = list(range(len(bins) - 1)) if labels is False else labels
        if not (isinstance(names, list | tuple) and len(names) == len(bins) - 1):
            return
        below = operator.le if right else operator.lt
        above = operator.gt if right else operator.ge

        def rule(value: Bound) -> Scalar | None:
            inside = (
                _scalar(name)
                for low, high, name in zip(bins, bins[1:], names, strict=False)
                if _kept(above, value, low) and _kept(below, value, high)
            )
            return next(inside, None)

        yield column, rule, "", f"cut {bins} {names} {right}"

    def _is_encoder(self, node: ast.expr) -> bool:
        made = self._value(node)
        return isinstance(made, ast.Call) and ast.unparse(made.func).rpartition(".")[2] == "LabelEncoder"

    def _of_lambda(self, column: str, given: ast.Lambda) -> Iterator[Made]:
        """Of `lambda x: 1 if x >= 7 else 0`, and of `lambda x: int(x >= 7)`."""
        if len(given.args.args) != 1:
            return
        own, body = given.args.args[0].arg, given.body

        def argument(node: ast.expr) -> str:
            return column if isinstance(node, ast.Name) and node.id == own else ""

        if isinstance(body, ast.Call) and isinstance(body.func, ast.Name) and body.func.id == "int" and body.args:
            body = body.args[0]
        if isinstance(body, ast.IfExp):
            if (kept := self._condition(body.test, argument)) is not None:
                yield from _chosen(kept, body.body, body.orelse)
        elif (kept := self._condition(body, argument)) is not None:
            yield _of_condition(kept, 1, 0)

    def _condition(self, node: ast.expr, column_in: Callable[[ast.expr], str]) -> ColumnCondition | None:
        """Of a comparison of a column with a constant, or with a list of them."""
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            column, sign, other = column_in(_bare(node.left)), type(node.ops[0]), node.comparators[0]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "isin"
            and node.args
        ):
            column, sign, other = column_in(_bare(node.func.value)), ast.In, node.args[0]
        else:
            return None
        try:
            constant = ast.literal_eval(self._value(other))
        except (ValueError, TypeError):
            return None
        if not column:
            return None
        if sign in ORDERS and isinstance(constant, int | float):
            text = ORDERS[sign]
            said = f"{text} {constant}"
            comparison = said if COMPARISON.fullmatch(said) else ""
            return ColumnCondition(column, lambda value: _kept(SIGNS[text], value, constant), comparison, said)
        among = {class_text(item) for item in (constant if isinstance(constant, list | tuple | set) else [constant])}
        if sign in (ast.Eq, ast.In):
            return ColumnCondition(column, lambda value: class_text(value) in among, "", f"in {sorted(among)}")
        if sign in (ast.NotEq, ast.NotIn):
            return ColumnCondition(column, lambda value: class_text(value) not in among, "", f"not in {sorted(among)}")
        return None


def column_of(node: ast.AST) -> str:
    """Of `rows["late"]` and `rows.late`; empty: it is neither."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value
    return ""


def _bare(node: ast.expr) -> ast.expr:
    """Without what leaves values as they are."""
    while True:
        inner = node.func if isinstance(node, ast.Call) else node
        if not isinstance(inner, ast.Attribute) or inner.attr not in SAME_VALUES:
            return node
        node = inner.value


def _scalar(value: object) -> Scalar | None:
    return value if isinstance(value, Scalar) else None


def _constants(node: ast.Dict) -> dict[Scalar, Scalar]:
    try:
        found = ast.literal_eval(node)
    except (ValueError, TypeError):
        return {}
    return found if all(isinstance(item, Scalar) for pair in found.items() for item in pair) else {}


def _chosen(kept: ColumnCondition, yes: ast.expr, no: ast.expr) -> Iterator[Made]:
    chosen = [item.value for item in (yes, no) if isinstance(item, ast.Constant)]
    names = [item for item in chosen if isinstance(item, Scalar)]
    if len(names) == 2:
        yield _of_condition(kept, *names)


def _kept(compares: Callable[[float, float], bool], value: Bound, constant: float) -> bool:
    return isinstance(value, int | float) and compares(value, constant)


def _of_condition(kept: ColumnCondition, yes: Scalar, no: Scalar) -> Made:
    comparison = kept.comparison
    sign, _, number = comparison.partition(" ")
    if comparison and (yes, no) == (0, 1):
        comparison = f"{OPPOSITE[sign]} {number}"
    elif (yes, no) != (1, 0):
        comparison = ""
    return kept.column, lambda value: yes if kept.keeps(value) else no, comparison, f"{kept.said}: {yes}, {no}"
