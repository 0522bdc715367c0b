"""modelway.yml: what may stand in it, and what it says for one environment. Nothing here knows how anything is done.

Names are loaded on first use: the kinds of check take `config.keys` from here while `config.sections` loads them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelway.config.project import Resolved, load_project, required
    from modelway.config.sections import Build, Data, Deploy, Gate, Judge, Local, Project, Registry, Train

__all__ = [
    "Build",
    "Data",
    "Deploy",
    "Gate",
    "Judge",
    "Local",
    "Project",
    "Registry",
    "Resolved",
    "Train",
    "load_project",
    "required",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "project" if name in ("Resolved", "load_project", "required") else "sections"
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
