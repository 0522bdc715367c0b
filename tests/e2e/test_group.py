"""Services that go together, each in a namespace of its own: one that is taken back takes the other with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.fixture import Cluster
from deployment.shop import Shop
from deployment.test_group import Pair
from e2e.shop import Namespace
from e2e.team import ClusterTeam, on_cluster


@pytest.fixture
def pair(built: Shop, cluster: Cluster, own: Namespace, tmp_path: Path) -> Iterator[Pair]:
    with cluster.namespace() as another:
        teams = [
            on_cluster(built, tmp_path / name, of)
            for name, of in (("features", own), ("score", Namespace(cluster, another)))
        ]
        for team in teams:
            team.apply_manifests()
        yield Pair.of(tmp_path, *teams)


@pytest.mark.long
def test_they_come_and_go_together(pair: Pair) -> None:
    good, again = pair.features.versions["good"], pair.features.versions["again"]
    assert isinstance(pair.features, ClusterTeam) and isinstance(pair.score, ClusterTeam)
    with pair.features.requests() as first, pair.score.requests():
        said = pair.deploy("again", "failing", code=1)
        assert "score did not get there" in said and "back with it: features" in said
        assert pair.serving() == (good, good)
        assert "outcome=deployed" in pair.deploy("again", "again")
        assert pair.serving() == (again, again)
        assert "outcome=reverted" in pair.back()
        assert pair.serving() == (good, good)
        assert "outcome=unchanged" in pair.back()
    assert not first["failed"], (first, said)
