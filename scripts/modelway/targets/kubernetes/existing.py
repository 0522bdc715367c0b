"""What the team's Deployment ran before modelway came."""

from __future__ import annotations

from modelway.rollout.plan import Side
from modelway.targets.kubernetes.state import KubernetesSlot
from modelway.targets.kubernetes.whereabouts import Whereabouts

UNKNOWN = 0
"""The version, where it does not say which it is."""


def existing(where: Whereabouts) -> KubernetesSlot | None:
    """As a release: its version, where its server says which it is."""
    there = where.home()
    if not there.is_there:
        return None
    running = where.pods_at_home(there).running()
    said = where.pods_at_home(there).release_of(running[0]["metadata"]["name"]) if running else None
    version = said["version"] if said else UNKNOWN
    assert isinstance(version, int)
    side = Side(
        slot="before",
        version=version,
        built_for=str(said["environment"]) if said else "",
        config_digest="",
        manifest_digest=there.image.rpartition("@")[2] if "@" in there.image else "",
        model_digest=str(said["digest"]) if said else "",
    )
    return KubernetesSlot(side, there.image, home=True, replicas=there.replicas)
