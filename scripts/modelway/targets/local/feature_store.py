"""The Redis in which a release's servers look columns up: its address, with its password, is kept for this user alone, so that
a way back needs nothing but the target."""

from __future__ import annotations

import os
from pathlib import Path

from modelway.errors import InvalidInput
from modelway.files import replacing
from modelway.serving.features import BESIDE, URL_VARIABLE
from modelway.targets.local.state import LocalSlot

KEPT = "features-url"


def require(slot: LocalSlot, target: Path) -> None:
    """Keep the address that this command was given. InvalidInput where the release looks columns up and nobody knows where."""
    if not _looks_up(slot):
        return
    if url := os.environ.get(URL_VARIABLE):
        target.mkdir(parents=True, exist_ok=True)
        with replacing(target / KEPT) as unfinished:
            unfinished.touch(mode=0o600)
            unfinished.write_text(url)
    elif not (target / KEPT).exists():
        raise InvalidInput(
            f"version {slot.side.version} looks columns up in Redis, and the variable {URL_VARIABLE} is not set",
            where="build.features",
            fix="set it to the address, such as redis://HOST:6379/0, where deploy-model runs (a secret, if it has a password)",
        )


def variables(slot: LocalSlot, target: Path) -> dict[str, str]:
    """Of its servers."""
    kept = target / KEPT
    return {URL_VARIABLE: kept.read_text()} if _looks_up(slot) and kept.exists() else {}


def _looks_up(slot: LocalSlot) -> bool:
    return (Path(slot.model).parent / BESIDE).is_file()
