"""Services that go together: the same releases in two environments, as two members with names of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployment.shop import Shop, with_target

FILE = """\
group: fraud
members:
  - {{ config: {one}/modelway.yml, name: features, environment: {one_in}, built-for: production }}
  - {{ config: {two}/modelway.yml, name: score, environment: {two_in}, built-for: production }}
"""


@dataclass(frozen=True)
class Pair:
    """Two targets, and the folder of the file that names them."""

    folder: Path
    features: Shop
    score: Shop

    @classmethod
    def of(cls, folder: Path, features: Shop, score: Shop) -> Pair:
        """With the file. The projects are below its folder."""
        one, two = (shop.folder.relative_to(folder) for shop in (features, score))
        text = FILE.format(one=one, two=two, one_in=features.environment, two_in=score.environment)
        (folder / "modelway-group.yml").write_text(text)
        return cls(folder, features, score)

    def deploy(self, features: str, score: str, *flags: str, code: int = 0) -> str:
        return self.run("deploy_group", code, "--versions", self.versions(features, score), *flags)

    def versions(self, features: str, score: str) -> str:
        return f"features={self.features.versions[features]}, score={self.score.versions[score]}"

    def back(self, code: int = 0) -> str:
        return self.run("rollback_group", code)

    def run(self, script: str, code: int, *flags: str) -> str:
        return self.features.must(script, code, "--working-directory", str(self.folder), *flags)

    def serving(self) -> tuple[str, str]:
        return self.features.serving(), self.score.serving()

    def are(self, features: str, score: str) -> bool:
        """What answers, and what the registry says of it."""
        wanted = self.features.versions[features], self.score.versions[score]
        told = tuple(str(shop.aliases()[shop.environment]) for shop in (self.features, self.score))
        return self.serving() == wanted == told

    def report(self, name: str) -> dict[str, str]:
        found = json.loads((self.folder / "out" / "modelway" / f"{name}.json").read_text())
        return {member["name"]: member["outcome"] for member in found["members"]}


@pytest.fixture
def pair(built: Shop, tmp_path: Path) -> Iterator[Pair]:
    shops = []
    for name in ("features", "score"):
        (tmp_path / name).mkdir()
        shops.append(with_target(built, tmp_path / name))
        shops[-1].configure(shops[-1].port, strategy="all-at-once")
    yield Pair.of(tmp_path, *shops)
    for shop in shops:
        shop.run("stop_deployment", "--environment", shop.environment)
        assert shop.processes() == []


@pytest.mark.long
def test_they_come_together_and_go_back_together(pair: Pair) -> None:
    """And twice changes nothing, either way."""
    assert "outcome=deployed" in pair.deploy("good", "good")
    assert "outcome=deployed" in pair.deploy("again", "again")
    assert pair.are("again", "again")
    assert "outcome=unchanged" in pair.deploy("again", "again")
    assert "outcome=reverted" in pair.back()
    assert pair.are("good", "good")
    assert pair.report("rollback-group") == {"features": "taken-back", "score": "taken-back"}
    assert "outcome=unchanged" in pair.back()
    assert pair.are("good", "good")


@pytest.mark.long
def test_where_one_fails_the_other_goes_back(pair: Pair) -> None:
    """The first comes, the second is taken back by its own judge: the registry says of both what was there before."""
    pair.deploy("good", "good")
    pair.score.configure(pair.score.port)
    with pair.score.traffic(), pair.features.traffic(50) as seen:
        time.sleep(4)
        said = pair.deploy("again", "failing", code=1)
    assert "score did not get there: traffic is on version" in said and "back with it: features" in said
    assert pair.are("good", "good")
    assert pair.report("deploy-group") == {"features": "taken-back", "score": "failed"}
    assert seen["failed"] == 0
    assert "outcome=unchanged" in pair.back()


@pytest.mark.long
def test_what_is_there_already_did_not_come_with_the_group_and_stays(pair: Pair) -> None:
    pair.features.deploy("good")
    pair.features.deploy("again")
    pair.score.deploy("good")
    pair.score.configure(pair.score.port)  # nobody sends it requests, so it cannot be judged
    assert "score did not get there" in pair.deploy("again", "again", code=3)
    assert pair.are("again", "good")
    assert pair.report("deploy-group") == {"features": "unchanged", "score": "failed"}


@pytest.mark.long
def test_a_runner_that_dies_between_two_members(pair: Pair) -> None:
    """The next run takes back what it had brought as well, where another member does not get there; and rollback-group can
    take it back without one."""
    pair.deploy("good", "good")
    die_after_the_first(pair, "failing")
    assert pair.serving() == (pair.features.versions["again"], pair.score.versions["good"])
    pair.score.configure(pair.score.port)
    with pair.score.traffic():
        time.sleep(4)
        assert "back with it: features" in pair.deploy("again", "failing", code=1)
    assert pair.are("good", "good")
    die_after_the_first(pair)
    assert "outcome=reverted" in pair.back()
    assert pair.are("good", "good")
    die_after_the_first(pair)
    pair.score.configure(pair.score.port, strategy="all-at-once")
    assert "outcome=deployed" in pair.deploy("again", "again")
    pair.back()
    assert pair.are("good", "good")


def start(pair: Pair, score: str = "again") -> subprocess.Popen[str]:
    """The group's deployment as a process of its own."""
    versions = pair.versions("again", score)
    return pair.features.start("deploy_group", "--working-directory", str(pair.folder), "--versions", versions)


