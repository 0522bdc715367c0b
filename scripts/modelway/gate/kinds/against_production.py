"""gate.against-production: how the candidate compares with the version in production, on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from modelway.config.keys import Comparison, Policy
from modelway.gate.kind import Case, Judged, Kind, Needs

if TYPE_CHECKING:
    from modelway.gate.quantities import Quantity

Keys = dict[str, Comparison]
SECTION = "gate.against-production"


class AgainstProduction(Kind[Keys]):
    field = "against_production"
    keys = Keys
    default: ClassVar[Keys] = {}
    about = "Skipped, and said so, while nothing is in production."
    order = 20
    absolute = False

    def validate(self, keys: Keys, policy: Policy) -> None:
        from modelway.gate import limits

        for name, quantity in _quantities(keys, policy).items():
            limits.validate_comparison(keys[name], quantity, f"{SECTION}.{name}")

    def needs(self, keys: Keys, policy: Policy) -> Needs:
        found = _quantities(keys, policy)
        timed = any(quantity.timed for quantity in found.values())
        return Needs(quantities={f"{SECTION}.{name}": quantity for name, quantity in found.items()}, timings=timed)

    def judge(self, keys: Keys, case: Case) -> Judged:
        from modelway.gate import limits

        made = []
        for name, quantity in _quantities(keys, case.policy).items():
            title, rule = f"{name} against production", limits.rule_of(keys[name])
            if case.rows is None and quantity.need is not None:
                made.append(limits.unanswered(title, rule, case.n, limits.NOT_JUDGED))
            elif case.in_production is None:
                n = 0 if quantity.need is None else case.n
                made.append(limits.unanswered(title, rule, n, "nothing is in production yet"))
            elif case.production_fault and quantity.need is not None:
                why = f"in production, {case.production_fault}"
                made.append(limits.unanswered(title, rule, case.n, why, "inconclusive"))
            else:
                greater = limits.greater_is_better(keys[name], quantity, f"{SECTION}.{name}")
                made.append(limits.against_production(title, keys[name], greater, quantity.compare(case)))
        return Judged(made)


def _quantities(keys: Keys, policy: Policy) -> Mapping[str, Quantity]:
    from modelway.gate import quantities

    return {name: quantities.resolve(policy, name, asked, f"{SECTION}.{name}") for name, asked in keys.items()}


KIND = AgainstProduction()
