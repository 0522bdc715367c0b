"""Recording and alerting rules for a model that modelway's server answers for.

Alerts follow the Site Reliability Workbook (Beyer et al. 2018, chapter 5, table 5-8): the error budget of 30 days is burnt
so fast that somebody has to be called, over a long window and over a short one, so that an alert ends soon after its cause.
Beside them: nobody answers, nobody asks any more, the server's inputs are refused, its workers die.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from modelway.config.service_levels import ServiceLevels
from modelway.errors import InvalidInput
from modelway.serving.metrics import SECONDS

WINDOWS = ("5m", "30m", "1h", "6h", "3d")
BURNS = (("1h", "5m", 14.4, "page"), ("6h", "30m", 6.0, "page"), ("3d", "6h", 1.0, "ticket"))
"""(long window, short window, how many times as fast as would use up the budget in 30 days, severity)."""
MOST_REFUSED = 0.05
MOST_RESTARTS = 3


@dataclass(frozen=True)
class ServedModel:
    """The series of one model. labels: those that Prometheus gives besides."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def matchers(self) -> str:
        return ",".join(f"{name}={quoted(value)}" for name, value in (("model", self.name), *self.labels))

    def asked(self, more: str = "") -> str:
        """Requests for predictions; what testers ask has a path of its own."""
        return f'modelway_requests_total{{{self.matchers},path=~"/predict|/invocations"{more}}}'

    def timed(self, more: str = "", part: str = "bucket") -> str:
        return f'modelway_request_duration_seconds_{part}{{{self.matchers},path=~"/predict|/invocations"{more}}}'

    def series(self, metric: str) -> str:
        return f"{metric}{{{self.matchers}}}"


def quoted(value: str) -> str:
    """A string of PromQL."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def spoken(text: str) -> str:
    """In a label or an annotation of an alert, which are templates."""
    return text.replace("{{", '{{ "{{" }}')


def counted_bound(levels: ServiceLevels) -> float:
    """What is fast, in seconds. InvalidInput where the server counts by no such bound."""
    bound = levels.faster_than_ms / 1000
    if bound not in SECONDS:
        known = ", ".join(f"{1000 * seconds:g}" for seconds in SECONDS)
        raise InvalidInput(
            f"is {levels.faster_than_ms:g}, and the server counts its answers by other bounds",
            where="monitor.service.faster-than-ms",
            fix=f"give one of {known}",
        )
    return bound


def bound_of(levels: ServiceLevels) -> str:
    """A matcher of the bucket that holds what is fast."""
    bound = counted_bound(levels)
    # Prometheus 3 writes a whole number with its decimal point.
    return f"{bound:g}|{bound:.1f}".replace(".", "[.]") if bound == int(bound) else f"{bound:g}".replace(".", "[.]")


def ratio(part: str, whole: str, window: str) -> str:
    """The share of one rate in another; nothing where nobody asks, 0 where there is no series of the part."""
    total = f"sum(rate({whole}[{window}]))"
    return f"(sum(rate({part}[{window}])) or 0 * {total}) / ({total} > 0)"


def rules(model: ServedModel, levels: ServiceLevels) -> dict[str, Any]:
    """The file as Prometheus reads it: two groups."""
    recorded = list(_recorded(model, levels))
    return {
        "groups": [
            {"name": f"modelway/{model.name}/recorded", "interval": "30s", "rules": recorded},
            {"name": f"modelway/{model.name}/alerts", "interval": "30s", "rules": list(_alerts(model, levels))},
        ]
    }


def _recorded(model: ServedModel, levels: ServiceLevels) -> Iterator[dict[str, Any]]:
    labels = dict((("model", model.name), *model.labels))
    bound = bound_of(levels)
    for window in WINDOWS:
        fast = model.timed(f',le=~"{bound}"')
        parts = {
            "errors": ratio(model.asked(',status=~"5.."'), model.asked(), window),
            "slow": f"1 - {ratio(fast, model.timed(part='count'), window)}",
        }
        for name, expression in parts.items():
            yield {"record": f"modelway:{name}:ratio_rate{window}", "expr": expression, "labels": labels}
    yield {
        "record": "modelway:refused:ratio_rate1h",
        "expr": ratio(model.asked(',status="400"'), model.asked(), "1h"),
        "labels": labels,
    }


def _alerts(model: ServedModel, levels: ServiceLevels) -> Iterator[dict[str, Any]]:
    told = spoken(model.name)
    budgets = {
        "errors": (1 - levels.availability, f"answered 5xx; {levels.availability:.4g} of 1 is promised not to be"),
        "slow": (
            1 - levels.fast,
            f"slower than {levels.faster_than_ms:g} ms; {levels.fast:.4g} of 1 is promised to be fast",
        ),
    }
    for name, (budget, said) in budgets.items():
        for long, short, times, severity in BURNS:
            over = [
                f"modelway:{name}:ratio_rate{window}{{{model.matchers}}} > {times * budget:.6g}"
                for window in (long, short)
            ]
            enough = f"sum(increase({model.asked()}[{short}])) >= {levels.least_requests}"
            yield _alert(
                model,
                f"Modelway{'Errors' if name == 'errors' else 'SlowAnswers'}",
                # the recorded series has labels, and the count of requests has none
                f"({' and '.join(over)}) and on() {enough}",
                severity,
                f"{{{{ $value | humanizePercentage }}}} of {told}'s requests in the last {long} were {said}",
                "2m" if severity == "page" else "15m",
                {"window": long},
            )
    ready = model.series("modelway_workers_ready")
    yield _alert(model, "ModelwayGone", f"absent({ready})", "page", f"no server of {told} is scraped", "5m")
    yield _alert(model, "ModelwayNotReady", f"sum({ready}) == 0", "page", f"no server of {told} can answer", "5m")
    asked = f"sum(increase({model.asked()}[1h]))"
    yesterday = f"sum(increase({model.asked()}[1h] offset 1d))"
    yield _alert(
        model,
        "ModelwayNotAsked",
        f"{asked} == 0 and {yesterday} >= {levels.least_requests}",
        "ticket",
        f"nobody has asked {told} for an hour; a day ago at this time it was asked",
        "15m",
    )
    yield _alert(
        model,
        "ModelwayRefusesInputs",
        f"modelway:refused:ratio_rate1h{{{model.matchers}}} > {MOST_REFUSED} and on() {asked} >= {levels.least_requests}",
        "ticket",
        f"{{{{ $value | humanizePercentage }}}} of the requests to {told} do not fit its signature",
        "15m",
    )
    restarts = f"sum(increase({model.series('modelway_worker_restarts_total')}[1h])) > {MOST_RESTARTS}"
    said = f"workers of {told} died {{{{ $value | humanize }}}} times in the last hour"
    yield _alert(model, "ModelwayWorkersDie", restarts, "ticket", said, "0s")


def _alert(
    model: ServedModel,
    name: str,
    expression: str,
    severity: str,
    summary: str,
    lasts: str,
    more: dict[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": lasts,
        "labels": {"severity": severity, "model": spoken(model.name), **(more or {})},
        "annotations": {"summary": summary},
    }
