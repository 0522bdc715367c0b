"""The file of build.features: checked against the model before it goes into the image, where its servers look for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelway.config import Resolved
from modelway.errors import InvalidInput
from modelway.serving import features
from modelway.serving.columns import read_signature


def read(project: Resolved, folder: Path, signature: Mapping[str, Any] | None) -> bytes | None:
    """What the file holds; None where none is named. folder: the project's. signature: the stored model's. InvalidInput where
    it is none, or the model has not such columns."""
    name = project.build.features
    if not name:
        return None
    path = folder / name
    where = f"{project.source}: build.features"
    fix = "mend it (docs/serving.md has an example), or leave build.features out"
    try:
        found = features.read(path)
        features.check(found, read_signature((signature or {}).get("inputs") or ()) or (), path)
    except ValueError as error:
        raise InvalidInput(str(error).replace(str(path), name), where=where, fix=fix) from None
    return path.read_bytes()
