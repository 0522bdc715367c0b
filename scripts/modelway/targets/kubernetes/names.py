"""What our objects in a cluster are called, and how they are found again."""

from __future__ import annotations

import hashlib
import re

DOMAIN = "modelway.dev"
TARGET, SLOT, GUARDIAN, ROLLOUT, PART, WORD, DAYS = (
    f"{DOMAIN}/{name}" for name in ("target", "slot", "guardian", "rollout", "part", "word", "days")
)
"""Labels. TARGET: `key` of it; SLOT: of a release that runs beside the team's own Deployment; GUARDIAN: the slot that it
guards against; WORD: the rollout that a person continued; DAYS: which days of a model's inputs it holds."""
FENCE, BACK, BEFORE, OWNERS, ADDED, REPLICAS, WHOLE = (
    f"{DOMAIN}/{name}" for name in ("fence", "back", "before", "owners", "added", "replicas", "whole")
)
"""Annotations. FENCE: the nonce of the lease under which the object was last changed. BACK: the JSON patch that gives all
traffic to stable. BEFORE: what the team had written where we changed it. OWNERS: whose that was. ADDED: the Services that what
we added to a route leads to. REPLICAS: how many there were before a stop. WHOLE: how many the team's Deployment had before a
rolling rollout."""
SKETCHES = "modelway-sketches"
"""The Secret with the tokens of all targets of the namespace: of this name, so that a Role can name it."""
LONGEST = 40
"""Of a key: with what follows it, a name stays below the 63 characters of a label."""


def key(model: str, environment: str) -> str:
    """The name of a target in its namespace; two targets never share one."""
    parts = [re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") or "x" for part in (model, environment)]
    name = f"modelway-{'.'.join(parts)}"
    if parts == [model, environment] and len(name) <= LONGEST:
        return name
    whole = hashlib.sha256(f"{model}/{environment}".encode()).hexdigest()
    return f"{name[: LONGEST - 9].rstrip('-.')}-{whole[:8]}"


def workload(deployment: str, slot: str) -> str:
    """The Deployment and the Service of a release that runs beside the team's own."""
    tail = f"-{re.sub(r'[^a-z0-9]+', '-', slot.lower()).strip('-')}"
    room = 52 - len(tail)  # a pod's name adds 11, and is a host name
    if len(deployment) > room:
        deployment = f"{deployment[: room - 7].rstrip('-.')}-{hashlib.sha256(deployment.encode()).hexdigest()[:6]}"
    return f"{deployment}{tail}"


def testers(workload: str) -> str:
    """The Service of such a release that its testers reach: they are counted apart."""
    return f"{workload}-testers"


def pointer(*path: str | int) -> str:
    """A JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
