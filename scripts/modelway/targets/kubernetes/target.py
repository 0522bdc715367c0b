"""Opening the Kubernetes target of an environment."""

from __future__ import annotations

from modelway.config import Deploy
from modelway.errors import InvalidInput
from modelway.rollout.plan import LED
from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.cluster import Cluster
from modelway.targets.kubernetes.place import KubernetesPlace
from modelway.targets.kubernetes.records import KubernetesRecords
from modelway.targets.kubernetes.state import KubernetesSlot, KubernetesState
from modelway.targets.target import Target


def open_target(model: str, environment: str, deploy: Deploy) -> Target[KubernetesState, KubernetesSlot]:
    wanted = deploy.kubernetes
    if not wanted.deployment:
        raise InvalidInput(
            "is not given", where="deploy.kubernetes.deployment", fix="name the Deployment that serves the model"
        )
    by_key = deploy.strategy == "ab"
    shares = tuple(step / 100 for step in deploy.steps if step) if deploy.strategy == "canary" else (1.0,)
    shares = LED if by_key or deploy.strategy == "rolling" else shares  # it compares; at which shares, the replicas say
    needs_route = "strategy" if deploy.strategy in ("shadow", "ab") else "testers" if deploy.testers else ""
    rolling = deploy.strategy == "rolling"
    cluster, key = Cluster(wanted.context, wanted.namespace), names.key(model, environment)
    records = KubernetesRecords(cluster, key, KubernetesState, wanted.lease_seconds, wanted.guard_seconds)
    place = KubernetesPlace(cluster, key, wanted, shares, deploy.judge.block_seconds, by_key, needs_route, rolling)
    return Target(model, environment, records, place)
