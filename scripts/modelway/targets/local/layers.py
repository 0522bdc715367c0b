"""The images of this machine and their unpacked layers: which target needs which, and what nobody needs any more.

Targets share them, so that staging and production hold the same environment once. A target needs the layers of what runs and
of all that rollback-release can bring back.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from modelway.build import layout, unpack
from modelway.environments import home, locks
from modelway.errors import InvalidInput
from modelway.files import sync_folder
from modelway.records import Release
from modelway.rollout.plan import side_of
from modelway.targets.folder import FolderRecords
from modelway.targets.local.state import LocalSlot, LocalState

TARGETS = "targets"
"""Below the store: a link to every target that has used it, wherever its folder is."""
IDLE_SECONDS = 86_400
"""What nobody needs stays for so long: a deployment that is at work may be about to need it."""


def store() -> Path:
    return home.state_folder() / "layers"


def unpacked(release: Release, target: Path, say: Callable[[str], None]) -> LocalSlot:
    """The release's files on this machine, held against their digests, and kept for this target from now on."""
    place = _layout_of(release, say)
    began, folder = time.monotonic(), store()
    claim(folder, target)
    found = unpack.unpack(place, release.manifest_digest, folder)
    say(f"version {release.version} unpacked and checked ({time.monotonic() - began:.1f} s)")
    return LocalSlot(
        side=side_of(release),
        ports=(),
        python=locks.python_of_minor(release.python),
        environment=str(found.environment),
        server=str(found.server),
        model=str(found.model),
        release=str(found.release),
    )


def _layout_of(release: Release, say: Callable[[str], None]) -> Path:
    """Where the image is on this machine: where it was built, or where it is pulled to from the registry, by its digest."""
    built = Path(release.layout)
    if layout.blob(built, release.manifest_digest).is_file():
        return built
    # another digest is that of an image which the team's own Dockerfile made of this one
    if not release.image.endswith(f"@sha256:{release.manifest_digest}"):
        raise InvalidInput(
            f"the image of version {release.version} is not on this machine, and was not pushed as it is",
            where=release.layout,
            fix="run build-image here, or with build.image and without build.dockerfile elsewhere",
        )
    from modelway.build.pull import pull  # what speaks to a registry takes a third of a second to import

    place = layout.of_model(release.model)
    say(f"version {release.version} was built on another machine: pulling {release.image}")
    pull(release.image, place, say)
    return place


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
        state = FolderRecords(link, LocalState).read()
        if state is None:  # the target's folder is gone
            continue
        for slot in (*state.slots.values(), *(item.slot for item in state.deployments)):
            for path in slot.paths:
                needed.update(Path(path).parts)
    there = [place.name for place in layers.iterdir() if (place / unpack.COMPLETE).exists()]
    return sum(unpack.remove(layers, name, idle_seconds) for name in there if name not in needed)
