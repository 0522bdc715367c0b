"""A rollout for people: Markdown for a run's page."""

from __future__ import annotations

import time

from modelway.markdown import cell, table
from modelway.rollout import comparison, effect, engine, journal, matching
from modelway.rollout.evidence import number_said
from modelway.rollout.judge import Arm, Assessment, MetricEvidence
from modelway.rollout.plan import Plan, share_said
from modelway.rollout.run import paused_said

AT_ANY_LOOK = "Each interval holds the true difference with 95 %, at whatever moment one looks."
WORDS = {
    "deployed": "is in",
    "shadowed": "was no worse as a shadow in",
    "compared": "was compared, and is gone again, in",
    "rolled-back": "was rolled back from",
    "failed": "could not be started in",
    "": "is on its way into",
}


def markdown(story: journal.Story) -> str:
    plan, state = story.plan, story.state
    outcome = story.outcome
    title = f"### Version {plan.new.version} {WORDS[outcome]} {cell(plan.environment)}"
    parts = [title, f"{cell(plan.model)}, rollout {plan.number}, {plan.kind}: {cell(plan.why, 400)}"]
    parts += [f"> {cell(skipped_said(plan), 500)}"] if plan.skipped else []
    parts += [f"> {cell(reason, 400)}" for reason in state.reasons]
    parts += [f"> Warning: the alias could not be moved: {cell(state.problem, 400)}"] if state.problem else []
    parts += pauses_said(story)
    if plan.expects:
        parts.append(f"The plan: {cell(plan.expects, 400)}")
    blocks = [event.block for event in story.events if isinstance(event, engine.Observed)]
    if blocks:
        parts.append(table(("share asked", "seconds", "requests:", "share measured:"), weights(story)))
    if rows := compared(story):
        parts += [table(heads, cells) for heads, cells in rows]
    if plan.led is not None and state.assessment:
        heads = ("metric", f"with {cell(matching.said(plan.led))}:", "without:", "difference:", "")
        parts += [table(heads, effect_rows(state.assessment)), AT_ANY_LOOK]
    elif state.assessment:
        parts.append(table(*evidence(plan, state.assessment, ":")))
    return "\n\n".join(parts)


def skipped_said(plan: Plan) -> str:
    return f"the analysis was skipped by {plan.who}: {plan.skipped}"


def pauses_said(story: journal.Story) -> list[str]:
    """That it waits for a person; who has let it go on, when and why."""
    events = [event for event in story.events if isinstance(event, engine.Continued)]
    said = [f"> {cell(_continued_said(event), 400)}" for event in events]
    return (
        [*said, f"> {paused_said(story.plan, story.state)}: continue-rollout lets it go on"]
        if story.is_paused
        else said
    )


def _continued_said(word: engine.Continued) -> str:
    return f"continued at {word.weight:.0%} by {word.who}, {moment_said(word.at)} UTC: {word.why}"


def moment_said(at: float) -> str:
    """In UTC. at: seconds of the epoch."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def continued_markdown(story: journal.Story, word: engine.Continued) -> str:
    plan = story.plan
    title = f"### Version {plan.new.version} goes on in {cell(plan.environment)}"
    return f"{title}\n\n{cell(plan.model)}, rollout {plan.number}: {cell(_continued_said(word), 400)}"


def continued(story: journal.Story, word: engine.Continued) -> dict[str, object]:
    """What the JSON report of a person's word holds."""
    plan = story.plan
    return {
        "schema": "modelway/continue-rollout/1",
        "model": plan.model,
        "environment": plan.environment,
        "rollout": plan.number,
        "version": plan.new.version,
        "continued": word,
    }


def weights(story: journal.Story) -> list[list[str]]:
    """Each share that was asked for, with what was measured under it."""
    seen: dict[float, list[float]] = {}
    for event in story.events:
        if isinstance(event, engine.Observed) and not event.block.dropped:
            row = seen.setdefault(event.block.weight, [0.0, 0, 0])
            row[0] += event.block.seconds
            row[1] += event.block.canary.requests
            row[2] += event.block.stable.requests
    return [
        [
            share_said(story.plan, weight),
            f"{seconds:.0f}",
            f"{new + stable:.0f}",
            f"{new / (new + stable):.1%}" if new + stable else "no request",
        ]
        for weight, (seconds, new, stable) in seen.items()
    ]


def effect_rows(assessment: Assessment) -> list[list[str]]:
    """What an A/B has measured: both rates, their difference with the interval that holds at any look, and the finding."""
    return [
        [
            item.title,
            _rate_alone(item.new),
            _rate_alone(item.stable),
            item.points or "no request",
            item.finding,
        ]
        for item in effect.effects(assessment.metrics)
    ]


