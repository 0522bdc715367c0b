"""The sketch of the training data: made by train-model, kept beside the Candidate's record, brought into the image.

It is made in the environment for data, so that a training needs none of its packages; and where it cannot be made, the model
is as good without it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from modelway import ci
from modelway.config import Resolved
from modelway.data import schemes
from modelway.data.cells import CellKind
from modelway.errors import InvalidInput, ModelwayError, Refused
from modelway.records import Candidate
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import read_candidate
from modelway.serving.cells import READ_AS
from modelway.stages.steps.elsewhere import answered

PATH = "modelway/training-sketch.json"
"""Below the records' artifacts."""
LIMIT = 64 << 20
LOOKED_AT = 10
"""Versions, for one with a sketch."""
SECONDS = 120.0
"""As long as a training waits for it."""
KINDS: Mapping[str, CellKind] = {kind: name for name, kinds in READ_AS.items() for kind in kinds}  # type: ignore[misc]
WITHOUT = "no sketch of the training data goes with the model"


def made(
    project: Resolved,
    job: ci.Job,
    client: ModelRegistry,
    data: Path,
    signature: Mapping[str, Any] | None,
    version: int,
) -> bytes | None:
    """Of the columns of the signature, but for those that are left out of monitoring; None, said, where there is none to be
    made. Its cells are those of an earlier version where they still fit."""
    asked: dict[str, Any] = {
        "path": str(data),
        "name": schemes.name_of(str(project.data.train)),
        "contract": str(job.folder / project.data.contract) if project.data.contract else "",
        "contract-name": project.data.contract or "",
        "label": project.gate.label or "",
        "columns": _columns(signature, project.monitor.leave_out),
    }
    if not asked["columns"]:
        job.say(f"{WITHOUT}: its signature names no columns of plain types")
        return None
    began = time.monotonic()
    try:
        asked["before"] = (_earlier(client, project.model, version) or b"").decode()
        text = str(answered("data", "training_sketch", asked, job.say, SECONDS))
    except (ModelwayError, OSError) as error:
        job.say(f"{WITHOUT}: {error.line() if isinstance(error, ModelwayError) else error}")
        return None
    job.say(f"sketch of the training data: {len(text) / 1000:.0f} kB ({time.monotonic() - began:.1f} s)")
    return text.encode()


def bring(client: ModelRegistry, candidate: Candidate) -> bytes | None:
    """The Candidate's; None where it has none. Refused where it is not what was recorded."""
    if not candidate.training_sketch:
        return None
    data = client.read_artifact(client.get_run(candidate.records_run_id).artifact_uri, PATH, LIMIT)
    if hashlib.sha256(data).hexdigest() != candidate.training_sketch:
        raise Refused(
            f"the sketch of the training data of {candidate.model} version {candidate.version} is not what was recorded: it"
            " was changed",
            fix="train the model again",
        )
    return data


def _earlier(client: ModelRegistry, model: str, version: int) -> bytes | None:
    """The sketch of the newest earlier version that has one."""
    numbers = sorted((item.version for item in client.search_versions(model) if item.version < version), reverse=True)
    for number in numbers[:LOOKED_AT]:
        try:
            found = bring(client, read_candidate(client, model, number))
        except (InvalidInput, Refused):  # it has no record, or was changed
            continue
        if found is not None:
            return found
    return None


def answer(asked: Mapping[str, Any], say: Callable[[str], None]) -> str:
    """The sketch as JSON, in the environment that has an engine."""
    from modelway.data.contract import Contract, load_contract
    from modelway.data.drift.sketch import DataSketch, written
    from modelway.data.drift.training import training_sketch

    contract = Contract()
    if asked["contract"]:
        contract = load_contract(Path(asked["contract"]), asked["contract-name"], may_ask_nothing=True)
    before = msgspec.json.decode(asked["before"], type=DataSketch) if asked.get("before") else None
    found = training_sketch(
        Path(asked["path"]), asked["name"], contract, asked["columns"], before, asked.get("label", "")
    )
    sketch = found.sketch
    if found.unfit:
        say(f"new cells, and so a new history for monitor-model, because of: {', '.join(found.unfit)[:300]}")
    if missing := sorted(set(asked["columns"]) - {column.name for column in sketch.columns}):
        say(
            f"not in the sketch, because they are sensitive, or {asked['name']} has not such: {', '.join(missing)[:300]}"
        )
    return written(sketch)


def _columns(signature: Mapping[str, Any] | None, left_out: tuple[str, ...]) -> dict[str, CellKind]:
    inputs = (signature or {}).get("inputs")
    found = inputs if isinstance(inputs, list) else []
    named = {item["name"]: item.get("type") for item in found if isinstance(item, dict) and item.get("name")}
    if len(named) < len(found) or not all(isinstance(kind, str) and kind in KINDS for kind in named.values()):
        return {}  # the server counts no other rows
    return {str(name): KINDS[str(kind)] for name, kind in named.items() if name not in left_out}
