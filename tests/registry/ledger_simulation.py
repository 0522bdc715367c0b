"""Every schedule of several ledger commands, without threads.

A command is deterministic in the answers of its store. So it is run again from its start with the answers that it had so
far, up to its next call: that call is its next step, and the schedule decides when it is carried out. Situations (what the
store holds, and what each command has seen) are numbered and visited once: two orders of steps that lead to the same
situation are one from there on, and the number of schedules is the number of paths.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from modelway.errors import ModelwayError
from modelway.registry.ledger import LedgerStore, RecordedChange, Writer
from modelway.registry.ledger_entries import StoredEntry
from modelway.registry.ledger_history import History, Recorded, older_heads, window
from modelway.registry.protocol import AmbiguousAnswer

MODEL = "flights"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

Call = tuple[str, tuple[Any, ...]]
"""A store's method and its arguments."""
LOST = "lost"
"""The answer that never came."""


@dataclass(frozen=True)
class Held:
    """What a store holds."""

    entries: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    aliases: tuple[tuple[str, int], ...] = ()

    @functools.cached_property
    def stored(self) -> tuple[StoredEntry, ...]:
        return tuple(StoredEntry(n, text, dict(marks)) for n, (text, marks) in enumerate(self.entries, 1))


def carried_out(held: Held, call: Call) -> tuple[Held, Any]:
    """What the store holds after the call, and its answer."""
    name, arguments = call
    if name == "entries":
        return held, held.stored
    if name == "recent":
        return held, recent(held)
    if name == "alias":
        return held, dict(held.aliases).get(arguments[0])
    if name == "append":
        return Held((*held.entries, (arguments[0], ())), held.aliases), None
    if name == "set_alias":
        changed = {**dict(held.aliases), arguments[0]: arguments[1]}
        return Held(held.entries, tuple(sorted(item for item in changed.items() if item[1] is not None))), None
    if name == "mark":
        number, key, value = arguments
        text, marks = held.entries[number - 1]
        changed = (text, tuple(sorted({**dict(marks), key: value}.items())))
        return Held((*held.entries[: number - 1], changed, *held.entries[number:]), held.aliases), None
    raise AssertionError(name)


def recent(held: Held) -> tuple[tuple[StoredEntry, ...], int]:
    """As the store on MLflow does it."""
    rows, checkpoint = window(reversed(held.stored))
    if checkpoint is None:
        return rows, 1
    older = [held.stored[item.number - 1] for item in older_heads(rows, checkpoint)]
    return (*older, *rows), rows[0].number


class Paused(BaseException):
    """The command has come to a call that the schedule has not carried out yet."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.continuation: object = None


class ReplayingStore(LedgerStore):
    """Gives the answers of the past, then stops at the next call."""

    model = MODEL

    def __init__(self, answers: tuple[Any, ...]) -> None:
        self.answers = iter(answers)

    def _call(self, name: str, *arguments: Any) -> Any:
        try:
            answer = next(self.answers)
        except StopIteration:
            raise Paused((name, arguments)) from None
        if answer is LOST:
            raise AmbiguousAnswer("the answer was lost")
        return answer

    def entries(self) -> tuple[StoredEntry, ...]:
        return self._call("entries")

    def recent(self) -> tuple[tuple[StoredEntry, ...], int]:
        return self._call("recent")

    def append(self, text: str) -> None:
        self._call("append", text)

    def mark(self, number: int, key: str, value: str) -> None:
        self._call("mark", number, key, value)

    def alias(self, name: str) -> int | None:
        return self._call("alias", name)

    def set_alias(self, name: str, version: int | None) -> None:
        self._call("set_alias", name, version)


Command = Callable[[LedgerStore, Writer], object]


@dataclass(frozen=True)
class Ended:
    """How a command ended: with a result, or with an error for its user."""

    result: object
    error: ModelwayError | None = None


def next_step(command: Command, name: str, answers: tuple[Any, ...]) -> Call | Ended:
    return _run(command, name, answers)[0]


def _run(command: Command, name: str, answers: tuple[Any, ...]) -> tuple[Call | Ended, object]:
    """The next step, and what all that follows depends on."""
    writer = Writer(who=name, nonce=name, clock=lambda: NOW, sleep=lambda seconds: None)
    try:
        ended = Ended(command(ReplayingStore(answers), writer))
    except Paused as paused:
        return paused.call, _continuation(paused, name)
    except ModelwayError as error:
        ended = Ended(None, error)
    return ended, (str(ended.error), _kept(ended.result, "", name))


def _continuation(paused: Paused, name: str) -> object:
    """Where the command's functions stand and what they hold: two pasts that agree in it have the same future."""
    frames = []
    trace = paused.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if "/modelway/registry/ledger" in frame.f_code.co_filename:
            held = tuple(
                (key, _kept(value, frame.f_code.co_name, name)) for key, value in sorted(frame.f_locals.items())
            )
            frames.append((frame.f_code.co_name, frame.f_lasti, held))
        trace = trace.tb_next
    return tuple(frames)


