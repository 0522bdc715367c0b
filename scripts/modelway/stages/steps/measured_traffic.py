"""What judge-plan simulates: the traffic that was given, or that a Prometheus has measured."""

from __future__ import annotations

from modelway import ci
from modelway.errors import InvalidInput
from modelway.observe.prometheus_range import PrometheusRange
from modelway.observe.prometheus_url import PrometheusUrl
from modelway.peers.traffic import MeasuredTraffic, measured
from modelway.rollout.planning import time_said

FEWEST_SAMPLES = 10
REQUESTS, ERRORS = "input requests-query", "input errors-query"
OR_GIVE = "see that it names what was counted then, or give requests-per-second and error-percent"


def measured_traffic(
    job: ci.Job, url: str, token: str, requests_query: str, errors_query: str, seconds: float
) -> MeasuredTraffic | None:
    """None where no query was given. InvalidInput where the inputs contradict each other, or a query says no rate."""
    if not requests_query:
        for name in ("prometheus-url", "errors-query", "range-seconds"):
            if name in job.given:
                raise InvalidInput("is given without requests-query", where=f"input {name}", fix="give both")
        return None
    if not url:
        raise InvalidInput("is given without prometheus-url", where=REQUESTS, fix="give both")
    asked = PrometheusRange(PrometheusUrl(url, token), seconds)
    requests = _rates(asked, requests_query, REQUESTS)
    errors = _rates(asked, errors_query, ERRORS) if errors_query else None
    found = measured(requests, errors, asked.steps, seconds)
    if found is None:
        said = f"says that no request came in {time_said(seconds)}"
        raise InvalidInput(said, where=REQUESTS, fix=OR_GIVE)
    if (found.error_percent or 0) >= 100:
        raise InvalidInput(
            f"says {found.error_percent:.3g} % of what requests-query says",
            where=ERRORS,
            fix="give queries of the same requests, both per second",
        )
    job.say(said_of(found))
    return found


def _rates(asked: PrometheusRange, query: str, where: str) -> dict[float, float]:
    samples = asked.samples(query, where)
    if len(samples) < FEWEST_SAMPLES:
        often = f"{len(samples)} of {asked.steps} samples, {asked.step} s apart"
        fix = "where none may have failed, write `... or vector(0)`" if where == ERRORS else OR_GIVE
        raise InvalidInput(f"has {often}: too few to say a rate", where=where, fix=fix)
    if (least := min(samples.values())) < 0:
        raise InvalidInput(f"says {least:g} per second", where=where, fix="give a rate, as of rate(...[5m])")
    return samples


def said_of(found: MeasuredTraffic) -> str:
    """In a line."""
    rates = f"{found.least:.3g} to {found.most:.3g} requests/s, median {found.median:.3g}"
    errors = "" if found.error_percent is None else f", {found.error_percent:.3g} % errors"
    gaps = "" if found.known_percent > 99 else f"; Prometheus knows {found.known_percent:.0f} % of that time"
    idle = "" if found.idle_percent < 0.5 else f"; in {found.idle_percent:.0f} % of it none came"
    return f"measured over {time_said(found.seconds)}: {rates}{errors}{gaps}{idle}"
