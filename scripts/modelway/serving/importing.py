"""MLflow and pandas imported in two thirds of the time.

`import mlflow` also imports its judges of language models and its gateway to providers, with FastAPI: a quarter of a server's
start, and most models never ask for them. MLflow leaves most of its own packages until they are used; here these two are
left as well. And nothing of what an import makes is garbage, though Python looks through it all for some again and again.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import sys
from collections.abc import Collection, Iterator
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

LATE = ("genai", "gateway")


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """The imports in the block, without the collector; what they made is never looked through."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def import_package(name: str, late: Collection[str]) -> None:
    """As `import NAME`, but that the subpackages `late`, which it would import itself, are imported when they are used: by an
    import statement, or as an attribute. A package that is not there is for the import statement to tell; a subpackage that
    is not there is left out, as in a version of before it came."""
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    for subpackage in late:
        if PathFinder.find_spec(f"{name}.{subpackage}", spec.submodule_search_locations) is not None:
            setattr(module, subpackage, _Late(f"{name}.{subpackage}"))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise


class _Late(ModuleType):
    """In its place until it is imported, which puts the package itself there. It is never in sys.modules, as a module of
    importlib's LazyLoader is: that one is executed half-way where packages import each other."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)
