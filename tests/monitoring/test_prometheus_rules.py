"""The rules are held against promtool, alert by alert, and against a real Prometheus that scrapes a real server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.service_levels import ServiceLevels
from modelway.errors import InvalidInput
from modelway.monitoring.grafana_dashboard import dashboard, expressions
from modelway.monitoring.prometheus_rules import BURNS, ServedModel, bound_of, rules
from modelway.serving.metrics import SECONDS

HOSTILE = ServedModel('a "model"\\ {{ $x }}', (("namespace", "models"),))
MODEL = ServedModel("m")
LEVELS = ServiceLevels()


def promtool(*arguments: str | Path) -> None:
    program = shutil.which("promtool")
    assert program, "this test needs Debian's package prometheus"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("model", [MODEL, HOSTILE], ids=["plain", "hostile"])
def test_promtool_finds_nothing_wrong_and_reads_every_query_of_the_dashboard(
    tmp_path: Path, model: ServedModel
) -> None:
    made = rules(model, LEVELS)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(made), encoding="utf-8")
    queries = [expression.replace("$__rate_interval", "5m") for expression in expressions(dashboard(model, LEVELS))]
    recorded = [{"record": f"panel:{at}", "expr": query} for at, query in enumerate(queries)]
    (tmp_path / "panels.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "p", "rules": recorded}]}), encoding="utf-8"
    )
    promtool("check", "rules", tmp_path / "rules.yml", tmp_path / "panels.yml")


def asked(
    per_minute: int, failed: int, minutes: int, *, slow: int = 0, refused: int = 0, idle: int = 0
) -> list[dict[str, str]]:
    """Series of a server that is asked so often for so many minutes. idle: minutes of none after that."""
    labels = 'model="m",version="1",digest="d",path="/predict"'

    def series(name: str, more: str, each: int) -> dict[str, str]:
        return {"series": f"{name}{{{labels}{more}}}", "values": f"0+{each}x{minutes} {each * minutes}x{idle}"}

    good = per_minute - failed - refused
    times = "modelway_request_duration_seconds"
    return [
        series("modelway_requests_total", ',status="200"', good),
        series("modelway_requests_total", ',status="500"', failed),
        series("modelway_requests_total", ',status="400"', refused),
        series(f"{times}_count", "", per_minute),
        series(f"{times}_bucket", ',le="0.25"', per_minute - slow),
        {"series": 'modelway_workers_ready{model="m",version="1",digest="d"}', "values": f"1x{minutes + 200}"},
        {"series": 'modelway_worker_restarts_total{model="m",version="1",digest="d"}', "values": f"0x{minutes + 200}"},
    ]


@pytest.mark.parametrize(
    ("series", "at", "called"),
    [
        (asked(60, 0, 400), "6h", {}),
        (asked(60, 2, 400), "90m", {"ModelwayErrors": {"page", "ticket"}}),  # 3.3 %: 33 times the budget
        (asked(60, 0, 400, slow=12), "90m", {"ModelwaySlowAnswers": {"page", "ticket"}}),
        (asked(60, 0, 400, refused=6), "90m", {"ModelwayRefusesInputs": {"ticket"}}),
        (asked(1, 1, 400), "90m", {}),  # 90 in the longest of the short windows
        ([], "10m", {"ModelwayGone": {"page"}}),
        (asked(60, 30, 60, idle=60), "100m", {"ModelwayErrors": {"ticket"}}),  # the page is over, the ticket stays
        pytest.param(asked(60, 0, 1460, idle=120), "1565m", {"ModelwayNotAsked": {"ticket"}}, marks=pytest.mark.long),
    ],
    ids=["well", "errors", "slow", "refused", "too few", "gone", "over", "not asked"],
)
def test_an_alert_is_called_when_it_should_be_and_then_alone(
    tmp_path: Path, series: list[dict[str, str]], at: str, called: dict[str, set[str]]
) -> None:
    made = rules(MODEL, LEVELS)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(made), encoding="utf-8")
    names = {rule["alert"] for group in made["groups"] for rule in group["rules"] if "alert" in rule}
    cases: list[dict[str, Any]] = [
        {"eval_time": at, "alertname": name, "exp_alerts": []} for name in names - set(called)
    ]
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": cases}],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test), encoding="utf-8")
    promtool("test", "rules", tmp_path / "test.yml")
    for name, severities in called.items():  # promtool prints what was called where it expects nothing
        test["tests"][0]["alert_rule_test"] = [{"eval_time": at, "alertname": name, "exp_alerts": []}]  # type: ignore[index]
        (tmp_path / "test.yml").write_text(yaml.safe_dump(test), encoding="utf-8")
        with pytest.raises(AssertionError) as failed:
            promtool("test", "rules", tmp_path / "test.yml")
        assert set(re.findall(rf'alertname="{name}".*severity="(\w+)"', str(failed.value))) == severities


def test_a_bound_that_the_server_does_not_count_by_is_refused() -> None:
    with pytest.raises(InvalidInput, match="counts its answers by other bounds") as raised:
        bound_of(ServiceLevels(faster_than_ms=200))
    assert "100, 250" in str(raised.value)
    assert [
        bound_of(ServiceLevels(faster_than_ms=1000 * seconds)) for seconds in SECONDS if seconds in (0.25, 1.0)
    ] == [
        "0[.]25",
        "1|1[.]0",
    ]


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_dashboard_is_json_whatever_the_names(name: str, label: str) -> None:
    model = ServedModel(name, (("namespace", label),))
    made = json.loads(json.dumps(dashboard(model, LEVELS)))
    assert len(made["uid"]) == 32 and made["uid"] == dashboard(model, LEVELS)["uid"]
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])


def test_the_budgets_are_those_of_the_workbook() -> None:
    """5 % of 30 days' budget in 6 hours are 6 times its rate, 2 % in an hour 14.4, 10 % in 3 days once."""
    spent = {"1h": 0.02, "6h": 0.05, "3d": 0.1}
    hours = {"1h": 1, "6h": 6, "3d": 72}
    for long, _, times, _ in BURNS:
        assert times == pytest.approx(spent[long] * 720 / hours[long])
