"""Rollouts drawn over time: one self-contained page, and nothing in it that the journals do not hold."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from modelway.report.chart import ChartScale, LimitLine, Point, Series, chart
from modelway.report.rollout import (
    AT_ANY_LOOK,
    compared,
    effect_rows,
    evidence,
    has_no_stable_beside_it,
    pauses_said,
    skipped_said,
    slow_said,
    weights,
)
from modelway.rollout import engine, journal, judge, matching
from modelway.rollout.evidence import wilson
from modelway.rollout.observations import Block, Counts
from modelway.rollout.plan import Plan, share_said

STYLE = (Path(__file__).parent / "rollout_page.css").read_text(encoding="utf-8")
CHIPS = {
    "deployed": "deployed",
    "shadowed": "no worse as a shadow",
    "compared": "compared",
    "rolled-back": "rolled back",
    "failed": "failed",
    "": "unfinished",
}
LEAST_EVIDENCE, MOST_EVIDENCE = 1e-4, 1e6
MOST_DRAWN = 4
"""Charts of shares of what a model says; all of them stand in the table."""


def page(stories: Sequence[journal.Story], title: str = "", before: str = "") -> str:
    """All of them, oldest first. before: HTML of the caller's own, above them."""
    plans = [story.plan for story in stories]
    named = title or (f"{plans[-1].model} in {plans[-1].environment}" if plans else "no rollout yet")
    parts = [f"<h1>{html.escape(named)}</h1>", before, *(_rollout(story) for story in stories)]
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(named)}</title>'
    )
    body = f"<body><main>{''.join(parts)}</main></body>"
    return f"<!doctype html>\n<html lang=en><head>{head}<style>{STYLE}</style></head>{body}</html>\n"


def _rollout(story: journal.Story) -> str:
    plan, state = story.plan, story.state
    chip = f'<span class="chip {story.outcome or "open"}">{CHIPS[story.outcome]}</span>'
    came = f"version {plan.new.version}" + (f" beside {plan.stable.name}" if plan.stable else "")
    kind = "rollback to " if plan.kind == "rollback" else ""
    parts = [f"<section><h2>{plan.number}. {kind}{came} {chip}</h2>", f"<p>{html.escape(plan.why)}</p>"]
    if plan.expects:
        parts.append(f"<p class=quiet>Before it started: {html.escape(plan.expects)}.</p>")
    if plan.skipped:
        parts.append(f"<p class=warning>{html.escape(skipped_said(plan))}</p>")
    if state.reasons:
        parts.append("<ul>" + "".join(f"<li>{html.escape(reason)}</li>" for reason in state.reasons) + "</ul>")
    parts += [f"<p>{html.escape(line.removeprefix('> '))}</p>" for line in pauses_said(story)]
    if state.problem:
        parts.append(f"<p class=warning>The alias could not be moved: {html.escape(state.problem)}</p>")
    blocks = [event.block for event in story.events if isinstance(event, engine.Observed) and not event.block.dropped]
    if blocks:
        parts += [_charts(story, blocks), _measured(story), _evidence(plan, state), *_rows(story)]
    else:
        parts.append(f"<p class=quiet>{_without_evidence(plan)}</p>")
    return "".join([*parts, "</section>"])


def _without_evidence(plan: Plan) -> str:
    if plan.kind == "rollback":
        return "All traffic at once: a rollback waits for nothing but a server that is ready."
    return (
        "All traffic at once: there was nothing to compare it with." if plan.stable is None else "All traffic at once."
    )


