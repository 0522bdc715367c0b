"""A wheelhouse of small packages, a model's folder, and a registry, for the tests of build-image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from build import oci_programs
from build.kit import Kit, make_kit
from modelway.build import lock

NEEDS = {"registry": oci_programs.missing, "programs": oci_programs.missing, "debian": oci_programs.missing_for_a_base}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On CI a missing program fails its tests; elsewhere they are left out, and the end of the run says so."""
    if os.environ.get("CI") == "true":
        return
    absent = {fixture: found for fixture, needs in NEEDS.items() if (found := needs())}
    out = [item for item in items if set(absent) & set(getattr(item, "fixturenames", ()))]
    if out:
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("CI") != "true" and (absent := oci_programs.missing_for_a_base()):
        terminalreporter.write_line(
            f"NOT RUN: some tests of build-image, for want of {', '.join(absent)}; install them:"
            " apt-get install docker-registry skopeo umoci openssl debootstrap",
            yellow=True,
        )


@pytest.fixture(scope="session")
def programs() -> None:
    assert oci_programs.missing() == []


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host and port of a registry that lets everybody in."""
    assert oci_programs.missing() == []
    with oci_programs.registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="session")
def debian(registry: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A base image with this Python, from debootstrap, by digest in the registry."""
    assert oci_programs.missing_for_a_base() == []
    return oci_programs.push_debian_base(registry, tmp_path_factory.mktemp("debian"))


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kit:
    """A model that needs `tiny` (which needs `small`), a server that needs `web`; and a home of the test's own."""
    return make_kit(tmp_path, monkeypatch.setenv, lambda path: monkeypatch.setattr(lock, "REQUIREMENTS", path))
