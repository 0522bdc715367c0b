"""Where a target runs its releases: the part that every target brings itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeVar

import msgspec

from modelway.config.strategies import RequestMatch
from modelway.errors import InvalidInput, OutsideFailure
from modelway.observe.counts import CountsSource
from modelway.observe.pods import PodMetrics
from modelway.records import Release
from modelway.rollout.plan import Side
from modelway.rollout.rolling import CarriedTraffic, ReplicaBounds
from modelway.targets.counting_servers import CountingPlace
from modelway.targets.records import Lease
from modelway.targets.state import Slot, TargetState

T = TypeVar("T", bound=TargetState[Any])
S = TypeVar("S", bound=Slot)
Kept = TypeVar("Kept", bound=Slot, contravariant=True)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Routing:
    """Who gets requests. shares: slot -> its part of the traffic, together 1; none at all: every request is told that nothing
    is deployed. mirror: the slot that gets a copy of each, whose answers no client sees. tested: the slot that the testers'
    requests come to, whatever the shares say; no copy of theirs is made."""

    shares: Mapping[str, float]
    mirror: str = ""
    tested: str = ""
    testers: RequestMatch | None = None
    judged: bool = False
    """The testers are an arm of an A/B: their requests are counted as those of the slot, and nobody knows how many come."""
    carried: CarriedTraffic | None = None
    """What the way back may give stable, where replicas come and go within the rollout; None: all of the traffic."""

    @property
    def counted(self) -> Mapping[str, float]:
        """Each slot's part of the requests that are counted."""
        if not self.mirror:
            return self.shares
        return {name: share / 2 for name, share in self.shares.items()} | {self.mirror: 0.5}


@dataclass(frozen=True)
class Replica:
    """One server of a release, asked past whatever routes. ask: the answer to a POST of this JSON at this path, with these
    headers, which no judge counts; OutsideFailure where it is none of 200, an `Unanswered` where the server said so."""

    name: str
    ask: Callable[[str, bytes, Mapping[str, str]], bytes]


