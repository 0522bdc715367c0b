"""Every query of the dashboard finds what a real server counts, by way of a real Prometheus."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import requests

from modelway.config.service_levels import ServiceLevels
from modelway.monitoring.grafana_dashboard import dashboard
from modelway.monitoring.prometheus_rules import ServedModel, rules
from observe.real_prometheus import real_prometheus
from served import RELEASE, Served

MODEL = ServedModel(str(RELEASE["model"]), (("namespace", "models"),))
SHOWN = ("Requests", "Answered 5xx", "Time to the answer", "Error budget", "Predicted score", "Workers", "Memory")


def test_the_panels_and_rules_find_what_the_server_counts(
    tmp_path: Path, boosting: Served, expected: dict[str, Any]
) -> None:
    target = {"targets": [f"127.0.0.1:{boosting.port}"], "labels": {"namespace": "models"}}
    with real_prometheus(tmp_path, [target]) as prometheus:

        def asked(expression: str) -> list[Any]:
            answer = requests.get(f"{prometheus.url}/api/v1/query", {"query": expression}, timeout=10).json()
            assert answer["status"] == "success", (expression, answer)
            return list(answer["data"]["result"])

        deadline = time.monotonic() + 60
        while not asked(f"rate({MODEL.asked()}[10s]) > 0") and time.monotonic() < deadline:
            assert boosting.post("/predict", {"rows": expected["rows"][:2]}).status_code == 200
            time.sleep(0.3)
        made = dashboard(MODEL, ServiceLevels())
        for panel in made["panels"]:
            for query in panel["targets"]:
                found = asked(query["expr"].replace("$__rate_interval", "30s"))
                assert found or not panel["title"].startswith(SHOWN), query["expr"]
        assert asked(made["annotations"]["list"][0]["expr"].replace("[5m]", "[1m]"))
        recorded = [
            rule for group in rules(MODEL, ServiceLevels())["groups"] for rule in group["rules"] if "record" in rule
        ]
        assert all(asked(rule["expr"]) for rule in recorded)
