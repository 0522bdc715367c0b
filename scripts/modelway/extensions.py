"""What others add to a seam: every module of its package, and what installed packages name as entry points.

Whoever asks knows the name of the package and none of its modules.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib import metadata
from types import ModuleType
from typing import Any


def names(package: str) -> list[str]:
    """The modules and packages that a package holds."""
    return sorted(item.name for item in pkgutil.iter_modules(importlib.import_module(package).__path__))


def module(package: str, name: str) -> ModuleType:
    """One of them, imported. What cannot be imported raises what it raises: a check that silently is not there would never
    fail."""
    return importlib.import_module(f"{package}.{name}")


def found(package: str, name: str, group: str) -> tuple[Any, ...]:
    """The attribute `name` of each module of `package` that has it, then what each entry point of `group` names."""
    modules = (module(package, item) for item in names(package))
    own = [getattr(item, name) for item in modules if hasattr(item, name)]
    points = sorted(metadata.entry_points(group=group), key=lambda point: point.name)
    return (*own, *(point.load() for point in points))
