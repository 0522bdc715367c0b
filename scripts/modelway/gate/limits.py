"""The three questions of a policy, each answered by where an interval lies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import UNSET

from modelway.config.keys import Comparison, Limit
from modelway.errors import InvalidInput
from modelway.gate.estimate import Estimate
from modelway.gate.significant import significant
from modelway.records.verdict import Check, CheckOutcome

if TYPE_CHECKING:
    import numpy as np

    from modelway.gate.kind import Measurable

NOT_JUDGED = "not judged: the predictions cannot be used"


def absolute(name: str, limit: Limit, found: Estimate) -> Check:
    """Pass when the whole interval keeps the limit, fail when all of it breaks the limit."""
    if limit.at_least is not None:
        bound, rule, sign = limit.at_least, f"at least {limit.at_least:g}", 1.0
    else:
        assert limit.at_most is not None  # policy.validate asked for one of the two
        bound, rule, sign = limit.at_most, f"at most {limit.at_most:g}", -1.0
    worse, better = _ends(found, sign)
    outcome: CheckOutcome = "inconclusive"
    if worse is not None and better is not None:
        outcome = "pass" if worse >= sign * bound else "fail" if better < sign * bound else "inconclusive"
    return _check(name, rule, bound, outcome, found)


def against_production(name: str, comparison: Comparison, greater_is_better: bool, found: Estimate) -> Check:
    """Superiority: pass when the whole interval is better by more than the limit. Non-inferiority: pass when none of
    it is worse by the margin or more. Fail when all of it is on the other side."""
    sign = 1.0 if greater_is_better else -1.0
    if comparison.better_by is not None:
        bound, rule = comparison.better_by, f"better by more than {comparison.better_by:g}"
    else:
        assert comparison.not_worse_by is not None
        bound, rule = -comparison.not_worse_by, f"not worse by {comparison.not_worse_by:g} or more"
    worse, better = _ends(found, sign)
    outcome: CheckOutcome = "inconclusive"
    if worse is not None and better is not None:
        outcome = "pass" if worse > bound else "fail" if better <= bound else "inconclusive"
    return _check(name, rule, significant(sign * bound), outcome, found)


def validate_limit(limit: Limit, quantity: Measurable, where: str) -> None:
    """Raises InvalidInput for a limit in the wrong direction, outside the scale, or that every model keeps."""
    bound = _one(where, {"at-least": limit.at_least, "at-most": limit.at_most})
    greater = quantity.greater_is_better
    if greater is None:
        return
    if (limit.at_least is not None) != greater:
        better, key = ("greater", "at-least") if greater else ("smaller", "at-most")
        raise InvalidInput(f"{better} is better here, so the limit has to be {key}", where=where, fix=f"write {key}")
    low, high = sorted((quantity.worst, quantity.best))
    if not low <= bound <= high:
        raise InvalidInput(f"{bound:g} is not between {low:g} and {high:g}", where=where, fix="write one that is")
    if bound == quantity.worst:
        raise InvalidInput(f"{bound:g} is the worst there is, every model keeps it", where=where, fix="write a limit")


def validate_comparison(comparison: Comparison, quantity: Measurable, where: str) -> None:
    """Raises InvalidInput for a margin as wide as the scale, and where nothing says which way is better."""
    bound = _one(where, {"better-by": comparison.better_by, "not-worse-by": comparison.not_worse_by})
    width = abs(quantity.best - quantity.worst)
    if bound >= width:
        raise InvalidInput(
            f"{bound:g} is as wide as the whole scale ({width:g})", where=where, fix="write a smaller difference"
        )
    greater_is_better(comparison, quantity, where)


def greater_is_better(comparison: Comparison, quantity: Measurable, where: str) -> bool:
    """As the library says, else as the policy does."""
    said = None if comparison.better is UNSET else comparison.better == "greater"
    known = quantity.greater_is_better
    if known is None and said is None:
        what = "nothing says whether a greater or a smaller value is better"
        raise InvalidInput(what, where=where, fix="write better: greater, or better: smaller")
    if known is not None and said is not None and known != said:
        better = "greater" if known else "smaller"
        raise InvalidInput(f"{better} is better here", where=f"{where}.better", fix="leave the key out")
    return bool(known if said is None else said)


def _one(where: str, bounds: dict[str, float | None]) -> float:
    given = {key: bound for key, bound in bounds.items() if bound is not None}
    if len(given) != 1:
        keys = " and ".join(bounds) if given else " or ".join(bounds)
        said = f"has both {keys}" if given else "has no limit"
        raise InvalidInput(said, where=where, fix=f"write exactly one of {', '.join(bounds)}")
    key, bound = next(iter(given.items()))
    if not math.isfinite(bound):
        raise InvalidInput(f"{key} is not a finite number", where=where, fix="write a number")
    return bound


def need_each_other(where: str, columns: Sequence[str], limits: Mapping[str, Limit]) -> None:
    """Raises InvalidInput for columns without limits, limits without columns, and a column that is named twice."""
    if bool(columns) != bool(limits):
        has, lacks = ("columns", "limits") if columns else ("limits", "columns")
        what = f"there are {has} but no {lacks}, so nothing would be judged"
        raise InvalidInput(what, where=f"{where}.{lacks}", fix=f"add {lacks}, or leave out {where}")
    if len(set(columns)) < len(columns):
        raise InvalidInput("a column is named twice", where=f"{where}.columns", fix="name it once")


def unanswered(name: str, rule: str, n: int, detail: str, outcome: CheckOutcome = "skipped") -> Check:
    """A check that stands in the policy and was not judged, with the reason."""
    return Check(name=name, rule=rule, outcome=outcome, n=n, value=None, interval=None, detail=detail)


def too_small(name: str, minimum: int, sizes: np.ndarray, what: str) -> list[Check]:
    """One skipped check for all groups below the minimum; none when there are none."""
    small = sizes[sizes < minimum]
    if not len(small):
        return []
    n = int(small.sum())
    detail = f"{len(small)} of {len(sizes)} {what}s have fewer rows and were not judged: {n} of {int(sizes.sum())} rows"
    return [unanswered(name, f"{what}s of at least {minimum} rows", n, detail)]


def rule_of(asked: Limit | Comparison) -> str:
    nothing = Estimate(n=0)
    check = absolute("", asked, nothing) if isinstance(asked, Limit) else against_production("", asked, True, nothing)
    return check.rule


def _ends(found: Estimate, sign: float) -> tuple[float | None, float | None]:
    """The worse and the better end, turned so that greater is better; None, None when there is nothing to trust."""
    if found.reason or found.value is None:
        return None, None
    if found.exact:
        return sign * found.value, sign * found.value
    if found.interval is None:
        return None, None
    low, high = found.interval
    return (low, high) if sign > 0 else (-high, -low)


def _check(name: str, rule: str, bound: float, outcome: CheckOutcome, found: Estimate) -> Check:
    detail = found.reason
    if outcome == "inconclusive" and not detail:
        detail = "the interval reaches across the limit: more test rows would narrow it"
    detail = "; ".join(part for part in (found.detail, detail) if part)
    return Check(
        name=name,
        rule=rule,
        outcome=outcome,
        n=found.n,
        value=found.value,
        interval=found.interval,
        method=found.method,
        limit=bound,
        candidate=found.candidate,
        production=found.production,
        detail=detail,
    )
