"""Opening the local target of an environment."""

from __future__ import annotations

import re
from pathlib import Path

from modelway.config import Deploy
from modelway.environments import home
from modelway.errors import InvalidInput
from modelway.targets.folder import FolderRecords
from modelway.targets.local.place import LocalPlace
from modelway.targets.local.state import LocalSlot, LocalState
from modelway.targets.target import Target


def open_target(model: str, environment: str, deploy: Deploy) -> Target[LocalState, LocalSlot]:
    folder = folder_of(model, environment, deploy.local.folder)
    return Target(model, environment, FolderRecords(folder, LocalState), LocalPlace(folder, deploy.local))


def folder_of(model: str, environment: str, named: str | None) -> Path:
    """Without symbolic links: processes are found again by this path, whichever way it was reached."""
    if named is None:
        kept = re.sub(r"[^\w.-]", "_", f"{model}-{environment}")
        return (home.state_folder() / "targets" / kept).resolve()
    if not Path(named).is_absolute():
        raise InvalidInput(
            f"{named[:200]!r} is not absolute",
            where="deploy.local.folder",
            fix="a job's own folder is gone when it ends",
        )
    return Path(named).resolve()
