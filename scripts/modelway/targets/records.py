"""What a target must never lose: its state, who may change it, and the journal of every rollout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from modelway.rollout.engine import Continued
from modelway.rollout.journal import Line, Story
from modelway.rollout.plan import Plan
from modelway.targets.state import TargetState

T = TypeVar("T", bound=TargetState[Any])


class Lease(Protocol):
    """One command's right to change a target, until another takes it."""

    def held(self) -> AbstractContextManager[None]:
        """Within it no other command changes the target, for the moment of one act. Superseded where another command has the
        lease by now; OutsideFailure where somebody else is within an act for longer than any act may take."""

    def give_back(self, *, left: bool = False) -> None:
        """Nobody has it any more. Never fails: a lease that is not given back ends with its holder. left: a rollout is under
        way; where somebody watches over the lease, traffic goes back if nobody comes for long."""


class TargetRecords(Protocol[T]):
    """Where state, lease and journals are kept: outside the runner, so that the next command finds them after any death.

    What is written is whole and durable when a method returns, or it was never written. Only a command within `held`
    writes, but for `leave_word`."""

    @property
    def where(self) -> str:
        """The place, for messages."""

    def exist(self) -> bool:
        """Whether anything was ever kept here."""

    def read(self) -> T | None:
        """The state; None where nothing was ever deployed. InvalidInput where it is not one, with what to do."""

    def empty(self, model: str, environment: str) -> T:
        """The state before the first deployment."""

    def write(self, state: T) -> None: ...

    def take(self, who: str, what: str, *, always: bool, say: Callable[[str], None] = ...) -> Lease:
        """The lease, from now on. AtWork, naming the holder, where a command that lives has it, unless `always`: then that
        one is superseded at its next act, and ended where it stands within one for too long. Makes the place where there is
        none. say: is told where it has to be found out whether the holder lives."""

    def begin(self, plan: Plan) -> None:
        """The journal of a new rollout, with its plan; FileExistsError where its number was used before."""

    def append(self, number: int, line: Line) -> None:
        """One line more, in place of one that was cut off."""

    def story(self, number: int) -> Story | None:
        """A rollout's journal up to the last whole line; None where there is none, or not even its plan is whole. InvalidInput
        where a line is not one."""

    def leave_word(self, number: int, word: Continued) -> Continued:
        """A person's word beside the journal of a rollout, for whoever carries it on: without the lease, which that one may
        have. The word of this pause: of two the first one stays."""

    def word(self, number: int, weight: float) -> Continued | None:
        """That which was left for the pause at this share."""

    def numbers(self) -> Sequence[int]:
        """Of the journals there are, rising."""
