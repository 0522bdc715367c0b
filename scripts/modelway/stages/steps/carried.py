"""Wheels that no index has, beside a Candidate's record: stored when it is made, brought when it is judged or built."""

from __future__ import annotations

import hashlib

from modelway.environments import carried
from modelway.errors import Refused
from modelway.records import Candidate
from modelway.registry.entities import Run
from modelway.registry.protocol import ModelRegistry

FOLDER = "modelway/wheels"
LIMIT = 4 << 30
"""Bytes of one wheel."""


def store_wheels(client: ModelRegistry, run: Run, lock: str) -> None:
    """Those that the lock names as carried with it."""
    for wheel in carried.marked(lock):
        client.upload(run.artifact_uri, f"{FOLDER}/{wheel.file}", wheel.path.read_bytes())


def bring_wheels(client: ModelRegistry, candidate: Candidate) -> None:
    """The Candidate's, to where environments and images are made of them. Refused where one is not what was recorded."""
    for wheel in carried.marked(candidate.environment.requirements):
        if carried.here(wheel.sha256):
            continue
        uri = client.get_run(candidate.records_run_id).artifact_uri
        data = client.read_artifact(uri, f"{FOLDER}/{wheel.file}", LIMIT)
        if hashlib.sha256(data).hexdigest() != wheel.sha256:
            raise Refused(
                f"the wheel {wheel.file} of {candidate.model} version {candidate.version} is not what was recorded: it was"
                " changed",
                fix="train the model again",
            )
        carried.keep(wheel.file, data)
