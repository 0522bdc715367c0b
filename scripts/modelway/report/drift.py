"""Drift, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from modelway.data.drift.judging import RANK, ColumnDrift, DriftOutcome, DriftPart
from modelway.data.drift.report import DriftReport, DriftSource, GroupDrift
from modelway.data.values import few
from modelway.markdown import cell, number, table

SHOWN = 5
LONGEST = 200
"""Rows of one table; the rest is in the JSON."""
PICTURES = 12
"""Columns of which the page shows how their values lie."""
FULL_BAR = 20
MEASURES = {"ks": "Kolmogorov-Smirnov", "total-variation": "total variation", "h": "h"}
MOVED: tuple[DriftOutcome, ...] = ("drift", "inconclusive")


def in_words(report: DriftReport) -> str:
    """One line: the outcome, and what is behind it."""
    parts = [
        f"{outcome} in {few([column.name for column in report.of(outcome)])}" for outcome in MOVED if report.of(outcome)
    ]
    if report.new_columns:
        parts.append(f"new: {few(report.new_columns)}")
    if report.classifier and report.classifier.outcome != "no drift":
        parts.append(f"{report.classifier.outcome} by the classifier over all columns")
    for kind, groups in (("slices", report.slices), ("windows", report.windows)):
        for outcome in MOVED:
            names = [group.name for group in groups if group.outcome == outcome]
            parts += [f"{outcome} in {kind} {few(names)}"] if names else []
    return f"{report.current.data} against {report.reference.data}: {'; '.join(parts) or report.outcome}"


def markdown(report: DriftReport) -> str:
    """For the run's page: what drifted first, and how; what did not is folded."""
    before, after = report.reference, report.current
    lines = [
        f"## Drift, {cell(after.data)}: {report.outcome}",
        "",
        f"{_rows(after)} against {_rows(before)} of {cell(before.data)}.",
    ]
    for role, heading in (("label", "Label"), ("prediction", "Prediction"), ("feature", "Columns")):
        columns = sorted((column for column in report.columns if column.role == role), key=_order)
        if columns:
            lines += ["", f"### {heading}", "", *_columns(columns)]
    if report.new_columns:
        lines += ["", f"Columns that the reference has not: {cell(', '.join(report.new_columns), 1000)}."]
    lines += _classifier(report)
    for heading, groups in (("Slices", report.slices), ("Windows", report.windows)):
        if groups:
            lines += ["", f"### {heading}", "", _groups(groups)]
    lines += [line for note in report.notes for line in ("", f"Note: {cell(note, 1000)}.")]
    lines += ["", _levels(report), "", f"Reference `{before.digest}`, current data `{after.digest}`."]
    return "\n".join(lines)


def _rows(source: DriftSource) -> str:
    rows, clusters = source.rows, source.clusters
    return f"{rows:,} rows" + (f" in {clusters:,} clusters" if clusters else "")


def _order(column: ColumnDrift) -> tuple[float, float, str]:
    worst = column.worst
    return (-RANK[column.outcome], -_size(worst) if worst else -1e9, column.name)


def _size(part: DriftPart) -> float:
    return (part.value or 0.0) / part.margin if part.margin else 0.0


def _columns(columns: Sequence[ColumnDrift]) -> Iterator[str]:
    moved = [column for column in columns if column.outcome != "no drift"]
    steady = [column for column in columns if column.outcome == "no drift"]
    if moved:
        yield _parts(moved)
    if steady:
        folded = len(columns) > 1
        said = f"{len(steady)} without drift"
        yield f"\n<details><summary>{said}</summary>\n\n{_parts(steady)}\n\n</details>" if folded else _parts(steady)
    if measured := [column for column in columns if column.distances]:
        yield f"\n<details><summary>The usual distances</summary>\n\n{_distances(measured)}\n\n</details>"
    for column in [column for column in moved if column.bars][:PICTURES]:
        yield f"\n<details><summary>{cell(column.name)}: where its values lie</summary>\n\n{_bars(column)}\n\n</details>"


