"""What may stand in modelway.yml: one class per section, and the source of the published JSON Schema.

Every key is optional here, because an environment's overlay names only what it changes; what a stage cannot do
without, it asks for by `modelway.config.required`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Name = Annotated[str, Meta(min_length=1)]
ModelName = Annotated[str, Meta(min_length=1, pattern="^[^/:%\"']+$")]
EnvironmentName = Annotated[str, Meta(min_length=1, pattern="^[A-Za-z0-9._-]+$")]
"""Part of an alias, of a tag and of a path."""
Scalar = str | int | float | bool


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A mapping of modelway.yml: kebab-case keys, an unknown key is an error."""


class Registry(Section, frozen=True):
    """Where versions, aliases and the ledger are kept."""

    tracking_uri: str | None = None
    """The MLflow server, such as https://mlflow.example.org. Left out: $MLFLOW_TRACKING_URI."""
    experiment: str | None = None
    """The MLflow experiment of the training runs. Left out: the model's name."""
    candidate_alias: Name = "candidate"
    """The alias that a passing gate sets."""
    alias: Name | None = None
    """The alias that says what runs in an environment. Left out: the environment's name."""


class Data(Section, frozen=True):
    """The data: paths below the project's folder."""

    command: str | None = None
    """Run by bash before the data is read, in every job that needs it (dvc pull, a download, a query)."""
    train: str | None = None
    """The training rows, CSV or Parquet."""
    test: str | None = None
    """The held-out rows that the gate scores, CSV or Parquet."""
    contract: str | None = None
    """The data contract: a file of modelway's own format or a plain schema.json."""
    timeout_minutes: Positive = 60


class Train(Section, frozen=True):
    """How the team trains."""

    command: str | None = None
    """Run by bash in the project's folder, with $MODELWAY_* set (docs/training.md)."""
    requirements: str | None = None
    """The requirements file of the team's environment; installed once per content."""
    python: str | None = None
    """A Python interpreter that has everything already, instead of a requirements file."""
    parameters: dict[str, Scalar] = {}
    """Hyperparameters: each reaches the command as $MODELWAY_PARAM_<NAME>."""
    seed: int = 0
    timeout_minutes: Positive = 60


class Limit(Section, frozen=True):
    """An absolute limit: exactly one of the two."""

    at_least: float | None = None
    at_most: float | None = None


class Comparison(Section, frozen=True):
    """A comparison with the version in production, on the same rows: exactly one of the two."""

    better_by: Annotated[float, Meta(ge=0)] | None = None
    """Superiority: better by more than this, the whole interval."""
    not_worse_by: Annotated[float, Meta(gt=0)] | None = None
    """Non-inferiority: not worse by this margin or more, the whole interval."""


class Slices(Section, frozen=True):
    """Every value of each column is judged by itself."""

    columns: tuple[Name, ...] = ()
    minimum_rows: Count = 200
    """A slice with fewer rows is reported, not judged."""
    limits: dict[str, Limit] = {}


class Fairness(Section, frozen=True):
    """Differences between the groups of each column, by fairlearn's metrics."""

    columns: tuple[Name, ...] = ()
    minimum_rows: Count = 200
    """A group with fewer rows is reported, not judged."""
    limits: dict[str, Limit] = {}


class Gate(Section, frozen=True):
    """The policy: what a version must show before it may enter an environment."""

    label: str | None = None
    """The column that holds the truth."""
    task: Literal["binary", "multiclass", "regression"] = "binary"
    positive_class: Scalar = 1
    """The label's value that the score speaks of (binary)."""
    decision_threshold: float = 0.5
    """A score at or above it is the positive class (binary)."""
    limits: dict[str, Limit] = {}
    """By scikit-learn's names (roc_auc_score), and latency-ms-per-row, artifact-size-mb."""
    against_production: dict[str, Comparison] = {}
    """Skipped, and said so, while nothing is in production."""
    slices: Slices = Slices()
    fairness: Fairness = Fairness()
    confidence: Annotated[float, Meta(gt=0.5, lt=1)] = 0.95
    """Of every interval, two-sided."""
    inconclusive: Literal["stop", "fail", "pass"] = "stop"
    """What the policy makes of a verdict that is inconclusive: `stop` leaves it so (exit code 3)."""
    scoring_timeout_seconds: Positive = 600
    scoring_memory_mb: Count = 4096


class Sections(Section, frozen=True):
    """What the file's top level and every environment may hold."""

    registry: Registry = Registry()
    data: Data = Data()
    train: Train = Train()
    gate: Gate = Gate()


class Project(Sections, frozen=True, kw_only=True):
    """modelway.yml as a whole."""

    model: ModelName
    """The registered model's name."""
    environments: dict[EnvironmentName, Sections | None] = {}
    """Overlays: what an environment names replaces the same key above; mappings merge, lists are replaced."""
