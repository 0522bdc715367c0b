"""What every test shares: the project's root, a real MLflow server, and a Python that has MLflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import servers
from modelway.registry import local_server
from sampled import QUICK

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Of whoever runs them the tests take no hook, no signature, and no repository that a hook of git's names in GIT_DIR.
GIT = {"commit.gpgSign": "false", "tag.gpgSign": "false", "core.hooksPath": "/dev/null", "core.autocrlf": "false"}
for name in [
    name for name in os.environ if name.startswith("GIT_") and name not in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")
]:
    del os.environ[name]
os.environ["GIT_CONFIG_COUNT"] = str(len(GIT))
for number, (key, value) in enumerate(GIT.items()):
    os.environ |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}

settings.register_profile(
    "modelway",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",  # it repeats itself: the hundredth example tells it nothing new
    max_examples=30 if QUICK else 100,
)
settings.load_profile("modelway")


FIRST = (
    "tests/e2e/test_target_contract.py",
    "tests/e2e/test_deliver.py",
    "action-tests",
    "tests/deployment",
    "tests/data",
    "tests/stages",
    "tests/build",
    "tests/adoption",
    "tests/registry",
    "tests/serving",
    "tests/monitoring",
    "tests/gate",
    "tests/targets",
    "tests/training",
)
"""The longest first, so that the workers of `make test` end together."""


LONGEST = "tests/deployment"
"""Where no test is left out its files go to two workers, each of which trains and builds what they deploy: one alone would
outlast all others."""

MIDDLE = f"{LONGEST}/test_h"
"""Where the files of the longest are parted."""


def folder_of(path: str) -> str:
    """Whose tests share servers: action-tests, a folder of tests, or of tests/e2e each file, since every worker has a
    cluster."""
    file = path.split("::")[0]
    first, *rest = file.split("/")
    if rest[0] == "e2e":
        return file
    return first if first == "action-tests" or len(rest) < 2 else f"{first}/{rest[0]}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        folder = folder_of(item.nodeid)
        return FIRST.index(folder) if folder in FIRST else len(FIRST)

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """One worker for each folder but the longest: its servers are started once. xdist's own groups do nothing under pytest
    9.2."""
    from xdist.scheduler import LoadScopeScheduling

    class Folders(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            folder = folder_of(nodeid)
            parted = folder == LONGEST and not QUICK
            return f"{folder} {nodeid > MIDDLE}" if parted else folder

    return Folders(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not servers.postgresql_programs() and os.environ.get("CI") != "true":
        terminalreporter.write_line(
            "NOT RUN: the tests on PostgreSQL; install it: apt-get install postgresql", yellow=True
        )
    if not shutil.which("java") and os.environ.get("CI") != "true":
        terminalreporter.write_line(
            "NOT RUN: the tests on Spark; install Java: apt-get install openjdk-17-jre-headless", yellow=True
        )


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def server(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of start-registry's own server, started as a user starts it; its store is a folder of the test run."""
    folder = tmp_path_factory.mktemp("mlflow")
    subprocess.run([root / "scripts" / "run", "start_registry", "--folder", folder], check=True, capture_output=True)
    yield json.loads((folder / "server.json").read_text())["uri"]
    assert local_server.stop(folder)


@pytest.fixture(scope="session")
def python() -> str:
    """An interpreter with MLflow, scikit-learn and pandas."""
    return servers.mlflow_python(servers.NEWEST_3)


@pytest.fixture
def github_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, which is the present one of a step on GitHub; GitHub's files are beside it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    return folder
