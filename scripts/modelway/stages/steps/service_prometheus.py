"""A service's requests as a Prometheus has counted them: the model server's counters, or a team's own."""

from __future__ import annotations

from urllib.parse import urlsplit

from modelway.config import Resolved
from modelway.config.service_levels import CounterSeries, ServiceLevels
from modelway.errors import InvalidInput
from modelway.monitoring.prometheus_rules import ServedModel, bound_of
from modelway.monitoring.service_days import CountedDay
from modelway.observe.prometheus_queries import PLACEHOLDER, CounterQueries
from modelway.observe.prometheus_url import PrometheusUrl
from modelway.observe.served_minutes import ServiceQueries, served_days
from modelway.stages.steps.served_model import model_labels

WHERE = "monitor.service.prometheus"
ENVIRONMENT = "environment"


def url_of(project: Resolved) -> str:
    """What monitor.service.prometheus names. InvalidInput where that is the environment's, and it has none with a URL."""
    named = project.monitor.service.prometheus
    if named != ENVIRONMENT:
        return named or ""
    deploy = project.deploy
    counts = deploy.kubernetes.counts.prometheus if deploy and deploy.target == "kubernetes" else None
    url = counts.url if counts else deploy.local.prometheus if deploy and deploy.target == "local" else None
    if not url:
        why = (
            "no environment is named"
            if not project.environment
            else f"{project.environment}'s deploy section names no URL of one"
        )
        fix = "write the URL of Prometheus, or deploy.kubernetes.counts.prometheus.url and the input environment"
        raise InvalidInput(f"is {ENVIRONMENT}, and {why}", where=f"{project.source}: {WHERE}", fix=fix)
    return url


def name_of(url: str) -> str:
    """What reports call it: without what may be secret in it."""
    parts = urlsplit(url)
    return f"Prometheus at {parts.hostname}{f':{parts.port}' if parts.port else ''}"


def days_of(project: Resolved, url: str, token: str) -> list[CountedDay]:
    """monitor.service.days of them; no minute is known of those that it does not have. InvalidInput where it has none of these
    series at all, and no day is kept either."""
    levels = project.monitor.service
    queries = queries_of(project)
    get = PrometheusUrl(url, token)
    found = [
        CountedDay(*day) for day in served_days(get, queries, levels.days, f"{project.source}: monitor.service.series")
    ]
    if not any(day.minutes for day in found) and not levels.data:
        what = f"knows no minute of {queries.requests} on the last {levels.days} days"
        fix = "see that it scrapes the model, every five minutes at least, and name monitor.service.selector"
        raise InvalidInput(what, where=name_of(url), fix=fix)
    return found


def queries_of(project: Resolved) -> ServiceQueries:
    levels = project.monitor.service
    if levels.series is not None:
        return _own(levels.series, levels, f"{project.source}: monitor.service.series")
    if not project.model:
        fix = "run it in the project of modelway.yml, or name monitor.service.series"
        raise InvalidInput("does not say which model's requests are counted", where="input prometheus-url", fix=fix)
    model = ServedModel(project.model, model_labels(project))
    return ServiceQueries(
        requests=model.asked(),
        failed=model.asked(',status=~"5.."'),
        timed=model.timed(part="count"),
        fast=model.timed(f',le=~"{bound_of(levels)}"'),
    )


def _own(series: CounterSeries, levels: ServiceLevels, where: str) -> ServiceQueries:
    try:
        found = CounterQueries(series.requests, series.errors, series.latency_buckets, series.unit)
    except InvalidInput as error:
        raise InvalidInput(error.what, where=f"{where}.{error.where}", fix=error.fix) from None
    for query in (found.requests, found.errors, found.latency_buckets):
        if placeholder := PLACEHOLDER.search(query):
            fix = "write the label's value: it is of the whole service"
            raise InvalidInput(
                f"has the placeholder {placeholder[0]}, which stands for a release", where=where, fix=fix
            )
    if not found.latency_buckets:
        return ServiceQueries(found.requests, found.errors)
    bound = levels.faster_than_ms / found.milliseconds
    shown = f"{bound:g}|{bound:.1f}" if bound == int(bound) else f"{bound:g}"
    return ServiceQueries(
        found.requests,
        found.errors,
        _labelled(found.latency_buckets, 'le="+Inf"'),
        _labelled(found.latency_buckets, f'le=~"{shown.replace(".", "[.]")}"'),
    )


def _labelled(selector: str, label: str) -> str:
    """With one label more."""
    name, brace, rest = selector.strip().partition("{")
    labels = rest.rpartition("}")[0].strip().rstrip(",") if brace else ""
    return f"{name.strip()}{{{','.join(filter(None, [labels, label]))}}}"
