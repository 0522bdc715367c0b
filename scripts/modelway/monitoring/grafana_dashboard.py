"""A Grafana dashboard of a model that modelway's server answers for: what is asked, what is promised, what is predicted.

The JSON model of dashboards is that of Grafana 10 and later (schema version 39). Its Prometheus is chosen in Grafana.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelway.config.service_levels import ServiceLevels
from modelway.monitoring.prometheus_rules import ServedModel, ratio
from modelway.records import digest_of_json

SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH, HEIGHT, COLUMNS = 8, 7, 3
EVERY = "$__rate_interval"


def dashboard(model: ServedModel, levels: ServiceLevels) -> dict[str, Any]:
    """As Grafana imports it. The same model and labels are the same dashboard: a newer one takes its place."""
    return {
        "uid": digest_of_json([model.name, list(model.labels)])[:32],
        "title": f"{model.name} (modelway)",
        "tags": ["modelway"],
        "schemaVersion": 39,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "annotations": {"list": [_rollouts(model)]},
        "panels": [_placed(at, panel) for at, panel in enumerate(_panels(model, levels))],
    }


def expressions(made: dict[str, Any]) -> Iterator[str]:
    """Every query of a dashboard."""
    for panel in made["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (item["expr"] for item in made["annotations"]["list"])


def _rollouts(model: ServedModel) -> dict[str, Any]:
    """A mark where a version gets its first traffic: a release comes, or one comes back."""
    asked = model.asked()
    new = f"sum by (version) (increase({asked}[2m])) > 0 unless sum by (version) (increase({asked}[5m] offset 2m)) > 0"
    return {
        "name": "Versions",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "blue",
        "expr": new,
        "step": "60s",
        "titleFormat": "version {{version}} gets traffic",
    }


def _panels(model: ServedModel, levels: ServiceLevels) -> Iterator[dict[str, Any]]:
    asked, timed = model.asked(), model.timed()
    failed = model.asked(',status=~"5.."')
    budget, fast = 1 - levels.availability, 1 - levels.fast
    yield _panel("Requests", "reqps", {"version {{version}}": f"sum by (version) (rate({asked}[{EVERY}]))"})
    yield _panel(
        f"Answered 5xx (promised: at most {budget:.3g})",
        "percentunit",
        {"5xx": ratio(failed, asked, EVERY), "promised": f"vector({budget:.6g})"},
    )
    yield _panel(
        f"Slower than {levels.faster_than_ms:g} ms (promised: at most {fast:.3g})",
        "percentunit",
        {"slower": f"modelway:slow:ratio_rate5m{{{model.matchers}}}", "promised": f"vector({fast:.6g})"},
    )
    for share in (0.5, 0.99):
        yield _panel(
            f"Time to the answer, {100 * share:.0f} % are faster",
            "s",
            {"version {{version}}": f"histogram_quantile({share}, sum by (version, le) (rate({timed}[{EVERY}])))"},
        )
    yield _panel(
        "Error budget of 30 days that is left",
        "percentunit",
        {"left": f"1 - {ratio(failed, asked, '30d')} / {budget:.6g}"},
    )
    classes = model.series("modelway_prediction_classes_total")
    scores = model.series("modelway_prediction_score_bucket")
    counts, sums = (model.series(f"modelway_prediction_score_{part}") for part in ("count", "sum"))
    yield _panel(
        "Predicted classes",
        "percentunit",
        {
            "{{class}}, version {{version}}": f"sum by (version, class) (rate({classes}[{EVERY}]))"
            f" / on(version) group_left() sum by (version) (rate({classes}[{EVERY}]))"
        },
    )
    yield _panel(
        "Predicted score",
        "none",
        {
            "mean, version {{version}}": f"sum by (version) (rate({sums}[{EVERY}]))"
            f" / sum by (version) (rate({counts}[{EVERY}]))",
            "90 % are below, version {{version}}": f"histogram_quantile(0.9, sum by (version, le) (rate({scores}[{EVERY}])))",
        },
    )
    nulls = f"sum by (version) (rate({model.series('modelway_prediction_nulls_total')}[{EVERY}]))"
    yield _panel(
        "Refused inputs, and predictions that are null",
        "percentunit",
        {
            "refused": ratio(model.asked(',status="400"'), asked, EVERY),
            "null, version {{version}}": f"{nulls} / sum by (version) (rate({asked}[{EVERY}]))",
        },
    )
    yield _panel(
        "Workers",
        "none",
        {
            "ready, version {{version}}": f"sum by (version) ({model.series('modelway_workers_ready')})",
            "died": f"sum(increase({model.series('modelway_worker_restarts_total')}[{EVERY}]))",
        },
    )
    yield _panel("Requests that wait", "none", {"waiting": f"sum({model.series('modelway_requests_waiting')})"})
    memory = model.series("process_resident_memory_bytes")
    yield _panel("Memory", "bytes", {"version {{version}}": f"sum by (version) ({memory})"})


def _panel(title: str, unit: str, queries: dict[str, str]) -> dict[str, Any]:
    """queries: by what the legend calls them."""
    targets = [
        {"refId": chr(ord("A") + at), "datasource": SOURCE, "expr": expression, "legendFormat": name}
        for at, (name, expression) in enumerate(queries.items())
    ]
    return {
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


def _placed(at: int, panel: dict[str, Any]) -> dict[str, Any]:
    place = {"x": at % COLUMNS * WIDTH, "y": at // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT}
    return {"id": at + 1, "gridPos": place, **panel}