def _kept(value: object, function: str, name: str) -> object:
    """What of a local variable can matter. Of a history: `finish` compares two as a whole; the others ask for the
    heads and for their own entries (test_ledger_schedules.py compares with an exploration that merges nothing)."""
    if isinstance(value, History):
        if function == "finish":
            return tuple((row.number, row.text, tuple(sorted(row.marks.items()))) for row in value.stored)
        heads = {row.entry.environment: (row.number, row.applied) for row in value.on_chain()}
        mine = tuple((row.number, row.state) for row in value.written_by(name))
        return value.head, value.problems, tuple(sorted(heads.items())), mine
    if isinstance(value, Recorded):
        return value.number, value.state, value.applied
    if isinstance(value, RecordedChange):
        return tuple(_kept(part, function, name) for part in (value.recorded, value.history, value.later))
    if isinstance(value, (ReplayingStore, Writer)):
        return None
    return repr(value)


def alone(command: Command, name: str, held: Held) -> tuple[Held, Ended, list[Call]]:
    """The command from start to end with nobody else about."""
    answers: list[Any] = []
    calls: list[Call] = []
    while not isinstance(step := next_step(command, name, tuple(answers)), Ended):
        held, answer = carried_out(held, step)
        answers.append(answer)
        calls.append(step)
    return held, step, calls


@dataclass(frozen=True)
class Situation:
    """held and seen are numbers given by the Exploration; late are calls whose answers were lost and that the store
    has not carried out yet; losses is how many answers may still be lost."""

    held: int
    seen: tuple[int, ...]
    late: tuple[Call, ...] = ()
    losses: int = 0


