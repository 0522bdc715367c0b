"""What releases predicted, and what they refused: read from /metrics of every server of ours, and compared server by server.

Only a server knows that. Whoever counts the requests (`observe.counts`) may be another one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from modelway.errors import OutsideFailure
from modelway.observe import prometheus
from modelway.observe.parallel import gap_of, read_all
from modelway.observe.pods import ASKED_FOR, READ_SECONDS, REQUESTS, STARTED, PodMetrics
from modelway.rollout.observations import WatchedCounts
from modelway.rollout.shift import JudgedShare

SCORES, CLASSES, NULLS, SAMPLED = (
    "modelway_prediction_score_bucket",
    "modelway_prediction_classes_total",
    "modelway_prediction_nulls_total",
    "modelway_sample_requests_total",
)
REFUSED = "400"


class ModelTotals(msgspec.Struct, frozen=True):
    """Counters of one server since it began, or of a release in between. They only grow."""

    asked: int = 0
    answered: int = 0
    """With a prediction."""
    refused: int = 0
    """Because of what was sent: no JSON, or not what the model's signature says."""
    classes: dict[str, int] = {}
    scores: dict[float, int] = {}
    """Upper bound of a bucket -> predicted numbers in it, above the bound before."""
    nulls: int | None = 0
    """None: the server is an older one, and does not count them."""
    sampled: int = 0
    """Of those asked, sample traffic."""

    @property
    def predicted(self) -> int:
        return sum(self.classes.values()) + sum(self.scores.values()) + (self.nulls or 0)

    @property
    def counters(self) -> Mapping[object, int]:
        """Each by a key of its own."""
        named: dict[object, int] = {"asked": self.asked, "answered": self.answered, "refused": self.refused}
        named |= {("class", name): count for name, count in self.classes.items()}
        named |= {("score", bound): count for bound, count in self.scores.items()}
        return named | ({"nulls": self.nulls} if self.nulls is not None else {})


class ModelReading(msgspec.Struct, frozen=True):
    """Of every server at one moment. slots: slot -> server -> its counters; a server that was started anew has another name.
    gap: why not all are here."""

    slots: dict[str, dict[str, ModelTotals]]
    gap: str = ""

    def total(self, slot: str) -> ModelTotals:
        """Of the servers that there are."""
        return together(self.slots.get(slot, {}).values())


def read(pods: Callable[[], Sequence[PodMetrics]]) -> ModelReading:
    """What cannot be read, or is not our server's, is a gap. Never fails."""
    try:
        servers = {(pod.slot, pod.name): pod for pod in pods()}
    except OutsideFailure as error:
        return ModelReading({}, error.line())
    reads = {key: lambda over, pod=pod: parse(pod.read()) for key, pod in servers.items()}
    found, reasons = read_all(reads, READ_SECONDS)
    slots: dict[str, dict[str, ModelTotals]] = {}
    for (slot, name), (started, totals) in found.items():
        slots.setdefault(slot, {})[f"{name}, started {started}"] = totals
    return ModelReading(slots, gap_of({name: why for (_, name), why in reasons.items()}))


def parse(text: str) -> tuple[str, ModelTotals]:
    """When one server began, and what it has counted of its clients' requests. ValueError where the text is not one's."""
    started, asked, answered, refused, nulls, sampled = "", 0, 0, 0, None, 0
    classes, up_to = dict[str, int](), dict[float, int]()
    for series in prometheus.read(text):
        if series.name == STARTED:
            started = f"{series.value:.2f}"
        elif series.name == REQUESTS and series.labels.get("path") in ASKED_FOR:
            status, count = series.labels.get("status", ""), prometheus.count_of(series)
            asked += count
            answered += count if status.startswith("2") else 0
            refused += count if status == REFUSED else 0
        elif series.name == CLASSES:
            classes[series.labels.get("class", "")] = prometheus.count_of(series)
        elif series.name == SCORES:
            up_to[prometheus.bound_of(series)] = prometheus.count_of(series)
        elif series.name == NULLS:
            nulls = prometheus.count_of(series)
        elif series.name == SAMPLED:
            sampled = prometheus.count_of(series)
    if not started or math.inf not in up_to:  # the histogram is there before the first prediction
        raise ValueError(f"/metrics lacks {SCORES}: it is no model server's")
    scores, before = dict[float, int](), 0
    for bound in sorted(up_to):
        if up_to[bound] != before:
            scores[bound] = up_to[bound] - before
        before = up_to[bound]
    return started, ModelTotals(asked, answered, refused, classes, scores, nulls, sampled)


