"""What a rollout adds to a team's route beside weights: copies of every request for the new release, and rules that lead its
testers there. Each is found again by the Service that it leads to, which an annotation of the route names."""

from __future__ import annotations

import json
from dataclasses import dataclass

from modelway.config.strategies import RequestMatch
from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.cluster import Object


@dataclass(frozen=True)
class Additions:
    """mirror: the Service that gets a copy of every request; empty: none. tested: the one that testers reach; empty: none.
    judged: their requests are counted as any other's, and not marked."""

    mirror: str = ""
    tested: str = ""
    testers: RequestMatch | None = None
    judged: bool = False

    @property
    def note(self) -> str | None:
        """What the annotation says."""
        services = sorted(filter(None, (self.mirror, self.tested)))
        return json.dumps(services) if services else None

    @property
    def key(self) -> str:
        """Of modelway.yml, which says who the testers are."""
        return f"deploy.{'ab' if self.judged else 'testers'}"


NO_ADDITIONS = Additions()


def noted(route: Object) -> tuple[str, ...]:
    """The Services that what we added leads to."""
    try:
        return tuple(json.loads((route["metadata"].get("annotations") or {}).get(names.ADDED, "[]")))
    except (ValueError, TypeError):
        return ()
