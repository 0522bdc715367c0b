"""The images of this machine and their unpacked layers: which target needs which, and what nobody needs any more.

Targets share them, so that staging and production hold the same environment once. A target needs the layers of what runs and
of all that rollback-release can bring back.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from modelway.build import unpack
from modelway.environments import home
from modelway.files import sync_folder
from modelway.targets.local import state

TARGETS = "targets"
"""Below the store: a link to every target that has used it, wherever its folder is."""
IDLE_SECONDS = 86_400
"""What nobody needs stays for so long: a deployment that is at work may be about to need it."""


def store() -> Path:
    return home.state_folder() / "layers"


def images(model: str) -> Path:
    """The OCI layout of the model's images on this machine."""
    safe = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in model).lstrip(".")
    return home.state_folder() / "images" / (safe or "model")


def claim(layers: Path, target: Path) -> None:
    """The layers that this target needs are kept from now on."""
    link = home.made(layers / TARGETS) / hashlib.sha256(str(target).encode()).hexdigest()[:16]
    with contextlib.suppress(FileExistsError):
        link.symlink_to(target)
        sync_folder(link.parent)


def prune(layers: Path, idle_seconds: float = IDLE_SECONDS) -> int:
    """Remove what no target needs; how many. InvalidInput where a target's state cannot be read: then all of it stays."""
    needed: set[str] = set()
    for link in (layers / TARGETS).iterdir():
        deployed = state.read(link)
        if deployed is None:  # the target's folder is gone
            continue
        slots = (*deployed.slots.values(), *(item.slot for item in deployed.deployments))
        for slot in slots:
            for path in (slot.environment, slot.server, slot.model, slot.release):
                needed.update(Path(path).parts)
    there = [place.name for place in layers.iterdir() if (place / unpack.COMPLETE).exists()]
    return sum(unpack.remove(layers, name, idle_seconds) for name in there if name not in needed)
