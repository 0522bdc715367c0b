"""DuckDB's answers about predictions and their labels: joined once into a table of six narrow columns, then counted by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelway.config.document import suggestion
from modelway.config.label_meaning import LabelCompared, LabelNamed, class_text
from modelway.data.engines.duckdb.relations import OtherData, TableColumns
from modelway.data.engines.duckdb.sql import FLOATS, Statement
from modelway.data.engines.duckdb.table import DuckDBTable
from modelway.data.labelled import (
    MOST_CLASSES,
    BinCounts,
    DayArrivals,
    DayErrors,
    DayOutcomes,
    Deciding,
    JoinedRows,
    LabelledRows,
)
from modelway.data.queries import StoredColumn
from modelway.errors import InvalidInput

DAY_US = 86_400_000_000
WHOLE_FLOATS = 1 << 53
DECIMAL = r"-?(0|[1-9][0-9]*)\.[0-9]+"
SHOWN = 100
MOST = "1e60"
"""A number is no larger: its fourth power is one too."""
BEFORE = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"


class DuckDBLabels:
    """See modelway.data.labelled.LabelTable."""

    def __init__(self, table: DuckDBTable) -> None:
        self._table, self._repeated = table, 0
        self._of_columns = TableColumns(table.columns, {column.name: at for at, column in enumerate(table.columns)})

    @property
    def columns(self) -> tuple[StoredColumn, ...]:
        return self._table.columns

    def join(self, asked: LabelledRows) -> JoinedRows:
        """Tables `predictions` (k, m: microseconds, p: as text, s: as a number) and `labels` (k, v, other, a, n), then
        `joined` (d: day, p, s, c: the predicted class, v: the label, a: the day on which it came)."""
        own, labels = self._of_columns, asked.labels
        self._predictions(asked, own)
        if labels is None:
            again = conflicting = unknown = 0
            first = None
            (count, without_arrival) = self._rows(
                "SELECT count(v), counted_if(v IS NOT NULL AND a IS NULL) FROM joined"
            )[0]
        else:
            self._table.beside(labels.source, labels.dialect, lambda other: self._labels(asked, labels.id, other))
            count, again, conflicting, first, without_arrival = self._rows(
                "SELECT count(*), coalesce(sum(n - 1), 0)::BIGINT, counted_if(v <> other),"
                f" left(min(k) FILTER (WHERE v <> other), {SHOWN}), counted_if(a IS NULL) FROM labels"
            )[0]
            (unknown,) = self._rows("SELECT count(*) FROM labels ANTI JOIN predictions USING (k)")[0]
            again -= conflicting  # of two that conflict neither says it once more
            came = "labels.a" if asked.arrived else "CASE WHEN labels.v IS NOT NULL THEN d END"
            self._rows(
                f"CREATE TEMP TABLE joined AS SELECT d, p, s, c, labels.v, {came} AS a FROM predictions"
                " LEFT JOIN labels ON predictions.k = labels.k"
            )
        classes = "labels" if labels else "joined"
        rows, without_id, without_time, without_prediction, wrong, worst = self._rows(
            "SELECT count(*), counted_if(k IS NULL), counted_if(d IS NULL), counted_if(d IS NOT NULL AND p IS NULL),"
            f" counted_if(p IS NOT NULL AND s IS NULL), left(min(p) FILTER (WHERE s IS NULL), {SHOWN}) FROM predictions"
        )[0]
        return JoinedRows(
            rows=rows,
            repeated=self._repeated,
            without_id=without_id if labels else 0,
            without_time=without_time,
            without_prediction=without_prediction,
            labels=count,
            again=again,
            conflicting=conflicting,
            first_conflict=first,
            unknown=unknown,
            without_arrival=without_arrival if asked.arrived else 0,
            scored=not wrong,
            worst=worst,
            classes={} if asked.numbers else self._frequent("v", classes),
            predicted=self._frequent("c", "predictions") if wrong and not asked.numbers else {},
            worst_label=self._worst_label(classes) if asked.numbers else None,
        )

    def _worst_label(self, table: str) -> str | None:
        is_one = f"coalesce(abs(TRY_CAST(v AS DOUBLE)) <= {MOST}, false)"
        found: list[tuple[str | None]] = self._rows(
            f"SELECT left(min(v) FILTER (WHERE NOT {is_one}), {SHOWN}) FROM {table}"
        )
        return found[0][0]

    def _frequent(self, column: str, table: str) -> dict[str, int]:
        counted = f"SELECT {column}, count(*) AS n FROM {table} WHERE {column} IS NOT NULL GROUP BY {column}"
        return dict(self._rows(f"{counted} ORDER BY n DESC, {column} LIMIT {MOST_CLASSES}"))

    def arrivals(self) -> dict[int, DayArrivals]:
        rows: dict[int, int] = {}
        labels: dict[int, dict[int, int]] = {}
        for day, came, n, labelled in self._rows(
            "SELECT d, a, count(*), count(v) FROM joined WHERE d IS NOT NULL AND p IS NOT NULL GROUP BY d, a ORDER BY d, a"
        ):
            rows[day] = rows.get(day, 0) + n
            if labelled:
                labels.setdefault(day, {})[came] = labelled
        return {day: DayArrivals(n, labels.get(day, {})) for day, n in rows.items()}

    def outcomes(
        self, cutoffs: Mapping[int, int], deciding: Deciding, *, together: bool = False
    ) -> dict[int, DayOutcomes]:
        day = f"{min(cutoffs):d}::INTEGER AS d" if together else "joined.d AS d"
        if not deciding.scored:
            counted = Statement("SELECT d, count(*), counted_if(c = v) FROM (").add(f"SELECT {day}, c, v FROM ")
            found = self._rows(self._until(counted, cutoffs).add(") GROUP BY d"))
            return {day: DayOutcomes(n, hits) for day, n, hits in found}
        inner = Statement("SELECT d, s, ")
        positive = f"v = {inner.bind(deciding.positive)}"
        predicted = f"s >= {inner.bind(deciding.threshold)}"
        inner.add(f"counted_if({positive}) AS p, counted_if(NOT ({positive})) AS n,")
        inner.add(f" counted_if(({predicted}) = ({positive})) AS h FROM (SELECT {day}, s, v FROM ")
        ranked = Statement(
            "SELECT d, p::HUGEINT AS p, n::HUGEINT AS n, h,"
            f" coalesce(sum(n) OVER (PARTITION BY d ORDER BY s {BEFORE}), 0) * 2 + n AS w,"
            f" coalesce(sum(p) OVER (PARTITION BY d ORDER BY s DESC {BEFORE}), 0) * 2 + p AS l FROM ("
        ).then(self._until(inner, cutoffs).add(") GROUP BY d, s"))
        statement = Statement(
            "SELECT d, sum(p + n), sum(h), sum(p), sum(n), sum(p * w), sum(p * w * w), sum(n * l * l) FROM ("
        )
        found = self._rows(statement.then(ranked).add(")) GROUP BY d"))
        return {day: DayOutcomes(*map(int, row)) for day, *row in found}

    def errors(self, cutoffs: Mapping[int, int]) -> dict[int, DayErrors]:
        """Each sum goes over its parts in their order, so that it is the same however many threads there are."""
        rows = Statement("WITH rows_ AS (SELECT d, s - v::DOUBLE AS e, v::DOUBLE AS y FROM ")
        statement = self._until(rows, cutoffs).add(
            "), days AS (SELECT d, fsum(y ORDER BY y) / count(*) AS mean FROM rows_"
        )
        statement.add(" GROUP BY d) SELECT d, count(*)")
        for part in ("abs(e)", "e * e", "e ** 4", "c * c", "c ** 4", "e * e * c * c"):
            statement.add(f", fsum({part} ORDER BY {part})")
        statement.add(" FROM (SELECT d, e, y - mean AS c FROM rows_ JOIN days USING (d)) GROUP BY d")
        return {day: DayErrors(*found) for day, *found in self._rows(statement)}

    def edges(self, days: Sequence[int], bins: int) -> tuple[float, ...]:
        statement = Statement()
        shares = ", ".join(repr(at / bins) for at in range(1, bins))
        statement.add(f"SELECT quantile_disc(s, [{shares}]) FROM joined WHERE s IS NOT NULL AND d IN ")
        ((found,),) = self._rows(statement.add(f"(SELECT unnest({statement.bind(list(days))}::INTEGER[]))"))
        return tuple(sorted({float(edge) for edge in found or ()}))

    def bins(
        self, cutoffs: Mapping[int, int | None], edges: Sequence[float], positive: str
    ) -> dict[tuple[int, int], BinCounts]:
        """Between each two edges the scores are counted by a comparison with a list: the number of edges below them."""
        statement = Statement("SELECT d, b, count(*), counted_if(there), counted_if(there AND v = ")
        statement.add(
            f"{statement.bind(positive)}) FROM (SELECT d, v, v IS NOT NULL AND coalesce(a <= cut, false) AS there, "
        )
        statement.add(
            f"len(list_filter({statement.bind(list(edges))}::DOUBLE[], lambda e : e < s)) AS b FROM joined JOIN "
        )
        statement.then(_cut(cutoffs)).add(" USING (d) WHERE s IS NOT NULL) GROUP BY d, b")
        return {(day, at): BinCounts(*map(int, row)) for day, at, *row in self._rows(statement)}

    def _predictions(self, asked: LabelledRows, own: TableColumns) -> None:
        moment = own.reading(asked.time, "timestamp")
        text, number = own.reading(asked.prediction, None), own.reading(asked.prediction, "number")
        key = _key(own, asked.labels.id) if asked.labels else "NULL::VARCHAR"
        valid = f"{number.present} AND coalesce({number.valid}, false)"
        low, high = (f"-{MOST}", MOST) if asked.numbers else ("0", "1")
        score = f"CASE WHEN {valid} AND {number.value} BETWEEN {low} AND {high} THEN ({number.value})::DOUBLE + 0.0 END"
        if not self._can_be_number(asked):
            score = "NULL::DOUBLE"
        label, statement = "", Statement()
        if asked.labels is None:
            value, came = _label(own, asked, statement), _day(own, asked.arrived or asked.time)
            label = f", {value} AS v, CASE WHEN ({value}) IS NOT NULL THEN {came} END AS a"
        statement.add(f"CREATE TEMP TABLE predictions AS SELECT {key} AS k,")
        statement.add(f" CASE WHEN {moment.present} AND coalesce({moment.valid}, false) THEN {moment.value} END AS m,")
        statement.add(f" CASE WHEN {text.present} THEN {text.column}::VARCHAR END AS p, {score} AS s,")
        statement.add(f" {_class(own, asked.prediction)} AS c{label} FROM ").then(self._table.relation)
        self._rows(statement)
        self._rows("ALTER TABLE predictions ADD COLUMN d INTEGER")
        self._rows(f"UPDATE predictions SET d = floor(m / {DAY_US}.0)::INTEGER")
        if asked.labels is None:
            self._rows("CREATE TEMP VIEW joined AS SELECT d, p, s, c, v, a FROM predictions")
            return
        (self._repeated,) = self._rows("SELECT count(k) - count(DISTINCT k) FROM predictions")[0]
        if self._repeated:
            whole = "struct_pack(m := m, p := p, s := s, c := c, d := d)"
            self._rows(
                "CREATE OR REPLACE TEMP TABLE predictions AS"
                f" SELECT k, one.m, one.p, one.s, one.c, one.d FROM (SELECT k, min({whole}) AS one FROM predictions"
                " WHERE k IS NOT NULL GROUP BY k) UNION ALL SELECT k, m, p, s, c, d FROM predictions WHERE k IS NULL"
            )

    def _labels(self, asked: LabelledRows, name: str, other: OtherData) -> None:
        columns = other.columns
        for wanted, what in ((name, "identifiers"), (asked.label, "labels"), (asked.arrived, "times of arrival")):
            if wanted and wanted not in columns.position:
                what = f"has no column {wanted[:100]!r}, which should hold the {what}"
                raise InvalidInput(what, where=other.name, fix=suggestion(wanted, columns.position))
        came = _day(columns, asked.arrived) if asked.arrived else "NULL::INTEGER"
        statement = Statement(
            "CREATE TEMP TABLE labels AS SELECT k, min(v) AS v, max(v) AS other, min(a) AS a, count(*) AS n"
        )
        statement.add(
            f" FROM (SELECT {_key(columns, name)} AS k, {_label(columns, asked, statement)} AS v, {came} AS a FROM "
        )
        self._rows(statement.then(other.relation).add(") WHERE k IS NOT NULL AND v IS NOT NULL GROUP BY k"))

    def _can_be_number(self, asked: LabelledRows) -> bool:
        stored = next(column.stored for column in self.columns if column.name == asked.prediction)
        return stored in ("number", "integer", "text")

    @staticmethod
    def _until(statement: Statement, cutoffs: Mapping[int, int]) -> Statement:
        """The joined rows of these days whose label had come by their cutoff."""
        statement.add("joined JOIN ").then(_cut(cutoffs))
        return statement.add(" USING (d) WHERE p IS NOT NULL AND v IS NOT NULL AND a <= cut")

    def _rows(self, statement: Statement | str) -> list[tuple[Any, ...]]:
        return self._table.rows(Statement(statement) if isinstance(statement, str) else statement)


def labels_of(table: DuckDBTable) -> DuckDBLabels:
    """The table that `open_table` gave, as one whose labels can be joined."""
    return DuckDBLabels(table)


def _cut(cutoffs: Mapping[int, int | None]) -> Statement:
    statement = Statement()
    days, cuts = (statement.bind(list(side)) for side in (cutoffs.keys(), cutoffs.values()))
    return statement.add(f"(SELECT unnest({days}::INTEGER[]) AS d, unnest({cuts}::INTEGER[]) AS cut)")


def _day(columns: TableColumns, name: str) -> str:
    """The day since 1970 in UTC of a column of times; null where there is none."""
    read = columns.reading(name, "timestamp")
    valid = f"{read.present} AND coalesce({read.valid}, false)"
    return f"CASE WHEN {valid} THEN floor({read.value} / {DAY_US}.0)::INTEGER END"


def _key(columns: TableColumns, name: str) -> str:
    """An identifier as text: 1.0 that is stored as floating point, as pandas does where one is missing, is 1."""
    read = columns.reading(name, None)
    text = f"{read.column}::VARCHAR"
    if read.physical in FLOATS:
        whole = f"{read.column} = trunc({read.column}) AND abs({read.column}) < {WHOLE_FLOATS}"
        text = f"CASE WHEN {whole} THEN {read.column}::BIGINT::VARCHAR ELSE {text} END"
    return f"CASE WHEN {read.present} THEN {text} END"


def _label(columns: TableColumns, asked: LabelledRows, statement: Statement) -> str:
    """The label's class, as the model has it."""
    written, meaning = _class(columns, asked.label), asked.meaning
    if isinstance(meaning, LabelCompared):
        read = columns.reading(asked.label, "number")
        kept = f"CASE WHEN {read.value} {meaning.sign} {statement.bind(meaning.bound)}::DOUBLE THEN '1' ELSE '0' END"
        return f"CASE WHEN {read.present} AND coalesce({read.valid}, false) THEN {kept} ELSE {written} END"
    if isinstance(meaning, LabelNamed):
        named = ((statement.bind(value), statement.bind(class_text(name))) for value, name in meaning.names.items())
        cases = " ".join(f"WHEN {value} THEN {name}" for value, name in named)
        return f"CASE {written} {cases} ELSE {written} END"
    return written


def _class(columns: TableColumns, name: str) -> str:
    """As `LabelledRows` says; also of a number without its trailing zeros."""
    read = columns.reading(name, None)
    text = f"{read.column}::VARCHAR"
    if read.physical not in FLOATS and columns.stored[columns.position[name]].stored == "integer":
        return f"CASE WHEN {read.present} THEN {text} END"
    number = f"regexp_replace(regexp_replace({text}, '0+$', ''), '[.]$', '')"
    cases = f"WHEN lower({text}) = 'true' THEN '1' WHEN lower({text}) = 'false' THEN '0'"
    cases += f" WHEN regexp_full_match({text}, '-?0([.]0+)?') THEN '0'"
    cases += f" WHEN regexp_full_match({text}, '{DECIMAL}') THEN {number}"
    return f"CASE WHEN NOT ({read.present}) THEN NULL {cases} ELSE {text} END"
