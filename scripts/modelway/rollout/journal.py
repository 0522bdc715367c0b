"""The journal of one rollout: a file of lines, each written and flushed to the disk before what it says is acted upon.

The first line is the plan; then `act` before each act, and `event` after it. A line that was cut off was never acted upon,
so it does not count. Reading it back gives the rollout's state; `replay` proves that the decisions follow from it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from modelway.errors import InvalidInput
from modelway.files import sync_folder
from modelway.rollout import engine
from modelway.rollout.plan import Plan


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Exactly one of the three."""

    plan: Plan | None = None
    act: engine.Command | None = None
    event: engine.Event | None = None


@dataclass(frozen=True)
class Story:
    """A journal as it was read: the plan, and acts and events in their order."""

    plan: Plan
    lines: tuple[Line, ...]

    @property
    def events(self) -> tuple[engine.Event, ...]:
        return tuple(line.event for line in self.lines if line.event is not None)

    @cached_property
    def state(self) -> engine.RolloutState:
        """Folded once: a report asks for it again and again."""
        state = engine.begin(self.plan)
        for event in self.events:
            state = engine.advance(self.plan, state, event)
        return state

    @property
    def outcome(self) -> engine.Outcome:
        """Empty while it is unfinished."""
        last = self.lines[-1].act if self.lines else None
        return last.outcome if isinstance(last, engine.Finish) else ""

    @property
    def is_paused(self) -> bool:
        """Whether a person is waited for."""
        return not self.outcome and self.state.is_paused


def begin(path: Path, plan: Plan) -> None:
    """A new journal with its plan; a file of that name is an error, since no number is used twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as stream:
        _write(stream.fileno(), Line(plan=plan))
    sync_folder(path.parent)


def append(path: Path, line: Line) -> None:
    """A line that was cut off before is overwritten."""
    with path.open("r+b") as stream:
        end = stream.seek(0, os.SEEK_END)
        whole = _whole(path.read_bytes())
        if whole != end:
            stream.truncate(whole)
        stream.seek(whole)
        _write(stream.fileno(), line)


def read(path: Path) -> Story | None:
    """None where not even the plan was written whole: nothing was done then. InvalidInput where a line is not ours."""
    data = path.read_bytes()
    return parse(data[: _whole(data)].splitlines(), str(path))


def parse(texts: Iterable[bytes], where: str) -> Story | None:
    """Whole lines, in their order, as a journal; None where there are none. where: they are kept, for messages."""
    lines = []
    for number, text in enumerate(texts, start=1):
        try:
            lines.append(msgspec.json.decode(text, type=Line))
        except msgspec.DecodeError as error:
            raise InvalidInput(
                f"line {number} is not of a rollout: {error}",
                where=where,
                fix="put it back from a backup, or move it away: then the target returns to its stable release",
            ) from None
    if not lines:
        return None
    if lines[0].plan is None:
        raise InvalidInput("does not begin with a plan", where=where, fix="put it back from a backup")
    return Story(lines[0].plan, tuple(lines[1:]))


def replay(story: Story) -> Iterator[tuple[engine.Command, engine.Command]]:
    """Every act that the journal holds, with the one that follows from what was observed before it: a pair that differs
    means that the journal was changed, or that this release of modelway decides otherwise."""
    state = engine.begin(story.plan)
    for line in story.lines:
        if line.act is not None:
            yield line.act, engine.command(story.plan, state)
        if line.event is not None:
            state = engine.advance(story.plan, state, line.event)


def _whole(data: bytes) -> int:
    """Bytes up to the end of the last whole line."""
    return data.rfind(b"\n") + 1


def _write(descriptor: int, line: Line) -> None:
    os.write(descriptor, msgspec.json.encode(line) + b"\n")
    os.fsync(descriptor)
