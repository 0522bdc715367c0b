"""modelway.yml: what may stand in it, and what it says for one environment. Nothing here knows how anything is done."""

from modelway.config.project import Resolved, load_project, required
from modelway.config.sections import (
    Build,
    Comparison,
    Data,
    Deploy,
    Fairness,
    Gate,
    Judge,
    Limit,
    Local,
    Project,
    Registry,
    Slices,
    Train,
)

__all__ = [
    "Build",
    "Comparison",
    "Data",
    "Deploy",
    "Fairness",
    "Gate",
    "Judge",
    "Limit",
    "Local",
    "Project",
    "Registry",
    "Resolved",
    "Slices",
    "Train",
    "load_project",
    "required",
]
