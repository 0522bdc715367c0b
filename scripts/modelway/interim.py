"""What long work has decided so far: kept where it is stopped, or fails, so that what was counted for an hour is not lost.

Whoever decides something says so here; modelway.ci writes it down where the work does not come to its end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec

Answered = Callable[[int, Mapping[Any, Any]], None]
"""Takes the number of rows, and answers by their questions."""


ALL = "all of it"
"""Of a data set that was not reached."""


class InterimPart(msgspec.Struct, frozen=True):
    """One data set. decided: checks as the whole report would have them. not_decided: the names of the others."""

    data: str
    decided: tuple[Any, ...]
    not_decided: tuple[str, ...]


class InterimDecisions:
    """In the order in which they were begun."""

    def __init__(self) -> None:
        self._names: dict[str, dict[Hashable, str]] = {}
        self._found: dict[str, dict[Hashable, Sequence[Any]]] = {}

    def begin(self, data: str, names: Mapping[Hashable, str]) -> None:
        self._names[data], self._found[data] = {**self._names.get(data, {}), **names}, self._found.get(data, {})

    def decide(self, data: str, key: Hashable, found: Sequence[Any]) -> None:
        self._found[data][key] = found

    def forget(self) -> None:
        self._names, self._found = {}, {}

    @property
    def parts(self) -> tuple[InterimPart, ...]:
        """None at all where nothing was decided."""
        if not any(self._found.values()):
            return ()
        return tuple(
            InterimPart(
                data,
                tuple(one for key in names for one in self._found[data].get(key, ())),
                tuple(name for key, name in names.items() if key not in self._found[data]) if names else (ALL,),
            )
            for data, names in self._names.items()
        )


_decisions: ContextVar[InterimDecisions | None] = ContextVar("modelway_interim", default=None)
_answered: ContextVar[Answered | None] = ContextVar("modelway_interim_answers", default=None)


@contextmanager
def decisions() -> Iterator[InterimDecisions]:
    """What is decided within."""
    made = InterimDecisions()
    before = _decisions.set(made)
    try:
        yield made
    finally:
        _decisions.reset(before)


def begun(data: str, names: Mapping[Hashable, str]) -> None:
    """What is to be decided of a data set, by keys, in words. More may be begun of the same later."""
    if (made := _decisions.get()) is not None:
        made.begin(data, names)


def decided(data: str, key: Hashable, found: Sequence[Any]) -> None:
    """What came of one of these: records with a name and an outcome."""
    if (made := _decisions.get()) is not None:
        made.decide(data, key, found)


def forgotten() -> None:
    """Nothing is kept of what was decided: it would show what a mistake in the settings was to hide."""
    if (made := _decisions.get()) is not None:
        made.forget()


@contextmanager
def as_answered(take: Answered) -> Iterator[None]:
    """Answers of an engine within go to `take` as soon as each is there, from an engine that tells them one by one."""
    before = _answered.set(take)
    try:
        yield
    finally:
        _answered.reset(before)


def answered(rows: int, answers: Mapping[Any, Any]) -> None:
    if (take := _answered.get()) is not None:
        take(rows, answers)
