"""Data looked through for what a contract does not speak of: every kind of check asks, the engine answers, the kind judges."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from modelway import interim
from modelway.config.document import suggestion
from modelway.data import engines
from modelway.data.contract import Contract
from modelway.data.quality import settings
from modelway.data.quality.kind import HIDDEN, PairKind, QualityCase, TableFacts, TableKind
from modelway.data.quality.outcomes import Finding, judged
from modelway.data.quality.pairs import Pair
from modelway.data.quality.queries import QualityTable
from modelway.data.quality.survey import survey
from modelway.data.report import DataQuality, QualityCheck, worst
from modelway.data.sources import Source, digest_meanwhile, find_source
from modelway.data.values import ValueType
from modelway.errors import InvalidInput

MEMORY_MB = 1024
EXAMPLES = 3
FEW_CLASSES = 30
"""A label of numbers with more different values than this is a number to be predicted, not a class."""


@dataclass(frozen=True)
class QualityAsked:
    """What is asked of data. quality: the section of modelway.yml. contract: how the data is written, and what types it says.
    label: the column that is to be predicted, if it is known. now: with a time zone. examples: how many of each broken
    check are shown."""

    quality: Any
    contract: Contract = Contract()  # noqa: RUF009 - frozen
    label: str | None = None
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    examples: int = EXAMPLES
    memory_mb: int = MEMORY_MB
    engine: str = engines.DEFAULT

    @property
    def hidden(self) -> frozenset[str]:
        """Columns of which no value is shown."""
        return frozenset(self.quality.masked)

    @property
    def types(self) -> dict[str, ValueType]:
        return {name: column.type for name, column in self.contract.columns.items() if column.type}


def check_data(asked: QualityAsked, path: Path, name: str) -> tuple[DataQuality, TableFacts]:
    """Every check of one data set, and what is known of its columns. Data that cannot be read is InvalidInput."""
    source = find_source(path, name)
    with opened(asked, source) as table:
        facts = survey(table, name, asked.types)
        return check_table(asked, table, facts, source), facts


def check_table(asked: QualityAsked, table: QualityTable, facts: TableFacts, source: Source) -> DataQuality:
    """Every check of an opened data set."""
    digest = digest_meanwhile(source)
    label = asked.label if asked.label in facts.columns else None
    checks = [_has_rows(facts)]
    kinds = [kind for kind in settings.kinds() if isinstance(kind, TableKind)] if facts.rows else []
    interim.begun(facts.name, {key: key.replace("_", "-") for key in ("rows", *(kind.field for kind in kinds))})
    interim.decided(facts.name, "rows", checks[:1])
    for kind in kinds:
        made = _made(kind, asked, facts, label, table)
        interim.decided(facts.name, kind.field, made)
        checks += made
    return DataQuality(
        data=facts.name,
        outcome=worst([check.outcome for check in checks]),
        rows=facts.rows,
        columns=len(facts.columns),
        checks=tuple(checks),
        not_checked=() if label else (_without_label(asked),),
        data_digest=digest(),
    )


def check_pair(asked: QualityAsked, pair: Pair) -> DataQuality | None:
    """What the test data share with the training data; None where every such kind is off."""
    made = [
        one
        for kind in settings.kinds()
        if isinstance(kind, PairKind) and (keys := settings.keys_of(asked.quality, kind)) is not None
        for one in kind.compare(keys, pair)
    ]
    checks = [one for one in made if isinstance(one, QualityCheck)]
    if not checks:
        return None
    return DataQuality(
        data=f"{pair.test.name} beside {pair.train.name}",
        outcome=worst([check.outcome for check in checks]),
        rows=pair.test.rows,
        columns=len(pair.test.columns),
        checks=tuple(checks),
        not_checked=tuple(one for one in made if isinstance(one, str)),
    )


def check_together(asked: QualityAsked, known: Sequence[TableFacts], paths: Sequence[Path]) -> tuple[DataQuality, ...]:
    """Of two data sets, the training data first: what they share. Of one, nothing."""
    if len(known) != 2:
        return ()
    (train, test), (train_path, test_path) = known, paths
    interim.begun(f"{test.name} beside {train.name}", {"pair": "what they share"})
    found = check_pair(asked, Pair(train, test, train_path, test_path, asked.contract, asked.memory_mb, asked.engine))
    return (found,) if found else ()


def refuse_unknown_columns(asked: QualityAsked, known: Sequence[TableFacts], where: str) -> None:
    """InvalidInput where a column is masked, or has settings, that no data set has: a name that is misspelt hides nothing."""
    there = {name for facts in known for name in facts.columns}
    named = {**dict.fromkeys(asked.hidden, "quality.masked"), **dict.fromkeys(asked.quality.columns, "quality.columns")}
    if asked.label:
        named[asked.label] = "gate.label"
    for name, key in named.items():
        if name not in there:
            interim.forgotten()
            raise InvalidInput(
                f"the data has no column {name[:100]!r}", where=f"{where}: {key}", fix=suggestion(name, there)
            )


@contextmanager
def opened(asked: QualityAsked, source: Source) -> Iterator[QualityTable]:
    with (
        tempfile.TemporaryDirectory(prefix="modelway-data-") as folder,
        engines.quality_engine(asked.engine).open_quality_table(
            source, asked.contract.dialect, Path(folder), asked.memory_mb
        ) as table,
    ):
        yield table


def _made(
    kind: TableKind[Any], asked: QualityAsked, facts: TableFacts, label: str | None, table: QualityTable
) -> Sequence[QualityCheck]:
    """The checks of a kind, each question of which is answered on the way."""
    whole = settings.keys_of(asked.quality, kind)
    columns: Mapping[str, Any] = {}
    if kind.level == "column":
        columns = settings.columns_on(asked.quality, kind, facts.columns)
    elif whole is None:
        return ()
    hidden = frozenset(facts.columns) if asked.examples == 0 else asked.hidden
    case = QualityCase(facts, whole or kind.keys(), columns, label, asked.now, hidden, is_class(facts, label))
    work = kind.checks(case)
    try:
        questions = next(work)
        while True:
            questions = work.send(table.tell(questions, asked.examples))
    except StopIteration as done:
        return [_hidden(check, asked.hidden) for check in done.value]


def _hidden(check: QualityCheck, masked: frozenset[str]) -> QualityCheck:
    """Without the values of a masked column; where they stand may be known."""
    if check.column not in masked:
        return check
    shown = tuple(msgspec.structs.replace(one, value=HIDDEN) for one in check.examples)
    return msgspec.structs.replace(check, examples=shown)


def is_class(facts: TableFacts, label: str | None) -> bool:
    """Whether the label is one of some classes: text, truth values, or a few different whole numbers."""
    if label is None or (column := facts.columns[label]).values is None:
        return False
    if not column.is_number:
        return not column.is_time
    return column.values.distinct <= FEW_CLASSES and column.values.whole == column.values.n


def _has_rows(facts: TableFacts) -> QualityCheck:
    from modelway.data.quality.kind import QualityKeys
    from modelway.data.quality.kinds.empty_rows import KIND

    found = Finding(facts.rows, facts.rows, 1, "at least 1", at_least=True)
    return judged(KIND, QualityKeys(severity="fail"), "rows", found)


def _without_label(asked: QualityAsked) -> str:
    if asked.label:
        return f"label, imbalance and leakage: there is no column {asked.label[:100]!r}"
    return "label, imbalance and leakage: gate.label, or the input label, names no column"
