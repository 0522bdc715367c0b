"""Contracts for property tests: anything that modelway.data.contract takes, from small parts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=8)
NAMES = st.sampled_from(
    [
        "id",
        "a b",
        "NO",
        "1e3",
        "null",
        "- x",
        "größe",
        'q"uote',
        "#",
        "a: b",
        "'",
        "2026-11-21",
        "x.y",
        "\u2028",
        "\x7f",
        "😀",
    ]
) | TEXTS.filter(lambda name: "\n" not in name and "\r" not in name)
NUMBERS = st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6).map(lambda value: value + 0.0)


def _range(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=2, max_size=2).map(sorted)


OF_TYPE: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "string": st.fixed_dictionaries(
        {},
        optional={
            "allowed": st.lists(TEXTS, min_size=1, max_size=3, unique=True),
            "pattern": st.sampled_from(["^a+$", "[0-9]{2}", "\\d", "ä|\"'"]),
            "length": st.sampled_from([[1, 3], [None, 4], [0, None]]),
        },
    ),
    "integer": st.fixed_dictionaries(
        {},
        optional={
            "range": _range(st.integers(-99, 99)) | st.just([None, 5]),
            "allowed": st.lists(st.integers(-9, 9), min_size=1, max_size=3, unique=True),
        },
    ),
    "number": st.fixed_dictionaries({}, optional={"range": _range(NUMBERS) | st.just([1.5, None])}),
    "boolean": st.fixed_dictionaries({}, optional={"allowed": st.just([True])}),
    "date": st.fixed_dictionaries({}, optional={"range": _range(st.dates().map(str))}),
    "timestamp": st.fixed_dictionaries(
        {}, optional={"range": _range(st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"))}
    ),
}


@st.composite
def columns(draw: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from([*OF_TYPE, None]))
    column: dict[str, Any] = {} if kind is None else {"type": kind, **draw(OF_TYPE[kind])}
    if {"range", "length"} & column.keys() and draw(st.booleans()):
        column.pop("allowed", None)
    elif "allowed" in column:  # which must leave some value
        column.pop("range", None)
        column.pop("length", None)
    more = draw(st.sampled_from([{}, {"nullable": False}, {"max-null-percent": 5}, {"max-null-percent": 12.5}]))
    extra = {"unique": st.just(True), "sensitive": st.just(True), "description": TEXTS}
    return column | more | draw(st.fixed_dictionaries({}, optional=extra))


@st.composite
def contracts(draw: Any) -> dict[str, Any]:
    """Of our own form, as plain values."""
    made: dict[str, Any] = {"columns": draw(st.dictionaries(NAMES, columns(), min_size=1, max_size=5))}
    names = list(made["columns"])
    limits = st.fixed_dictionaries({"at-least": st.integers(0, 5)}, optional={"at-most": st.integers(6, 9)})
    keys: dict[str, st.SearchStrategy[Any]] = {
        "rows": st.fixed_dictionaries({"at-least": st.integers(1, 9)}, optional={"at-most": st.integers(9, 99)}),
        "unique": st.lists(st.lists(st.sampled_from(names), min_size=1, unique=True), min_size=1, max_size=2),
        "unlisted-columns": st.just("refuse"),
        "null-values": st.lists(TEXTS, min_size=1, max_size=2),
        "delimiter": st.sampled_from([";", "\t", "|"]),
        "encoding": st.just("latin-1"),
        "groups": st.tuples(limits).map(lambda part: [{"by": names[:1], "measure": "rows", **part[0]}]),
        "counts": st.tuples(limits).map(lambda part: [{"of": "missing", "columns": names[:1], **part[0]}]),
        "references": st.just([{"columns": names[:1], "data": "other file.csv"}]),
        "sql": st.sampled_from(
            [
                [{"name": "one", "violations": "SELECT 1 WHERE false"}],
                [{"name": "a: b", "number": "SELECT 1\n-- x", "at-least": 1}],
            ]
        ),
    }
    made |= draw(st.fixed_dictionaries({}, optional=keys))
    rules = [f"""{'"' + name.replace('"', '""') + '"'} is not null""" for name in names[:1] if draw(st.booleans())]
    return made | ({"rules": rules} if rules else {})
