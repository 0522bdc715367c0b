"""modelway.yml: what may stand in it, and what it says for one environment. Nothing here knows how anything is done.

Names are loaded on first use: the kinds of check take `config.keys` from here while `config.sections` loads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelway.lazy import names_of

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
_HOMES = dict.fromkeys(("Resolved", "load_project", "required"), "project")
__getattr__ = names_of(__name__, dict.fromkeys(__all__, "sections") | _HOMES)
