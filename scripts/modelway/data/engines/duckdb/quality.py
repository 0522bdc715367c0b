"""How DuckDB answers what a check of quality asks (modelway.data.quality.queries): one column at a time, by the number of rows
of each of its different values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

from modelway.data.dialect import CsvDialect
from modelway.data.engines.duckdb import quality_texts as texts
from modelway.data.engines.duckdb.opening import open_table
from modelway.data.engines.duckdb.sql import FILE, ROW, Statement, reading
from modelway.data.engines.duckdb.table import EXAMPLE_CUT, DuckDBTable
from modelway.data.quality import queries as asked
from modelway.data.quality.queries import ENDS, FAULTS, GRID, PROBABILITIES, SHAPES, TOP, Answers, Asked, Distribution
from modelway.data.queries import Answer, Sighting, StoredColumn
from modelway.data.sources import Source

TEXT_CUT = 300
"""Characters of a text that are handed over."""


@contextmanager
def open_quality_table(
    source: Source, dialect: CsvDialect, scratch: Path, memory_mb: int
) -> Iterator[DuckDBQualityTable]:
    """See `modelway.data.engines.Engine.open_table`."""
    with open_table(source, dialect, scratch, memory_mb) as table:
        if source.format == "csv":  # a column at a time: text would be parsed anew for each
            table.keep([])
        yield DuckDBQualityTable(table)


class DuckDBQualityTable:
    """Opened data; see modelway.data.quality.queries.QualityTable."""

    def __init__(self, table: DuckDBTable) -> None:
        self._table = table
        self._position = {column.name: at for at, column in enumerate(table.columns)}
        self._answer: dict[type[Any], Callable[..., Any]] = {
            asked.Spread: self._spread,
            asked.Writing: self._writing,
            asked.Variants: self._variants,
            asked.Written: self._written,
            asked.NarrowDigits: self._narrow,
            asked.EmptyRows: self._empty,
            asked.RepeatedRows: self._repeated,
            asked.Rising: self._rising,
            asked.Crossed: self._crossed,
        }

    @property
    def columns(self) -> tuple[StoredColumn, ...]:
        return self._table.columns

    @cached_property
    def rows(self) -> int:
        return self._table.answers([], 0)[0]

    def tell(self, questions: Sequence[Asked[Any]], examples: int) -> Answers:
        told = Answers()
        counted = [one for one in dict.fromkeys(questions) if isinstance(one, asked.Counted)]
        for question, answer in zip(
            counted, self._table.answers([one.query for one in counted], examples)[1], strict=True
        ):
            told.add(question, answer)
        for question in dict.fromkeys(questions):
            if question not in told:
                told.add(question, self._answer[type(question)](question, examples))
        return told

    def _fetched(self, statement: Statement) -> list[tuple[Any, ...]]:
        return self._table.fetched(statement)

    def _from(self, statement: Statement, rest: str = "") -> Statement:
        return statement.then(self._table.relation).add(rest)

    def _spread(self, question: asked.Spread, examples: int) -> Distribution:
        at = self._position[question.column]
        column = self.columns[at]
        read = reading(at, column, question.type)
        value = read.value
        if column.physical == "FLOAT" or column.physical == "DOUBLE" or value.endswith("AS DOUBLE)"):
            value = f"({value})::DOUBLE + 0.0"  # -0.0 is 0
        elif question.type == "date":
            value = f"epoch_us({value})"
        elif question.type in ("integer", "number") and column.physical.startswith("DECIMAL"):
            value = f"({value})::DOUBLE"
        elif question.type == "string":
            value = f"left({value}, {TEXT_CUT})"
        statement = Statement(f"WITH f AS (SELECT {value} AS v, count(*) AS k FROM ")
        self._from(statement, f" WHERE {read.present} AND {read.valid}")
        if question.without:
            statement.add(f" AND ({value}) NOT IN (SELECT unnest({statement.bind(list(question.without))}))")
        statement.add(f" AND ({value}) > {statement.bind(question.above)}" if question.above is not None else "")
        statement.add(f" AND ({value}) <= {statement.bind(question.up_to)}" if question.up_to is not None else "")
        statement.add(" GROUP BY 1)")
        if question.type in ("string", "boolean"):
            [row] = self._fetched(statement.add(f"SELECT {_counts('v')} FROM f"))
            return _distribution(row)
        n = question.n
        ranks = {p: max(1, ceil(p * n)) for p in PROBABILITIES}
        tails = [rank for p, rank in ranks.items() if p * GRID % 1]
        has_rank = f"(upto * {GRID}) // {n} > ((upto - k) * {GRID}) // {n}"
        has_rank += "".join(f" OR (upto >= {rank} AND upto - k < {rank})" for rank in sorted(set(tails)))
        statement.add(", s AS (SELECT v, k, (sum(k) OVER (ORDER BY v ROWS UNBOUNDED PRECEDING))::BIGINT AS upto FROM f)")
        number = question.type in ("integer", "number")
        of_number = "v = trunc(v), v = 0, v < 0" if number else "true, false, v < 0"
        whole, zero, negative = (f"coalesce(sum(k) FILTER (WHERE {one}), 0)::BIGINT" for one in of_number.split(", "))
        statement.add(f"SELECT {_counts('v')}, {whole}, {zero}, {negative}, ")
        statement.add(f"list(struct_pack(v := v, u := upto)) FILTER (WHERE {has_rank}) FROM s")
        *row, places = self._fetched(statement)[0]
        steps = sorted((place["u"], place["v"]) for place in places or ())
        quantiles = {p: next(v for upto, v in steps if upto >= rank) for p, rank in ranks.items()} if steps else None
        return _distribution(row, quantiles)

    def _writing(self, question: asked.Writing, examples: int) -> asked.Texts:
        name = f"c{self._position[question.column]}"
        statement = Statement(f"WITH f AS (SELECT {name} AS v, count(*) AS k FROM ")
        self._from(statement, f" WHERE {name} IS NOT NULL GROUP BY 1), m AS (SELECT v, k, {texts.shape()} AS shape FROM f)")
        spelt = ", ".join(f"coalesce(sum(k) FILTER (WHERE fault & {texts.bit(name)} > 0), 0)::BIGINT" for name in FAULTS)
        words = f"shape IN ({SHAPES.index('words')}, {SHAPES.index('blank')})"
        statement.add(f", t AS (SELECT *, CASE WHEN {words} THEN {texts.faults()} ELSE 0 END AS fault FROM m)")
        digits = f"shape IN ({SHAPES.index('whole')}, {SHAPES.index('zero-led')})"
        shown = f"left(v, {TEXT_CUT})"
        statement.add(
            f"SELECT shape, CASE WHEN {digits} AND regexp_full_match(v, '\\d+') THEN length(v) END AS width,"
            f" {_counts(shown)}, min(length(v)), max(length(v)), {spelt} FROM t GROUP BY shape, width"
        )
        return _texts(self._fetched(statement))

    def _variants(self, question: asked.Variants, examples: int) -> Answer:
        name = f"c{self._position[question.column]}"
        statement = Statement(f"WITH f AS (SELECT {name} AS v, count(*) AS k FROM ")
        self._from(statement, f" WHERE {name} IS NOT NULL GROUP BY 1), m AS (SELECT v, k, {texts.FOLDED} AS folded FROM f)")
        statement.add(
            ", g AS (SELECT sum(k)::BIGINT AS n, (sum(k) - max(k))::BIGINT AS fewer,"
            f" max(struct_pack(k := k, v := left(v, {TEXT_CUT})), 2) AS most FROM m GROUP BY folded)"
            " SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(fewer), 0)::BIGINT,"
            f" max(struct_pack(fewer := fewer, most := most), {max(examples, 1):d}) FILTER (WHERE fewer > 0) FROM g"
        )
        n, count, seen = self._fetched(statement)[0]
        pairs = [[one["v"] for one in group["most"]] for group in seen or ()][:examples]
        return Answer(n, count, examples=tuple(Sighting(f"{other!r} beside {most!r}") for most, other in pairs))

    def _written(self, question: asked.Written, examples: int) -> Answer:
        wanted = [texts.CONDITIONS.get(name, texts.FAULT_CONDITIONS.get(name, "")) for name in question.names]
        shapes = [str(SHAPES.index(name)) for name in question.names if name in SHAPES]
        bits = sum(texts.bit(name) for name in question.names if name in FAULTS)
        assert wanted
        tests = ([f"({texts.shape()}) IN ({', '.join(shapes)})"] if shapes else []) + (
            [f"({texts.faults()}) & {bits} > 0"] if bits else []
        )
        return self._first_rows(question.column, " OR ".join(tests), examples)

    def _narrow(self, question: asked.NarrowDigits, examples: int) -> Answer:
        narrow = rf"regexp_full_match(v, '\d+') AND length(v) < {question.width:d}"
        return self._first_rows(question.column, narrow, examples)

    def _first_rows(self, column: str, condition: str, examples: int) -> Answer:
        """condition: over the text v."""
        name = f"c{self._position[column]}"
        statement = Statement(f"SELECT {FILE}, {ROW}, first_row, left(v, {EXAMPLE_CUT}) FROM (SELECT {name} AS v, {FILE}, {ROW},")
        statement.add(f" min({ROW}) OVER (PARTITION BY {FILE}) AS first_row FROM (SELECT {name}, {FILE}, row_number() OVER ()")
        self._from(statement.add(f" AS {ROW} FROM "), f")) WHERE v IS NOT NULL AND ({condition}) ORDER BY {ROW}")
        found = self._fetched(statement.add(f" LIMIT {examples:d}"))
        return Answer(0, len(found), examples=tuple(
            Sighting(value, row - first + 1, self._table.short(file)) for file, row, first, value in found
        ))

    def _empty(self, question: asked.EmptyRows, examples: int) -> Answer:
        missing = [
            f"NOT ({reading(at := self._position[name], self.columns[at], None).present})" for name in question.columns
        ]
        statement = self._from(Statement(f"SELECT count(*), count_if({' AND '.join(missing)}) FROM "))
        n, count = self._fetched(statement)[0]
        return Answer(n, count)

    def _repeated(self, question: asked.RepeatedRows, examples: int) -> Answer:
        names = [f"c{self._position[name]}" for name in question.columns]
        suspects = self._from(Statement(f"SELECT hash({', '.join(names)}) AS h FROM "), " GROUP BY h HAVING count(*) > 1")
        if not self._fetched(Statement("SELECT 1 FROM (").then(suspects).add(") LIMIT 1")):
            return Answer(self.rows)
        statement = Statement("CREATE OR REPLACE TEMP TABLE twins AS WITH all_rows AS (SELECT ")
        statement.add(f"{', '.join(names)}, {FILE}, row_number() OVER () AS {ROW} FROM ")
        self._from(statement, f") SELECT min({ROW}) AS first, list({ROW} ORDER BY {ROW})[2:{examples + 1:d}] AS later, count(*) AS n")
        statement.add(f" FROM all_rows WHERE hash({', '.join(names)}) IN (").then(suspects)
        self._fetched(statement.add(f") GROUP BY {', '.join(names)} HAVING count(*) > 1"))
        [[count]] = self._fetched(Statement("SELECT coalesce(sum(n - 1), 0)::BIGINT FROM twins"))
        shown = self._fetched(
            Statement("SELECT r, first FROM (SELECT unnest(later) AS r, first FROM twins) ORDER BY r LIMIT").add(
                f" {examples:d}"
            )
        )
        return Answer(self.rows, count, examples=tuple(Sighting(f"row {row} repeats row {first}") for row, first in shown))

    def _rising(self, question: asked.Rising, examples: int) -> int:
        at = self._position[question.column]
        read = reading(at, self.columns[at], question.type)
        value = f"CASE WHEN {read.present} AND {read.valid} THEN {read.value} END"
        statement = Statement("SELECT count_if(v > before) FROM (SELECT v, lag(v) OVER () AS before FROM (SELECT ")
        [[count]] = self._fetched(self._from(statement.add(f"{value} AS v FROM "), "))"))
        return int(count)

    def _crossed(self, question: asked.Crossed, examples: int) -> Mapping[tuple[int, int, int], int]:
        statement = Statement("SELECT a, b, half, count(*) FROM (SELECT ")
        one, other = (self._cell(part, statement) for part in (question.one, question.other))
        columns = ", ".join(sorted({f"c{self._position[part.column]}" for part in (question.one, question.other)}))
        statement.add(f"({one})::INTEGER AS a, ({other})::INTEGER AS b, ({ROW} % 2)::INTEGER AS half FROM (SELECT {columns},")
        self._from(statement.add(f" row_number() OVER () AS {ROW} FROM "), ")) GROUP BY ALL")
        return {(a, b, half): count for a, b, half, count in self._fetched(statement)}

    def _cell(self, part: asked.Parted, statement: Statement) -> str:
        at = self._position[part.column]
        read = reading(at, self.columns[at], part.type)
        if part.values:
            place = f"coalesce(list_position({statement.bind(list(part.values))}, {read.value}), 0)"
        else:
            value = f"epoch_us({read.value})" if part.type == "date" else read.value
            place = " + ".join(f"({value} > {statement.bind(edge)})::UTINYINT" for edge in part.edges) or "0"
        return f"CASE WHEN {read.present} AND {read.valid} THEN {place} ELSE -1 END"


def _counts(shown: str) -> str:
    """n, distinct, and the most frequent, smallest and largest values of a table (v, k)."""
    return (
        f"coalesce(sum(k), 0)::BIGINT, count(*), max(struct_pack(k := k, v := {shown}), {TOP}),"
        f" min(struct_pack(v := {shown}, k := k), {ENDS}), max(struct_pack(v := {shown}, k := k), {ENDS})"
    )


def _distribution(row: Sequence[Any], quantiles: Mapping[float, Any] | None = None) -> Distribution:
    n, distinct, top, low, high, *more = row
    ends = [tuple((one["v"], one["k"]) for one in found or ()) for found in (top, low, high)]
    whole, zero, negative = more or (0, 0, 0)
    return Distribution(n, distinct, *ends, quantiles, whole, zero, negative)


def _texts(rows: Sequence[tuple[Any, ...]]) -> asked.Texts:
    """From a row for each shape, and of digits alone for each number of them."""
    shapes, widths = dict.fromkeys(SHAPES, 0), dict[int, int]()
    faults, n, distinct = dict.fromkeys(FAULTS, 0), 0, 0
    top, low, high = list[tuple[Any, int]](), list[tuple[Any, int]](), list[tuple[Any, int]]()
    for shape, width, count, different, most, smallest, largest, _, _, *spelt in rows:
        shapes[SHAPES[shape]] += count
        n, distinct = n + count, distinct + different
        for ends, seen in ((top, most), (low, smallest), (high, largest)):
            ends += [(one["v"], one["k"]) for one in seen]
        faults = {name: faults[name] + more for name, more in zip(FAULTS, spelt, strict=True)}
        if width is not None:
            widths[width] = widths.get(width, 0) + count
    top.sort(key=lambda item: (item[1], item[0]), reverse=True)
    shortest, longest = min((row[7] for row in rows), default=0), max((row[8] for row in rows), default=0)
    ends = tuple(top[:TOP]), tuple(sorted(low)[:ENDS]), tuple(sorted(high, reverse=True)[:ENDS])
    spread = Distribution(n, distinct, *ends, shortest=shortest, longest=longest)
    return asked.Texts(n, shapes, faults, dict(sorted(widths.items())), spread)
