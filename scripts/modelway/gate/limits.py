"""The three questions of a policy, each answered by where an interval lies."""

from __future__ import annotations

from modelway.config.sections import Comparison, Limit
from modelway.gate.estimate import Estimate
from modelway.gate.significant import significant
from modelway.records.verdict import Check, CheckOutcome


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


def unanswered(name: str, rule: str, n: int, detail: str, outcome: CheckOutcome = "skipped") -> Check:
    """A check that stands in the policy and was not judged, with the reason."""
    return Check(name=name, rule=rule, outcome=outcome, n=n, value=None, interval=None, detail=detail)


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
