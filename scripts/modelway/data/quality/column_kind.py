"""A kind of check that looks at one column at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

from modelway.data.quality.kind import ColumnFacts, QualityCase, QualityKeys, TableKind
from modelway.data.quality.outcomes import Finding, judged
from modelway.data.quality.queries import Answers, Question
from modelway.data.report import QualityCheck

K = TypeVar("K", bound=QualityKeys)


class ColumnKind(TableKind[K]):
    """Asks about each column, all of them at once, and judges each by its facts and the answers."""

    title: ClassVar[str]
    """What is looked at, after the column's name."""

    def questions(self, keys: K, facts: ColumnFacts, case: QualityCase[K]) -> Iterator[Question[Any]]:
        """What it takes beside the facts."""
        return iter(())

    @abstractmethod
    def judge(self, keys: K, facts: ColumnFacts, case: QualityCase[K], told: Answers) -> Finding | None:
        """None where the column has nothing that it could judge."""

    def examples(self, keys: K, facts: ColumnFacts, found: Finding) -> Question[Any] | None:
        """What is asked for examples, where the check is broken."""
        return None

    def checks(self, case: QualityCase[K]) -> Generator[Sequence[Question[Any]], Answers, Sequence[QualityCheck]]:
        columns = {name: (keys, case.table.columns[name]) for name, keys in case.columns.items()}
        told = yield [one for keys, facts in columns.values() for one in self.questions(keys, facts, case)]
        found = {
            name: one
            for name, (keys, facts) in columns.items()
            if (one := self.judge(keys, facts, case, told)) is not None
        }
        made = {name: judged(self, columns[name][0], f"{name} {self.title}", one, name) for name, one in found.items()}
        wanted = {
            name: question
            for name, check in made.items()
            if check.outcome != "pass" and not check.examples
            if (question := self.examples(*columns[name], found[name])) is not None
        }
        if wanted:
            seen = yield list(wanted.values())
            for name, question in wanted.items():
                shown = found[name].with_examples(seen[question].examples)
                made[name] = judged(self, columns[name][0], f"{name} {self.title}", shown, name)
        return list(made.values())