def _rate_alone(arm: Arm) -> str:
    return "no request" if arm.rate is None else f"{arm.rate:.2%} of {arm.requests:,}"


def compared(story: journal.Story) -> list[tuple[tuple[str, ...], list[list[str]]]]:
    """Heads and rows of each table that tells how a shadow's predictions differ from stable's; none where nothing was
    compared."""
    plan, rows = story.plan, story.state.rows
    if plan.rows is None or plan.stable is None or not (rows.compared or rows.failed):
        return []
    heads = ("rows", "differ, with 95 % at any look", "may differ", "could not be compared")
    most = plan.rows.differ_at_most
    may, failed = "any share" if most is None else f"{100 * most:.3g} %", f"{rows.failed:,}"
    missed = f"{failed} times: {rows.why}" if rows.failed else failed
    tables: list[tuple[tuple[str, ...], list[list[str]]]] = [
        (heads, [["all", comparison.rate_said(rows.compared, rows.differ), may, missed]])
    ]
    if pairs := sorted(rows.classes, key=lambda pair: -pair.rows):
        named = (f"{plan.stable.name} says", f"{plan.new.name} says", "rows:")
        tables.append((named, [[pair.stable, pair.new, f"{pair.rows:,}"] for pair in pairs]))
    if slices := sorted(rows.slices, key=lambda item: -item.interval[0]):
        cells = [[item.name, comparison.rate_said(item.compared, item.differ)] for item in slices]
        tables.append((("slice", "differ"), cells))
    return tables


def record(story: journal.Story) -> dict[str, object]:
    """What the JSON report holds."""
    state = story.state
    return {
        "plan": story.plan,
        "outcome": story.outcome,
        "reasons": state.reasons,
        "problem": state.problem,
        "paused": paused_said(story.plan, state) if story.is_paused else "",
        "continued": [event for event in story.events if isinstance(event, engine.Continued)],
        "assessment": state.assessment,
        "effects": effect.effects(state.assessment.metrics) if story.plan.led and state.assessment else (),
        "rows": state.rows if story.plan.rows else None,
        "blocks": [event.block for event in story.events if isinstance(event, engine.Observed)],
    }


def evidence(plan: Plan, assessment: Assessment, number: str = "") -> tuple[list[str], list[list[str]]]:
    """Heads and rows: what each metric showed. number: what ends the head of a column of numbers."""
    new, needed = f"version {plan.new.version}", assessment.promotion_needed
    if has_no_stable_beside_it(plan):
        heads = ["", f"{new} at 100 %", "limit", "evidence of harm"]
        rows = [
            [
                title_of(plan, item),
                rate(item.alone),
                "" if item.limit is None else f"{item.limit:.2%}",
                evidence_said(item.harm, item.harm_needed),
            ]
            for item in assessment.metrics
        ]
    else:
        stable = plan.stable.name if plan.stable else ""
        heads = ["", new, stable, "evidence of harm", "of being no worse"]
        rows = [
            [
                title_of(plan, item),
                _rate_of(plan, item, item.canary),
                _rate_of(plan, item, item.stable),
                evidence_said(item.harm, item.harm_needed),
                evidence_said(item.not_worse, needed),
            ]
            for item in assessment.metrics
        ]
    return [heads[0], *(head + number for head in heads[1:])], rows


def has_no_stable_beside_it(plan: Plan) -> bool:
    """It gets all traffic in one change, and is held against limits from before."""
    return plan.weights == (1.0,)


def title_of(plan: Plan, item: MetricEvidence) -> str:
    return slow_said(plan) if item.name == "latency" else item.title


def slow_said(plan: Plan) -> str:
    return f"slower than {plan.slow_ms:.0f} ms"


def _rate_of(plan: Plan, item: MetricEvidence, arm: Arm) -> str:
    warming = item.name == "latency" and plan.settings is not None and plan.settings.warm_up_seconds > 0
    return "not judged yet: warming up" if warming and not arm.requests else rate(arm)


def evidence_said(evidence: float, needed: float) -> str:
    return f"{number_said(evidence)} of {needed:.0f}"


def rate(arm: Arm) -> str:
    """Such as 0.52 % [0.31, 0.88] of 5,012."""
    if arm.rate is None or arm.interval is None:
        return "no request"
    low, high = arm.interval
    return f"{arm.rate:.2%} [{low * 100:.2f}, {high * 100:.2f}] of {arm.requests:,}"
