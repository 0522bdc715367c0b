"""Where releases run. `open_target` opens the one that an environment names; a target is one module of this package, and
decides nothing of a rollout."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from modelway.config import Deploy
from modelway.targets.folder import FolderRecords
from modelway.targets.place import Routing, TargetPlace
from modelway.targets.records import Lease, TargetRecords
from modelway.targets.state import Slot, TargetState
from modelway.targets.target import Claim, Target

__all__ = [
    "TARGETS",
    "Claim",
    "FolderRecords",
    "Lease",
    "Routing",
    "Slot",
    "Target",
    "TargetPlace",
    "TargetRecords",
    "TargetState",
    "open_target",
]

TARGETS = {"local": "modelway.targets.local.target", "kubernetes": "modelway.targets.kubernetes.target"}
"""By the name that `deploy.target` gives: the module whose `open_target(model, environment, deploy)` opens it."""


def open_target(model: str, environment: str, deploy: Deploy) -> Target[Any, Any]:
    """The target of a model's environment, for reading; nothing is made or changed. InvalidInput where its section cannot
    be."""
    opened: Target[Any, Any] = import_module(TARGETS[deploy.target]).open_target(model, environment, deploy)
    return opened
