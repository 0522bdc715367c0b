"""The language of rules between columns: `total = net + tax`, `status in ('new', 'open') or closed_at is not null`.

A text becomes a tree over the columns that a contract lists; an engine works the tree out row by row. Nothing of the text
itself reaches an engine. The grammar, by falling precedence: constants, columns and brackets; unary minus; * and /; + and -;
= != < <= > >=, `in`, `is null`; `not`; `and`; `or`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from modelway.config.document import suggestion
from modelway.data.values import NUMERIC, Bound, ValueType, parsed_bound

LONGEST = 1000
"""Characters of one rule."""
DEEPEST = 40
"""Brackets within each other."""
COMPARISONS = ("=", "!=", "<=", ">=", "<", ">")
LEXEME = r"""\s*(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>[^\W\d]\w*)
      | (?P<text>'(?:[^']|'')*')
      | (?P<column>"(?:[^"]|"")+")
      | (?P<sign><=|>=|!=|<>|==|[-+*/=<>(),])
    )"""
"""Compiled by who parses a rule: most contracts have none."""
WORDS = ("and", "or", "not", "in", "is", "null", "true", "false")


class RuleError(ValueError):
    """A text that is no rule: what is wrong, and the fix."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


class ColumnRef(msgspec.Struct, frozen=True):
    """A column's value; unknown where it is missing or not of the type. type None: only `is null` may be asked of it."""

    name: str
    type: ValueType | None


class Constant(msgspec.Struct, frozen=True):
    """A value that the rule names. type: of a text beside a date or time, that column's."""

    value: Bound
    type: ValueType


class Arithmetic(msgspec.Struct, frozen=True):
    """In double precision; unknown where it divides by zero or leaves the range of numbers."""

    sign: Literal["+", "-", "*", "/"]
    left: Expression
    right: Expression


class ComparedValues(msgspec.Struct, frozen=True):
    """Two values of one type, or two numbers."""

    sign: Literal["=", "!=", "<=", ">=", "<", ">"]
    left: Expression
    right: Expression

    @property
    def is_computed(self) -> bool:
        return isinstance(self.left, Arithmetic) or isinstance(self.right, Arithmetic)


class OneOf(msgspec.Struct, frozen=True):
    """Whether a value is one of those that are listed."""

    item: Expression
    values: tuple[Constant, ...]


class IsNull(msgspec.Struct, frozen=True):
    """Whether a value is missing: null, and NaN where it is stored as floating point. Never unknown."""

    column: ColumnRef


class Negation(msgspec.Struct, frozen=True):
    part: Expression


class Combined(msgspec.Struct, frozen=True):
    """With the logic of three values that SQL has: `false and unknown` is false, `true or unknown` is true."""

    word: Literal["and", "or"]
    parts: tuple[Expression, ...]


Expression = ColumnRef | Constant | Arithmetic | ComparedValues | OneOf | IsNull | Negation | Combined


def parsed(text: str, columns: Mapping[str, ValueType | None]) -> Expression:
    """The rule in a text: an expression that is true, false or unknown of a row. columns: those that may be named, with
    their types. RuleError for anything else."""
    if len(text) > LONGEST:
        raise RuleError(f"has {len(text)} characters, more than {LONGEST}", "make several rules of it")
    return _Parser(text, columns).whole()


def columns_in(expression: Expression | None) -> tuple[ColumnRef, ...]:
    """The columns that it names, each once, in their order."""
    return tuple(dict.fromkeys(_walk(expression))) if expression is not None else ()


def _walk(expression: Expression) -> Iterator[ColumnRef]:
    match expression:
        case ColumnRef():
            yield expression
        case Arithmetic(left=left, right=right) | ComparedValues(left=left, right=right):
            yield from _walk(left)
            yield from _walk(right)
        case OneOf(item=inner) | IsNull(column=inner) | Negation(part=inner):
            yield from _walk(inner)
        case Combined(parts=parts):
            for part in parts:
                yield from _walk(part)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


