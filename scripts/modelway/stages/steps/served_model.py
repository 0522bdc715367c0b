"""Which series of a Prometheus are of the project's model."""

from __future__ import annotations

from modelway.config import Resolved
from modelway.config.service_levels import LABEL
from modelway.errors import InvalidInput


def model_labels(project: Resolved) -> tuple[tuple[str, str], ...]:
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
