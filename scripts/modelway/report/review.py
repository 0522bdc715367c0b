"""What a reviewer of a pull request reads: the outcome in a line, a row for each stage, and the figures that decided it.

The text goes where GitHub makes links and mentions of what it finds: every value of a report is only text in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from modelway.config.notify import NoticeOutcome
from modelway.data.report import CheckResult, QualityReport, ValidationReport
from modelway.markdown import NO_WIDTH, cell, number
from modelway.notices.notice import SIGNS, Happening
from modelway.records import Check, Verdict
from modelway.report import comparison, distances
from modelway.report.comparison import ModelComparison
from modelway.report.happenings import READERS, read_record

LONGEST_SENTENCE = 300
"""Characters of what a stage came to, in the table of stages."""
MOST_STAGES = 20
MOST_ROWS = 15
"""Of one table: of the rest the number is said."""
FEW = 8
"""So many checks that pass are shown; more are folded away."""
LINK = re.compile(r"(?i)(?<=[a-z])(?=://)|(?<=\bwww)(?=\.)|(?<=\bGH)(?=-[0-9])")
"""Where GitHub would begin to see a link in bare text, or a reference to an issue."""
WORDS: dict[NoticeOutcome, str] = {
    "failed": "failed",
    "refused": "does not pass",
    "alarm": "alarm",
    "rolled-back": "taken back",
    "inconclusive": "inconclusive: neither passed nor refused",
    "paused": "waits for a person",
    "ongoing": "goes on",
    "success": "passes",
}
"""The worst first."""
SIGN_OF = {"pass": "✅", "warn": "⚠️", "fail": "❌", "inconclusive": "❔", "skipped": "➖"}
BY_WEIGHT = ("fail", "inconclusive", "warn", "pass", "skipped")


class StageReview(msgspec.Struct, frozen=True, kw_only=True):
    """One report, as a reviewer reads it. stage: such as `gate`. details: sections of Markdown, the most telling first."""

    stage: str
    outcome: NoticeOutcome
    sentence: str
    model: str = ""
    details: tuple[str, ...] = ()


class ReviewedRun(msgspec.Struct, frozen=True, kw_only=True):
    """What the reports were made in. title: what is reviewed; empty for the model's name. outcome: of the whole job, where it
    is worse than the reports say. commit, run: empty where they are not known; run is an address."""

    title: str = ""
    outcome: NoticeOutcome | None = None
    commit: str = ""
    run: str = ""


def review_of(content: bytes, where: str) -> StageReview:
    """InvalidInput where it is no report of ours, or not whole. where: its path."""
    return read_record(content, where, REVIEWS)


def markdown(stages: Sequence[StageReview], about: ReviewedRun, limit: int) -> str:
    """In at most `limit` bytes: sections that do not fit are left out whole, and the last line says so."""
    outcomes = [one.outcome for one in stages] + ([about.outcome] if about.outcome else [])
    worst: NoticeOutcome = next((one for one in WORDS if one in outcomes), "failed")
    title = about.title or next((one.model for one in stages if one.model), "") or "model"
    parts = [f"### {SIGNS[worst]} {_text(title, 100)}: {WORDS[worst]}"]
    if about.outcome and about.outcome not in [one.outcome for one in stages]:
        parts.append("The job ended before it had come to its end: what is missing here was not judged.")
    if stages:
        several = len({one.model for one in stages if one.model}) > 1
        rows = [(SIGNS[one.outcome], *_row(one, several)) for one in stages[:MOST_STAGES]]
        parts.append(_table(("", "stage", "in words"), rows))
    sections = [section for one in stages for section in one.details]
    left_out, ends = len(stages) > MOST_STAGES, [_end(about, cut=cut) for cut in (False, True)]
    size = sum(len(part.encode()) + 2 for part in (*parts, ends[True]))
    for section in sections:
        size += len(section.encode()) + 2
        if size > limit:
            left_out = True
            break
        parts.append(section)
    return "\n\n".join([*parts, ends[left_out]])


def _row(stage: StageReview, several: bool) -> tuple[str, str]:
    """several: of more than one model, so that each says of which it is."""
    of = f" of {_text(stage.model, 60)}" if several and stage.model else ""
    return f"{stage.stage}{of}", _text(stage.sentence, LONGEST_SENTENCE)


def _end(about: ReviewedRun, *, cut: bool) -> str:
    """cut: something is left out above."""
    page = f"[the page of the run]({quote(about.run, safe=':/')})" if about.run else "the page of the run"
    known = [f"Commit {about.commit[:10]}."] if about.commit else []
    known += ["**Not all of it fits here.**"] if cut else []
    return f"<sub>{' '.join([*known, f'Every check, with its method and examples: {page}.'])}</sub>"


def _text(value: object, limit: int = 120) -> str:
    """As in a cell, and no link either."""
    return LINK.sub(NO_WIDTH, cell(value, limit))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Of what is escaped already. A head that ends in `:` is right-aligned."""
    rule = ["--:" if head.endswith(":") else "---" for head in heads]
    lines = [[head.rstrip(":") for head in heads], rule, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shortened(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rest = len(rows) - MOST_ROWS
    return _table(heads, rows[:MOST_ROWS]) + (f"\n\n… and {rest:,} more in the report." if rest > 0 else "")


def _section(
    heading: str, heads: Sequence[str], rows: Sequence[Sequence[str]], passing: Sequence[Sequence[str]]
) -> str:
    """What passes stands below what does not, and is folded away where it is much."""
    if len(passing) <= FEW:
        return f"#### {heading}\n\n{_shortened(heads, [*rows, *passing])}"
    shown = f"#### {heading}\n\n" + (f"{_shortened(heads, rows)}\n\n" if rows else "")
    return f"{shown}<details><summary>{len(passing):,} pass</summary>\n\n{_shortened(heads, passing)}\n\n</details>"


def _interval(found: tuple[float, float] | None) -> str:
    return f"{number(found[0])} to {number(found[1])}" if found else "—"


def _verdict(record: Any) -> StageReview:
    verdict = msgspec.convert(record, Verdict)
    judged = sorted(verdict.checks, key=lambda check: BY_WEIGHT.index(check.outcome))
    against = [check for check in judged if check.candidate is not None and check.production is not None]
    alone = [check for check in judged if check not in against]
    sections = list[str]()
    if against:
        heading = f"Against version {verdict.production_version}, which is in {_text(verdict.environment)}"
        heads = ("", "metric", "in production:", "this change:", "difference:", "interval", "asked", "n:")
        sections.append(_section(heading, heads, *_split(against, _compared)))
    if alone:
        judgement = ("", "check", "limit", "value:", "interval", "n:")
        sections.append(_section(f"Gate for {_text(verdict.environment)}", judgement, *_split(alone, _judged)))
    if drawn := distances.chart(judged):
        sections.append(f"#### How far from the limits, in halves of the intervals\n\n{drawn}")
    if verdict.warnings:
        sections.append("\n".join(f"- ⚠️ {_text(warning, 400)}" for warning in verdict.warnings[:5]))
    found = READERS["modelway/verdict/1"](record)
    return StageReview(
        stage="gate",
        outcome=found.outcome,
        sentence=_gate_in_words(verdict),
        model=verdict.model,
        details=tuple(sections),
    )


def _gate_in_words(verdict: Verdict) -> str:
    """The figures are in the tables below."""
    counts = {outcome: sum(check.outcome == outcome for check in verdict.checks) for outcome in BY_WEIGHT}
    words = {"fail": "not passed", "inconclusive": "inconclusive", "pass": "passed", "skipped": "not judged"}
    said = ", ".join(f"{counts[outcome]} {word}" for outcome, word in words.items() if counts[outcome])
    beside = "; nothing is in production to compare with"
    if verdict.production_version is not None:
        beside = f"; compared with version {verdict.production_version}"
    checks = f"of {len(verdict.checks)} checks {said}" if verdict.checks else "there was nothing to judge it by"
    return f"version {verdict.version} on {verdict.rows:,} rows: {checks}{beside}"


def _split(
    checks: Sequence[Check], row: Callable[[Check], tuple[str, ...]]
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The rows of what does not pass, and of the rest."""
    good = ("pass", "skipped")
    return [row(one) for one in checks if one.outcome not in good], [row(one) for one in checks if one.outcome in good]


def _judged(check: Check) -> tuple[str, ...]:
    rule = _text(check.rule) + (f"; {_text(check.detail)}" if check.detail and check.outcome != "pass" else "")
    figures = (number(check.value), _interval(check.interval), f"{check.n:,}")
    return (SIGN_OF[check.outcome], _text(check.name), rule, *figures)


def _compared(check: Check) -> tuple[str, ...]:
    sides = (number(check.production), number(check.candidate))
    figures = (number(check.value), _interval(check.interval), _text(check.rule), f"{check.n:,}")
    name = check.name.removesuffix(" against production")
    return (SIGN_OF[check.outcome], _text(name), *sides, *figures)


def _validation(record: Any) -> StageReview:
    report = msgspec.convert(record, ValidationReport)
    found = READERS["modelway/validation-report/1"](record)
    rows = [_broken(part.data, check) for part in report.reports for check in part.failing]
    return _of(found, details=(_of_data("Data contract", rows),) if rows else ())


def _quality(record: Any) -> StageReview:
    report = msgspec.convert(record, QualityReport)
    found = READERS["modelway/quality-report/1"](record)
    broken = [(part.data, check) for part in report.reports for check in part.failing]
    broken += [(part.data, check) for part in report.reports for check in part.warnings]
    rows = [_broken(data, check) for data, check in broken]
    return _of(found, details=(_of_data("Data quality", rows),) if rows else ())


def _of_data(heading: str, rows: Sequence[Sequence[str]]) -> str:
    """Without examples: values of rows are for those who may see the data, and a comment is sent by mail."""
    return _section(heading, ("", "data", "check", "asked", "found:", "limit:", "n:"), rows, ())


def _broken(data: str, check: CheckResult) -> tuple[str, ...]:
    figures = (number(check.value), number(check.limit), f"{check.n:,}")
    return (SIGN_OF[check.outcome], _text(data), _text(check.name), _text(check.rule), *figures)


def _models(record: Any) -> StageReview:
    found = msgspec.convert(record, ModelComparison)
    outcome: NoticeOutcome = "success"
    if not found.metrics or found.names("undecided"):
        outcome = "inconclusive"
    if found.names("worse"):
        outcome = "refused"
    signs = {"better": "✅", "worse": "❌", "undecided": "❔"}
    heads = ("", "metric", f"version {found.other}:", f"version {found.version}:", "difference:", "interval", "n:")
    rows = [
        (
            f"{signs[one.answer]} {one.answer}",
            _text(one.name),
            number(one.other_value),
            number(one.value),
            number(one.difference),
            _interval(one.interval),
            f"{one.n:,}",
        )
        for one in found.metrics
    ]
    return StageReview(
        stage="comparison",
        outcome=outcome,
        sentence=comparison.in_words(found),
        model=found.model,
        details=(_section(f"Version {found.version} against version {found.other}", heads, rows, ()),) if rows else (),
    )


def _of(found: Happening, details: tuple[str, ...] = ()) -> StageReview:
    return StageReview(
        stage=found.subject, outcome=found.outcome, sentence=found.sentence, model=found.model, details=details
    )


def _in_words(read: Callable[[Any], Happening]) -> Callable[[Any], StageReview]:
    """Of a report that has no table here: its sentence, and its reasons."""

    def review(record: Any) -> StageReview:
        found = read(record)
        reasons = [f"- {_text(reason, 300)}" for reason in found.reasons[:MOST_ROWS]]
        rest = len(found.reasons) - MOST_ROWS
        reasons += [f"- … and {rest:,} more in the report"] if rest > 0 else []
        return _of(found, (f"#### {found.subject.capitalize()}\n\n" + "\n".join(reasons),) if reasons else ())

    return review


REVIEWS: Mapping[str, Callable[[Any], StageReview]] = {
    **{schema: _in_words(read) for schema, read in READERS.items()},
    "modelway/verdict/1": _verdict,
    "modelway/validation-report/1": _validation,
    "modelway/quality-report/1": _quality,
    "modelway/compare-models/1": _models,
}
