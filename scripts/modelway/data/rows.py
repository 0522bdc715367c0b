"""The rows of a data set as columns: read once, by the contract, each value as it is wanted or the file and line of the one
that is not."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelway.config.document import suggestion
from modelway.data.contract import Column, Contract
from modelway.data.queries import RowTable, StoredColumn, Wanted
from modelway.data.sources import find_source
from modelway.data.values import READABLE, Stored, printable
from modelway.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

MEMORY_MB = 1024
SHOWN = 80


class OpenedRows:
    """A data set that is read, once. A missing column, or a value that is not as wanted, is InvalidInput that names file,
    line and value: one that is quietly read as missing, or cast, would be judged as something that it is not."""

    def __init__(self, table: RowTable, contract: Contract, name: str, is_csv: bool) -> None:
        self._table, self._contract, self._name = table, contract, name
        self.is_csv = is_csv
        self._stored = {column.name: column for column in table.columns}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._stored)

    def stored(self, name: str) -> Stored:
        """How the file keeps the column."""
        self._require(name)
        return self._stored[name].stored

    def as_stored(self, name: str) -> Wanted:
        """The column as the file has it, each value of the contract's type where the contract has one."""
        kind = self._contract.columns.get(name, Column()).type
        return Wanted(kind, asked=f"{kind}, which the contract asks for")

    def _require(self, name: str) -> None:
        if name not in self._stored:
            what = f"has no column {name[:100]!r}"
            raise InvalidInput(what, where=self._name, fix=suggestion(name, self._stored))

    @property
    def count(self) -> int:
        return self._table.answers([], 0)[0]

    def arrays(self, wanted: Mapping[str, Wanted]) -> dict[str, np.ndarray]:
        """Each (count,), in the order of the rows. Missing values are None (text, truth values), NaN (numbers), NaT."""
        self._check(wanted)
        return {name: _filled(values) for name, values in self._table.arrays(wanted).items()}

    def lists(self, wanted: Mapping[str, Wanted]) -> dict[str, list[Any]]:
        """As lists of Python's values; a missing one is None."""
        self._check(wanted)
        return self._table.lists(wanted)

    def _check(self, wanted: Mapping[str, Wanted]) -> None:
        for name, how in wanted.items():
            self._require(name)
            self._check_stored(self._stored[name], how)
        wrong = self._table.first_wrong(wanted)
        if wrong is None:
            return
        asked, column = wanted[wrong.column].asked, repr(wrong.column[:100])
        if wrong.value is None:
            what, fix = f"the value in column {column} is missing, and must be a {asked}", "holds missing values"
        else:
            value = wrong.value if len(wrong.value) <= SHOWN else f"{wrong.value[:SHOWN]}…"
            what, fix = f"'{printable(value)}' in column {column} is no {asked}", "holds it"
        raise InvalidInput(what, where=wrong.where, fix=f"mend the value, or ask for a type that {fix}")

    def _check_stored(self, column: StoredColumn, how: Wanted) -> None:
        zone = how.dtype == "datetime64[ns]" and "TIME ZONE" in column.physical
        if how.type and (zone or column.stored not in READABLE[how.type]):
            raise InvalidInput(
                f"column {column.name[:100]!r} is stored as {column.physical[:100]}, not as {how.asked}",
                where=self._name,
                fix="write it in local time or UTC without a zone" if zone else "write it as that type",
            )


@contextmanager
def open_rows(path: Path, name: str, contract: Contract, wanted: Collection[str] | None = None) -> Iterator[OpenedRows]:
    """The CSV or Parquet data at `path` (a file, a folder, a pattern), as the contract says it is written. wanted: the columns
    that will be asked for; None: all."""
    from modelway.data.engines import duckdb as engine  # what sends JSON lines only has no need of it

    source = find_source(path, name)
    with (
        tempfile.TemporaryDirectory(prefix="modelway-data-") as folder,
        engine.open_table(source, contract.dialect, Path(folder), MEMORY_MB) as table,
    ):
        opened = OpenedRows(table, contract, name, source.format == "csv")
        table.keep([column for column in opened.names if wanted is None or column in wanted])
        yield opened


def _filled(values: Any) -> np.ndarray:
    import numpy as np

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
