"""Unpacked layers stay for as long as a target can come back to them, and no longer."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from deployment.shop import Shop
from modelway.build import unpack
from modelway.errors import InvalidInput
from modelway.rollout.plan import Side
from modelway.targets.folder import STATE, FolderRecords
from modelway.targets.local import layers
from modelway.targets.local.state import LocalSlot, LocalState
from modelway.targets.state import Deployment

RUNS, BEFORE, UNUSED = "a" * 64, "b" * 64, "c" * 64


def slot(store: Path, layer: str) -> LocalSlot:
    digests = {"config_digest": "c", "manifest_digest": "m", "model_digest": "d"}
    side = Side(slot="v1-r1", version=1, built_for="production", **digests)
    paths = {name: str(store / layer / name) for name in ("environment", "server", "model", "release")}
    return LocalSlot(side=side, ports=(1,), python="python", **paths)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Three layers that were unpacked two days ago; a target runs the first and can go back to the second."""
    for name in (RUNS, BEFORE, UNUSED):
        aged(tmp_path / "layers", name)
    target = tmp_path / "target"
    target.mkdir()
    kept = Deployment(slot(tmp_path / "layers", BEFORE), "deploy", 1, 0.0)
    running = {"v2-r2": slot(tmp_path / "layers", RUNS)}
    FolderRecords(target, LocalState).write(
        LocalState(model="m", environment="e", port=1, admin_port=2, slots=running, stable="v2-r2", deployments=(kept,))
    )
    layers.claim(tmp_path / "layers", target)
    return tmp_path / "layers"


def aged(store: Path, name: str) -> Path:
    (store / name / "opt").mkdir(parents=True)
    (store / name / unpack.COMPLETE).touch()
    old = time.time() - 2 * layers.IDLE_SECONDS
    os.utime(store / name / unpack.COMPLETE, (old, old))
    return store / name


def left(store: Path) -> set[str]:
    return {path.name for path in store.iterdir() if len(path.name) == 64}


def test_what_runs_and_what_can_come_back_stays(store: Path, tmp_path: Path) -> None:
    layers.claim(store, tmp_path / "target")
    assert layers.prune(store) == 1
    assert left(store) == {RUNS, BEFORE}
    assert layers.prune(store) == 0


def test_what_was_needed_lately_stays(store: Path) -> None:
    os.utime(store / UNUSED / unpack.COMPLETE)
    assert layers.prune(store) == 0
    assert left(store) == {RUNS, BEFORE, UNUSED}


def test_nothing_goes_while_a_target_cannot_be_read(store: Path, tmp_path: Path) -> None:
    (tmp_path / "target" / STATE).write_text("{")
    with pytest.raises(InvalidInput, match="is not what deploy-model writes"):
        layers.prune(store)
    assert left(store) == {RUNS, BEFORE, UNUSED}


def test_a_target_that_is_gone_needs_nothing(store: Path, tmp_path: Path) -> None:
    (tmp_path / "target" / STATE).unlink()
    (tmp_path / "target").rmdir()
    assert layers.prune(store) == 3
    assert left(store) == set()


@pytest.mark.long
def test_a_deployment_removes_what_nobody_needs(shop: Shop) -> None:
    unused = aged(shop.state / "layers", UNUSED)
    shop.deploy("good")
    assert not unused.exists()
    assert shop.serving() == shop.versions["good"]
