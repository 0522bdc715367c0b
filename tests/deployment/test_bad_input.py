"""What goes wrong: an exit code, one line that names the thing and the fix, and traffic where it was."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from deployment.shop import DEPLOYED, Shop
from modelway.build.layout import blob
from modelway.registry.stored_records import read_release


@pytest.fixture
def stable(shop: Shop) -> Shop:
    shop.configure(shop.port, strategy="all-at-once")
    shop.deploy("good")
    return shop


def is_where_it_was(shop: Shop) -> None:
    assert shop.serving() == shop.versions["good"]
    assert list(shop.deployed().slots) == [shop.deployed().stable]


@pytest.mark.long
def test_a_port_in_use(shop: Shop) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", shop.port))
        other.listen()
        said = shop.deploy("good", code=2)
    assert f"port {shop.port} on 127.0.0.1 is in use" in said
    shop.deploy("good")
    assert shop.serving() == shop.versions["good"]


@pytest.mark.long
def test_an_envoy_that_does_not_start(shop: Shop) -> None:
    """Its configuration cannot be written where it looks: the folder is a file."""
    shop.target.mkdir()
    (shop.target / "envoy").write_text("")
    said = shop.deploy("good", code=2)
    assert "cannot be written" in said


@pytest.mark.long
def test_a_server_that_is_never_ready(stable: Shop) -> None:
    """Its model is not what it was: the file is gone from the unpacked release."""
    release = release_of(stable, "again")
    layer = next(layer for layer in release.layers if layer.name == "model")
    stable.deploy("again")
    stable.deploy("good")
    model = stable.state / "layers" / layer.diff_id / "opt" / "modelway" / "model"
    model.rename(model.with_name("gone"))
    try:
        said = stable.deploy("again", code=4)
    finally:
        model.with_name("gone").rename(model)
    assert "ended before it was ready" in said or "was not ready after" in said
    assert "traffic is where it was" in said
    is_where_it_was(stable)


def test_a_release_that_was_changed_by_one_byte(stable: Shop) -> None:
    release = release_of(stable, "slow")
    layer = next(layer for layer in release.layers if layer.name == "model")
    place = blob(Path(release.layout), layer.digest)
    data = place.read_bytes()
    place.write_bytes(data[:50] + bytes([data[50] ^ 1]) + data[51:])
    try:
        said = stable.deploy("slow", code=1)
    finally:
        place.write_bytes(data)
    assert layer.digest[:12] in said
    is_where_it_was(stable)


@pytest.mark.long
def test_a_version_that_was_not_built_and_an_environment_without_a_target(stable: Shop) -> None:
    said = stable.must("deploy_model", 1, "--version", stable.versions["good"], "--built-for", stable.environment)
    assert f"was not built for {stable.environment}" in said
    said = stable.must("deploy_model", 2, "--version", stable.versions["good"], "--built-for", "productoin")
    assert "unknown environment 'productoin'" in said
    done = stable.run("deploy_model", "--environment", "production", "--version", "1")
    assert done.returncode == 2
    assert "has no deploy section" in done.stderr
    refused = stable.run("promote_model", "--environment", stable.environment, "--version", "1")
    assert refused.returncode == 2
    assert "deploy-model moves it" in refused.stderr


def test_a_hosted_runner(shop: Shop) -> None:
    hosted = {"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "github-hosted", "MODELWAY_LOCAL_REGISTRY": shop.server}
    flags = ["--environment", shop.environment, "--version", shop.versions["good"], *DEPLOYED]
    done = shop.run("deploy_model", *flags, **hosted)
    assert done.returncode == 2
    [error] = [line for line in done.stdout.splitlines() if line.startswith("::error")]
    assert "ephemeral" in error


def test_a_journal_that_was_cut_in_half(stable: Shop) -> None:
    path = stable.target / "journal" / "000001.jsonl"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "already" in stable.deploy("good"), "the rollout is finished"
    is_where_it_was(stable)
    path.write_bytes(b"{\n" + path.read_bytes())
    said = stable.deploy("good", code=2)
    assert f"{path}: line 1 is not of a rollout" in said
    assert stable.serving() == stable.versions["good"]


@pytest.mark.long
def test_a_disk_that_is_full(shop: Shop) -> None:
    """The target is on a small file system of its own, and that is filled."""
    small = Path(tempfile.mkdtemp(prefix="modelway-small-"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], capture_output=True).returncode:
        small.rmdir()
        pytest.skip("NOT RUN: mounting a small file system is not allowed here")
    full = replace(shop, target=small / "target")
    try:
        full.configure(full.port, strategy="all-at-once")
        full.deploy("good")
        fill(small / "filler")
        said = full.deploy("again", code=4)
        assert "full" in said
        assert full.serving() == full.versions["good"]
        (small / "filler").unlink()
        full.deploy("again")
        assert full.serving() == full.versions["again"]
        fill(small / "filler")
        assert "stopped=true" in full.must("stop_deployment", 0), "a full disk keeps nobody from stopping"
        assert full.processes() == []
    finally:
        full.run("stop_deployment", "--environment", full.environment)
        subprocess.run(["umount", "-l", small], check=True)
        small.rmdir()


def fill(path: Path) -> None:
    """Until not a byte more fits."""
    for size in (4096, 1):
        with contextlib.suppress(OSError), path.open("ab", buffering=0) as stream:
            while stream.write(b"0" * size):
                pass


def release_of(shop: Shop, kind: str):  # type: ignore[no-untyped-def]
    stored = read_release(shop.client, shop.model, int(shop.versions[kind]), "production")
    assert stored is not None
    return stored.record
