"""What a canary needs, from the traffic that stable gets: asked before anything is trained for it, and before it starts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from modelway.config import Deploy, Resolved
from modelway.config.strategies import Shadow
from modelway.errors import Inconclusive, InvalidInput, ModelwayError, OutsideFailure, Refused
from modelway.observe import history
from modelway.observe.counts import Counters, CountsSource, Snapshot, between
from modelway.rollout import judge, rolling
from modelway.rollout.comparison import rows_needed
from modelway.rollout.engine import Observed
from modelway.rollout.history import ENOUGH, SECONDS
from modelway.rollout.journal import Story
from modelway.rollout.observations import Block, Counts
from modelway.rollout.plan import weights_of
from modelway.rollout.planning import PlanNumbers, caution_said, time_said, whole_minutes
from modelway.rollout.settings import struck
from modelway.rollout.shift import JudgedShare
from modelway.rollout.ways import StableTraffic, Way, fix_of, numbers_of, ways
from modelway.stages.rollouts import deployment, model_metrics
from modelway.targets.place import TargetPlace
from modelway.targets.state import Slot, TargetState

Learned = Callable[[history.Past], judge.Settings]
"""What the judge fixes from a past of stable, with all that is compared."""
INCIDENT = 0.1
"""Of a past, at most: what strikes again and again is how the service is."""
WATCHED_BLOCKS = 3
"""How many blocks of stable's traffic must be known."""
LOOK_SECONDS = 0.5
REQUESTS_DUE = 20
"""Without one in the time for so many, traffic has ceased: by chance that is one window in half a billion."""


@dataclass(frozen=True)
class Planned:
    """What the judge fixes before the start. caution: why errors or slow requests are judged late, where they are. refusal:
    why it cannot finish in its time; None where it can. ways: what would do."""

    past: history.Past
    settings: judge.Settings
    numbers: PlanNumbers
    caution: str = ""
    ways: tuple[Way, ...] = ()
    refusal: Refused | None = None

    @property
    def expects(self) -> str:
        return "; ".join(filter(None, (self.numbers.sentence, self.caution)))


@dataclass(frozen=True)
class Foreseen:
    """possible, impossible: at the traffic of now. unneeded: nothing would be compared. unknown: stable got too few requests
    of late. ways: what would make it possible."""

    outcome: Literal["possible", "impossible", "unneeded", "unknown"]
    sentence: str
    numbers: PlanNumbers | None = None
    ways: tuple[Way, ...] = ()
    schema: str = "modelway/plan-rollout/1"


def foresee(project: Resolved) -> tuple[Foreseen, Refused | None]:
    """What deploy-model would say of the next canary, were it started now, and what it would refuse it with, where it cannot
    finish in its time. Reads the target's folder and changes nothing."""
    foreseen = _foreseen(project)
    if isinstance(foreseen, Foreseen):
        return foreseen, None
    outcome: Literal["possible", "impossible"] = "impossible" if foreseen.refusal else "possible"
    return Foreseen(outcome, foreseen.expects, foreseen.numbers, foreseen.ways), foreseen.refusal


def _foreseen(project: Resolved) -> Foreseen | Planned:
    deploy, target = deployment.section(project), deployment.target_of(project)
    state = target.state()
    if deploy.strategy == "all-at-once":
        return Foreseen("unneeded", "strategy all-at-once compares nothing")
    if deploy.strategy == "blue-green":
        return Foreseen("unneeded", "strategy blue-green needs no more requests than stable has had")
    weights = weights_of(deploy, project.source)
    if deploy.strategy == "ab":
        return Foreseen("unneeded", "strategy ab ends by its time, whatever has come until then")
    check_rows(deploy.shadow)
    model_metrics.check(deploy)
    check_scales(deploy, target.place)
    if state is None or state.current is None:
        return Foreseen("unneeded", f"nothing is in {project.environment} on this machine to compare with")
    source, stable = target.place.counts(state), state.current.side
    samples = between(source.past(window_seconds(deploy)) or (), stable.slot)
    past = _past(source, samples, deploy)
    if past is None or past.seconds < least_seconds(deploy) or _has_ceased(samples, deploy.judge.block_seconds):
        got = f"{stable.name} got too few requests in the last {window_seconds(deploy):.0f} s"
        return Foreseen("unknown", f"{got} to say what a canary needs")
    if deploy.strategy == "rolling":
        weights = rolling_of(deploy, target.place, state.current).weights
    shares = model_metrics.shares(deploy, target.place, state, past.requests_per_second)
    ratio = replica_ratio(deploy, weights, target.place)
    return _planned(deploy, weights, past, learning(deploy, target.latest, ratio, shares))