class Unanswered(OutsideFailure):
    """A server answered with this status. What it said may hold a client's values: it is not for a journal."""

    def __init__(self, status: int, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.status = status


class HeldTarget(Protocol[T, Kept]):
    """What a place sees of the target that a command has claimed (`targets.target.Claim`)."""

    state: T
    lease: Lease
    say: Say
    """Tells the user what is waited for."""

    def held(self) -> AbstractContextManager[None]:
        """One act: the target is this command's alone for the moment. Superseded where another has taken it over."""

    def change(self, **fields: object) -> None:
        """Write the state with these fields replaced, within an act."""

    def keep(self, slot: Kept) -> None:
        """The slot is in the state from now on, as it is now."""

    def forget(self, name: str) -> None:
        """The slot is in the state no more."""


class TargetPlace(Protocol[T, S]):
    """How releases run in one kind of place. It decides nothing, and every method may be called twice.

    T: the target's state, S: a release's place in it, each with what is the target's own. A method that gets the claim runs
    under its lease unless it says otherwise; `claim.change` writes what the place must know again. What an outside system
    refuses is an OutsideFailure within a bounded time; then all that had traffic has it still."""

    keeps_rows_token: ClassVar[bool] = False
    """Whether a later command has the token of an earlier one, and nobody else does."""

    scales: ClassVar[bool] = False
    """Whether single replicas of a release can be started and ended, as strategy rolling does: then the place has `rolled`,
    `whole`, `size`, `scale` and `ended` of its own."""

    def objection(self, state: T | None, ephemeral: bool) -> InvalidInput | None:
        """Why nothing may be deployed here, known before anything is touched. ephemeral: this machine ends with the job."""
        return None

    def existing(self) -> S | None:
        """What serves here and no rollout brought: the first one compares with it, and can go back to it. None where nothing
        does."""
        return None

    def manifests(self, release: Release) -> str:
        """What would be made for a first release, as text that a team can keep; empty where there is nothing of the kind."""
        return ""

    def prepare(self, release: Release, say: Say) -> S:
        """The release is where it can be started from, held against its digests; it has no name yet, and nothing of it runs.
        Called without the lease."""

    def check_kept(self, slot: S) -> None:
        """Refused where the release cannot be started from here any more."""

    def again(self, slot: S, side: Side, *, way_back: bool = False) -> S:
        """The same release under another name, with addresses of its own. Changes nothing. way_back: it replaces a later one,
        which nobody is to give the traffic back to where a runner dies."""
        return msgspec.structs.replace(slot, side=side)

    def rows_token(self, slot: S) -> str:
        """What the slot's servers tell their sample of rows for; empty where the place knows nothing of it. Where a later
        command cannot have the same one, it gets another, and `start` starts the servers anew."""
        return ""

    def without_sketches(self) -> Self:
        """The same place, whose servers count nothing of what they are asked."""
        return self

    def counting(self) -> CountingPlace | None:
        """How the counts of its servers are read, and where days of them are kept; None where it knows of none. Changes
        nothing."""
        return None

    def counters(self, slot: S) -> Sequence[Replica]:
        """Those of the slot's servers that count what they are asked."""
        return ()

    def start(self, claim: HeldTarget[T, S], slot: S | None, variables: Mapping[str, str] | None = None) -> S | None:
        """What routes requests runs, as the state says, and so do the slot's replicas, which get no traffic by this; those
        that run already are left alone. variables: of its servers' environment. The slot as it is from now on, with what
        changed in it."""

    def wait_until_ready(self, claim: HeldTarget[T, S], slot: S, say: Say) -> None:
        """Every replica answers that it is this release, and can be routed to. Called without the lease. OutsideFailure, with
        the server's last words, where one has ended or is not ready in time."""

    def rolled(self, slot: S, bounds: ReplicaBounds) -> S:
        """The release's replicas come and go by `scale` alone: `start` starts none. Changes nothing."""
        return slot

    def whole(self, slot: S) -> int:
        """How many replicas the release is to have, whatever a rollout has made of them."""
        return 1

    def size(self, slot: S) -> int:
        """How many of its replicas are ready."""
        return 1

    def scale(self, claim: HeldTarget[T, S], slot: S, replicas: int) -> None:
        """It is to have so many. Those that are too many get no traffic that others are not there for."""
        return

    def ended(self, claim: HeldTarget[T, S], slot: S, say: Say) -> None:
        """Those that were too many have finished what they began, and take no room any more; or are not waited for any longer.
        Called without the lease."""
        return

    def shares_by_replicas(self) -> bool:
        """Whether a release's share of the traffic is its part of the replicas, so that a canary has few of them."""
        return False

    def replicas(self, claim: HeldTarget[T, S], slot: S) -> Sequence[Replica]:
        """Those that are ready and can be asked by themselves. Called without the lease."""
        return ()

    def route(self, claim: HeldTarget[T, S], routing: Routing, back: str) -> None:
        """From now on requests go where `routing` says. back: the slot that `back` gives all traffic to, prepared before
        anything moves; empty: none."""

    def verify(self, claim: HeldTarget[T, S], routing: Routing) -> None:
        """The traffic follows what was set last. Called without the lease. OutsideFailure where it does not in time: a weight
        or a mirror that was only asked for is never believed."""

    def back(self, claim: HeldTarget[T, S]) -> None:
        """All traffic to the slot that `route` prepared for it; nothing where it prepared none. Must work where nothing can be
        written any more."""

    def adopted(self, claim: HeldTarget[T, S]) -> None:
        """The slot that has all traffic is about to be called stable: from now on nothing goes back without a rollout."""
        return

    def retire(self, claim: HeldTarget[T, S], name: str) -> None:
        """A slot that gets no traffic finishes what it began, is forgotten (`claim.forget`), and ends. Called without the
        lease: a rollback waits for no request."""

    def tidy(self, claim: HeldTarget[T, S], say: Say) -> None:
        """What no deployment needs any more is removed. Called without the lease."""

    def counts(self, state: T) -> CountsSource:
        """Who counts the requests of every slot."""

    def servers(self, state: T) -> Sequence[PodMetrics]:
        """The /metrics of every server of every slot, where they are servers of ours; nothing where the place reaches none."""
        return ()

    def outcomes(self, state: T, trials: str, successes: str, block_seconds: float) -> CountsSource:
        """A team's own counters of a Prometheus, of every slot: its requests are trials, its errors those that succeeded.
        InvalidInput where the place knows no Prometheus, or a series does not tell releases apart."""
        raise InvalidInput("are given, and this target asks no Prometheus", where="deploy.judge.outcomes")

    def address(self, state: T | None) -> str:
        """The URL that the environment's model answers at, or will; empty where the target cannot know it."""
        return ""

    def check_answer(self, state: T) -> None:
        """What answers at the address is the stable release; OutsideFailure where it is not."""

    def is_running(self) -> bool:
        """Whether anything runs here."""

    def stop(self) -> None:
        """Nothing runs here any more. What ran stays known."""
