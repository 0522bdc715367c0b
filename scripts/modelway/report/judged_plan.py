"""What judge-plan says to people: both errors of an analysis beside ours."""

from __future__ import annotations

from modelway.markdown import cell, table
from modelway.peers.record import JudgedAt, JudgedPlan
from modelway.peers.simulation import BothErrors, Fates
from modelway.rollout.planning import time_said

HEADS = (
    "",
    "a healthy release is taken back:",
    "left undecided:",
    "a bad one is taken back:",
    "promoted:",
    "half, 90 % after:",
)


def sentence(judged: JudgedPlan) -> str:
    """One line for the log."""
    said = f"{judged.name}: {_said(judged.theirs)}"
    return f"{said}; ours: {_said(judged.ours) if judged.ours else f'refused, {judged.our_refusal}'}"


def markdown(judged: JudgedPlan) -> str:
    slow = "" if judged.slow_percent is None else f", {judged.slow_percent:g} % slower than its limit"
    ours = f"modelway, steps {', '.join(map(str, judged.our_steps))} %"
    rows = []
    at_rates: tuple[JudgedPlan | JudgedAt, ...] = (judged, *judged.at_other_rates)
    for one in at_rates:
        at = f", at {one.requests_per_second:.3g} requests/s" if judged.at_other_rates else ""
        rows.append(_row(f"{judged.name}{at}", one.theirs))
        refused = (f"{ours}{at}: refused, {one.our_refusal}", *["—"] * 5)
        rows.append(_row(f"{ours}{at}", one.ours) if one.ours else refused)
    n = judged.theirs.healthy.taken_back.n
    at = f"at {judged.requests_per_second:.6g} requests/s, errors {judged.error_percent:.6g} %{slow}"
    if judged.measured:
        at += f" (measured over {time_said(judged.measured.seconds)}: the median, the least and the most)"
    how = f"{n:,} healthy and {n:,} bad releases simulated for each, seed {judged.seed}; in brackets the exact 95 % interval."
    parts = [
        f"**{cell(judged.name)}** {at}; a bad release has {judged.worse_error_percent:.6g} %.",
        table(HEADS, rows),
        f"{how} Every request fails by itself: errors in bursts make a fixed limit take back more healthy releases.",
        "\n".join(f"- {cell(note, 500)}" for note in (*judged.notes, *_unfinished(judged.theirs))),
    ]
    return "\n\n".join(filter(None, parts))


def _unfinished(found: BothErrors) -> list[str]:
    """An analysis that halts for ever, or is longer than what is simulated."""
    both = (("healthy", found.healthy), ("bad", found.bad))
    return [
        f"{one.unfinished.said} of the {name} releases had not ended after 24 h"
        for name, one in both
        if one.unfinished.percent
    ]


def _row(name: str, found: BothErrors) -> tuple[str, ...]:
    bad = found.bad
    times = ", ".join(_after(bad))
    healthy = (found.healthy.taken_back.said, found.healthy.undecided.said)
    return (name, *healthy, bad.taken_back.said, bad.promoted.said, times)


def _after(bad: Fates) -> tuple[str, str]:
    half, most = (None if at is None else time_said(at) for at in (bad.median_seconds, bad.ninety_percent_seconds))
    return half or "never", most or "never"


def _said(found: BothErrors) -> str:
    half, _ = _after(found.bad)
    when = f", half of them within {half}" if found.bad.median_seconds is not None else ""
    healthy, bad = found.healthy.taken_back.percent, found.bad.taken_back.percent
    return f"takes back {healthy:.1f} % of healthy releases and {bad:.1f} % of bad ones{when}"
