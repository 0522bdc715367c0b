"""What a plan compares besides errors and times, read before and after each block: by the servers of the releases, and by the
team's own counters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelway.errors import ModelwayError
from modelway.observe import model_counts, outcomes
from modelway.observe.counts import CountsSource, Snapshot
from modelway.rollout.observations import WatchedCounts
from modelway.rollout.plan import Plan
from modelway.rollout.shift import JudgedShare
from modelway.targets.target import Claim


class ShareWatch:
    """On a claimed target. Where the plan compares nothing of it, nobody is asked."""

    def __init__(self, claim: Claim[Any, Any], plan: Plan) -> None:
        self.claim, self.plan = claim, plan
        self.compared = plan.settings is not None and plan.stable is not None
        self.shares: Sequence[JudgedShare] = plan.settings.shares if self.compared and plan.settings else ()
        self._own = [share for share in self.shares if share.counts == "outcome"]
        self._said: model_counts.ModelReading | None = None
        self._outcomes: dict[str, Snapshot] = {}
        self._sources: dict[str, CountsSource] = {}

    def begin(self) -> None:
        """The first reading."""
        if len(self._own) < len(self.shares):
            self._said = model_counts.read(lambda: self.claim.place.servers(self.claim.state))
        self._outcomes = {share.name: self._outcome(share) for share in self._own}

    def since(self) -> tuple[tuple[WatchedCounts, ...], str]:
        """What came since the last reading, and why not all of that is known."""
        if not self.shares:
            return (), ""
        before, outcomes_before = self._said, self._outcomes
        self.begin()
        assert self.plan.stable is not None
        new, stable = self.plan.new.slot, self.plan.stable.slot
        found, why = list[WatchedCounts](), ""
        others = [share for share in self.shares if share.counts != "outcome"]
        if others and (before is None or self._said is None):
            why = "the servers were read for the first time"
        elif before is not None and self._said is not None:
            counted, why = model_counts.watched(others, before, self._said, new, stable)
            found += counted
        for share in self._own:
            was = outcomes_before.get(share.name) or Snapshot.now({}, gap="it was read for the first time")
            done = outcomes.outcome(share.name, was, self._outcomes[share.name], new, stable)
            if isinstance(done, str):
                why = why or f"{share.name}: {done}"
            else:
                found.append(done)
        return tuple(found), why

    def sent(self) -> tuple[int, int]:
        """(requests of sample traffic, of so many) that the new release's servers were sent since they began; zeros where
        nothing is compared, and where a role lets nobody read them: by then the release has all traffic."""
        if not self.compared:
            return 0, 0
        try:
            reading = model_counts.read(lambda: self.claim.place.servers(self.claim.state))
        except ModelwayError:
            return 0, 0
        total = reading.total(self.plan.new.slot)
        return total.sampled, total.asked

    def _outcome(self, share: JudgedShare) -> Snapshot:
        """What cannot be read is a gap."""
        try:
            if share.name not in self._sources:
                place, state = self.claim.place, self.claim.state
                self._sources[share.name] = place.outcomes(
                    state, share.trials, share.successes, self.plan.block_seconds
                )
            return self._sources[share.name].snapshot()
        except ModelwayError as error:
            return Snapshot.now({}, gap=error.line())
