"""render-monitoring: rules for Prometheus and a dashboard for Grafana, for those who have them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import yaml

from modelway import ci
from modelway.ci import Output
from modelway.config import Resolved
from modelway.config.service_levels import LABEL
from modelway.errors import InvalidInput
from modelway.markdown import cell, table
from modelway.monitoring.grafana_dashboard import dashboard
from modelway.monitoring.prometheus_rules import ServedModel, rules
from modelway.stages.steps import workspace


@dataclass(frozen=True, kw_only=True)
class MonitoringRendered(ci.Result):
    rules: Annotated[str, Output("the path of render-monitoring.rules.yml, for Prometheus' rule_files")]
    dashboard: Annotated[
        str, Output("the path of render-monitoring.dashboard.json, for Grafana's import or provisioning")
    ]


@ci.use_case
def render_monitoring(
    job: ci.Job,
    *,
    environment: ci.Environment,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    report_directory: ci.ReportDirectory = "out/modelway",
) -> MonitoringRendered:
    """Write recording and alerting rules for Prometheus and a dashboard for Grafana, of what the model server counts.

    Inputs: modelway.yml (monitor.service: what is promised of the answers; the environment's deploy section).
    Outputs: a file of rules and a dashboard; nothing is asked or changed.
    Exit codes: 0 written; 2 wrong input.
    """
    project = workspace.resolve(job, environment)
    levels = project.monitor.service
    model = ServedModel(project.model, _labels(project))
    made = rules(model, levels)
    board = job.attach("dashboard.json", json.dumps(dashboard(model, levels), indent=2) + "\n")
    file = job.attach("rules.yml", yaml.safe_dump(made, sort_keys=False, width=200))
    alerts = [rule for group in made["groups"] for rule in group["rules"] if "alert" in rule]
    rows = [[rule["alert"], rule["labels"]["severity"], rule["for"], rule["annotations"]["summary"]] for rule in alerts]
    heads = ("alert", "severity", "lasts for", "says")
    job.report(
        {"schema": "modelway/render-monitoring/1", **made},
        f"### Alerts of {cell(project.model)}\n\n{table(heads, rows)}",
    )
    job.say(f"{len(alerts)} alerts, and a dashboard")
    return MonitoringRendered(rules=str(file), dashboard=str(board))


def _labels(project: Resolved) -> tuple[tuple[str, str], ...]:
    """monitor.service.selector; on Kubernetes the namespace too, where it is left out."""
    given = dict(project.monitor.service.selector)
    wrong = next((name for name in given if not LABEL.fullmatch(name) or name == "model"), None)
    if wrong is not None:
        raise InvalidInput(
            f"{wrong!r} is no label of Prometheus' that could tell these series apart",
            where=f"{project.source}: monitor.service.selector",
            fix="name labels such as namespace or job; the model's name is there without it",
        )
    deploy = project.deploy
    if deploy is not None and deploy.target == "kubernetes" and deploy.kubernetes.namespace:
        given = {"namespace": deploy.kubernetes.namespace, **given}
    return tuple(sorted(given.items()))
