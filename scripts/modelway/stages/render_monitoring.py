"""render-monitoring: rules for Prometheus and a dashboard for Grafana, for those who have them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import yaml

from modelway import ci
from modelway.ci import Output
from modelway.markdown import cell, table
from modelway.monitoring.grafana_dashboard import dashboard
from modelway.monitoring.prometheus_rules import ServedModel, rules
from modelway.stages.steps import workspace
from modelway.stages.steps.served_model import model_labels


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
    model = ServedModel(project.model, model_labels(project))
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
