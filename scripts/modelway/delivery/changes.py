"""What came to an environment and how that ended: the ledger's entries and the rollouts' journals, joined.

A rollout's id is the nonce of its ledger entry. The ledger says what was there, also where nobody kept a journal; a journal
says when traffic came and went, and of releases that never got into the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from modelway.registry.ledger_entries import Entry
from modelway.registry.ledger_history import Recorded
from modelway.rollout import events
from modelway.rollout.journal import Story

Ending = Literal["in-production", "taken-back", "rolled-back", "stopped-before-traffic", "unfinished"]
"""How a change ended. taken-back: by its own rollout. rolled-back: by a later command. The first is the ending of what was
simply followed by the next change, too."""


@dataclass(frozen=True)
class EnvironmentChange:
    """One release on its way into the environment. Times are in seconds of the epoch. began: its first traffic, or the entry
    of the ledger where no journal is left. reached: all traffic was its own; None where that never was. back: traffic was on
    the release before again. new: the version had not been there before. requests, errors: that were counted in its
    rollout, of both releases; own_requests, own_errors: those that it answered."""

    version: int
    began: float
    ending: Ending
    reached: float | None = None
    back: float | None = None
    new: bool = True
    who: str = ""
    why: str = ""
    reasons: tuple[str, ...] = ()
    requests: int = 0
    errors: int = 0
    own_requests: int = 0
    own_errors: int = 0
    rollouts: tuple[int, ...] = ()
    """Its own, and the one that brought the release before back; numbers on the target."""

    @property
    def failed(self) -> bool:
        """Whether it harmed, so that somebody or something took it back."""
        return self.ending in ("taken-back", "rolled-back")

    @property
    def had_traffic(self) -> bool:
        return self.ending not in ("stopped-before-traffic", "unfinished")


@dataclass(frozen=True)
class _Step:
    """What happened at one time: an entry, a rollout, or both."""

    at: float
    entry: Entry | None
    story: Story | None

    @property
    def is_rollback(self) -> bool:
        return (
            self.entry.action == "rollback" if self.entry else bool(self.story and self.story.plan.kind == "rollback")
        )

    @property
    def left(self) -> int | None:
        """The version that a rollback took away."""
        if self.entry is not None:
            return self.entry.previous_version
        assert self.story is not None
        return self.story.plan.stable.version if self.story.plan.stable else None


def changes(chain: Sequence[Recorded], stories: Sequence[Story]) -> tuple[EnvironmentChange, ...]:
    """Every change, oldest first. chain: the environment's entries that took effect, oldest first. stories: its rollouts;
    trials, such as shadows, are no changes."""
    found: list[EnvironmentChange] = []
    for step in _steps(chain, [story for story in stories if not story.plan.is_trial]):
        if step.is_rollback:
            _take_back(found, step)
        elif step.entry is None or (step.entry.action != "restore" and step.entry.there is not None):
            found.append(_change(step, {change.version for change in found if change.reached is not None}))
    return tuple(sorted(found, key=lambda change: change.began))


def _steps(chain: Sequence[Recorded], stories: Sequence[Story]) -> list[_Step]:
    by_id = {story.plan.id: story for story in stories}
    steps = [
        _Step(datetime.fromisoformat(row.entry.when).timestamp(), row.entry, by_id.pop(row.entry.nonce, None))
        for row in chain
    ]
    steps += [_Step(_first(story), None, story) for story in by_id.values()]
    return sorted(steps, key=lambda step: step.at)


def _change(step: _Step, known: set[int]) -> EnvironmentChange:
    entry, story = step.entry, step.story
    if story is None:
        assert entry is not None
        return EnvironmentChange(
            version=entry.version,
            began=step.at,
            ending="in-production",
            reached=step.at,
            new=entry.version not in known,
            who=entry.who,
            why=entry.why,
        )
    plan = story.plan
    began = routed(story, lambda weight: weight > 0)
    reached = next((event.at for event in story.events if isinstance(event, events.Adopted)), None)
    blocks = [event.block for event in story.events if isinstance(event, events.Observed) and not event.block.dropped]
    own = [block.canary for block in blocks]
    counted = [*own, *(block.stable for block in blocks if block.weight < 1)]
    return EnvironmentChange(
        version=plan.new.version,
        began=began if began is not None else step.at,
        ending=_ending(story, began, reached),
        reached=reached,
        back=_back(story, began) if story.outcome in ("rolled-back", "failed") and reached is None else None,
        new=plan.new.version not in known,
        who=plan.who,
        why=plan.why,
        reasons=story.state.reasons if reached is None else (),
        requests=sum(arm.requests for arm in counted),
        errors=sum(arm.errors for arm in counted),
        own_requests=sum(arm.requests for arm in own),
        own_errors=sum(arm.errors for arm in own),
        rollouts=(plan.number,),
    )


def _ending(story: Story, began: float | None, reached: float | None) -> Ending:
    if reached is not None:
        return "in-production"
    if not story.outcome:
        return "unfinished"
    return "stopped-before-traffic" if began is None else "taken-back"


def _take_back(found: list[EnvironmentChange], step: _Step) -> None:
    """The newest change that brought the version which was left, unless it had ended before."""
    at = next((at for at in reversed(range(len(found))) if found[at].version == step.left), None)
    if at is None or found[at].ending != "in-production":
        return
    story, entry = step.story, step.entry
    back = routed(story, lambda weight: weight > 0) if story else None
    who, why = (entry.who, entry.why) if entry else (story.plan.who, story.plan.why) if story else ("", "")
    found[at] = replace(
        found[at],
        ending="rolled-back",
        back=back if back is not None else step.at,
        reasons=(*found[at].reasons, f"rolled back by {who}: {why}"),
        rollouts=(*found[at].rollouts, *((story.plan.number,) if story else ())),
    )


def routed(story: Story, wanted: Callable[[float], bool], since: float = 0.0) -> float | None:
    """When the new release's share of the traffic was first such a one."""
    return next(
        (e.at for e in story.events if isinstance(e, events.Routed) and wanted(e.weight) and e.at >= since), None
    )


def _back(story: Story, began: float | None) -> float | None:
    if began is None:
        return None
    back = routed(story, lambda weight: weight == 0, began)
    return back if back is not None else max(_times(story), default=None)


def _first(story: Story) -> float:
    return min(_times(story), default=0.0)


def _times(story: Story) -> Iterable[float]:
    for event in story.events:
        yield event.block.began + event.block.seconds if isinstance(event, events.Observed) else event.at
