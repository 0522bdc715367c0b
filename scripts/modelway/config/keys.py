"""What the sections of modelway.yml are made of. Apart from `sections`, which loads the kinds of check that use these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Positive = Annotated[float, Meta(gt=0)]
YEAR = 365 * 24 * 3600
Seconds = Annotated[float, Meta(gt=0, le=YEAR)]
"""A time that something may take. Clocks, sockets and waits overflow far above a year, each at a place of its own."""
Wait = Annotated[float, Meta(ge=0, le=YEAR)]
Minutes = Annotated[float, Meta(gt=0, le=YEAR // 60)]
Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0, lt=1)]
Megabytes = Annotated[int, Meta(ge=1, le=1 << 24)]
Name = Annotated[str, Meta(min_length=1)]
ModelName = Annotated[str, Meta(min_length=1, pattern="^[^/:%\"']+$")]
EnvironmentName = Annotated[str, Meta(min_length=1, pattern="^[A-Za-z0-9._-]+$")]
"""Part of an alias, of a tag and of a path."""
Scalar = str | int | float | bool


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A mapping of modelway.yml: kebab-case keys, an unknown key is an error."""


class Limit(Section, frozen=True):
    """An absolute limit: exactly one of at-least and at-most."""

    at_least: float | None = None
    """The metric must be at least this, the whole interval."""
    at_most: float | None = None
    """The metric must be at most this, the whole interval."""
    arguments: dict[str, Any] | UnsetType = msgspec.field(default=UNSET, name="with")
    """Keyword arguments of a metric of scikit-learn or fairlearn, such as {beta: 2, average: macro}."""
    of: Literal["labels", "scores", "probabilities"] | UnsetType = UNSET
    """What of the model's predictions such a metric is given. Left out: what the library says that it takes."""


class Comparison(Section, frozen=True):
    """A comparison with the version in production, on the same rows: exactly one of better-by and not-worse-by."""

    better_by: Annotated[float, Meta(ge=0)] | None = None
    """Superiority: better by more than this, the whole interval."""
    not_worse_by: Annotated[float, Meta(gt=0)] | None = None
    """Non-inferiority: not worse by this margin or more, the whole interval."""
    better: Literal["greater", "smaller"] | UnsetType = UNSET
    """Which way is better, for a metric of which its library does not say so."""
    arguments: dict[str, Any] | UnsetType = msgspec.field(default=UNSET, name="with")
    """Keyword arguments of a metric of scikit-learn or fairlearn."""
    of: Literal["labels", "scores", "probabilities"] | UnsetType = UNSET
    """What of the model's predictions such a metric is given. Left out: what the library says that it takes."""


class Policy(Section, frozen=True):
    """The policy: what a version must show before it may enter an environment."""

    label: str | None = None
    """The column that holds the truth."""
    label_as: str | dict[Scalar, Scalar] | UnsetType = UNSET
    """What a value of the label means to the model, where the training makes another one of it: a comparison such as ">= 7",
    which makes 1 of what keeps it and else 0, or names such as {Yes: 1, No: 0}. Left out: itself."""
    task: Literal["binary", "multiclass", "regression"] = "binary"
    """What the model predicts: one of two classes, one of several, or a number."""
    positive_class: Scalar | None = None
    """The label's value that the score speaks of (binary). Left out: 1 beside 0 or -1; of other labels it has to be named."""
    decision_threshold: float = 0.5
    """A score at or above it is the positive class (binary)."""
    confidence: Annotated[float, Meta(gt=0.5, lt=1)] = 0.95
    """The confidence level of every interval, two-sided."""
    inconclusive: Literal["stop", "fail", "pass"] = "stop"
    """How an inconclusive verdict is treated: `stop` leaves it so (exit code 3), `fail` and `pass` decide it."""
    sample_weight: Name | UnsetType = UNSET
    """A numeric column of the held-out data, at least 0: how much each row counts in every metric."""
    contract: Literal["warn", "refuse"] | UnsetType = UNSET
    """Where the data contract allows what the model's signature does not take: another type, a missing value, a column that is
    not there. `refuse`: no verdict. `warn`, or left out: another type is told in the verdict."""
    scoring_timeout_seconds: Seconds = 600
    """How long a model may take to score the held-out rows."""
    scoring_memory_mb: Megabytes = 4096
    """What a model may allocate while it scores."""
