"""A Canary of Flagger, read as the analysis that its scheduler carries out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from modelway.config.document import Document
from modelway.peers import flagger
from modelway.peers.flagger import FlaggerAnalysis
from modelway.peers.manifest import ManifestPlace
from modelway.peers.measuring import PeerMetric, Requirement, Term
from modelway.peers.queried import Assumed, LeftOut, metric_of

ANALYSIS_KEYS = ("interval", "threshold", "maxWeight", "stepWeight", "stepWeights", "stepWeightPromotion", "iterations",
    "mirror", "mirrorWeight", "primaryReadyThreshold", "canaryReadyThreshold", "metrics", "webhooks", "alerts", "match",
    "sessionAffinity")  # fmt: skip
METRIC_KEYS = ("name", "interval", "threshold", "thresholdRange", "query", "templateRef", "templateVariables")
DEFAULT_SECONDS = 60.0
TOTAL = 100


def read(
    canary: ManifestPlace, others: Sequence[Document], assumed: Assumed
) -> tuple[FlaggerAnalysis, tuple[str, ...]]:
    """With what was left out, a line each. others: all documents, among which a metric's template may be."""
    spec, notes = canary.needed("spec"), list[str]()
    analysis = spec.get("analysis") or spec.get("canaryAnalysis")
    skipped = spec.get("skipAnalysis")
    if analysis is None or (skipped and skipped.flag()):
        raise (skipped or spec).refused("the canary is promoted without an analysis", "give it spec.analysis")
    analysis.known(ANALYSIS_KEYS)
    for key, why in (
        ("iterations", "this is blue-green or A/B testing, not a canary by weights"),
        ("mirror", "a step of mirrored requests is not simulated"),
    ):
        place = analysis.get(key)
        if place is not None and place.value not in (0, False):
            raise place.refused(why, "leave it out of a copy of the manifest, and give stepWeight and maxWeight")
    for key, left_out in (
        ("webhooks", "are left out: a hook that fails is a failed check too"),
        ("sessionAffinity", "is left out: with sessions, requests are fewer observations than they are here"),
    ):
        if (place := analysis.get(key)) is not None:
            notes.append(f"{place.at} {left_out}")
    interval = _seconds(analysis.get("interval"))
    if interval < flagger.LEAST_INTERVAL:
        notes.append(f"{analysis.needed('interval').at} is below 10 s, which Flagger takes for 10 s")
        interval = flagger.LEAST_INTERVAL
    threshold = analysis.get("threshold")
    metrics = []
    for place in analysis.items("metrics"):
        try:
            metrics.append(_metric(place, others, assumed, notes))
        except LeftOut as why_not:
            notes.append(f"{place.at} ({place.needed('name').name()}) is left out: {why_not}")
    if not metrics:
        raise (analysis.get("metrics") or analysis).refused(
            "no metric of the analysis can be judged" + "".join(f"; {note}" for note in notes),
            "give request-success-rate, or a query of the form sum(rate(A))/sum(rate(B)) by status",
        )
    name = canary.get("metadata", "name")
    return FlaggerAnalysis(
        name=name.name() if name else "canary",
        interval_seconds=interval,
        threshold=max(1, threshold.whole()) if threshold else 1,
        weights=tuple(weight / TOTAL for weight in _weights(analysis)),
        metrics=tuple(metrics),
    ), tuple(notes)


def _seconds(place: ManifestPlace | None) -> float:
    return place.seconds() if place is not None and place.value != "" else DEFAULT_SECONDS


def _weights(analysis: ManifestPlace) -> list[int]:
    """As maxWeight and nextStepWeight have them (scheduler.go:41-88)."""
    listed = [place.whole(1, TOTAL) for place in analysis.items("stepWeights")]
    if any(low >= high for low, high in pairwise(listed)):
        raise analysis.needed("stepWeights").refused("the weights do not rise", "write such as [1, 5, 20, 50]")
    step, most = (
        place.whole(0, TOTAL) if (place := analysis.get(key)) is not None else 0 for key in ("stepWeight", "maxWeight")
    )
    if not step and not listed:
        raise analysis.refused(
            "has neither stepWeight nor stepWeights: the canary never gets traffic", "give one of them"
        )
    if not step:
        return listed
    last = listed[-1] if listed else most or TOTAL
    rising = list(range(step, last, step))
    return [*rising, min(TOTAL, (rising[-1] if rising else 0) + step)]


def _metric(place: ManifestPlace, others: Sequence[Document], assumed: Assumed, notes: list[str]) -> PeerMetric:
    place.known(METRIC_KEYS)
    name, window = place.needed("name").name(), _seconds(place.get("interval"))
    bounds = place.get("thresholdRange")
    if bounds is not None:
        bounds.known(("min", "max"))
    least, most = (
        limit.number(-1e9, 1e9) if bounds is not None and (limit := bounds.get(key)) is not None else None
        for key in ("min", "max")
    )
    old = place.get("threshold")
    if name == "request-success-rate":
        if bounds is None:
            least = old.number() if old else 0.0
        return flagger.success_rate(least if least is not None else 0.0, window, most)
    if name == "request-duration":
        if least is not None:
            raise LeftOut("a least duration is not simulated")
        if most is None and bounds is not None:
            return PeerMetric(name=name, window_seconds=window, success=Requirement((Term("!isNaN"),)))
        if not assumed.slow_known:
            longest = most if most is not None else old.number() if old else 0.0
            raise LeftOut(f"give slow-percent, the share of requests that take longer than {longest:g} ms")
        return flagger.duration(window)
    if bounds is None:
        most = old.number() if old else 0.0
    terms = [Term(">=", least)] if least is not None else []
    terms += [Term("<=", most)] if most is not None else []
    query = _query(place, others, window)
    return metric_of(name, query, assumed, Requirement((*terms, Term("!isNaN"))), None, notes)


def _query(place: ManifestPlace, others: Sequence[Document], window: float) -> ManifestPlace:
    """Its own, or its template's, with the interval put in; other variables stand within labels."""
    query, reference = place.get("query"), place.get("templateRef")
    if query is None and reference is None:
        raise place.refused(
            "has neither a query nor a templateRef, and is none of Flagger's own: every check fails",
            "name it request-success-rate or request-duration, or give it a templateRef",
        )
    if query is None and reference is not None:
        wanted = reference.needed("name").name()
        query = next(filter(None, (_of_template(document, wanted) for document in others)), None)
        if query is None:
            raise LeftOut(f"its MetricTemplate {wanted!r}, of a Prometheus, is not among the manifests")
    assert query is not None
    return ManifestPlace(query.document, query.where, _with_interval(query.text(), window))


def _of_template(document: Document, wanted: str) -> ManifestPlace | None:
    top = ManifestPlace(document, (), document.value)
    if not isinstance(top.value, dict) or top.value.get("kind") != "MetricTemplate":
        return None
    name, kind = top.get("metadata", "name"), top.get("spec", "provider", "type")
    return top.get("spec", "query") if name and name.name() == wanted and kind and kind.text() == "prometheus" else None


def _with_interval(query: str, window: float) -> str:
    for written in ("{{ interval }}", "{{interval}}"):
        query = query.replace(written, f"{window:.0f}s")
    return query
