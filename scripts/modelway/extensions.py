"""What others add to a seam: every module of its package, and what installed packages name as entry points.

Whoever asks knows the name of the package and none of its modules.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib import metadata
from typing import Any


def found(package: str, name: str, group: str) -> tuple[Any, ...]:
    """The attribute `name` of each module of `package` that has it, then what each entry point of `group` names. What
    cannot be imported raises what it raises: a check that silently is not there would never fail."""
    home = importlib.import_module(package)
    modules = (importlib.import_module(f"{package}.{item.name}") for item in pkgutil.iter_modules(home.__path__))
    own = [getattr(module, name) for module in modules if hasattr(module, name)]
    points = sorted(metadata.entry_points(group=group), key=lambda point: point.name)
    return (*own, *(point.load() for point in points))
