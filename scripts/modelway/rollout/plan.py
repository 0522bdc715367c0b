"""What a rollout is going to do, fixed before it starts and written first into its journal."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import msgspec

from modelway.config import Deploy
from modelway.errors import InvalidInput
from modelway.records import Release
from modelway.rollout import judge

Kind = Literal["deploy", "rollback"]


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A release as a target knows it. slot: the name under which this rollout runs it, never used twice on a target."""

    slot: str
    version: int
    built_for: str
    """The environment whose Verdict let it be built."""
    config_digest: str
    manifest_digest: str
    model_digest: str

    @property
    def name(self) -> str:
        """For people. Version 0 is what ran before modelway came, and does not say which it is."""
        return f"version {self.version}" if self.version else "what ran before"


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """settings is None where nothing is compared: the first release, all at once, or a rollback."""

    schema: Literal["modelway/rollout/1"] = "modelway/rollout/1"
    kind: Kind
    model: str
    environment: str
    id: str
    """Never used twice anywhere: the nonce of its ledger entry."""
    number: int
    """Of the rollout on its target, from 1."""
    new: Side
    stable: Side | None
    weights: tuple[float, ...]
    """The new release's share of the traffic at each step, 0 to 1; the last is 1."""
    step_seconds: float
    bake_seconds: float
    timeout_seconds: float
    block_seconds: float
    slow_ms: float = 0.0
    """A request is slow above this; 0 where nothing is compared."""
    inconclusive: Literal["rollback", "promote", "extend"] = "rollback"
    settings: judge.Settings | None = None
    expects: str = ""
    """How many requests and how long it needs, as it was said before the start."""
    why: str = ""
    who: str = ""


def side_of(release: Release, number: int = 0) -> Side:
    """A release in the rollout of this number, from 1; 0: in none yet."""
    return Side(
        slot=slot_name(release.version, number) if number else "",
        version=release.version,
        built_for=release.environment,
        config_digest=release.config_digest,
        manifest_digest=release.manifest_digest,
        model_digest=release.model_digest,
    )


def slot_name(version: int, number: int) -> str:
    return f"v{version}-r{number}"


def weights_of(deploy: Deploy, where: str) -> tuple[float, ...]:
    """The steps as shares; InvalidInput where they do not rise to 100, or leave nothing to compare with."""
    steps = deploy.steps
    rising = all(low < high for low, high in pairwise(steps))
    if not rising or steps[-1] != 100 or len(steps) < 2:
        raise InvalidInput(
            f"deploy.steps {list(steps)} do not rise from a share below 100 to 100",
            where=where,
            fix="write such as [10, 50, 100], or strategy: all-at-once",
        )
    return tuple(step / 100 for step in steps)