def until(process: subprocess.Popen[str], *said: str) -> None:
    """Until it has said all of that, in this order."""
    assert process.stdout is not None
    for wanted in said:
        assert any(wanted in line for line in process.stdout), wanted


def die_after_the_first(pair: Pair, score: str = "again") -> None:
    """The runner is killed as soon as the second member is begun."""
    process = start(pair, score)
    until(process, "2 of 2")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def while_under_way(
    pair: Pair, until_said: Sequence[str], act: Callable[[subprocess.Popen[str]], object], code: int
) -> str:
    """What a deployment of the group said to which something happens while the second member is a canary. code: its own."""
    pair.deploy("good", "good")
    pair.score.configure(pair.score.port)
    with pair.score.traffic():
        time.sleep(4)
        process = start(pair)
        until(process, *until_said)
        act(process)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == code, said
    return said


@pytest.mark.long
def test_one_is_taken_back_by_another_command_meanwhile(pair: Pair) -> None:
    said = while_under_way(pair, ["2 of 2"], lambda process: pair.features.roll_back(), code=1)
    assert "features was taken back meanwhile by another command" in said
    assert pair.are("good", "good")


@pytest.mark.long
def test_cancelled_all_of_it_goes_back(pair: Pair) -> None:
    while_under_way(pair, ["2 of 2", " is ready"], lambda process: process.send_signal(signal.SIGINT), code=130)
    assert pair.are("good", "good")


REFUSED = {
    "one missing": ("", "", "features=1", "input versions: names no version of score"),
    "no number": ("", "", "features=1, score=x", "input versions: 'score=x' is not NAME=VERSION"),
    "twice": ("", "", "features=1, features=1, score=1", "input versions: features is there twice"),
    "not there": ("", "", "features=2, score=999", "score: there is no "),
    "same name": ("name: score", "name: features", "features=1", "features is in the group twice"),
    "same service": ("ENV", "", "features=1", "is in the group twice, under another name"),
    "no group": ("group: fraud", "group: of three", "features=1", "modelway-group.yml:1: group: is text ('of three')"),
    "unknown key": ("members:", "member:", "features=1", "modelway-group.yml:2: member: unknown key 'member'"),
    "no file": ("score/", "scores/", "features=1", "there is no file scores/project/modelway.yml"),
}
"""What is written in the file instead of what, the versions asked for, and what is said."""


@pytest.mark.long
def test_what_is_refused_has_touched_nothing(pair: Pair) -> None:
    pair.deploy("good", "good")
    before = pair.features.deployed(), pair.score.deployed()
    path = pair.folder / "modelway-group.yml"
    text = path.read_text()
    second = f"{{ config: score/project/modelway.yml, name: score, environment: {pair.score.environment}"
    first = f"{{ config: features/project/modelway.yml, name: score, environment: {pair.features.environment}"
    for name, (old, new, versions, said) in REFUSED.items():
        changed = text.replace(second, first) if old == "ENV" else text.replace(old, new)
        assert old == "" or changed != text, name
        path.write_text(changed)
        assert said in pair.run("deploy_group", 2, "--versions", versions), name
    path.write_text(text)
    pair.score.configure(pair.score.port, strategy="shadow")
    assert "has strategy shadow, which ends" in pair.deploy("again", "again", code=2)
    assert (pair.features.deployed(), pair.score.deployed()) == before


@pytest.mark.long
def test_a_group_that_never_came(pair: Pair) -> None:
    pair.features.deploy("good")
    pair.score.deploy("good")
    assert "fraud was never deployed as a group there" in pair.back(code=1)
    assert pair.serving() == (pair.features.versions["good"], pair.score.versions["good"])