def together(parts: Iterable[ModelTotals]) -> ModelTotals:
    asked = answered = refused = sampled = 0
    nulls: int | None = 0
    classes, scores = dict[str, int](), dict[float, int]()
    for part in parts:
        asked, answered, refused = asked + part.asked, answered + part.answered, refused + part.refused
        sampled += part.sampled
        nulls = None if nulls is None or part.nulls is None else nulls + part.nulls
        for name, count in part.classes.items():
            classes[name] = classes.get(name, 0) + count
        for bound, count in part.scores.items():
            scores[bound] = scores.get(bound, 0) + count
    return ModelTotals(asked, answered, refused, classes, scores, nulls, sampled)


def watched(
    shares: Sequence[JudgedShare], before: ModelReading, after: ModelReading, canary: str, stable: str
) -> tuple[tuple[WatchedCounts, ...], str]:
    """Each share in both slots between two readings; and why not all of them can be told."""
    arms, found, reason = list[ModelTotals](), list[WatchedCounts](), ""
    for slot in (canary, stable):
        done = _grown(before, after, slot)
        if isinstance(done, str):
            return (), done
        arms.append(done)
    for share in shares:
        if share.counts == "nulls" and any(arm.nulls is None for arm in arms):
            reason = reason or "a server of an older release counts no null predictions"
        else:
            found.append(WatchedCounts(share.name, *(share_of(share, arm) for arm in arms)))
    return tuple(found), reason


def share_of(share: JudgedShare, totals: ModelTotals) -> tuple[int, int]:
    """(how many count, of so many)."""
    match share.counts:
        case "refused":
            return totals.refused, totals.asked
        case "nulls":
            return totals.nulls or 0, totals.predicted
        case "scores":
            low = -math.inf if share.above is None else share.above
            high = math.inf if share.up_to is None else share.up_to
            return sum(n for bound, n in totals.scores.items() if low < bound <= high), totals.predicted
        case _:
            named = sum(totals.classes.get(name, 0) for name in share.classes)
            return (named if share.counts == "class" else totals.predicted - named), totals.predicted


def _grown(before: ModelReading, after: ModelReading, slot: str) -> ModelTotals | str:
    """What a release did, or why nobody can say. A server that is new is counted from the next block on."""
    if gap := before.gap or after.gap:
        return gap
    was, now = before.slots.get(slot, {}), after.slots.get(slot, {})
    if not was or not now:
        return f"no server of {slot} says what it predicted"
    parts = []
    for name, old in was.items():
        if name not in now:
            return f"the counters of {name}, a part of {slot}, are gone"
        new, seen = now[name], now[name].counters
        if any(seen.get(key, 0) < count for key, count in old.counters.items()):
            return f"the counters of {name}, a part of {slot}, began anew at zero"
        parts.append(_less(new, old))
    return together(parts)


def _less(new: ModelTotals, old: ModelTotals) -> ModelTotals:
    return ModelTotals(
        new.asked - old.asked,
        new.answered - old.answered,
        new.refused - old.refused,
        {name: count - old.classes.get(name, 0) for name, count in new.classes.items()},
        {bound: count - old.scores.get(bound, 0) for bound, count in new.scores.items()},
        None if new.nulls is None or old.nulls is None else new.nulls - old.nulls,
        new.sampled - old.sampled,
    )