class _Parser:
    def __init__(self, text: str, columns: Mapping[str, ValueType | None]) -> None:
        self._tokens, self._columns, self._next, self._depth = _tokens(text), columns, 0, 0

    def whole(self) -> Expression:
        found = self._any()
        if self._peek().kind != "end":
            raise self._unexpected("a word such as `and` or `or`, or the end")
        return _truth(found)

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *texts: str) -> str:
        """The next token where it is one of these words or signs; else nothing, and it stays."""
        token = self._peek()
        text = token.text.lower() if token.kind == "word" else token.text
        if token.kind in ("word", "sign") and text in texts:
            self._next += 1
            return text
        return ""

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected(f"`{text}`")

    def _unexpected(self, wanted: str) -> RuleError:
        token = self._peek()
        found = "the end" if token.kind == "end" else repr(token.text[:40])
        return RuleError(f"has {found} at character {token.at + 1}", f"write {wanted} there")

    def _any(self) -> Expression:
        return self._combined("or", self._all)

    def _all(self) -> Expression:
        return self._combined("and", self._negated)

    def _combined(self, word: Literal["and", "or"], part: object) -> Expression:
        assert callable(part)
        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Combined(word, tuple(map(_truth, parts)))

    def _negated(self) -> Expression:
        turns = 0
        while self._take("not"):
            turns += 1
        found = self._compared()
        return Negation(_truth(found)) if turns % 2 else found

    def _compared(self) -> Expression:
        left = self._sum()
        if sign := self._take(*COMPARISONS, "<>", "=="):
            right = self._sum()
            if self._peek().text in COMPARISONS:
                raise self._unexpected("`and` between two comparisons")
            return _comparison({"<>": "!=", "==": "="}.get(sign, sign), left, right)
        if self._take("is"):
            negated = bool(self._take("not"))
            self._need("null")
            if not isinstance(left, ColumnRef):
                raise RuleError("asks whether something that is no column is null", "name one column before `is null`")
            return Negation(IsNull(left)) if negated else IsNull(left)
        negated = bool(self._take("not"))
        if negated or self._peek().text.lower() == "in":
            self._need("in")
            found = OneOf(left, self._listed(left))
            return Negation(found) if negated else found
        return left

    def _listed(self, item: Expression) -> tuple[Constant, ...]:
        self._need("(")
        values = []
        while True:
            value = _comparison("=", item, self._sum())
            assert isinstance(value, ComparedValues)
            if not isinstance(value.right, Constant):
                raise RuleError("has something other than a value after `in`", "list values such as ('a', 'b')")
            values.append(value.right)
            if not self._take(","):
                break
        self._need(")")
        return tuple(dict.fromkeys(values))

    def _sum(self) -> Expression:
        left = self._product()
        while sign := self._take("+", "-"):
            left = _arithmetic(sign, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._signed()
        while sign := self._take("*", "/"):
            left = _arithmetic(sign, left, self._signed())
        return left

    def _signed(self) -> Expression:
        minus = False
        while sign := self._take("-", "+"):
            minus ^= sign == "-"
        found = self._atom()
        if not minus:
            return found
        if isinstance(found, Constant) and isinstance(found.value, int | float) and found.type in NUMERIC:
            return Constant(-found.value, found.type)
        return _arithmetic("-", Constant(0, "integer"), found)

    def _atom(self) -> Expression:
        token = self._peek()
        if self._take("("):
            self._depth += 1
            if self._depth > DEEPEST:
                raise RuleError(f"has more than {DEEPEST} brackets within each other", "make several rules of it")
            inner = self._any()
            self._need(")")
            self._depth -= 1
            return inner
        if word := self._take("true", "false"):
            return Constant(word == "true", "boolean")
        if token.kind == "number":
            self._next += 1
            return _number(token.text)
        if token.kind == "text":
            self._next += 1
            return Constant(token.text[1:-1].replace("''", "'"), "string")
        if token.kind == "column" or (token.kind == "word" and token.text.lower() not in WORDS):
            self._next += 1
            return self._column(token)
        raise self._unexpected("a column, a number or a 'text'")

    def _column(self, token: _Token) -> ColumnRef:
        name = token.text[1:-1].replace('""', '"') if token.kind == "column" else token.text
        if name not in self._columns:
            hint = suggestion(name, self._columns) + "; text stands in single quotes"
            raise RuleError(f"names {name[:60]!r}, which is not listed under columns", hint)
        return ColumnRef(name, self._columns[name])


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = re.compile(LEXEME, re.VERBOSE).match(text, at)  # once: re keeps it
        if not match:
            at += len(text[at:]) - len(text[at:].lstrip())
            what = f"has {text[at]!r} at character {at + 1}, which means nothing in a rule"
            raise RuleError(what, "put text in '', and other column names in \"\"")
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


def _number(text: str) -> Constant:
    value: int | float = int(text) if text.isdigit() and len(text) <= 300 else float(text)
    try:
        return Constant(parsed_bound("number", value), "integer" if isinstance(value, int) else "number")
    except (ValueError, OverflowError):
        raise RuleError(f"has a number that is too large: {text[:40]}", "give a smaller one") from None


def _truth(found: Expression) -> Expression:
    """It is true or false of a row: a comparison, or a column of type boolean."""
    if isinstance(found, ColumnRef | Constant | Arithmetic) and _type_of(found) != "boolean":
        raise RuleError("has a value where something true or false must stand", "compare it, such as `a > 0`")
    return found


def _type_of(found: Expression) -> ValueType:
    if isinstance(found, Arithmetic):
        return "number"
    if isinstance(found, ColumnRef):
        if found.type is None:
            raise RuleError(f"compares {found.name[:60]!r}, which has no type", "add its `type:` under columns")
        return found.type
    return found.type if isinstance(found, Constant) else "boolean"


def _arithmetic(sign: str, left: Expression, right: Expression) -> Expression:
    for side in (left, right):
        if (kind := _type_of(side)) not in NUMERIC:
            raise RuleError(f"calculates with a {kind}", f"use {sign} between numbers")
    return Arithmetic(sign, left, right)  # type: ignore[arg-type]


def _comparison(sign: str, left: Expression, right: Expression) -> Expression:
    left, right = _alike(left, _type_of(right)), _alike(right, _type_of(left))
    kinds = (_type_of(left), _type_of(right))
    if kinds[0] != kinds[1] and not all(kind in NUMERIC for kind in kinds):
        raise RuleError(f"compares a {kinds[0]} with a {kinds[1]}", "compare values of one type")
    if kinds[0] == "boolean" and sign not in ("=", "!="):
        raise RuleError(f"uses {sign} between true and false", "use = or !=")
    return ComparedValues(sign, left, right)  # type: ignore[arg-type]


def _alike(side: Expression, other: ValueType) -> Expression:
    """A text beside a date or a time is one."""
    if isinstance(side, Constant) and side.type == "string" and other in ("date", "timestamp"):
        try:
            return Constant(parsed_bound(other, side.value), other)
        except ValueError as wanted:
            raise RuleError(f"compares a {other} with {str(side.value)[:40]!r}", f"give {wanted}") from None
    return side


def quoted(name: str) -> str:
    """A column's name as a rule writes it."""
    plain = re.fullmatch(r"[^\W\d]\w*", name) and name.lower() not in WORDS
    return name if plain else '"{}"'.format(name.replace('"', '""'))


def as_literal(value: Bound) -> str:
    """A value as a rule writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = value if isinstance(value, str) else value.isoformat()
    return "'{}'".format(text.replace("'", "''"))
