"""A query and what its value is held against, as a metric that can be drawn; or why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from modelway.peers import promql
from modelway.peers.manifest import ManifestPlace
from modelway.peers.measuring import PeerMetric, Requirement, Term


@dataclass(frozen=True)
class Assumed:
    """What a manifest does not say. scrape_seconds: between two scrapes, which irate looks at. slow_known: whether the share
    of requests that are slower than its limit is. weight, lasts_seconds: for a template without a rollout. pause_seconds: of a
    pause that a person ends."""

    scrape_seconds: float = 15.0
    slow_known: bool = False
    weight: float = 0.1
    lasts_seconds: float = 3600.0
    pause_seconds: float | None = None


class LeftOut(Exception):
    """Why a metric is not judged."""


def metric_of(
    name: str,
    query: ManifestPlace,
    assumed: Assumed,
    success: Requirement | None,
    failure: Requirement | None,
    notes: list[str],
) -> PeerMetric:
    """LeftOut where the query's meaning, or what it is held against, is not plain. notes: gets what was assumed."""
    try:
        meant = promql.meaning(query.text())
    except promql.Unclear as unclear:
        raise LeftOut(f"what its query means is not known: {unclear}") from None
    window = assumed.scrape_seconds if meant.window_seconds is None else meant.window_seconds
    if meant.window_seconds is None:
        notes.append(f"{query.at}: irate looks at two scrapes, taken to be {window:g} s apart (scrape-seconds)")
    if isinstance(meant, promql.RequestShare):
        return PeerMetric(
            name=name,
            of="good" if meant.good else "bad",
            scale=meant.scale,
            window_seconds=window,
            success=success,
            failure=failure,
        )
    if not assumed.slow_known:
        raise LeftOut("it looks at times: give slow-percent, the share of requests that take longer than its limit")
    return PeerMetric(
        name=name,
        counts="slow",
        of="bad",
        window_seconds=window,
        success=success and _of_the_share(success, 1 - meant.quantile),
        failure=failure and _of_the_share(failure, 1 - meant.quantile),
    )


def _of_the_share(requirement: Requirement, share: float) -> Requirement:
    """A percentile below a limit is a share of requests above it that is small enough."""
    terms = []
    for term in requirement.terms:
        if term.operator in ("<", "<="):
            terms.append(Term("<=", share))
        elif term.operator in (">", ">="):
            terms.append(Term(">", share))
        elif term.operator.endswith("isNaN"):
            terms.append(term)
        else:
            raise LeftOut("a percentile is held against a limit only by <, <=, > or >=")
    return msgspec.structs.replace(requirement, terms=tuple(terms))
