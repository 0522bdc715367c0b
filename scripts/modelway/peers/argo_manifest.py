"""A Rollout of Argo with its AnalysisTemplates, or a template alone, read as the analysis that its controllers carry out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from modelway.peers.argo import ArgoAnalysis, ArgoStep
from modelway.peers.conditions import condition_of
from modelway.peers.manifest import ManifestPlace
from modelway.peers.measuring import PeerMetric, Requirement
from modelway.peers.queried import Assumed, LeftOut, metric_of

TEMPLATES = ("AnalysisTemplate", "ClusterAnalysisTemplate")
METRIC_KEYS = ("name", "interval", "initialDelay", "count", "successCondition", "failureCondition", "failureLimit",
    "inconclusiveLimit", "consecutiveErrorLimit", "consecutiveSuccessLimit", "provider")  # fmt: skip
CANARY_KEYS = ("canaryService", "stableService", "canaryMetadata", "stableMetadata", "maxSurge", "maxUnavailable", "steps",
    "trafficRouting", "analysis", "antiAffinity", "scaleDownDelaySeconds", "scaleDownDelayRevisionLimit",
    "minPodsPerReplicaSet", "abortScaleDownDelaySeconds", "dynamicStableScale", "pingPong",
    "replicaProgressThreshold")  # fmt: skip
STEP_KEYS = (
    "setWeight",
    "pause",
    "analysis",
    "setCanaryScale",
    "setHeaderRoute",
    "setMirrorRoute",
    "experiment",
    "plugin",
)
ANALYSIS_KEYS = ("templates", "args", "startingStep", "dryRun", "measurementRetention", "analysisRunMetadata")


class ArgoReader:
    """notes: what was left out, a line each."""

    def __init__(self, templates: Sequence[ManifestPlace], assumed: Assumed) -> None:
        self.templates = {template.needed("metadata", "name").name(): template for template in templates}
        self.assumed = assumed
        self.notes: list[str] = []

    def rollout(self, rollout: ManifestPlace) -> ArgoAnalysis:
        strategy = rollout.needed("spec").needed("strategy")
        canary = strategy.get("canary")
        if canary is None:
            raise strategy.refused("this is no canary", "give a Rollout with strategy.canary and steps")
        canary.known(CANARY_KEYS)
        routing, analysis = canary.get("trafficRouting"), canary.get("analysis")
        if routing is None:
            self.notes.append(
                f"{canary.at} has no trafficRouting: the share is that of the pods, and taken as if by request"
            )
        most = routing.get("maxTrafficWeight") if routing is not None else None
        total = most.whole(1) if most is not None else 100
        steps = tuple(self._step(place, total) for place in canary.items("steps"))
        background, starting = tuple[PeerMetric, ...](), 0
        if analysis is not None:
            background = self._metrics(analysis)
            begins = analysis.get("startingStep")
            starting = begins.whole() if begins is not None else 0
        if not background and not any(step.metrics for step in steps):
            raise canary.refused(
                "no analysis of it can be judged" + "".join(f"; {note}" for note in self.notes),
                "give it an analysis of a success rate, with its AnalysisTemplate",
            )
        if not steps or starting >= len(steps):
            raise canary.refused("the analysis begins after the last step", "give it steps from startingStep on")
        name = rollout.get("metadata", "name")
        return ArgoAnalysis(
            name=name.name() if name else "rollout", steps=steps, background=background, starting_step=starting
        )

    def alone(self) -> ArgoAnalysis:
        """The templates without a Rollout, at the share and for the time that were assumed."""
        metrics = tuple(
            metric for template in self.templates.values() for metric in self._of_template(template, {}, ())
        )
        if not metrics:
            raise next(iter(self.templates.values())).refused(
                "no metric of it can be judged" + "".join(f"; {note}" for note in self.notes),
                "give it a success rate: a query of the form sum(rate(A))/sum(rate(B)) by status",
            )
        share, ended = ArgoStep(weight=self.assumed.weight), all(metric.count for metric in metrics)
        said = "until its counts are reached" if ended else f"for {self.assumed.lasts_seconds:g} s"
        self.notes.append(f"there is no Rollout: the analysis is taken at {100 * self.assumed.weight:g} % {said}")
        rest = ArgoStep(metrics=metrics) if ended else ArgoStep(seconds=self.assumed.lasts_seconds)
        return ArgoAnalysis(name=", ".join(self.templates), steps=(share, rest), background=() if ended else metrics)

    def _step(self, place: ManifestPlace, total: int) -> ArgoStep:
        place.known(STEP_KEYS)
        if (weight := place.get("setWeight")) is not None:
            return ArgoStep(weight=weight.whole(0, total) / total)
        if "pause" in place.value:
            pause = place.get("pause")
            duration = pause.get("duration") if pause is not None else None
            if duration is not None:
                return ArgoStep(seconds=duration.seconds(plain=True))
            if self.assumed.pause_seconds is None:
                raise place.refused("a person ends this pause", "say by pause-seconds how long one lasts")
            return ArgoStep(seconds=self.assumed.pause_seconds)
        if (analysis := place.get("analysis")) is not None:
            metrics = self._metrics(analysis)
            for metric in metrics:
                if not metric.count and not metric.success_limit:
                    raise analysis.refused(
                        f"the metric {metric.name!r} has an interval and no count: within a step it never ends",
                        "give it a count",
                    )
            return ArgoStep(metrics=metrics)
        why = "its own analysis is not judged" if "experiment" in place.value else "it changes no share of the requests"
        self.notes.append(f"{place.at} ({', '.join(place.value)}) is left out: {why}")
        return ArgoStep()

    def _metrics(self, analysis: ManifestPlace) -> tuple[PeerMetric, ...]:
        analysis.known(ANALYSIS_KEYS)
        given, dry = _arguments(analysis), tuple(p.needed("metricName").text() for p in analysis.items("dryRun"))
        found: list[PeerMetric] = []
        for reference in analysis.items("templates"):
            name = reference.needed("templateName")
            template = self.templates.get(name.name())
            if template is None:
                raise name.refused(f"the template {name.name()!r} is not among the manifests", "give its file too")
            found += self._of_template(template, given, dry)
        return tuple(found)

    def _of_template(self, template: ManifestPlace, given: Mapping[str, str], dry: Sequence[str]) -> list[PeerMetric]:
        spec = template.needed("spec")
        spec = replace(spec, arguments={**_arguments(spec), **given})
        dry = (*dry, *(place.needed("metricName").text() for place in spec.items("dryRun")))
        if (nested := spec.get("templates")) is not None:
            self.notes.append(f"{nested.at} is left out: templates of templates are not followed")
        found = []
        for place in spec.items("metrics"):
            name = place.needed("name").name()
            try:
                if any(_matches(pattern, name) for pattern in dry):
                    raise LeftOut("it is a dry run, which decides nothing")
                found.append(self._metric(place, name))
            except LeftOut as left_out:
                self.notes.append(f"{place.at} ({name}) is left out: {left_out}")
        return found

    def _metric(self, place: ManifestPlace, name: str) -> PeerMetric:
        place.known(METRIC_KEYS)
        success, failure = (self._condition(place.get(key)) for key in ("successCondition", "failureCondition"))
        provider = place.needed("provider")
        query = provider.get("prometheus", "query")
        if query is None:
            raise LeftOut(f"its provider is {', '.join(provider.value) or 'none'}, and what that answers is not known")
        if provider.get("prometheus", "rangeQuery") is not None:
            raise LeftOut("range queries are not simulated")
        if success is None and failure is None:
            raise LeftOut("without a condition every measurement succeeds")
        metric = metric_of(name, query, self.assumed, success, failure, self.notes)
        interval, delay = place.get("interval"), place.get("initialDelay")
        count = _whole(place, "count")
        if interval is None and count > 1:
            raise place.refused("a count above 1 needs an interval", "give it an interval such as 5m")
        errors = place.get("consecutiveErrorLimit")
        if errors is not None:
            errors.whole()
            self.notes.append(f"{errors.at} is left out: no query fails here")
        changed = msgspec.structs.replace(
            metric,
            interval_seconds=interval.seconds() if interval else 0.0,
            delay_seconds=delay.seconds() if delay else 0.0,
            count=count or (0 if interval else 1),
            failure_limit=_whole(place, "failureLimit", -1),
            inconclusive_limit=_whole(place, "inconclusiveLimit"),
            success_limit=_whole(place, "consecutiveSuccessLimit"),
        )
        if changed.failure_limit < 0 and not changed.success_limit:
            raise place.refused(
                "neither failureLimit nor consecutiveSuccessLimit holds", "set failureLimit to 0 or more"
            )
        return changed

    def _condition(self, place: ManifestPlace | None) -> Requirement | None:
        if place is None or place.value == "":
            return None
        found = condition_of(place.text())
        if found is None:
            raise LeftOut(f"its condition {place.text()[:60]!r} is not of the form result[0] >= 0.95")
        return found


def _whole(place: ManifestPlace, key: str, least: int = 0) -> int:
    found = place.get(key)
    return found.whole(least) if found is not None else 0


def _arguments(place: ManifestPlace) -> dict[str, str]:
    """Those with a value of their own; one from elsewhere is not known."""
    found = {}
    for argument in place.items("args"):
        value = argument.get("value")
        if value is not None:
            found[argument.needed("name").text()] = str(value.value)
    return found


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.fullmatch(pattern, name) is not None
    except re.error:
        return False
