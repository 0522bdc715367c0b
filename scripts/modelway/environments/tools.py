"""Which environment each action runs in: requirements/NAME.txt for the launcher, the extra NAME for pip."""

from __future__ import annotations

from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1]
DEFAULT = "tool"
ENVIRONMENTS = {
    "init": "data",
    "validate_data": "data",
    "generate_contract": "data",
    "detect_drift": "data",
    "monitor_model": "data",
    "check_quality": "data",
    "profile_data": "data",
    "evaluate_gate": "data",
    "compare_models": "data",
    "judge_plan": "data",
    "test_endpoint": "data",
    "benchmark_endpoint": "data",
    "build_image": "build",
    "deploy_model": "deploy",
    "continue_rollout": "deploy",
    "deploy_group": "deploy",
    "rollback_group": "deploy",
    "plan_rollout": "deploy",
    "record_deployment": "deploy",
    "render_manifests": "deploy",
    "replay_rollout": "deploy",
    "report_delivery": "deploy",
    "follow_policy": "deploy",
    "rollback_release": "deploy",
    "stop_deployment": "deploy",
    "start_registry": "registry",
}
"""Of those that need more than the tool's own."""


def environment_of(action: str) -> str:
    """action: its function's name, such as evaluate_gate."""
    return ENVIRONMENTS.get(action, DEFAULT)


def requirements_file(name: str) -> Path:
    """requirements/NAME.txt."""
    return _carried("requirements") / f"{name}.txt"


def template_file(name: str) -> Path:
    """workflows-templates/NAME."""
    return _carried("workflows-templates") / name


def _carried(folder: str) -> Path:
    """Of the checkout, or, where pip installed modelway, of the package."""
    in_checkout = LIBRARY.parents[1] / folder
    return in_checkout if in_checkout.is_dir() else LIBRARY / folder