def learning(
    deploy: Deploy, stories: Callable[[], Iterable[Story]], replica_ratio: float, shares: Sequence[JudgedShare]
) -> Learned:
    """As settings_of, with the shares that are compared besides."""
    return lambda past: judge.with_shares(settings_of(deploy, past, stories(), replica_ratio), shares)


def earlier(stories: Iterable[Story], block_seconds: float) -> tuple[tuple[Block, ...], ...]:
    """Half an hour of what healthy releases did in the last rollouts, oldest first. It tells how far their rates wander where
    nothing else remembers. stories: newest first; none is read that is not needed, and none before one that cannot be."""
    found, seconds = list[tuple[Block, ...]](), 0.0
    with contextlib.suppress(InvalidInput):  # it is replay-rollout that has to tell of a damaged journal
        for story in stories:
            blocks = tuple(_healthy(story)) if story.plan.block_seconds == block_seconds else ()
            found += [blocks] if blocks else []
            seconds += block_seconds * len(blocks)
            if seconds >= SECONDS:
                break
    return tuple(reversed(found))


def settings_of(
    deploy: Deploy, past: history.Past, stories: Iterable[Story], replica_ratio: float = 1.0
) -> judge.Settings:
    """What the judge fixes from stable's past; stories: of the rollouts before, newest first, where that is too short.
    replica_ratio: stable's replicas for one of the canary's."""
    before = () if past.seconds >= ENOUGH * SECONDS else earlier(stories, deploy.judge.block_seconds)
    warm_up = 0.0 if deploy.strategy == "blue-green" else judge.warm_up_seconds(deploy)
    return judge.settings_from(deploy.judge, past.blocks, warm_up, before, replica_ratio)


def replica_ratio(deploy: Deploy, weights: Sequence[float], place: TargetPlace[Any, Any]) -> float:
    """How many replicas stable has for one of the new release's, at the smallest step: 1 where each has all of its own."""
    if deploy.strategy == "rolling" or (deploy.strategy == "canary" and place.shares_by_replicas()):
        least = min(weight for weight in weights if weight > 0)
        return max(1.0, (1 - least) / least)
    return 1.0


def _healthy(story: Story) -> Iterator[Block]:
    """The blocks of a rollout as if whoever had the traffic, stable or the new one that was adopted, had been alone."""
    for event in story.events:
        if isinstance(event, Observed) and not event.block.dropped:
            block = event.block
            if block.weight < 1 or story.outcome == "deployed":
                alone = block.stable if block.weight < 1 else block.canary
                yield msgspec.structs.replace(block, canary=Counts(), stable=alone)


def planned(
    deploy: Deploy, weights: tuple[float, ...], past: history.Past, learned: Learned, say: Callable[[str], None]
) -> Planned:
    """say: is told what it needs. Refused where the rollout cannot finish in its time."""
    made = _planned(deploy, weights, past, learned)
    say(made.numbers.sentence)
    if made.caution:
        say(made.caution)
    if made.refusal:
        raise made.refusal
    return made


