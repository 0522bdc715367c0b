"""What a kind of check is: a module of `quality/kinds` that says what stands below its key, what it asks, and how it judges.

Light to import: modelway.yml is read where nothing is checked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from modelway.config.keys import Section

if TYPE_CHECKING:
    from modelway.data.quality.pairs import Pair
    from modelway.data.quality.queries import Answers, Distribution, Question, Texts
    from modelway.data.queries import StoredColumn
    from modelway.data.report import QualityCheck
    from modelway.data.values import ValueType

HIDDEN = "(masked)"
DAY = 24 * 3600 * 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Severity = Literal["fail", "warn"]
Level = Literal["column", "table", "pair"]


class QualityKeys(Section, frozen=True):
    """What stands below the key of every kind."""

    severity: Severity = "warn"
    """What a broken check of this kind comes to: `fail` ends the call with exit code 1, `warn` is told and does not."""


K = TypeVar("K", bound=QualityKeys)


@dataclass(frozen=True)
class ColumnFacts:
    """What is known of a column before any check. type: of its values; None where they can be read as none. n: values of the
    type. other: values that are there and are not of it. texts: of a column that is stored as text. values: None where
    there are none."""

    stored: StoredColumn
    type: ValueType | None
    rows: int
    missing: int
    n: int
    texts: Texts | None
    values: Distribution | None

    @property
    def name(self) -> str:
        return self.stored.name

    @property
    def other(self) -> int:
        return self.rows - self.missing - self.n

    @property
    def is_number(self) -> bool:
        return self.type in ("integer", "number")

    @property
    def is_time(self) -> bool:
        return self.type in ("date", "timestamp")


@dataclass(frozen=True)
class TableFacts:
    """columns: by name, in the order of the file."""

    name: str
    rows: int
    columns: Mapping[str, ColumnFacts]


@dataclass(frozen=True)
class QualityCase(Generic[K]):
    """What one kind judges in one data set. columns: those that the kind is on for, each with its keys."""

    table: TableFacts
    keys: K
    columns: Mapping[str, K]
    label: str | None
    now: datetime
    masked: frozenset[str]
    classes: bool
    """Whether the label is a class, not a number."""

    def shown(self, column: str, value: object) -> str:
        """A value of a column in words; hidden where the column is masked."""
        if column in self.masked:
            return HIDDEN
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            return f"{value:.15g}"
        if self.table.columns[column].is_time and isinstance(value, int):
            return moment(value)
        return str(value)


class QualityKind(ABC, Generic[K]):
    """One instance, named KIND in its module. The key below `quality` is the field in kebab case."""

    field: ClassVar[str]
    keys: ClassVar[type[QualityKeys]]
    level: ClassVar[Level] = "column"
    """column: it can be set for each column, too. table: it is about the whole. pair: it compares two data sets."""
    about: ClassVar[str]
    """What it finds, as the JSON Schema says it."""
    order: ClassVar[int] = 100
    """Where its checks stand in a report."""


class TableKind(QualityKind[K]):
    """Of one data set."""

    @abstractmethod
    def checks(self, case: QualityCase[K]) -> Generator[Sequence[Question[Any]], Answers, Sequence[QualityCheck]]:
        """Yields questions and is sent their answers, as often as it needs; returns its checks."""


class PairKind(QualityKind[K]):
    """Of test data beside training data."""

    level = "pair"

    @abstractmethod
    def compare(self, keys: K, pair: Pair) -> Sequence[QualityCheck | str]:
        """Its checks; text says what could not be checked, and why."""


def moment(microseconds: int) -> str:
    """A time since 1970 in ISO 8601; a date where it is midnight."""
    try:
        found = EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:  # a year that has five digits
        return f"{microseconds} us since 1970"
    return found.date().isoformat() if not microseconds % DAY else found.isoformat().replace("+00:00", "Z")
