"""Whether a policy can be judged at all: every mistake is an InvalidInput that names its key."""

from __future__ import annotations

import math
from typing import Any

from msgspec import UNSET

from modelway.config import label_meaning
from modelway.config.keys import Policy
from modelway.config.sections import kinds_of_check
from modelway.errors import InvalidInput
from modelway.gate.kind import Kind, Needs


def asked(policy: Policy) -> list[tuple[Kind[Any], Any]]:
    """The kinds of check whose key the policy has, with what stands below it."""
    with_keys = ((kind, getattr(policy, kind.field)) for kind in kinds_of_check())
    return [(kind, keys) for kind, keys in with_keys if keys is not UNSET and keys != kind.default]


def needs_of(policy: Policy) -> Needs:
    """What all checks of the policy need together. Raises InvalidInput where a quantity that it names does not exist."""
    every = [kind.needs(keys, policy) for kind, keys in asked(policy)]
    columns = {column: where for needs in every for column, where in needs.columns.items()}
    if isinstance(policy.sample_weight, str):
        columns[policy.sample_weight] = "gate.sample-weight"
    quantities = {where: quantity for needs in every for where, quantity in needs.quantities.items()}
    return Needs(columns, quantities, any(needs.timings for needs in every))


def validate_policy(policy: Policy, *, first_version: bool = False) -> None:
    """Raises InvalidInput for an unknown metric, one that does not fit the task, a limit that cannot be broken or has
    no single bound, and a policy that judges nothing (first_version: nothing is in production to compare with)."""
    if not math.isfinite(policy.decision_threshold):
        raise InvalidInput("is not a finite number", where="gate.decision-threshold", fix="write a number such as 0.5")
    label_meaning.meaning_of(policy)
    kinds = asked(policy)
    for kind, keys in kinds:
        kind.validate(keys, policy)
    example = "accuracy_score: {at-least: 0.8}"
    if not kinds:
        raise InvalidInput("the policy has no checks", where="gate.limits", fix=f"add a limit, such as {example}")
    if first_version and not any(kind.absolute for kind, _ in kinds):
        raise InvalidInput(
            "nothing is in production yet and the policy has no absolute limits, so nothing would be judged",
            where="gate.limits",
            fix=f"add a limit for the first version, such as {example}",
        )
