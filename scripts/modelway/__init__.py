"""Modelway from Python: each action is a function of the same name, with the same inputs, and a result with types.

    import modelway

    judged = modelway.evaluate_gate(version=3, environment="production")
    print(judged.outcome, judged.failing_checks)

docs/python.md tells it. A function is loaded when it is first asked for: each needs the packages of its own environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

VERBS_ALONE = ("init", "notify")
"""The actions whose name is no verb with a noun: what else has no underscore is a part of the library."""

if TYPE_CHECKING:
    from modelway.stages.benchmark_endpoint import benchmark_endpoint as benchmark_endpoint
    from modelway.stages.build_image import build_image as build_image
    from modelway.stages.check_quality import check_quality as check_quality
    from modelway.stages.comment_report import comment_report as comment_report
    from modelway.stages.compare_contracts import compare_contracts as compare_contracts
    from modelway.stages.compare_models import compare_models as compare_models
    from modelway.stages.continue_rollout import continue_rollout as continue_rollout
    from modelway.stages.deploy_group import deploy_group as deploy_group
    from modelway.stages.deploy_model import deploy_model as deploy_model
    from modelway.stages.detect_drift import detect_drift as detect_drift
    from modelway.stages.download_model import download_model as download_model
    from modelway.stages.evaluate_gate import evaluate_gate as evaluate_gate
    from modelway.stages.export_metrics import export_metrics as export_metrics
    from modelway.stages.follow_policy import follow_policy as follow_policy
    from modelway.stages.generate_contract import generate_contract as generate_contract
    from modelway.stages.init import init as init
    from modelway.stages.judge_plan import judge_plan as judge_plan
    from modelway.stages.list_models import list_models as list_models
    from modelway.stages.monitor_model import monitor_model as monitor_model
    from modelway.stages.notify import notify as notify
    from modelway.stages.plan_rollout import plan_rollout as plan_rollout
    from modelway.stages.profile_data import profile_data as profile_data
    from modelway.stages.promote_model import promote_model as promote_model
    from modelway.stages.record_deployment import record_deployment as record_deployment
    from modelway.stages.render_manifests import render_manifests as render_manifests
    from modelway.stages.render_monitoring import render_monitoring as render_monitoring
    from modelway.stages.replay_rollout import replay_rollout as replay_rollout
    from modelway.stages.report_delivery import report_delivery as report_delivery
    from modelway.stages.rollback_group import rollback_group as rollback_group
    from modelway.stages.rollback_release import rollback_release as rollback_release
    from modelway.stages.select_model import select_model as select_model
    from modelway.stages.show_history import show_history as show_history
    from modelway.stages.start_registry import start_registry as start_registry
    from modelway.stages.stop_deployment import stop_deployment as stop_deployment
    from modelway.stages.stop_registry import stop_registry as stop_registry
    from modelway.stages.test_endpoint import test_endpoint as test_endpoint
    from modelway.stages.train_model import train_model as train_model
    from modelway.stages.validate_data import validate_data as validate_data

    __version__: str

else:  # a checker of types knows the names above and no other

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from modelway.command import version

            return version()
        if name == "__all__":
            return __dir__()
        # what is no action is a part of the library, or what Python asks of any module
        if name.startswith("_") or ("_" not in name and name not in VERBS_ALONE):
            raise AttributeError(f"module 'modelway' has no attribute {name!r}")
        from modelway.command import use_case_of

        return use_case_of(name)


def __dir__() -> list[str]:
    from modelway.command import names

    return names()
