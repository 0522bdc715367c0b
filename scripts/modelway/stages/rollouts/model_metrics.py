"""Which shares of what the model says are compared in a rollout: from what stable has said so far, fixed before the start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec

from modelway.config import Deploy
from modelway.config.model_metrics import Outcome
from modelway.errors import Inconclusive, InvalidInput, OutsideFailure
from modelway.observe import model_counts, outcomes
from modelway.observe.counts import between
from modelway.observe.model_counts import ModelTotals
from modelway.rollout import shift
from modelway.rollout.shift import JudgedShare
from modelway.targets.place import TargetPlace
from modelway.targets.state import TargetState

KEY = "deploy.judge"
LEAST_PREDICTIONS = 100
"""Fewer do not tell which classes there are, nor where a quarter of the scores ends."""
MOST_CLASSES = 8
"""Each with a wager of its own; the others together have one."""
LEAST_SECONDS = 60.0
"""Of the past in which trials are looked for."""
QUARTERS = (0.25, 0.5, 0.75)
UNSEEN = 0.1
"""The part of the predictions' budget that stands on classes that stable never said: one that appears is soon seen."""


def is_asked(deploy: Deploy) -> bool:
    return bool(_asked(deploy))


def _asked(deploy: Deploy) -> list[str]:
    return [key for key in ("predictions", "refused", "nulls", "outcomes") if getattr(deploy.judge, key)]


def check(deploy: Deploy, *, wait: bool = True) -> None:
    """InvalidInput where the strategy never compares two releases that predict at random from the same requests, or where
    nobody is there to read their servers."""
    if not is_asked(deploy) or deploy.strategy == "all-at-once":
        return
    named = _asked(deploy)[0]
    names = [outcome.name for outcome in deploy.judge.outcomes]
    if len(names) > len(set(names)):
        raise InvalidInput("name one twice", where=f"{KEY}.outcomes", fix="give each a name of its own")
    for outcome in deploy.judge.outcomes:
        outcomes.queries(outcome.trials, outcome.successes)
    if deploy.strategy in ("blue-green", "ab"):
        why = (
            "compares with stable's past alone" if deploy.strategy == "blue-green" else "lets its users choose the arm"
        )
        raise InvalidInput(
            f"is given, and strategy {deploy.strategy} {why}",
            where=f"{KEY}.{named}",
            fix="leave it out of this environment, or use strategy: canary",
        )
    if not wait:
        raise InvalidInput(
            f"is false, and nothing remembers what the servers predict while no command is there ({KEY}.{named})",
            where="input wait",
            fix="leave it out, or the key",
        )


def shares(
    deploy: Deploy, place: TargetPlace[Any, Any], state: TargetState[Any], requests_per_second: float
) -> tuple[JudgedShare, ...]:
    """requests_per_second: of stable. Their budgets are 1 together. Without a key none, and nobody is asked. OutsideFailure
    where it is not known what stable says, or what came of it; Inconclusive where that is next to nothing."""
    if not is_asked(deploy) or state.current is None:
        return ()
    own = [[_outcome(wanted, deploy, place, state, requests_per_second)] for wanted in deploy.judge.outcomes]
    groups = own + (_said(deploy, place, state) if _asked(deploy) != ["outcomes"] else [])
    return tuple(
        msgspec.structs.replace(share, budget=share.budget / len(groups)) for group in groups for share in group
    )


def _said(deploy: Deploy, place: TargetPlace[Any, Any], state: TargetState[Any]) -> list[list[JudgedShare]]:
    """By what the servers say."""
    assert state.current is not None
    stable, judge = state.current.side, deploy.judge
    reading = model_counts.read(lambda: place.servers(state))
    if reading.gap or stable.slot not in reading.slots:
        raise OutsideFailure(
            f"what {stable.name} predicts cannot be read: {reading.gap or 'this target knows no server of ours'}",
            where=KEY,
            fix=f"predictions, refused and nulls of {KEY} need modelway's own server; leave them out for another one",
        )
    seen = reading.total(stable.slot)
    groups: list[list[JudgedShare]] = []
    if judge.predictions is not None:
        groups.append(_predictions(seen, stable.name, judge.predictions.differ_at_most))
    if judge.refused is not None:
        share = _share("refused inputs", "refused", judge.refused.rise_at_most, seen, two_sided=False)
        groups.append([msgspec.structs.replace(share, rows=1.0)])
    if judge.nulls is not None:
        if seen.nulls is None:
            raise OutsideFailure(
                f"the servers of {stable.name} are of an older release of modelway, and count no null predictions",
                where=f"{KEY}.nulls",
                fix="leave the key out until a release that was built anew is in production",
            )
        groups.append([_share("null predictions", "nulls", judge.nulls.rise_at_most, seen, two_sided=False)])
    return groups


