"""The target of docs/extending.md, as it stands there, passes the suite for every target."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from documented import examples
from modelway.config import Deploy
from modelway.observe.counts import Counters, Snapshot
from modelway.records import Release
from modelway.rollout import engine
from modelway.rollout.observations import Counts
from modelway.targets import Target
from targets.case import Case, begun, claimed, deployed
from targets.contract import TargetContract


def release_of(version: int) -> Release:
    names = dict.fromkeys(
        ("platform", "python", "requirements", "image", "layout", "sbom_digest", "verdict_sha256", "ledger_head"), ""
    )
    digests = {name: f"{name}{version}" for name in ("config_digest", "manifest_digest", "model_digest")}
    keys = {"model": "m", "environment": "production", "base_image": "none", "layers": ()}
    return Release(version=version, **keys, **digests, **names)


def documented_target() -> ModuleType:
    module = ModuleType("memory")
    for code in examples("extending.md", "Add a target"):
        exec(compile(code, "docs/extending.md", "exec"), module.__dict__)
    return module


def ask(
    place: Any, chance: random.Random, failing: Callable[[str], bool] = lambda version: False, tested: bool = False
) -> str:
    """One request to a place in memory: which version answers. failing: whether this one does. tested: a tester's."""
    shares = place.routing.shares
    led = place.routing.tested if tested else ""
    if led and not place.routing.judged:
        return str(place.running[led])
    if not shares:
        return ""
    name = led or chance.choices(list(shares), list(shares.values()))[0]
    for reached in filter(None, (name, place.routing.mirror)):
        was = place.counted.get(reached, Counters())
        answered, fails = was.requests + 1, failing(str(place.running[reached]))
        place.counted[reached] = Counters(answered, was.errors + fails, answered, {1.0: answered})
    return str(place.running[name])


class MemoryCase(Case):
    model, environment, releases = "m", "production", (release_of(1), release_of(2), release_of(3))

    def __init__(self) -> None:
        self.module, self.chance = documented_target(), random.Random(1)

    def open(self, model: str = "") -> Target[Any, Any]:
        target: Target[Any, Any] = self.module.open_target(self.model, self.environment, Deploy())
        return Target(model or self.model, self.environment, target.records, target.place)

    def send(self, count: int, bad: bool = False, tested: bool = False) -> Counter[str]:
        place = self.open().place
        return Counter(ask(place, self.chance, lambda version: bad, tested) for _ in range(count))

    @contextlib.contextmanager
    def deaf(self) -> Iterator[None]:
        place: Any = self.open().place
        place.route = lambda claim, routing, back: None
        yield
        del place.route


class TestInMemory(TargetContract):
    @pytest.fixture
    def case(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
        monkeypatch.setenv("MODELWAY_STATE", str(tmp_path))
        return MemoryCase()


def test_a_way_back_asks_nobody_for_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts may be down, or slow."""
    monkeypatch.setenv("MODELWAY_STATE", str(tmp_path))
    case = MemoryCase()
    deployed(case, case.releases[0])
    acts = begun(case, claimed(case), case.releases[1])
    acts.route(0.5)
    monkeypatch.setattr(type(acts.claim.place), "snapshot", lambda place: pytest.fail("it was asked"))
    acts.route(0.0)
    assert set(case.send(20)) == {case.old}


def test_a_word_that_cannot_be_read_takes_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELWAY_STATE", str(tmp_path))
    case = MemoryCase()
    deployed(case, case.releases[0])
    acts = begun(case, claimed(case), case.releases[1])
    word = engine.Continued(1.0, 0.1, "a person", "why")
    assert acts.continued(0.1) is None
    acts.claim.records.leave_word(acts.plan.number, word)
    assert acts.continued(0.1) == word
    (path,) = acts.claim.records.folder.glob("journal/*continued*")  # type: ignore[attr-defined]
    path.write_text("{")
    assert acts.continued(0.1) is None


def test_a_replica_that_went_during_a_block_drops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the sums, it would be hidden by what the other one answered meanwhile."""
    monkeypatch.setenv("MODELWAY_STATE", str(tmp_path))
    case = MemoryCase()
    deployed(case, case.releases[0])
    acts = begun(case, claimed(case), case.releases[1])
    stable, new = acts.claim.state.stable, acts.plan.new.slot
    counted = {stable: {"a/0": Counters(200), "b/0": Counters(500)}, new: {"c/0": Counters(10)}}
    monkeypatch.setattr(type(acts.claim.place), "snapshot", lambda place: Snapshot.of_replicas(counted))
    acts.route(0.5)
    counted[stable] = {"a/0": Counters(250), "b/0": Counters(570, 2)}
    block = acts.observe(0.5)
    assert (block.dropped, block.stable) == ("", Counts(120, 2))
    counted[stable] = {"b/0": Counters(900)}
    block = acts.observe(0.5)
    assert block.dropped == f"the counters of a/0, a part of {stable}, are gone"
    assert block.stable == block.canary == Counts()
    counted[new] = {}
    assert acts.observe(0.5).dropped == f"nothing counts the requests of {new}"
    counted[stable], counted[new] = {}, {"c/0": Counters(30)}
    acts.observe(1.0)
    counted[new] = {"c/0": Counters(40)}
    block = acts.observe(1.0)
    assert (block.dropped, block.canary, block.stable) == ("", Counts(10), Counts()), (
        "who gets no traffic may go uncounted"
    )
