"""The file of build.features: checked against the model before it goes into the image, where its servers look for it."""

from __future__ import annotations

from pathlib import Path

from modelway.config import Resolved
from modelway.errors import InvalidInput
from modelway.serving import features
from modelway.serving.columns import read_signature
from modelway.stages.steps.candidate import read_mlmodel


def read(project: Resolved, folder: Path, model: Path) -> bytes | None:
    """What the file holds; None where none is named. folder: the project's. model: the stored model's files. InvalidInput
    where it is none, or the model has not such columns."""
    name = project.build.features
    if not name:
        return None
    path = folder / name
    where = f"{project.source}: build.features"
    fix = "mend it (docs/serving.md has an example), or leave build.features out"
    try:
        found = features.read(path)
        inputs = (read_mlmodel(model).get("signature") or {}).get("inputs") or ()
        features.check(found, read_signature(inputs) or (), path)
    except ValueError as error:
        raise InvalidInput(str(error).replace(str(path), name), where=where, fix=fix) from None
    return path.read_bytes()
