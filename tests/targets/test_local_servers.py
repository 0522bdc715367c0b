"""Whose /metrics the local target reads."""

from __future__ import annotations

from pathlib import Path

from modelway.config.sections import Local
from modelway.rollout.plan import side_of
from modelway.targets.local.place import LocalPlace
from modelway.targets.local.state import LocalSlot, LocalState
from targets.test_in_memory import release_of


def test_of_a_release_of_which_a_few_replicas_run_only_those_are_asked(tmp_path: Path) -> None:
    """One that is not to run would leave every block of a rolling rollout uncounted."""
    paths = {"python": "", "environment": "", "server": "", "model": "", "release": ""}
    slots = {
        "v1": LocalSlot(side_of(release_of(1), 1), ports=(1, 2, 3), active=2, **paths),
        "v2": LocalSlot(side_of(release_of(2), 2), ports=(4, 5, 6), **paths),
    }
    state = LocalState(model="m", environment="production", port=8080, slots=slots)
    found = LocalPlace(tmp_path, Local()).servers(state)
    assert [(item.slot, item.name) for item in found if item.slot == "v1"] == [
        ("v1", "replica 0 of v1"),
        ("v1", "replica 1 of v1"),
    ]
    assert len(found) == 5
