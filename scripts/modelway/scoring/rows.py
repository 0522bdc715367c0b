"""Held-out rows: read by DuckDB with the types of the model's signature, handed to the worker as plain arrays."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from modelway.config.strict_yaml import suggestion
from modelway.errors import InvalidInput

NULLS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "<NA>", "n/a", "#N/A"]
"""What pandas takes for missing in a CSV, so that a model sees here what it saw in training."""

SQL_TYPES = {
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "datetime": "TIMESTAMP",
}
"""MLflow's column types (mlflow.types.DataType) that a table of held-out rows can hold."""

FORMATS = {".csv": "csv", ".gz": "csv", ".parquet": "parquet", ".pq": "parquet"}


@dataclass(frozen=True)
class Rows:
    """Columns of equal length, in the order of the file's rows. Missing values are None (text), NaN (numbers), NaT."""

    columns: Mapping[str, np.ndarray]
    count: int

    def row(self, index: int) -> dict[str, Any]:
        return {name: plain(column[index]) for name, column in self.columns.items()}


def types_of(signature: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Column -> MLflow type of a model's inputs; None where the model has no signature. A signature that is not over
    named columns is InvalidInput."""
    if not signature or not signature.get("inputs"):
        return None
    inputs = signature["inputs"]
    inputs = json.loads(inputs) if isinstance(inputs, str) else inputs
    types = {str(item.get("name")): str(item.get("type")) for item in inputs if item.get("name")}
    if len(types) != len(inputs) or any(kind not in SQL_TYPES for kind in types.values()):
        raise InvalidInput(
            "the model's signature is not over named columns of plain types",
            where="evaluate-gate",
            fix="log the model with a DataFrame as input_example",
        )
    return types


def read_rows(path: Path, wanted: Mapping[str, str | None], name: str) -> Rows:
    """The wanted columns (name -> MLflow type, or None for the file's own) of a CSV or Parquet file, or of a folder.

    A missing column, or a value that is not of its type, is InvalidInput naming file, column and value: a value that is
    quietly read as missing would be judged as something that it is not.
    """
    with (
        tempfile.TemporaryDirectory(prefix="modelway-rows-") as links,
        duckdb.connect(":memory:", config={"threads": 1, "preserve_insertion_order": True}) as database,
    ):
        database.execute("SET enable_progress_bar = false")  # it would be drawn into the log
        source = _source(path, name, Path(links))
        try:
            relation = database.sql(f"SELECT * FROM {source}")
            there = dict(zip(relation.columns, map(str, relation.types), strict=True))
            for column in wanted:
                if column not in there:
                    raise InvalidInput(f"has no column {column[:100]!r}", where=name, fix=suggestion(column, there))
            stored = ", ".join(_name(column) for column in wanted)
            database.execute(f"CREATE TEMP TABLE stored AS SELECT {stored} FROM {source}")  # the file is parsed once
            for column, kind in wanted.items():
                _check_cast(database, column, kind, name)
            selected = ", ".join(_expression(column, kind) for column, kind in wanted.items())
            fetched = database.execute(f"SELECT {selected} FROM stored").fetchnumpy()
            count = database.execute("SELECT count(*) FROM stored").fetchall()[0][0]
        except duckdb.Error as error:
            reason = " ".join(str(error).split())[:240]
            raise InvalidInput(
                f"cannot be read: {reason}", where=name, fix="give a whole CSV or Parquet file"
            ) from None
    return Rows({column: _filled(values) for column, values in fetched.items()}, int(count))


def plain(value: Any) -> Any:
    """A value as JSON has it; missing is None."""
    if value is None:
        return None
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    item = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(item, float) and not np.isfinite(item) else item


def _source(path: Path, name: str, links: Path) -> str:
    """What DuckDB reads. The path is a link of our own name, since it takes `*`, `?` and `[` in a name for a pattern."""
    if not path.exists():
        raise InvalidInput("no such data", where=name, fix="run data.command first, or correct data.test")
    kind = FORMATS.get(path.suffix.lower())
    location = links / f"data{path.suffix.lower()}"
    location.symlink_to(path.resolve())
    if path.is_dir():
        kind = "parquet" if any(path.rglob("*.parquet")) else "csv"
        location = location / "**" / f"*.{kind}"
    if kind is None:
        raise InvalidInput(
            "is neither CSV nor Parquet", where=name, fix="name a .csv or .parquet file, or a folder of them"
        )
    if kind == "parquet":
        return f"read_parquet({_text(location)})"
    return f"read_csv({_text(location)}, header = true, all_varchar = true, sample_size = -1)"


def _expression(column: str, kind: str | None) -> str:
    quoted = _name(column)
    text = f"CASE WHEN CAST({quoted} AS VARCHAR) IN ({', '.join(map(_text, NULLS))}) THEN NULL ELSE {quoted} END"
    if kind is None:
        return f"{text} AS {quoted}"
    return f"TRY_CAST({text} AS {SQL_TYPES[kind]}) AS {quoted}"


def _check_cast(database: duckdb.DuckDBPyConnection, column: str, kind: str | None, name: str) -> None:
    if kind in (None, "string"):
        return
    quoted = _name(column)
    lost = database.execute(
        f"SELECT rowid + 2, CAST({quoted} AS VARCHAR) FROM stored"
        f" WHERE {quoted} IS NOT NULL AND CAST({quoted} AS VARCHAR) NOT IN ({', '.join(map(_text, NULLS))})"
        f" AND TRY_CAST({quoted} AS {SQL_TYPES[str(kind)]}) IS NULL LIMIT 1"
    ).fetchall()
    if lost:
        raise InvalidInput(
            f"{str(lost[0][1])[:80]!r} in column {column!r} is no {kind}, which the model's signature asks for",
            where=f"{name}:{lost[0][0]}",
            fix="mend the value, or train with a type that holds it",
        )


def _filled(values: Any) -> np.ndarray:
    mask = np.ma.getmaskarray(values)
    data = np.ma.getdata(values)
    if not mask.any():
        return np.asarray(data)
    if data.dtype.kind == "f":
        return np.where(mask, np.nan, data)
    if data.dtype.kind in "Mm":
        return np.where(mask, np.datetime64("NaT"), data)
    filled = data.astype(object)
    filled[mask] = None
    return np.asarray(filled)


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
