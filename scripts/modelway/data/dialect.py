"""How a CSV file is written: what a contract says of it, and what holds where no contract does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Encoding = Literal["utf-8", "utf-16", "latin-1", "windows-1252"]

NULL_VALUES = (
    *("", "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None"),
    *("1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)
"""What pandas.read_csv takes for missing: a model sees in the gate what it saw in training."""


@dataclass(frozen=True)
class CsvDialect:
    """Of a CSV file. quote: one character, or none at all; doubled within a quoted cell it stands for itself."""

    delimiter: str = ","
    quote: str = '"'
    null_values: tuple[str, ...] = NULL_VALUES
    encoding: Encoding = "utf-8"


USUAL = CsvDialect()
