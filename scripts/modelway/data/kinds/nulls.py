"""How many values of a column may be missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta

from modelway.config.document import Document, Where
from modelway.config.keys import Section
from modelway.data.checks import CheckContext, ContractCheck, no_violation, result
from modelway.data.queries import Answer, Missing
from modelway.data.report import CheckResult
from modelway.errors import InvalidInput

ORDER, LEVEL = 10, "column"
Percent = Annotated[float, Meta(ge=0, le=100)]


class NullKeys(Section, frozen=True):
    nullable: bool = True
    max_null_percent: Percent | None = None
    """Of all rows. At 100 the column may be empty; otherwise a check that finds no value to look at fails."""


KEYS = NullKeys


def sound(document: Document, where: Where, keys: Any) -> None:
    if not keys.nullable and keys.max_null_percent:
        raise InvalidInput(
            "allows nulls that `nullable: false` forbids",
            where=document.at((*where, "max-null-percent")),
            fix="keep one of the two",
        )


def of_column(name: str, keys: Any, around: CheckContext) -> Iterator[ContractCheck]:
    if not keys.nullable:
        yield no_violation(Missing(name), f"{name} has no nulls", "none")
    elif keys.max_null_percent is not None:
        yield _at_most(name, keys.max_null_percent)


def _at_most(name: str, percent: float) -> ContractCheck:
    def judge(answer: Answer, rows: int) -> CheckResult:
        share = 100 * answer.count / rows if rows else None
        rule = f"at most {percent:g} % of rows"
        return result(f"{name} nulls", rule, rows, share, percent, examples=answer.examples)

    return ContractCheck(Missing(name), judge)


def may_be_empty(keys: Any) -> bool:
    """Whether a column without a single value is as it should be."""
    return bool(keys.nullable and keys.max_null_percent == 100)
