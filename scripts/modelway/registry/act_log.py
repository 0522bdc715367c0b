"""The log of what followed alarms: an act is claimed here before it is done, and its end is written behind it.

It is kept as the ledger is (modelway.registry.ledger_versions), under a name of its own: entries with numbers that the store
gives atomically, of which none changes. Each names the last valid entry that its writer had read. So of two writers that have
read the same the one with the lower number is valid, the other's entry is void: it reads again and decides anew.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import msgspec

from modelway.errors import InvalidInput, OutsideFailure
from modelway.records import canonical_json
from modelway.registry.protocol import AmbiguousAnswer, LedgerStore

ActName = Literal["rollback", "retrain"]
ActEnd = Literal["success", "failure", "cancelled", "not-begun", "unknown"]
"""unknown: its run has died, or said nothing in time; it was given up."""
SUFFIX = ".policy-acts"
"""Of the name that the log's entries are kept under, behind the model's."""
ATTEMPTS = 5
LONGEST_TEXT = 1000
MOST_ALARMS = 40
"""That one entry names: MLflow 2.x keeps 5,000 characters of a tag."""


class ActEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """step: the claim of an act, or the end of an earlier claim, whose number is `claim`. alarms: the identities of those that
    it answers. ends_by: an act without an end is under way until then. result: of an end; not-begun: it was never done."""

    schema: Literal["modelway/policy-act/1"] = "modelway/policy-act/1"
    step: Literal["claim", "end"]
    environment: str
    act: ActName
    alarms: tuple[str, ...] = ()
    ends_by: str = ""
    claim: int = 0
    result: ActEnd | None = None
    why: str
    who: str
    when: str
    """UTC, ISO 8601, by the writer's clock."""
    nonce: str
    previous: int


@dataclass(frozen=True)
class PastAct:
    """result: None where nobody has said how it ended."""

    number: int
    act: ActName
    alarms: tuple[str, ...]
    when: datetime
    ends_by: datetime
    result: ActEnd | None
    why: str = ""
    who: str = ""

    @property
    def counts(self) -> bool:
        """Whether it was done, or may have been."""
        return self.result != "not-begun"

    def is_running(self, now: datetime) -> bool:
        return self.result is None and now < self.ends_by


@dataclass(frozen=True)
class PastActs:
    """What the log says of one environment, oldest first. head: the number of its last valid entry, of any environment."""

    acts: tuple[PastAct, ...]
    head: int

    def numbered(self, number: int) -> PastAct | None:
        return next((act for act in self.acts if act.number == number), None)


@dataclass(frozen=True)
class ActLog:
    """store: of the model's log. who: writes."""

    store: LedgerStore
    environment: str
    who: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def read(self) -> PastActs:
        return past_acts(_valid(self.store), self.environment)

    def claim(
        self, act: ActName, alarms: Sequence[str], why: str, when: datetime, ends_by: datetime, base: PastActs
    ) -> int | None:
        """The number of the claim; None where another entry came first, so that it has to be decided anew. base: what it was
        decided on."""
        return self._append(
            base.head,
            step="claim",
            act=act,
            alarms=tuple(alarms[:MOST_ALARMS]),
            why=_shortened(why),
            when=when.isoformat(timespec="milliseconds"),
            ends_by=ends_by.isoformat(timespec="milliseconds"),
        )

    def end(self, number: int, result: ActEnd, why: str = "") -> PastAct:
        """Write how a claim ended, and give it back as it is then; where it has an end already nothing is written.
        InvalidInput where there is no such claim."""
        for attempt in range(ATTEMPTS):
            known = self.read()
            found = known.numbered(number)
            if found is None:
                what = f"the log of {self.store.model.removesuffix(SUFFIX)} has no claim {number} in {self.environment}"
                raise InvalidInput(what, where="input claim", fix="give the output claim of the step that claimed it")
            if found.result is not None:
                return found
            when = self.clock().isoformat(timespec="milliseconds")
            self._append(
                known.head, step="end", act=found.act, claim=number, result=result, why=_shortened(why), when=when
            )
            self._pause(attempt)
        found = self.read().numbered(number)
        if found is None or found.result is None:
            raise OutsideFailure(f"the end of claim {number} could not be written: others write all the time")
        return found

    def _append(self, previous: int, **fields: object) -> int | None:
        made = {"environment": self.environment, "who": _shortened(self.who), "nonce": uuid.uuid4().hex}
        entry = msgspec.convert({**made, "previous": previous, **fields}, ActEntry)
        text = canonical_json(msgspec.to_builtins(entry)).decode()
        for attempt in range(ATTEMPTS):
            lost: OutsideFailure = OutsideFailure(f"the log of {self.store.model} does not show what it has taken")
            try:
                self.store.append(text)
            except AmbiguousAnswer as error:
                lost = error  # looked for before it is written again
            valid = _valid(self.store)
            mine = next((number for number, one in valid if one.nonce == entry.nonce), None)
            if mine is not None or any(number > previous for number, _ in valid):
                return mine
            if not isinstance(lost, AmbiguousAnswer):
                break
            self._pause(attempt)
        raise lost

    def _pause(self, attempt: int) -> None:
        self.sleep(0.05 * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the load, no secret


def _valid(store: LedgerStore) -> list[tuple[int, ActEntry]]:
    """The valid entries by number; InvalidInput where there is one that is no entry of such a log."""
    found: list[tuple[int, ActEntry]] = []
    for row in sorted(store.entries(), key=lambda row: row.number):
        try:
            entry = msgspec.json.decode(row.text, type=ActEntry)
            moments = [datetime.fromisoformat(text) for text in (entry.when, entry.ends_by) if text]
        except (msgspec.DecodeError, ValueError):
            moments = []
        if not moments or any(moment.tzinfo is None for moment in moments):
            raise InvalidInput(
                f"entry {row.number} is no act of a policy",
                where=f"registered model {store.model}.ledger",
                fix="restore what was there, or rename that registered model, and a new log begins",
            )
        if entry.previous == (found[-1][0] if found else 0):
            found.append((row.number, entry))
    return found


def past_acts(valid: Sequence[tuple[int, ActEntry]], environment: str) -> PastActs:
    """valid: entries with their numbers, oldest first."""
    ends = {entry.claim: entry.result for _, entry in reversed(valid) if entry.step == "end"}
    acts = tuple(
        PastAct(
            number=number,
            act=entry.act,
            alarms=entry.alarms,
            when=datetime.fromisoformat(entry.when),
            ends_by=datetime.fromisoformat(entry.ends_by or entry.when),
            result=ends.get(number),
            why=entry.why,
            who=entry.who,
        )
        for number, entry in valid
        if entry.step == "claim" and entry.environment == environment
    )
    return PastActs(acts, valid[-1][0] if valid else 0)


def _shortened(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
