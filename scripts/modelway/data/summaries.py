"""What an engine can be asked about the values of columns in order to draft a contract from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from modelway.data.queries import RowTable
from modelway.data.values import Bound, ValueType


@runtime_checkable
class SummaryTable(RowTable, Protocol):
    """A table that tells what its columns hold. wanted: column -> the type that its values are read as; a value is valid
    where it is there and of that type."""

    def extents(self, wanted: Mapping[str, ValueType]) -> dict[str, tuple[Bound, Bound] | None]:
        """The lowest and the highest valid value of each column of an ordered type; None where there is none."""

    def few_values(self, wanted: Mapping[str, ValueType], most: int) -> dict[str, tuple[Bound, ...] | None]:
        """The different valid values of each column, sorted; None where there are more than `most`."""
