"""The template quality.yml on a team's own code: good code passes, and each kind of bad code fails its own job alone."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from act import Act, ActRun
from modelway.environments import uv
from running_redis import RunningRedis
from team import HERE, commit, template

WORKFLOW = ".github/workflows/quality.yml"
REDIS_PORT = 6379
"""Which the template names: on GitHub the job's own container has it."""
CODE = {
    "requirements.txt": "redis==7.1.0\n",
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["."]\nmarkers = ["integration: beside a Redis"]\n',
    "parcels.py": "def price(weight: float) -> float:\n    if weight > 20:\n        return 9.5\n    return 4.5\n",
    "tests/test_price.py": "from parcels import price\n\n\ndef test_price() -> None:\n    assert price(1) == 4.5\n",
    "tests/test_store.py": """import os

import pytest
import redis


@pytest.mark.integration
def test_store() -> None:
    store = redis.Redis.from_url(os.environ["REDIS_URL"])
    store.set("modelway-parcel", "sings", ex=60)
    assert store.get("modelway-parcel") == b"sings"
""",
}
BAD = {
    "parcels.py": 'import os\n\n\ndef price(weight: float) -> float:\n    return "4.5"\n',
    "tests/test_store.py": CODE["tests/test_store.py"].replace('== b"sings"', "is None"),
}


@pytest.fixture(scope="module")
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Redis where the job looks for it; one that is there already is as good."""
    if listens():
        yield
        return
    store = RunningRedis(tmp_path_factory.mktemp("redis"), REDIS_PORT)
    store.start()
    yield
    store.stop()


def listens() -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", REDIS_PORT)) == 0


@dataclass(frozen=True)
class Looked:
    run: ActRun
    artifacts: Path


def looked(act: Act, folder: Path, changed: Mapping[str, str]) -> Looked:
    """A run of the template with what it uploads in a folder."""
    text = template("quality.yml")
    assert text.count(" && !env.ACT") == 1
    for path, content in {**CODE, **changed, WORKFLOW: text.replace(" && !env.ACT", "")}.items():
        (folder / "code" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "code" / path).write_text(content)
    commit(folder / "code")
    (setup,) = set(re.findall(r"astral-sh/setup-uv@\w+", text))
    runner = replace(act, also={**act.also, setup: HERE / "quality" / "setup-uv"})
    env = {"MODELWAY_TEST_ARTIFACTS": str(folder / "artifacts"), "MODELWAY_TEST_UV": uv.executable()}
    return Looked(runner.run(folder / "code", folder / "code" / WORKFLOW, event="push", env=env), folder / "artifacts")


@pytest.fixture(scope="module")
def good(act: Act, tmp_path_factory: pytest.TempPathFactory, _redis: None) -> Looked:
    return looked(act, tmp_path_factory.mktemp("good"), {})


@pytest.fixture(scope="module")
def bad(act: Act, tmp_path_factory: pytest.TempPathFactory, _redis: None) -> Looked:
    return looked(act, tmp_path_factory.mktemp("bad"), BAD)


def test_good_code_passes_every_job(good: Looked) -> None:
    assert good.run.jobs == {"style": "success", "tests": "success", "integration": "success"}, good.run.log[-3000:]
    assert good.run.exit_code == 0


def test_what_was_tested_is_on_the_page_and_in_files_that_others_read(good: Looked) -> None:
    assert "parcels.py" in good.run.step("tests").summary
    (suite,) = ElementTree.parse(good.artifacts / "tests" / "tests.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")
    covered = ElementTree.parse(good.artifacts / "tests" / "coverage.xml").getroot()
    assert covered.tag == "coverage" and 0 < float(covered.get("branch-rate", 0)) < 1, "Cobertura's, with branches"


def test_each_fault_is_told_where_it_is(bad: Looked) -> None:
    run = bad.run
    assert run.jobs == {"style": "failure", "tests": "failure", "integration": "failure"}
    assert [(error.title, "os" in error.message) for error in run.step("lint").errors] == [("ruff (F401)", True)]
    assert run.step("types").result == "failure" and "return-value" in run.step("types").log
    assert "parcels.py" in run.step("tests").summary, "what failed is covered as well"
    assert (bad.artifacts / "tests" / "tests.xml").is_file()
    assert "is None" in run.step("integration").log
