"""The journal: what was cut off does not count, what was changed is refused, and the decisions follow from what was seen."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from modelway.errors import InvalidInput
from modelway.rollout import engine, journal
from modelway.rollout.run import Surroundings, carry_out
from rollout.simulated import SimulatedTarget, World, plan, traffic


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """The journal of a canary that was rolled back, as a file."""
    world = World(plan(), traffic(1000, 0.2, 0.0), random.Random(1))
    target = SimulatedTarget(world)
    carry_out(
        world.plan, engine.begin(world.plan), target, Surroundings(target.announce, lambda text: None, lambda: 0.0)
    )
    path = tmp_path / "000001.jsonl"
    journal.begin(path, world.plan)
    for line in world.lines:
        journal.append(path, line)
    return path


def test_what_was_written_is_read_back_and_replays(told: Path) -> None:
    story = journal.read(told)
    assert story is not None
    assert story.outcome == "rolled-back"
    pairs = list(journal.replay(story))
    assert pairs
    assert all(written == follows for written, follows in pairs)


def test_cut_off_anywhere_it_is_a_shorter_history(told: Path) -> None:
    whole = told.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(0, len(whole), 97):
        told.write_bytes(whole[:length])
        story = journal.read(told)
        assert (story is None) == (length < first)
        if story is not None:
            assert engine.command(story.plan, story.state) is not None


def test_what_is_appended_after_a_cut_replaces_the_torn_line(told: Path) -> None:
    data = told.read_bytes()
    told.write_bytes(data[: len(data) - 3])
    journal.append(told, journal.Line(event=engine.Resumed(1.0)))
    story = journal.read(told)
    assert story is not None
    assert story.events[-1] == engine.Resumed(1.0)


def test_a_changed_line_is_named(told: Path) -> None:
    lines = told.read_bytes().split(b"\n")
    lines[3] = b'{"event": "healed"}'
    told.write_bytes(b"\n".join(lines))
    with pytest.raises(InvalidInput, match="line 4 is not of a rollout"):
        journal.read(told)


def test_changed_counts_decide_otherwise_and_replay_says_so(told: Path) -> None:
    story = journal.read(told)
    assert story is not None
    text = told.read_text()
    begin = text.index('"canary":{"requests":')
    errors = text.index('"errors":', begin)
    end = text.index(",", errors)
    told.write_text(text[:errors] + '"errors":0' + text[end:])
    healed = journal.read(told)
    assert healed is not None
    assert any(written != follows for written, follows in journal.replay(healed)) or healed.state != story.state


def test_a_number_is_never_used_twice(told: Path) -> None:
    with pytest.raises(FileExistsError):
        journal.begin(told, plan())
