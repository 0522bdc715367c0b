"""judge-plan by traffic that a real Prometheus has measured: a day of counters, as if it had scraped them."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from modelway.errors import InvalidInput, OutsideFailure
from modelway.peers.traffic import measured
from modelway.stages.judge_plan import PlanJudged, judge_plan
from observe.real_prometheus import RealPrometheus, real_prometheus
from peers.manifests import CANARY

HOURS = 24
RATES = {range(6): 5.0, range(6, 18): 40.0, range(18, 23): 160.0, range(23, 24): 0.0}
"""Requests per second by the hour: the night, the day, the evening, and an hour in which none came."""
ERRORS = 0.01
REQUESTS_QUERY = 'sum(rate(http_requests_total{service="shop"}[5m]))'
ERRORS_QUERY = 'sum(rate(http_requests_total{service="shop",code="500"}[5m]))'
FAST = "model: m\ndeploy: {steps: [50, 100], step-seconds: 30, bake-seconds: 60, timeout-seconds: 900}\n"


def openmetrics(now: float) -> str:
    """Two counters, once a minute until now."""
    lines, total = ["# TYPE http_requests counter"], 0.0
    samples = []
    for minute in range(60 * HOURS + 1):
        samples.append((now - 60 * (60 * HOURS - minute), total))
        total += 60 * next((rate for hours, rate in RATES.items() if minute // 60 in hours), 0.0)
    for code, part in (("200", 1 - ERRORS), ("500", ERRORS)):
        labels = f'{{service="shop",code="{code}"}}'
        lines += [f"http_requests_total{labels} {part * count:.3f} {at:.0f}" for at, count in samples]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "counters.txt").write_text(openmetrics(time.time()))
    program = shutil.which("promtool")
    assert program, "this test needs Debian's package prometheus"
    backfill = [program, "tsdb", "create-blocks-from", "openmetrics", "counters.txt", "data"]
    subprocess.run(backfill, cwd=folder, check=True, capture_output=True)
    with real_prometheus(folder, []) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "canary.yml").write_text(CANARY)
    (tmp_path / "modelway.yml").write_text(FAST)
    return tmp_path


def judged(folder: Path, prometheus: RealPrometheus, **given: Any) -> PlanJudged:
    asked = {"prometheus_url": prometheus.url, "requests_query": REQUESTS_QUERY, "errors_query": ERRORS_QUERY}
    asked |= {"range_seconds": 3600 * HOURS, "rollouts": 20}
    known = {name: value for name, value in {**asked, **given}.items() if value is not None}
    return judge_plan(manifests=("canary.yml",), working_directory=str(folder), **known)


def test_the_rate_and_the_errors_are_what_was_counted(
    folder: Path, prometheus: RealPrometheus, capsys: pytest.CaptureFixture[str]
) -> None:
    result = judged(folder, prometheus).judged
    found = result.measured
    assert found is not None
    assert (found.median, found.most) == pytest.approx((40, 160), rel=0.05)
    assert 0 < found.least < 6, "the night's, or what rate() says where counting began"
    assert found.error_percent == pytest.approx(100 * ERRORS, rel=0.01)
    assert found.idle_percent == pytest.approx(100 / HOURS, abs=1) and found.known_percent > 98
    assert (result.requests_per_second, result.error_percent) == (found.median, found.error_percent)
    assert [one.requests_per_second for one in result.at_other_rates] == [found.least, found.most]
    assert "measured over 24.0 h: " in capsys.readouterr().out


def test_it_is_judged_at_the_median_the_least_and_the_most(folder: Path, prometheus: RealPrometheus) -> None:
    result = judged(folder, prometheus)
    record = json.loads(Path(result.report).read_text())
    text = Path(result.report).with_suffix(".md").read_text()
    given = {"prometheus_url": None, "requests_query": None, "errors_query": None, "range_seconds": None}
    for one in result.judged.at_other_rates:
        alone = judged(
            folder,
            prometheus,
            **given,
            requests_per_second=one.requests_per_second,
            error_percent=result.judged.error_percent,
        ).judged
        assert (alone.theirs, alone.ours, alone.our_refusal) == (one.theirs, one.ours, one.our_refusal)
    assert record["measured"]["least"] < record["measured"]["median"] < record["measured"]["most"]
    assert text.count(", at ") == 6 and "(measured over 24.0 h: the median, the least and the most)" in text


def test_what_was_not_measured_is_given(folder: Path, prometheus: RealPrometheus) -> None:
    assert judged(folder, prometheus, errors_query=None, error_percent=0.5).judged.error_percent == 0.5


def test_what_prometheus_was_not_there_for_is_said(
    folder: Path, prometheus: RealPrometheus, capsys: pytest.CaptureFixture[str]
) -> None:
    judged(folder, prometheus, range_seconds=2 * 3600 * HOURS)
    assert "Prometheus knows 50 % of that time; in 4 % of it none came" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"requests_query": "sum(rate("},
            "input requests-query: is refused by Prometheus: .*parse error.* Fix: try it",
        ),
        ({"requests_query": "rate(http_requests_total[5m])"}, "says 2 series, .* Fix: add them up"),
        ({"requests_query": "sum(rate(nothing[5m]))"}, "has 0 of 1441 samples, 60 s apart: too few"),
        ({"errors_query": "sum(rate(nothing[5m]))"}, r"input errors-query: has 0 of .* write `... or vector\(0\)`"),
        ({"errors_query": f"2 * {REQUESTS_QUERY}"}, "input errors-query: says 200 % of what requests-query says"),
        ({"requests_query": f"-{REQUESTS_QUERY}"}, "says -160 per second.* Fix: give a rate"),
        ({"requests_query": f"0 * {REQUESTS_QUERY}"}, "says that no request came in 24.0 h"),
        ({"errors_query": f"0 * {REQUESTS_QUERY}"}, "input worse-error-percent"),
        ({"requests_per_second": 50}, "input requests-per-second: given together with requests-query"),
        ({"error_percent": 1}, "input error-percent: given together with errors-query"),
        ({"errors_query": None}, "input error-percent: is required and was not given. Fix: give it, or errors-query"),
        ({"requests_query": None}, "input prometheus-url: is given without requests-query"),
        ({"prometheus_url": None}, "input requests-query: is given without prometheus-url"),
        ({"prometheus_url": "prometheus"}, "the URL of Prometheus: is 'prometheus'"),
    ],
)
def test_what_says_no_rate_is_refused_in_one_line(
    folder: Path, prometheus: RealPrometheus, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said) as told:
        judged(folder, prometheus, **given)
    assert "\n" not in str(told.value) and not (folder / "out").exists()


def test_a_prometheus_that_is_away_is_another_failure(folder: Path, prometheus: RealPrometheus) -> None:
    with pytest.raises(OutsideFailure, match="cannot be read: ConnectionError"):
        judged(folder, prometheus, prometheus_url="http://127.0.0.1:9")


def test_the_token_is_sent_and_one_that_may_not_ask_is_told(folder: Path, prometheus: RealPrometheus) -> None:
    heard: list[str] = []

    class Guarded(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers["Authorization"])
            self.send_response(403)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the base class's own name

    with ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as guarded:
        threading.Thread(target=guarded.serve_forever, daemon=True).start()
        with pytest.raises(OutsideFailure, match="answers 403. Fix: give a token that may query it"):
            judged(
                folder,
                prometheus,
                prometheus_url=f"http://127.0.0.1:{guarded.server_port}",
                prometheus_token="a-reader-of-metrics",
            )
        guarded.shutdown()
    assert heard == ["Bearer a-reader-of-metrics"]


def test_a_traffic_of_one_rate_is_judged_once() -> None:
    found = measured({1.0: 5.0, 2.0: 5.0}, {1.0: 0.0, 2.0: 0.1}, 2, 60)
    assert found is not None and found.rates == (5.0,)
    assert found.error_percent == pytest.approx(1)
    assert measured({1.0: 0.0}, None, 1, 60) is None