def _parts(columns: Sequence[ColumnDrift]) -> str:
    heads = ("Column", "Outcome", "What", "Reference:", "Current:", "Effect:", "Interval:", "Margin:")
    rows = [row for column in columns for row in _lines(column)]
    left = f"\n\n{len(rows) - LONGEST} more lines are in the report's JSON." if len(rows) > LONGEST else ""
    return table(heads, rows[:LONGEST]) + left


def _lines(column: ColumnDrift) -> Iterable[Sequence[object]]:
    """Each part that moved; of a column where none did, the one that is nearest to its margin."""
    parts = [part for part in column.parts if part.outcome != "no drift"] or [part for part in (column.worst,) if part]
    if column.detail or not parts:
        yield (column.name, column.outcome if not parts else "", column.detail, *[""] * 5)
    for part in parts:
        measure = MEASURES.get(part.measure, part.measure)
        before, after = _shares(part)
        interval = "" if part.low is None or part.high is None else f"{number(part.low)} to {number(part.high)}"
        what = part.detail or f"{part.of} ({measure})"
        yield (column.name, part.outcome, what, before, after, number(part.value), interval, number(part.margin))


def _shares(part: DriftPart) -> tuple[str, str]:
    if part.shares is None:
        return f"{part.n[0]:,} values", f"{part.n[1]:,} values"
    expected = " expected" if part.of == "unseen" else ""
    return f"{100 * part.shares[0]:.4g} %{expected}", f"{100 * part.shares[1]:.4g} %"


def _distances(columns: Sequence[ColumnDrift]) -> str:
    heads = ("Column", "PSI:", "KL:", "JS:", "Wasserstein:", "KS:", "p:", "Chi-squared:", "p:", "Cramer's V:")
    rows = (
        (column.name, *map(number, (d.psi, d.kl, d.js, d.wasserstein, d.ks)), _p(d.ks_p), number(d.chi_squared))
        + (_p(d.chi_squared_p), number(d.cramers_v))
        for column in columns[:LONGEST]
        if (d := column.distances)
    )
    return table(heads, rows)


def _p(value: float | None) -> str:
    return "" if value is None else "< 1e-12" if value < 1e-12 else f"{value:.2g}"


def _bars(column: ColumnDrift) -> str:
    n = [max(sum(counts), 1) for counts in zip(*((bar.reference, bar.current) for bar in column.bars), strict=True)]
    shares = [(bar.label, bar.reference / n[0], bar.current / n[1]) for bar in column.bars]
    most = max(max(a, b) for _, a, b in shares) or 1.0

    def bar(share: float) -> str:
        return f"{'█' * round(FULL_BAR * share / most)} {100 * share:.1f} %"

    return table(("Value", "Reference", "Current"), ((label, bar(a), bar(b)) for label, a, b in shares if a or b))


def _classifier(report: DriftReport) -> Iterator[str]:
    found = report.classifier
    if found is None:
        return
    yield from ("", "### All columns together", "")
    if found.value is None:
        yield f"{found.outcome}: {cell(found.detail)}."
        return
    told = ", ".join(name for name, _ in found.columns[:SHOWN])
    yield (
        f"**{found.outcome}**: a naive Bayes classifier tells rows of the two apart with an area under the ROC curve of"
        f" {number(found.value)} ({number(found.low)} to {number(found.high)}), where {number(0.5 + found.margin)} is the"
        f" limit and 0.5 is chance; {found.n[0]:,} and {found.n[1]:,} rows."
        + (f" What tells most: {cell(told)}." if told and found.outcome != "no drift" else "")
    )


def _groups(groups: Sequence[GroupDrift]) -> str:
    heads = ("Rows", "Outcome", "Reference:", "Current:", "Drift", "Inconclusive")
    rows = (
        (
            group.name,
            group.outcome or "too few rows",
            f"{group.n[0]:,}",
            f"{group.n[1]:,}",
            few(group.of("drift")),
            few(group.of("inconclusive")),
        )
        for group in groups[:LONGEST]
    )
    return table(heads, rows)


def _levels(report: DriftReport) -> str:
    return (
        f"The error rate of {number(report.error_rate)} is shared among {report.comparisons:,} comparisons: an effect is drift"
        " where all of its interval is beyond the margin, none where all of it is within."
    )