def _charts(story: journal.Story, blocks: Sequence[Block]) -> str:
    plan, began = story.plan, blocks[0].began
    seconds = blocks[-1].began + blocks[-1].seconds - began
    moments = _moments(story, began)
    new, stable = plan.new.name, plan.stable.name if plan.stable else ""
    drawn = [_traffic(story, blocks, began, seconds)]
    cold = _cold(plan, blocks, began)
    for metric in ("errors", "latency", *_watched(story)):
        shaded = cold if metric == "latency" else []
        named = slow_said(plan) if metric == "latency" else metric
        title = f"{named[0].upper()}{named[1:]}, with 95 % intervals"
        title += "; shaded: warming up, not judged" if shaded else ""
        series = [
            Series(stable, "stable", _rates(blocks, "stable", metric, began, -0.12)),
            Series(new, "canary", _rates(blocks, "canary", metric, began, 0.12)),
        ]
        limit = _limit(plan, story.state, metric)
        high = max([0.02, limit, *(point.high or point.y for item in series for point in item.points)])
        top = next(limit for limit in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if high <= limit)
        ticks = [(top * part, _percent(top * part)) for part in (0, 0.5, 1)]
        silent = [(at, "") for at, _ in moments]
        limits = [LimitLine(limit, f"limit: {limit:.2%}", "harm")] if limit else []
        drawn.append(chart(title, ChartScale(seconds, 0, top), series, ticks, limits, silent, shaded))
    drawn.append(_growing(story, began, seconds, moments))
    return "".join(f"<figure>{item}</figure>" for item in drawn)


def _limit(plan: Plan, state: engine.RolloutState, metric: str) -> float:
    """What its rate is held against from the start; 0 where stable is beside it."""
    found = state.assessment.metrics if state.assessment and has_no_stable_beside_it(plan) else ()
    return next((item.limit or 0.0 for item in found if item.name == metric), 0.0)


