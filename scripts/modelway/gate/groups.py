"""Groups: the rows that share one value of a column, or of several columns together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelway.gate.missing import missing

MISSING = "(missing)"


@dataclass(frozen=True)
class Groups:
    """names (k,): the values as text, numbers in order, then text, then the missing. codes (n,): each row's group."""

    names: tuple[str, ...]
    codes: npt.NDArray[np.int64]

    def sizes(self) -> npt.NDArray[np.int64]:
        return np.bincount(self.codes, minlength=len(self.names))

    def rows(self, code: int) -> npt.NDArray[np.int64]:
        """The positions of a group's rows."""
        return np.flatnonzero(self.codes == code)


def of_column(values: npt.NDArray[Any]) -> Groups:
    """Values that print alike are one group: 1, 1.0 and "1"; so are None, NaN and "(missing)"."""
    absent = missing(values)
    if values.dtype.kind in "biufUS":
        distinct, position = np.unique(values, return_inverse=True)
        texts = [_text(value) for value in distinct.tolist()]
        listed = np.asarray(position.reshape(-1))
    else:
        every = [_text(value) for value in values.tolist()]
        texts = list(dict.fromkeys(every))
        number = {text: code for code, text in enumerate(texts)}
        listed = np.array([number[text] for text in every], dtype=np.int64)
    used = np.bincount(listed[~absent], minlength=len(texts)) > 0
    names = sorted({text for text, is_used in zip(texts, used, strict=True) if is_used}, key=_order)
    if absent.any() and MISSING not in names:
        names.append(MISSING)
    code = {name: position for position, name in enumerate(names)}
    recoded = np.array([code.get(text, -1) for text in texts], dtype=np.int64)
    codes = recoded[listed] if len(listed) else np.zeros(0, dtype=np.int64)
    if absent.any():
        codes[absent] = code[MISSING]
    return Groups(tuple(names), codes)


def of_columns(columns: Sequence[npt.NDArray[Any]]) -> Groups:
    """The groups of one column, or of several together: every combination that has a row, in the order of the columns."""
    parts = [of_column(values) for values in columns]
    if len(parts) == 1:
        return parts[0]
    together = np.stack([part.codes for part in parts], axis=1)
    kinds, codes = np.unique(together, axis=0, return_inverse=True)
    names = [", ".join(part.names[code] for part, code in zip(parts, kind, strict=True)) for kind in kinds.tolist()]
    return Groups(tuple(names), np.asarray(codes.reshape(-1), dtype=np.int64))


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _order(name: str) -> tuple[int, float, str]:
    try:
        number = float(name)
    except ValueError:
        return (2 if name == MISSING else 1, 0.0, name)
    return (0, number, name) if number == number else (1, 0.0, name)