class Exploration:
    """All situations that the commands can bring about together, from what the store holds at first."""

    def __init__(self, commands: Mapping[str, Command], held: Held, losses: int = 0, merging: bool = True) -> None:
        self.merging = merging
        self.names, self.commands = tuple(commands), tuple(commands.values())
        self.holds: list[Held] = []
        self.numbers: dict[Held, int] = {}
        self.pasts: list[tuple[Any, ...]] = [()]
        self.past_numbers: dict[tuple[int, int, int], int] = {}
        self.continuations: dict[object, int] = {}
        self.steps: dict[tuple[int, int], Call | Ended] = {}
        self.results: dict[tuple[int, Call], tuple[int, Any, int]] = {}
        self.answers: dict[Any, int] = {}
        self.start = Situation(self._number(held), (0,) * len(commands), (), losses)

    def step(self, situation: Situation, index: int) -> Call | Ended:
        key = (index, situation.seen[index])
        if key not in self.steps:
            self.steps[key] = next_step(self.commands[index], self.names[index], self.pasts[key[1]])
        return self.steps[key]

    def ended(self, situation: Situation) -> tuple[Ended, ...] | None:
        ends = tuple(self.step(situation, index) for index in range(len(self.commands)))
        return ends if all(isinstance(end, Ended) for end in ends) else None  # type: ignore[return-value]

    def following(self, situation: Situation) -> Iterator[tuple[int, Situation]]:
        """Whose step, and the situation after it; -1 for a call that the store carries out late."""
        for index in range(len(self.commands)):
            step = self.step(situation, index)
            if isinstance(step, Ended):
                continue
            held, answer, number = self._result(situation.held, step)
            yield index, self._moved(situation, index, held, answer, number)
            if situation.losses and step[0] in ("append", "set_alias"):
                moved = self._moved(situation, index, situation.held, LOST, -1)
                yield index, Situation(moved.held, moved.seen, (*situation.late, step), situation.losses - 1)
        for position, call in enumerate(situation.late):
            rest = situation.late[:position] + situation.late[position + 1 :]
            yield -1, Situation(self._result(situation.held, call)[0], situation.seen, rest, situation.losses)

    def after(self, situation: Situation, index: int) -> Situation:
        return next(after for who, after in self.following(situation) if who == index)

    def situations(self) -> tuple[set[Situation], int]:
        """Every situation that can be reached, and the number of schedules that lead to an end."""
        schedules: dict[Situation, int] = {}
        stack: list[tuple[Situation, Iterator[Situation]]] = []
        open_ = (self.start, iter([after for _, after in self.following(self.start)]))
        stack.append(open_)
        schedules[self.start] = 0
        while stack:
            situation, rest = stack[-1]
            after = next(rest, None)
            if after is None:
                stack.pop()
                if stack:
                    schedules[stack[-1][0]] += schedules[situation]
            elif after in schedules:
                schedules[situation] += schedules[after]
            else:
                following = [later for _, later in self.following(after)]
                schedules[after] = 0 if following else 1
                stack.append((after, iter(following)))
        return set(schedules), schedules[self.start]

    def _number(self, held: Held) -> int:
        if held not in self.numbers:
            self.numbers[held] = len(self.holds)
            self.holds.append(held)
        return self.numbers[held]

    def _result(self, number: int, call: Call) -> tuple[int, Any, int]:
        if (number, call) not in self.results:
            held, answer = carried_out(self.holds[number], call)
            # An answer is named by what it was made from: the entries by their store's part, an alias by its value.
            name = (call[0], self.holds[number].entries if call[0] in ("entries", "recent") else answer)
            self.results[number, call] = (self._number(held), answer, self.answers.setdefault(name, len(self.answers)))
        return self.results[number, call]

    def _moved(self, situation: Situation, index: int, held: int, answer: Any, answer_number: int) -> Situation:
        key = (index, situation.seen[index], answer_number)
        if key not in self.past_numbers:
            past = (*self.pasts[situation.seen[index]], answer)
            step, continuation = _run(self.commands[index], self.names[index], past)
            number = len(self.pasts)
            if self.merging:
                number = self.continuations.setdefault((index, continuation), number)
            if number == len(self.pasts):
                self.pasts.append(past)
                self.steps[index, number] = step
            self.past_numbers[key] = number
        seen = (*situation.seen[:index], self.past_numbers[key], *situation.seen[index + 1 :])
        return Situation(held, seen, situation.late, situation.losses)


def inequivalent_schedules(exploration: Exploration) -> Iterator[tuple[int, ...]]:
    """One of every class of schedules that differ only in the order of steps that commute, by sleep sets (Godefroid 1996):
    whose step has been tried first sleeps for as long as the others' steps commute with it."""

    def below(situation: Situation, turns: tuple[int, ...], asleep: frozenset[int]) -> Iterator[tuple[int, ...]]:
        following = list(exploration.following(situation))
        if not following:
            yield turns
        for index, after in following:
            if index not in asleep:
                still = frozenset(other for other in asleep if commute(exploration, situation, index, other))
                yield from below(after, (*turns, index), still)
                asleep |= {index}

    yield from below(exploration.start, (), frozenset())


def commute(exploration: Exploration, situation: Situation, one: int, other: int) -> bool:
    """Whether both orders of the two commands' next steps give the same answers and leave the same behind."""
    first, second = exploration.step(situation, one), exploration.step(situation, other)
    assert not isinstance(first, Ended) and not isinstance(second, Ended)
    held = exploration.holds[situation.held]
    between, answer = carried_out(held, first)
    after, later_answer = carried_out(between, second)
    between, later = carried_out(held, second)
    return carried_out(between, first) == (after, answer) and later == later_answer
