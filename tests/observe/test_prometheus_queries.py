"""Which series are named: counters alone, with every placeholder replaced; and the way to a server of the team's own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from modelway.errors import InvalidInput, OutsideFailure
from modelway.observe.prometheus_queries import QUERIES, CounterQueries
from modelway.observe.prometheus_url import PrometheusUrl

VALUES = {
    name: name.upper()
    for name in ("namespace", "service", "port", "route", "rule", "backend", "ingress", "canary", "version", "digest")
}


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_ready_made_set_is_whole(name: str) -> None:
    found = QUERIES[name].of(VALUES)
    for query in (found.requests, found.errors, found.latency_buckets):
        assert query and "NAMESPACE" in query
    assert found.latency_buckets.partition("{")[0].endswith("_bucket")
    assert found.milliseconds == (1000 if "_seconds_" in found.latency_buckets else 1)


@pytest.mark.parametrize(
    "query",
    [
        "http_requests_total",
        'http_requests_total{service="{service}"}',
        'job:requests:total{a="}",b=~"x|y", c!~\'2..\',}',
        "requests{}",
    ],
)
def test_a_selector_is_taken_as_it_is(query: str) -> None:
    assert CounterQueries(query, query).of({"service": "flight-delay"}).requests == query.replace(
        "{service}", "flight-delay"
    )


@pytest.mark.parametrize(
    "query",
    [
        "rate(http_requests_total[1m])",
        "sum(http_requests_total)",
        "http_requests_total[5m]",
        "http_requests_total offset 5m",
        "http_requests_total / 2",
        'http_requests_total{a="1"} or vector(0)',
        'http_requests_total{a="1}',
        "http_requests_total{a}",
        "",
    ],
)
@pytest.mark.parametrize("key", ["requests", "errors", "latency-buckets"])
def test_a_rate_or_any_other_expression_is_refused(query: str, key: str) -> None:
    if not query and key == "latency-buckets":
        return
    given = {"requests": "r_total", "errors": "e_total", "latency_buckets": "b_bucket"} | {key.replace("-", "_"): query}
    with pytest.raises(InvalidInput) as error:
        CounterQueries(**given)
    assert error.value.where == key and "without functions or ranges" in error.value.what


def test_a_placeholder_that_nothing_is_known_of_is_named() -> None:
    query = CounterQueries('r{pod="{pod}"}', "e")
    with pytest.raises(InvalidInput, match=r"there is no \{pod\} here.*use one of \{namespace\}, \{service\}"):
        query.of({"namespace": "models", "service": "s"})


def test_a_value_that_would_change_the_query_is_refused() -> None:
    with pytest.raises(InvalidInput, match="which no query can hold"):
        CounterQueries('r{service="{service}"}', "e").of({"service": '"} or up{a="'})


class Handler(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, str | None]]] = []
    answer: ClassVar[tuple[int, dict[str, str], bytes]] = (200, {}, b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        return

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("authorization")))
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in ({"content-length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[str]:
    Handler.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_address[1]}"
        finally:
            running.shutdown()
            thread.join()


def test_a_query_goes_below_the_urls_path_with_the_token(server: str) -> None:
    Handler.answer = (200, {}, b"{}")
    assert PrometheusUrl(f"{server}/prometheus/", "secret-token")("/api/v1/query", {"query": 'up{a="b"}'}) == b"{}"
    assert Handler.seen == [("/prometheus/api/v1/query?query=up%7Ba%3D%22b%22%7D", "Bearer secret-token")]


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (302, {"location": "http://127.0.0.1:9/"}, "answers 302: it sends elsewhere"),
        (401, {}, "answers 401"),
        (403, {"content-type": "application/json"}, "answers 403"),
        (502, {"content-type": "text/html"}, "answers 502"),
    ],
)
def test_no_answer_is_told_without_the_token_and_followed_nowhere(
    server: str, status: int, headers: dict[str, str], said: str
) -> None:
    Handler.answer = (status, headers, b"no")
    source = PrometheusUrl(server, "secret-token")
    with pytest.raises(OutsideFailure, match=said) as error:
        source("/api/v1/query", {"query": "up"})
    assert "secret-token" not in error.value.line() + repr(source)
    assert len(Handler.seen) == 1


def test_what_prometheus_says_of_a_bad_query_is_handed_on(server: str) -> None:
    Handler.answer = (400, {"content-type": "application/json"}, b'{"status":"error","error":"parse error"}')
    assert b"parse error" in PrometheusUrl(server)("/api/v1/query", {"query": "x["})


def test_an_answer_without_end_is_given_up(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelway.observe.prometheus_url.MOST_BYTES", 1 << 20)
    Handler.answer = (200, {}, b" " * (5 << 20))
    with pytest.raises(OutsideFailure, match="more than 64 MB"):
        PrometheusUrl(server)("/api/v1/query", {"query": "up"})


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(OutsideFailure, match="cannot be read: ConnectionError"):
        PrometheusUrl("http://127.0.0.1:9")("/api/v1/query", {"query": "up"})


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("prometheus:9090", ""),
        ("ftp://prometheus", ""),
        ("http://", ""),
        ("http://user:secret-token@prometheus", ""),
        ("http://prometheus/?query=up", ""),
        ("http://prometheus:99999", ""),
        ("http://prometheus", "secret-token\n"),
    ],
)
def test_a_url_or_a_token_that_is_none_is_refused_without_secrets(url: str, token: str) -> None:
    with pytest.raises(InvalidInput) as error:
        PrometheusUrl(url, token)
    assert "secret-token" not in error.value.line()
