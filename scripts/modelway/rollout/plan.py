"""What a rollout is going to do, fixed before it starts and written first into its journal."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import msgspec

from modelway.config import Deploy
from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput
from modelway.records import Release
from modelway.rollout import judge, matching
from modelway.rollout.comparison import RowsPlan
from modelway.rollout.rolling import RollingPlan, bounds_of

Kind = Literal["deploy", "rollback"]
MIRRORED = (0.5,)
"""Of what is counted, where each request comes to stable and, as a copy, to the new release."""
MOST_REPLICAS = 10_000
LED = (0.5,)
"""In name alone, where requests are led by a key: how many come with it is known by nobody."""


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


class GroupRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One deployment of a group of services."""

    name: str
    """The group's."""
    id: str
    """Never used twice."""
    at: float
    """When it began, in seconds of the epoch."""


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
    """The new release's share of the traffic at each step, 0 to 1; the last is 1. Where it is a mirror: its part of what is
    counted."""
    rolling: RollingPlan | None = None
    """How many replicas each release has at each step; None: both have all of theirs."""
    keep_seconds: float = 0.0
    """The release before runs on for so long after the new one was adopted."""
    mirror: bool = False
    """The new release gets a copy of every request, and never answers a client: nothing is adopted."""
    pauses: tuple[float, ...] = ()
    """Shares after which it goes no further until a person continues it; what harms is taken back meanwhile."""
    pause_seconds: float = 0.0
    """For how long a person is waited for at each of them; then it is taken back."""
    rows: RowsPlan | None = None
    """What a mirror's predictions are compared by, with stable's; None: they are not."""
    testers: RequestMatch | None = None
    """Who reaches it before it has all traffic, whatever the step."""
    led: RequestMatch | None = None
    """An A/B: what matches reaches the new release and is counted, all else stable, and nothing is adopted."""
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
    skipped: str = ""
    """The reason of a person for comparing nothing; empty: it is not skipped."""
    group: GroupRun | None = None
    """The deployment of a group that it is part of: where another member does not get there, this one is taken back."""
    why: str = ""
    who: str = ""

    @property
    def is_trial(self) -> bool:
        """What it ends with moves nothing."""
        return self.mirror or self.led is not None


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
    """The shares that the strategy asks for; InvalidInput where the steps do not rise to 100, or leave nothing to compare
    with."""
    if deploy.testers is not None:
        matching.checked(deploy.testers, "deploy.testers")
    if deploy.strategy == "ab":
        return _led(deploy)
    if deploy.strategy == "rolling":
        _check_rolling(deploy)
    if deploy.testers is not None and deploy.strategy in ("blue-green", "all-at-once", "rolling"):
        raise InvalidInput(
            f"are given, and strategy {deploy.strategy} has no time in which they would reach the release alone",
            where="deploy.testers",
            fix="leave them out, or use strategy: canary with steps such as [0, 10, 50, 100]",
        )
    if deploy.strategy != "canary":
        return MIRRORED if deploy.strategy == "shadow" else (1.0,)
    steps = deploy.steps
    rising = all(low < high for low, high in pairwise(steps))
    if not rising or steps[-1] != 100 or not any(0 < step < 100 for step in steps):
        raise InvalidInput(
            f"deploy.steps {list(steps)} do not rise from a share below 100 to 100",
            where=where,
            fix="write such as [10, 50, 100], or strategy: all-at-once",
        )
    if steps[0] == 0 and deploy.testers is None:
        raise InvalidInput(
            "deploy.steps begin with 0, and nobody would reach the release",
            where=where,
            fix="say who does, by deploy.testers, or leave the 0 out",
        )
    return tuple(step / 100 for step in steps)


def _check_rolling(deploy: Deploy) -> None:
    """Its shares follow from the number of replicas, which is known later."""
    bounds_of(deploy.rolling, MOST_REPLICAS)
    if deploy.keep_seconds:
        raise InvalidInput(
            "is given, and strategy rolling has ended stable's replicas by then",
            where="deploy.keep-seconds",
            fix="leave it out, or use strategy: canary or blue-green",
        )


def _led(deploy: Deploy) -> tuple[float, ...]:
    if deploy.ab is None:
        raise InvalidInput(
            "is not given, and strategy ab knows by nothing else whom to lead to the release",
            where="deploy.ab",
            fix="give a key, such as {header: x-arm, value: b} or {cookie: arm, value: b}",
        )
    if deploy.testers is not None:
        raise InvalidInput(
            "are given, and strategy ab leads requests by deploy.ab alone",
            where="deploy.testers",
            fix="leave them out of this environment",
        )
    matching.checked(deploy.ab, "deploy.ab")
    return LED


def pauses_of(deploy: Deploy, where: str) -> tuple[float, ...]:
    """The shares at which a person is waited for; InvalidInput where the strategy never stands at one."""
    steps = {"canary": deploy.steps, "blue-green": (100,)}.get(deploy.strategy, ())
    if unknown := [percent for percent in deploy.pause_at if percent not in steps]:
        stands = f"stands at {', '.join(map(str, steps))} %" if steps else "has no step at which it could wait"
        raise InvalidInput(
            f"deploy.pause-at names {', '.join(map(str, unknown))}, and strategy {deploy.strategy} {stands}",
            where=where,
            fix="name some of its steps, in percent" if steps else "leave it out, or use strategy: canary",
        )
    return tuple(percent / 100 for percent in sorted(set(deploy.pause_at)))


def share_said(plan: Plan, weight: float) -> str:
    """The new release's share, for people."""
    if plan.led is not None and weight > 0:
        return f"what has {matching.said(plan.led)}"
    return "a copy of each" if plan.mirror and weight > 0 else f"{weight:.0%}"
