"""A team whose versions passed the gate and were built, and a target of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment.shop import Shop, built_shop, with_target


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, server: str, python: str, root: Path) -> Shop:
    return built_shop(tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("state"), server, python, root)


@pytest.fixture
def shop(built: Shop, tmp_path: Path) -> Iterator[Shop]:
    own = with_target(built, tmp_path)
    yield own
    own.run("stop_deployment", "--environment", own.environment)
    assert own.processes() == []