def _planned(deploy: Deploy, weights: tuple[float, ...], past: history.Past, learned: Learned) -> Planned:
    settings, traffic = learned(past), _traffic(deploy, weights, past)
    numbers, first = numbers_of(deploy, settings, traffic), traffic.weights(deploy)[0]
    caution = caution_said(settings, traffic.error_rate, traffic.slow_rate, first, traffic.requests_per_second)
    if not numbers.refusal:
        return Planned(past, settings, numbers, caution, refusal=_too_few_rows(deploy, past.requests_per_second))
    found = (*ways(deploy, settings, traffic), *_later(deploy, weights, past, learned))
    fix = fix_of(found) if found else numbers.fix
    return Planned(past, settings, numbers, caution, found, Refused(numbers.refusal, where="deploy", fix=fix))


def _traffic(deploy: Deploy, weights: tuple[float, ...], past: history.Past) -> StableTraffic:
    batches = weights if deploy.strategy == "rolling" else ()
    return StableTraffic(past.requests_per_second, past.errors / past.requests, past.slow / past.requests, batches)


def _later(deploy: Deploy, weights: tuple[float, ...], past: history.Past, learned: Learned) -> tuple[Way, ...]:
    """To wait until an incident is no part of stable's history any more, where the rest of it would let the rollout finish."""
    hit = [at for at, is_hit in enumerate(struck(past.blocks)) if is_hit]
    incident = past.blocks[hit[0] : hit[-1] + 1] if hit else ()
    lasted = sum(block.seconds for block in incident)
    calm = past.without(incident)
    if not incident or lasted > INCIDENT * past.seconds or not calm.requests:
        return ()
    takes = numbers_of(deploy, learned(calm), _traffic(deploy, weights, calm)).allowed_seconds
    if takes is None or takes > deploy.timeout_seconds:
        return ()
    since = past.blocks[-1].ended - incident[-1].ended
    left = whole_minutes(max(1.0, window_seconds(deploy) - since))
    what = f"wait {time_said(left)}: requests were slow or failed for {time_said(lasted)} until {time_said(since)} ago"
    return (Way(takes_seconds=left + takes, change=what, price="the same proof, of stable as it was before and after"),)


def check_scales(deploy: Deploy, place: TargetPlace[Any, Any]) -> None:
    """InvalidInput where the target starts and ends whole releases alone."""
    if deploy.strategy == "rolling" and not place.scales:
        raise InvalidInput(
            f"is rolling, and target {deploy.target} starts and ends no single replica of a release",
            where="deploy.strategy",
            fix="use strategy: canary",
        )


def rolling_of(deploy: Deploy, place: TargetPlace[Any, Any], stable: Slot) -> rolling.RollingPlan:
    """The batches in which a release would replace stable. InvalidInput where it is to have another number of replicas."""
    whole = place.whole(stable)
    if deploy.target == "local" and deploy.local.replicas != whole:
        raise InvalidInput(
            f"is {deploy.local.replicas}, and {stable.side.name} has {whole} replicas, which are to be replaced one by one",
            where="deploy.local.replicas",
            fix=f"write {whole}, or change the number with another strategy",
        )
    return rolling.judged(rolling.bounds_of(deploy.rolling, whole))


def check_rows(wanted: Shadow) -> None:
    """InvalidInput where so few rows never show that so few differ."""
    most = wanted.differ_at_most
    if most is not None and wanted.rows < (needed := rows_needed(most)):
        raise InvalidInput(
            f"is {wanted.rows}, and not even so many equal predictions show that at most {100 * most:.3g} % differ",
            where="deploy.shadow.rows",
            fix=f"allow {needed:,} or more",
        )


def _too_few_rows(deploy: Deploy, requests_per_second: float) -> Refused | None:
    """Where too few requests come in the time, of each of which one row is compared."""
    if deploy.strategy != "shadow" or deploy.shadow.differ_at_most is None:
        return None
    needed, seconds = rows_needed(deploy.shadow.differ_at_most), deploy.timeout_seconds
    if requests_per_second * seconds >= needed:
        return None
    return Refused(
        f"{needed:,} requests at least have to be compared, and {requests_per_second * seconds:,.0f} come in"
        f" {time_said(seconds)} at {requests_per_second:.3g} requests/s",
        where="deploy.shadow.differ-at-most",
        fix=f"raise deploy.timeout-seconds above {needed / requests_per_second:,.0f}, or the share that may differ",
    )


