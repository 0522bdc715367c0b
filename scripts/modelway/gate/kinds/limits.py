"""gate.limits: a value that the candidate has to keep, whatever is in production."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from modelway.config.keys import Limit, Policy
from modelway.gate.kind import Case, Judged, Kind, Needs

if TYPE_CHECKING:
    from modelway.gate.quantities import Quantity

Keys = dict[str, Limit]


class AbsoluteLimits(Kind[Keys]):
    field = "limits"
    keys = Keys
    default: ClassVar[Keys] = {}
    about = (
        "By the names of docs/metrics.md: roc_auc_score, `recall_score of CLASS`, latency-ms-per-row, artifact-size-mb,"
        " and any metric of scikit-learn or fairlearn."
    )
    order = 10

    def validate(self, keys: Keys, policy: Policy) -> None:
        from modelway.gate import limits

        for where, quantity in self.needs(keys, policy).quantities.items():
            limits.validate_limit(keys[where.removeprefix("gate.limits.")], quantity, where)

    def needs(self, keys: Keys, policy: Policy) -> Needs:
        quantities = _quantities(keys, policy)
        timed = any(quantity.timed for quantity in quantities.values())
        return Needs(quantities={f"gate.limits.{name}": found for name, found in quantities.items()}, timings=timed)

    def judge(self, keys: Keys, case: Case) -> Judged:
        from modelway.gate import limits

        made = []
        for name, quantity in _quantities(keys, case.policy).items():
            if case.rows is None and quantity.need is not None:
                made.append(limits.unanswered(name, limits.rule_of(keys[name]), case.n, limits.NOT_JUDGED))
            else:
                made.append(limits.absolute(name, keys[name], quantity.measure(case)))
        return Judged(made)


def _quantities(keys: Keys, policy: Policy) -> Mapping[str, Quantity]:
    from modelway.gate import quantities

    return {name: quantities.resolve(policy, name, limit, f"gate.limits.{name}") for name, limit in keys.items()}


KIND = AbsoluteLimits()
