"""Who counts the requests of every release, as modelway.yml says: its pods, a Prometheus, or the gateway's Envoys."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from modelway.config.sections import GatewayPods, Prometheus, RequestCounts
from modelway.errors import InvalidInput
from modelway.observe import envoy_statistics, outcomes
from modelway.observe.counts import CountsSource
from modelway.observe.gateway import GatewayCounts
from modelway.observe.pods import PodMetrics, PodsCounts
from modelway.observe.prometheus_queries import QUERIES, CounterQueries
from modelway.observe.prometheus_server import of_releases
from modelway.observe.prometheus_url import TOKEN, PrometheusUrl
from modelway.targets.kubernetes.cluster import Cluster
from modelway.targets.kubernetes.refusals import Unserved

KEY = "deploy.kubernetes.counts"
READ_SECONDS = 10.0
ENVOY_SECONDS = 3.0
ENVOY_PORT = 8002


@dataclass(frozen=True)
class CountedRelease:
    """values: by the placeholders of queries. cluster: as Envoy's statistics call its Service."""

    slot: str
    values: Mapping[str, str]
    cluster: str


def named(wanted: RequestCounts) -> str:
    """Which of pods, gateway and prometheus counts."""
    return wanted.source or ("gateway" if wanted.gateway else "prometheus" if wanted.prometheus else "pods")


def source(
    cluster: Cluster,
    wanted: RequestCounts,
    releases: Sequence[CountedRelease],
    pods: Callable[[], Sequence[PodMetrics]],
    block_seconds: float,
) -> CountsSource:
    """The one that is `named`. InvalidInput where modelway.yml says nothing more of it."""
    if named(wanted) == "pods":
        return PodsCounts(pods)
    if named(wanted) == "gateway":
        if wanted.gateway is None:
            raise InvalidInput(
                "is not given, and source is gateway", where=f"{KEY}.gateway", fix="say where its pods are"
            )
        read = partial(_envoys, cluster, wanted.gateway)
        return GatewayCounts(read, {item.slot: item.cluster for item in releases})
    if wanted.prometheus is None:
        raise InvalidInput(
            "is not given, and source is prometheus", where=f"{KEY}.prometheus", fix="name its url or service"
        )
    get, asked = _prometheus(cluster, wanted.prometheus), _queries(wanted.prometheus)
    return of_releases(get, asked, {item.slot: item.values for item in releases}, block_seconds)


def outcome_source(
    cluster: Cluster,
    wanted: RequestCounts,
    releases: Sequence[CountedRelease],
    trials: str,
    successes: str,
    block_seconds: float,
) -> CountsSource:
    """A team's own counters, by the same Prometheus. InvalidInput where modelway.yml names none."""
    if wanted.prometheus is None:
        raise InvalidInput(
            "is not given, and deploy.judge.outcomes are counted there",
            where=f"{KEY}.prometheus",
            fix="name its url or service; with source: pods beside it the requests are counted by the pods still",
        )
    values = {item.slot: item.values for item in releases}
    return outcomes.source(_prometheus(cluster, wanted.prometheus), trials, successes, values, block_seconds)


def check(cluster: Cluster, wanted: RequestCounts) -> None:
    """InvalidInput where modelway.yml says too little, or what it names is not there."""
    source(cluster, wanted, [], list, 1.0)
    if wanted.gateway is not None and wanted.gateway.url is None and not _envoys(cluster, wanted.gateway):
        raise InvalidInput(
            f"selects no pod that runs in namespace {wanted.gateway.namespace or cluster.namespace}",
            where=f"{KEY}.gateway.selector",
            fix="write the labels of the gateway's Envoy pods (kubectl get pods --show-labels)",
        )


def check_by_key(wanted: RequestCounts) -> None:
    """InvalidInput where requests are counted by the place of a rule in the route: those with a key come by a rule of their
    own."""
    if named(wanted) != "prometheus" or wanted.prometheus is None:
        return
    asked = _queries(wanted.prometheus)
    if any(
        "{rule}" in query or "{backend}" in query for query in (asked.requests, asked.errors, asked.latency_buckets)
    ):
        raise InvalidInput(
            "counts by the number of a rule, and strategy ab leads requests by a rule of its own",
            where=f"{KEY}.prometheus",
            fix="count by pods, or by series that name the Service or the version",
        )


def check_copied(wanted: RequestCounts) -> None:
    """InvalidInput where copies of requests are counted by nobody: Istio's proxies report none as sent (istio/istio#23496)."""
    if named(wanted) != "prometheus" or wanted.prometheus is None:
        return
    if wanted.prometheus.series is None and wanted.prometheus.queries == "istio":
        raise InvalidInput(
            "counts by what clients' proxies report, and they report no copy of a request",
            where=f"{KEY}.prometheus.queries",
            fix='count by pods, by `queries: modelway`, or by series with reporter="destination"',
        )


def _queries(wanted: Prometheus) -> CounterQueries:
    own = wanted.series
    if own is not None:
        return CounterQueries(own.requests, own.errors, own.latency_buckets, own.unit)
    return QUERIES[wanted.queries]


def _prometheus(cluster: Cluster, wanted: Prometheus) -> Callable[[str, Mapping[str, str]], bytes]:
    """A URL, or a Service of the cluster, which the API server reaches."""
    url, service = wanted.url, wanted.service
    if (url is None) == (service is None):
        raise InvalidInput("has a url and a service, or neither", where=f"{KEY}.prometheus", fix="give one of them")
    if url is not None:
        return PrometheusUrl(url, os.environ.get(TOKEN, ""))
    assert service is not None
    namespace, _, name = service.rpartition("/")

    def get(below: str, parameters: Mapping[str, str]) -> bytes:
        try:
            said = cluster.proxied("Service", name, below, parameters, seconds=READ_SECONDS, namespace=namespace)
            return said.encode()
        except Unserved as error:
            if not error.is_gone:
                raise
            raise InvalidInput(
                f"there is no Service {name.partition(':')[0]} in namespace {namespace or cluster.namespace}",
                where=f"{KEY}.prometheus.service",
                fix="write NAMESPACE/NAME:PORT of Prometheus' own, with the port as a number",
            ) from None

    return get


def _envoys(cluster: Cluster, wanted: GatewayPods) -> Mapping[str, Callable[[], str]]:
    """Every pod of the gateway, by its name and how often it was restarted."""
    if wanted.url is not None:
        return {"envoy": partial(_read_url, wanted.url)}
    namespace = wanted.namespace or cluster.namespace
    found = {}
    for pod in cluster.list("Pod", wanted.selector or "", namespace=namespace):
        status = pod.get("status") or {}
        if status.get("phase") != "Running" or "deletionTimestamp" in pod["metadata"]:
            continue
        name = pod["metadata"]["name"]
        restarts = sum(item.get("restartCount", 0) for item in status.get("containerStatuses") or ())
        found[f"{name}/{restarts}"] = partial(_read_pod, cluster, f"{name}:{wanted.port}", namespace)
    return found


def _read_pod(cluster: Cluster, pod: str, namespace: str) -> str:
    address, _, query = envoy_statistics.STATISTICS.partition("?")
    asked = dict([query.split("=", 1)])
    return cluster.proxied("Pod", pod, address, asked, seconds=ENVOY_SECONDS, namespace=namespace)


def _read_url(url: str) -> str:
    get = PrometheusUrl(url, "")
    return get(envoy_statistics.STATISTICS, {}).decode(errors="replace")
