"""What a kind of check is: a module of `gate/kinds`, or of an installed package, that says all that the gate asks of it.

Light to import: modelway.yml is read in environments that have no numpy. What judges is loaded by whoever judges.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from msgspec import UNSET

from modelway.config.keys import Policy

if TYPE_CHECKING:
    from modelway.gate.classes import Class
    from modelway.gate.predictions import HeldOut, Need, Scored
    from modelway.gate.rows import JudgedRows
    from modelway.records.verdict import Check, Group

Keys = TypeVar("Keys")


class Measurable(Protocol):
    """What a limit can be of. worst, best: the ends of its scale, infinite where it has none. greater_is_better: None where
    nobody says which. need: what it takes of the predictions; None for one that takes none. of: the class that is held
    against the rest. timed: it is made of how long predictions take. from_library: it is scikit-learn's or fairlearn's."""

    @property
    def worst(self) -> float: ...
    @property
    def best(self) -> float: ...
    @property
    def greater_is_better(self) -> bool | None: ...
    @property
    def need(self) -> Need | None: ...
    @property
    def of(self) -> Class | None: ...
    @property
    def timed(self) -> bool: ...
    @property
    def from_library(self) -> bool: ...


@dataclass(frozen=True)
class Needs:
    """columns: of the held-out data, beside the label and the model's inputs, each with the key that names it. quantities:
    by their key, such as gate.limits.log_loss; what they take of the predictions has to be there. timings: how long
    predictions take."""

    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    quantities: Mapping[str, Measurable] = dataclasses.field(default_factory=dict)
    timings: bool = False

    @property
    def libraries(self) -> bool:
        """Whether scikit-learn and fairlearn are needed."""
        return any(quantity.from_library for quantity in self.quantities.values())


@dataclass(frozen=True)
class Case:
    """What is judged. rows: the truth and both models' predictions, without production's where it has none; None where the
    candidate's cannot be used. in_production: the version there, even where its predictions cannot be used, for which
    production_fault is the reason."""

    policy: Policy
    held_out: HeldOut
    n: int
    rows: JudgedRows | None
    candidate: Scored
    in_production: Scored | None
    production_fault: str = ""

    @property
    def confidence(self) -> float:
        return self.policy.confidence


@dataclass(frozen=True)
class Judged:
    """groups: what was measured of each, for the report."""

    checks: Sequence[Check]
    groups: Sequence[Group] = ()


class Kind(ABC, Generic[Keys]):
    """One instance, named KIND in its module. The key below `gate` is the field in kebab case."""

    field: ClassVar[str]
    keys: ClassVar[Any]
    """The type of what stands below the key: a msgspec type, of which JSON Schema and messages follow."""
    default: ClassVar[Any] = UNSET
    """What holds where the key is left out. UNSET: nothing; then neither a policy's digest nor its verdicts change when
    the kind is installed."""
    about: ClassVar[str] = ""
    """What the key is for, as the JSON Schema says it."""
    order: ClassVar[int] = 100
    """Where its checks stand in a report."""
    absolute: ClassVar[bool] = True
    """Whether it judges anything while nothing is in production."""

    def validate(self, keys: Keys, policy: Policy) -> None:
        """Raise InvalidInput, with the key and the fix, for what cannot be judged whatever the data are."""

    def needs(self, keys: Keys, policy: Policy) -> Needs:
        return Needs()

    @abstractmethod
    def judge(self, keys: Keys, case: Case) -> Judged:
        """Every check that the policy asks for, in the order of the policy: one that could not be judged too."""