def check_remembered(place: TargetPlace[Any, Any], state: TargetState[Any]) -> None:
    """InvalidInput where nobody could judge what comes between two commands that do not wait."""
    if place.counts(state).past(1) is None:
        raise InvalidInput(
            "is false, and nothing remembers what is counted while no command is there",
            where="input wait",
            fix="name deploy.kubernetes.counts.prometheus, or leave it out",
        )


def first_look(place: TargetPlace[Any, Any], state: TargetState[Any] | None, deploy: Deploy) -> tuple[Snapshot, ...]:
    """What `watched` may begin with, read while there is something else to do; nothing where nothing will be compared, where
    the past is recorded, and where it cannot be read: then stable may have to be started first."""
    if deploy.strategy == "all-at-once" or state is None or state.current is None:
        return ()
    with contextlib.suppress(ModelwayError, OSError):
        source = place.counts(state)
        return (source.snapshot(),) if source.past(window_seconds(deploy)) is None else ()
    return ()


def watched(
    place: TargetPlace[Any, Any], state: TargetState[Any], deploy: Deploy, looked: Sequence[Snapshot] = ()
) -> history.Past:
    """What is known of stable's traffic, which is watched where nothing was recorded; Inconclusive where none comes. looked:
    at it before."""
    assert state.current is not None
    source, stable = place.counts(state), state.current.side
    now, width = time.monotonic(), deploy.judge.block_seconds
    seen = [
        one for one in looked if now - one.ticks < width
    ]  # whatever took longer would be one block, and not several
    least = least_seconds(deploy)
    deadline = time.monotonic() + least + 2
    while True:
        recorded = source.past(window_seconds(deploy))
        if recorded is None:  # it keeps no past: this is one
            seen.append(source.snapshot())
            recorded = seen
        past = _past(source, between(recorded, stable.slot), deploy)
        if past is not None and past.seconds >= least:
            return past
        if time.monotonic() > deadline:
            break
        left = least - past.seconds if past is not None else LOOK_SECONDS
        time.sleep(min(left, LOOK_SECONDS))  # nothing was recorded yet, or too little
    if past is not None:
        return past
    if seen and seen[-1].gap:
        raise OutsideFailure(
            f"the requests of {stable.name} cannot be counted: {seen[-1].gap}",
            where=place.address(state),
            fix="mend what deploy counts by, then run the same command again",
        )
    raise Inconclusive(
        f"{stable.name} got no request in {least:.0f} s, so there is nothing to judge a canary by",
        where=place.address(state),
        fix="send traffic there, or use strategy: all-at-once",
    )


def least_seconds(deploy: Deploy) -> float:
    return WATCHED_BLOCKS * deploy.judge.block_seconds


def window_seconds(deploy: Deploy) -> float:
    return max(deploy.history_seconds, least_seconds(deploy) + 1)


def _past(source: CountsSource, samples: Sequence[tuple[float, Counters]], deploy: Deploy) -> history.Past | None:
    judge_ = deploy.judge
    return history.past_of(samples, source.bounds_ms, judge_.block_seconds, judge_.latency.slower_than_ms)


def _has_ceased(samples: Sequence[tuple[float, Counters]], block_seconds: float) -> bool:
    """Whether no request came in the newest block, or in so much time that some twenty were due: what came before says nothing
    of the traffic that a canary will get."""
    (began, first), (ended, last) = samples[0], samples[-1]
    asked = next(at for at, sample in samples if sample.requests == last.requests)
    due = (last.requests - first.requests) * (ended - asked) / max(asked - began, 1e-9)
    return ended - asked >= block_seconds or due >= REQUESTS_DUE