def _cold(plan: Plan, blocks: Sequence[Block], began: float) -> list[tuple[float, float]]:
    """When slow requests were left out of the evidence."""
    warm = plan.settings.warm_up_seconds if plan.settings else 0.0
    found, weight, seconds = list[tuple[float, float]](), -1.0, 0.0
    for block in blocks:
        seconds = seconds if block.weight == weight else 0.0
        if seconds < warm:
            found.append((block.began - began, block.began + block.seconds - began))
        weight, seconds = block.weight, seconds + block.seconds
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _traffic(story: journal.Story, blocks: Sequence[Block], began: float, seconds: float) -> str:
    routed = [event for event in story.events if isinstance(event, engine.Routed) and story.plan.led is None]
    asked = [Point(event.at - began, event.weight) for event in routed]
    asked = [Point(max(0.0, point.x), point.y) for point in asked]
    asked += [Point(seconds, asked[-1].y)] if asked else []
    measured = [
        Point(_middle(block, began), block.canary.requests / total)
        for block in blocks
        if (total := block.canary.requests + block.stable.requests)
    ]
    ticks = [(0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")]
    series = [Series("asked", "asked", asked, stepped=True), Series("measured", "canary", measured, joined=False)]
    what = "what is counted" if story.plan.mirror else "the traffic"
    title = f"Share of {what} that version {story.plan.new.version} gets"
    return chart(title, ChartScale(seconds, 0, 1), series, ticks, moments=_moments(story, began))


def _rates(blocks: Sequence[Block], side: str, metric: str, began: float, shift: float) -> list[Point]:
    """shift: of the middle, in blocks, so that two intervals do not hide each other."""
    points = []
    for block in blocks:
        count, of = _counted(block, side, metric)
        alone = side == "stable" and block.weight >= 1  # what it still finishes says nothing
        if of and not alone:
            low, high = wilson(count, of)
            points.append(Point(_middle(block, began) + shift * block.seconds, count / of, low, high))
    return points


def _counted(block: Block, side: str, metric: str) -> tuple[int, int]:
    """(how many count, of so many); of none where it was not counted."""
    counts: Counts = getattr(block, side)
    own = {"errors": counts.errors, "latency": counts.slow}
    if metric in own:
        return own[metric], counts.requests
    found: tuple[int, int] = next((getattr(item, side) for item in block.watched if item.name == metric), (0, 0))
    return found


def _watched(story: journal.Story) -> list[str]:
    """The shares that are drawn: those that are furthest from what may be."""
    plan, seen = story.plan, story.state.assessment
    names = {share.name for share in plan.settings.shares} if plan.settings else set[str]()
    metrics = [metric for metric in seen.metrics if metric.name in names] if seen else []
    metrics.sort(key=lambda metric: metric.harm / metric.harm_needed, reverse=True)
    return [metric.name for metric in metrics[:MOST_DRAWN]]


def _growing(story: journal.Story, began: float, seconds: float, moments: Sequence[tuple[float, str]]) -> str:
    """The evidence after each block, as the judge saw it then."""
    plan, state = story.plan, engine.begin(story.plan)
    harm, promotion = [Point(0.0, 1.0)], [Point(0.0, 1.0)]
    last: judge.Assessment | None = None
    for event in story.events:
        state = engine.advance(plan, state, event)
        if isinstance(event, engine.Observed) and state.assessment is not None and state.assessment is not last:
            last = state.assessment
            at = event.block.began + event.block.seconds - began
            harm.append(Point(at, last.harm))
            promotion.append(Point(at, last.promotion))
    if last is None:
        return ""
    shown = [point.y for point in (*harm, *promotion)]
    low = max(LEAST_EVIDENCE, min(0.1, *shown))
    high = min(MOST_EVIDENCE, max(10 * last.harm_needed, *shown))
    powers = [10.0**power for power in range(-4, 7) if low <= 10.0**power <= high]
    ticks = [(power, f"{power:g}") for power in powers[:: 2 if high / low > 1e6 else 1]]
    series = [Series("of harm", "harm", harm)]
    limits = [LimitLine(last.harm_needed, f"harm: back at {last.harm_needed:.0f}", "harm")]
    if not has_no_stable_beside_it(plan) and plan.led is None:
        series.append(Series("of being no worse", "promotion", promotion))
        needed = f"no worse: on at {last.promotion_needed:.0f}"
        limits.append(LimitLine(last.promotion_needed, needed, "promotion", below=True))
    title = "The evidence (1 at the start; powers of ten)"
    scale = ChartScale(seconds, low, high, logarithmic=True)
    return chart(title, scale, series, ticks, limits, [(at, "") for at, _ in moments])


def _moments(story: journal.Story, began: float) -> list[tuple[float, str]]:
    """When traffic moved, or a runner went on with it."""
    found, shared = list[tuple[float, str]](), False
    for event in story.events:
        if isinstance(event, engine.Routed):
            back = "ended" if shared and story.plan.is_trial else "back to stable" if shared else "testers alone"
            shared = shared or event.weight > 0
            if event.at > began:
                said = back if event.weight == 0 else share_said(story.plan, event.weight)
                found.append((event.at - began, said))
        elif isinstance(event, engine.Resumed) and event.at > began:
            found.append((event.at - began, "another runner"))
        elif isinstance(event, engine.Continued) and event.at > began:
            found.append((event.at - began, "continued"))
    return found


def _middle(block: Block, began: float) -> float:
    return block.began + block.seconds / 2 - began


def _measured(story: journal.Story) -> str:
    return _table(("share asked", "seconds", "requests", "share measured"), weights(story))


def _rows(story: journal.Story) -> list[str]:
    tables = [_table([head.rstrip(":") for head in heads], rows) for heads, rows in compared(story)]
    return ["<h3>Predictions beside stable's, row by row</h3>", *tables] if tables else []


def _evidence(plan: Plan, state: engine.RolloutState) -> str:
    if state.assessment is None:
        return ""
    if plan.led is not None:
        heads = ("", f"with {matching.said(plan.led)}", "without", "difference", "")
        return _table(heads, effect_rows(state.assessment)) + f"<p class=quiet>{AT_ANY_LOOK}</p>"
    return _table(*evidence(plan, state.assessment))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(item)}</th>" for item in heads)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(item)}</td>" for item in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