def _outcome(
    wanted: Outcome,
    deploy: Deploy,
    place: TargetPlace[Any, Any],
    state: TargetState[Any],
    requests_per_second: float,
) -> JudgedShare:
    """Failures out of trials: what may not rise."""
    assert state.current is not None
    stable, where = state.current.side, f"{KEY}.outcomes, {wanted.name}"
    source = place.outcomes(state, wanted.trials, wanted.successes, deploy.judge.block_seconds)
    said_ = source.snapshot()
    counted = said_.releases.get(stable.slot)
    if said_.gap or counted is None or not counted.requests:
        why = said_.gap or "Prometheus has no trial of it"
        raise OutsideFailure(
            f"what came of the requests of {stable.name} is not known: {why}",
            where=where,
            fix="see that the series name it by a label, such as {version}, and that it has had traffic",
        )
    samples = between(source.past(max(deploy.history_seconds, LEAST_SECONDS)) or (), stable.slot)
    (began, first), (ended, last) = (samples[0], samples[-1]) if samples else ((0.0, counted), (0.0, counted))
    if last.requests <= first.requests:
        raise Inconclusive(
            f"Prometheus has seen no trial of {stable.name} of late, so nobody knows how many will come",
            where=where,
            fix="send traffic there, and run the same command again",
        )
    if not counted.errors:
        raise Inconclusive(
            f"of {counted.requests:,} trials of {stable.name} none is counted as a success, so none can be missed",
            where=where,
            fix="see that successes names series that are there, or run the same command again once there are some",
        )
    failed = max(0, counted.requests - counted.errors)
    return JudgedShare(
        name=f"without {wanted.name}",
        counts="outcome",
        trials=wanted.trials,
        successes=wanted.successes,
        differ_at_most=wanted.fall_at_most,
        two_sided=False,
        budget=1.0,
        share=(failed + 0.5) / (counted.requests + 1),
        per_request=(last.requests - first.requests) / (ended - began) / requests_per_second,
    )


def _predictions(seen: ModelTotals, stable: str, limit: float) -> list[JudgedShare]:
    if seen.predicted < LEAST_PREDICTIONS:
        raise Inconclusive(
            f"{stable} has predicted {seen.predicted} rows since its servers were started, and {LEAST_PREDICTIONS} at least"
            " say how its predictions are distributed",
            where=f"{KEY}.predictions",
            fix="let it serve for a while, and run the same command again",
        )
    if sum(seen.scores.values()) > sum(seen.classes.values()):
        return _bins(seen, stable, limit)
    names = sorted(seen.classes, key=lambda name: -seen.classes[name])[:MOST_CLASSES]
    told = names[1:2] if len(names) == 2 and len(seen.classes) == 2 else names  # of two, one follows from the other
    found = [_share(f"predictions of class {name}", "class", limit, seen, classes=(name,)) for name in told]
    rest = _share("predictions of other classes", "other classes", limit, seen, classes=tuple(names))
    part = UNSEEN if not model_counts.share_of(rest, seen)[0] else 1 / (len(found) + 1)
    found = [msgspec.structs.replace(share, budget=(1 - part) / len(found)) for share in found]
    return [*found, msgspec.structs.replace(rest, budget=part)]


def _bins(seen: ModelTotals, stable: str, limit: float) -> list[JudgedShare]:
    cuts = _cuts(seen)
    if not cuts:
        low, high = _range(seen)
        raise InvalidInput(
            f"is given, and all that {stable} predicts is {low} {high}, which its servers count as one: no shift is seen",
            where=f"{KEY}.predictions",
            fix="leave the key out for this model",
        )
    edges: list[float | None] = [None, *cuts, None]
    found = []
    for above, up_to in pairwise(edges):
        said = " ".join(
            [*([f"above {above:g}"] if above is not None else []), *([f"up to {up_to:g}"] if up_to is not None else [])]
        )
        found.append(_share(f"predictions {said}", "scores", limit, seen, above=above, up_to=up_to))
    return [msgspec.structs.replace(share, budget=1 / len(found)) for share in found]


def _cuts(seen: ModelTotals) -> list[float]:
    """The bounds of the histogram that are nearest to the quartiles."""
    total, below, shares_ = sum(seen.scores.values()), 0, dict[float, float]()
    for bound in sorted(seen.scores):
        below += seen.scores[bound]
        if bound < math.inf and below < total:
            shares_[bound] = below / total
    if not shares_:
        return []
    return sorted({min(shares_, key=lambda bound: abs(shares_[bound] - quarter)) for quarter in QUARTERS})


def _range(seen: ModelTotals) -> tuple[str, str]:
    (bound,) = seen.scores
    return ("above", "every bound") if bound == math.inf else ("in the bucket up to", f"{bound:g}")


def _share(name: str, counts: Any, limit: float, seen: ModelTotals, **more: Any) -> JudgedShare:
    made = JudgedShare(
        name=name,
        counts=counts,
        differ_at_most=limit,
        budget=1.0,
        share=0.0,
        rows=max(1.0, seen.predicted / seen.answered if seen.answered else 1.0),
        **more,
    )
    count, of = model_counts.share_of(made, seen)
    return msgspec.structs.replace(made, share=(count + 0.5) / (of + 1))


def said(shares_: Sequence[JudgedShare]) -> str:
    """For people: what is compared, and how far apart it may be."""
    told: dict[float, list[str]] = {}
    for share in shares_:
        told.setdefault(share.differ_at_most, []).append(share.name)
    return "; ".join(f"{', '.join(names)}: at most {shift.points_said(limit)} apart" for limit, names in told.items())
