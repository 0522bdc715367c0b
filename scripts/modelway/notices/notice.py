"""A notice: what became of a step, in the words that every receiver gets."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from modelway.config.notify import NoticeOutcome

LONGEST_SENTENCE, LONGEST_REASON, MOST_REASONS = 1500, 300, 8
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of what follows."""
SIGNS: dict[NoticeOutcome, str] = {
    "success": "✅",
    "refused": "❌",
    "rolled-back": "❌",
    "failed": "❌",
    "alarm": "❌",
    "inconclusive": "❔",
    "paused": "✋",
    "ongoing": "➖",
}
WORDS: dict[NoticeOutcome, str] = {
    "success": "success",
    "refused": "refused",
    "rolled-back": "rolled back",
    "failed": "failed",
    "alarm": "alarm",
    "inconclusive": "inconclusive",
    "paused": "waits for a person",
    "ongoing": "goes on",
}


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """What a step came to, as its report says it. subject: what it is about, such as rollout or gate; what is wrong with it is
    over when the same subject is well. Empty model or environment: the report does not say."""

    subject: str
    outcome: NoticeOutcome
    sentence: str
    model: str = ""
    environment: str = ""
    version: int | None = None
    reasons: tuple[str, ...] = ()


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """id: the same for the same event. at: when it was made, ISO 8601 in UTC. run: the address of the CI system's page, or
    empty. report: the path of the report, or empty."""

    schema: str = "modelway/notice/1"
    id: str
    at: str
    model: str
    environment: str
    subject: str
    outcome: NoticeOutcome
    version: int | None
    sentence: str
    reasons: tuple[str, ...]
    run: str
    report: str

    @property
    def title(self) -> str:
        """Such as `flight-delay in production: rollout rolled back`."""
        where = f" in {self.environment}" if self.environment else ""
        return f"{self.model}{where}: {self.subject} {WORDS[self.outcome]}"

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What stands below the sentence."""
        version = "" if self.version is None else str(self.version)
        known = {"Model": self.model, "Environment": self.environment, "Version": version, "Outcome": self.outcome}
        moment = f"{self.at[:19].replace('T', ' ')} UTC"
        return tuple((name, value) for name, value in (known | {"Time": moment}).items() if value)


def notice_of(
    found: Happening, *, identity: str, at: str, run: str, report: str, clean: Callable[[str], str]
) -> Notice:
    """clean: takes secrets out of a text."""

    def line(text: str, limit: int) -> str:
        shown = clean(text).encode("utf-8", "replace").decode()  # half a character, of what is no UTF-8
        return shortened(" ".join(HIDDEN.sub(" ", shown).split()), limit)

    reasons = [line(reason, LONGEST_REASON) for reason in found.reasons if reason.strip()]
    more = (f"and {len(reasons) - MOST_REASONS} more, which are in the report",) if len(reasons) > MOST_REASONS else ()
    return Notice(
        id=identity,
        at=at,
        model=line(found.model, 100),
        environment=line(found.environment, 100),
        subject=line(found.subject, 100),
        outcome=found.outcome,
        version=found.version,
        sentence=line(found.sentence, LONGEST_SENTENCE) or WORDS[found.outcome],
        reasons=(*reasons[:MOST_REASONS], *more),
        run=clean(run),
        report=clean(report),
    )


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def plain_text(notice: Notice) -> str:
    """For a mail, and for what takes text alone."""
    lines = [notice.sentence, ""]
    lines += [f"- {reason}" for reason in notice.reasons] + ([""] if notice.reasons else [])
    lines += [f"{name}: {value}" for name, value in notice.facts]
    lines += [f"Run: {notice.run}"] if notice.run else []
    return "\n".join(lines) + "\n"
