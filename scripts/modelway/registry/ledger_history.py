"""What a replay of the ledger's chain says. Nothing here reads or writes a store.

Every entry names the hash of the last valid entry before it. An entry that names an older one lost its race and is void.
An entry that names a hash which nobody has seen follows an entry that was deleted: the chain is taken up again there, and
the break is reported.

Now and then an entry is a checkpoint too: it names what was in every environment before it, by a writer that had verified
the chain so far. A replay may begin at it (docs/adr/0009-ledger-checkpoints.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from modelway.records import digest_of_json
from modelway.registry.ledger_entries import (
    APPLIED,
    GENESIS,
    INTENT,
    MARK,
    Entry,
    Standing,
    StoredEntry,
    decoded,
    entry_of,
)

State = Literal["valid", "void", "edited"]


@dataclass(frozen=True)
class Recorded:
    """An entry as the replay found it. applied: its alias has been set."""

    number: int
    state: State
    entry: Entry
    applied: bool
    intents: tuple[datetime, ...]
    """When writers announced that they would set its alias and did not yet say how that ended."""


@dataclass(frozen=True)
class History:
    """The replayed ledger of one model. Two histories are equal when the store held the same, marks and all."""

    model: str
    recorded: tuple[Recorded, ...]
    problems: tuple[str, ...]
    """Every edit, gap and unreadable entry; also those that a later `adopt` accepted."""
    stored: tuple[StoredEntry, ...]
    since: int = 1
    """The number that the replay began at: 1, or that of a checkpoint. Of what is older only the last entry of each
    environment is here."""
    numbers: tuple[int, ...] = ()
    """Of the entries that the problems are about."""

    @property
    def whole(self) -> bool:
        return self.since == 1

    @property
    def head(self) -> str:
        """The hash of the last entry on the chain: what summaries and image labels show."""
        chain = self.on_chain()
        return chain[-1].entry.hash if chain else GENESIS

    @property
    def unaccepted(self) -> tuple[str, ...]:
        accepted: set[str] = set()
        for row in self.on_chain():
            if row.state != "valid" or not row.entry.accepts:
                continue
            accepted.update(row.entry.accepts)
            known = tuple(what for what, at in zip(self.problems, self.numbers, strict=True) if at < row.number)
            if digest_of_problems(known) in row.entry.accepts:
                accepted.update(known)
        return tuple(problem for problem in self.problems if problem not in accepted)

    @property
    def since_checkpoint(self) -> int:
        """How many entries there are after the last checkpoint."""
        last = max((row.number for row in self.on_chain() if row.entry.heads), default=0)
        return sum(row.number > last for row in self.recorded)

    def on_chain(self, environment: str | None = None) -> tuple[Recorded, ...]:
        """The entries that took effect, oldest first; of one environment if it is named."""
        return tuple(
            row for row in self.recorded if row.state != "void" and environment in (None, row.entry.environment)
        )

    def head_of(self, environment: str) -> Recorded | None:
        """What is in the environment, by this ledger."""
        chain = self.on_chain(environment)
        return chain[-1] if chain else None

    @property
    def heads(self) -> dict[str, Recorded]:
        """What is in every environment, by this ledger, sorted by name."""
        return dict(sorted({row.entry.environment: row for row in self.on_chain()}.items()))

    def at(self, environment: str, moment: datetime) -> Recorded | None:
        """What was in the environment at that moment (with a time zone)."""
        chain = reversed(self.on_chain(environment))
        return next((row for row in chain if datetime.fromisoformat(row.entry.when) <= moment), None)

    def written_by(self, nonce: str) -> tuple[Recorded, ...]:
        return tuple(row for row in self.recorded if row.entry.nonce == nonce)


def digest_of_problems(problems: Sequence[str]) -> str:
    return f"{len(problems)} problems, sha256 {digest_of_json(list(problems))}"


def window(newest_first: Iterable[StoredEntry]) -> tuple[tuple[StoredEntry, ...], Entry | None]:
    """The rows back to the newest checkpoint, and that one; all of them and None where there is none. A checkpoint counts once
    an intact entry follows it: until then it may be one that lost its race."""
    rows: list[StoredEntry] = []
    followed: set[str] = set()
    for row in newest_first:
        rows.append(row)
        entry, intact = decoded(row.text)
        if entry is None or not intact:
            continue
        if entry.heads and entry.hash in followed:
            return tuple(reversed(rows)), entry
        followed.add(entry.previous)
    return tuple(reversed(rows)), None


def older_heads(rows: Iterable[StoredEntry], checkpoint: Entry) -> tuple[Standing, ...]:
    """What a replay from the checkpoint needs besides the rows: the last entries of environments that have none among them."""
    there = {entry.environment for row in rows if (entry := entry_of(row)) is not None}
    return tuple(item for item in checkpoint.heads if item.environment not in there)


def replay(model: str, stored: Iterable[StoredEntry], since: int = 1) -> History:
    """The history that the entries tell; never fails, whatever is in the store. since: the number of the checkpoint to begin
    at; of the older rows each must be what it names."""
    rows = tuple(sorted(stored, key=lambda row: row.number))
    recorded: list[Recorded] = []
    problems: list[tuple[int, str]] = []
    head, seen, expected = GENESIS, {GENESIS}, since
    if since > 1:
        begins = next((row for row in rows if row.number == since), None)
        entry = decoded(begins.text)[0] if begins else None
        head = entry.previous if entry else GENESIS
        named = {(item.environment, item.number, item.hash) for item in entry.heads} if entry else set()
        seen |= {head, *(hash_ for _, _, hash_ in named)}
        for row in rows:
            if row.number >= since:
                break
            older, intact = decoded(row.text)
            if older is None or not intact or (older.environment, row.number, older.hash) not in named:
                problems.append((row.number, f"entry {row.number} is not what the checkpoint names"))
            else:
                recorded.append(_recorded(row, "valid", older))
    for row in rows:
        if row.number < since:
            continue
        problems += ((number, f"entry {number} is missing") for number in range(expected, row.number))
        expected = row.number + 1
        entry, intact = decoded(row.text)
        if entry is None or entry.model != model:
            problems.append((row.number, f"entry {row.number} is not an entry of this ledger"))
            continue
        state: State = "valid"
        if entry.previous in seen - {head}:
            state = "void"
        elif entry.previous != head:
            problems.append((row.number, f"entry {row.number} follows an entry that is not here"))
        if not intact:
            problems.append((row.number, f"entry {row.number} was edited after it was written"))
            state = "edited" if state == "valid" else state
        if state != "void":
            # An edited entry stays on the chain by the hash that it states, which the next entry names.
            head = entry.hash
            seen.add(head)
        recorded.append(_recorded(row, state, entry))
    said = tuple(problem for _, problem in problems)
    return History(model, tuple(recorded), said, rows, since, tuple(number for number, _ in problems))


def _recorded(row: StoredEntry, state: State, entry: Entry) -> Recorded:
    marks = [row.marks[key].partition(" ") for key in sorted(row.marks) if key.startswith(MARK)]
    intents = tuple(moment for word, _, time in marks if word == INTENT and (moment := _moment(time)))
    return Recorded(row.number, state, entry, any(word == APPLIED for word, _, _ in marks), intents)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
