"""Services that go together, each in a namespace of its own: one that is taken back takes the other with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.fixture import Cluster
from deployment.shop import Shop
from deployment.test_group import FILE
from e2e.shop import Namespace
from e2e.team import ClusterTeam, on_cluster


@dataclass(frozen=True)
class ClusterPair:
    """Two teams, and the folder of the file that names them."""

    folder: Path
    features: ClusterTeam
    score: ClusterTeam

    def deploy(self, features: str, score: str, code: int = 0) -> str:
        versions = f"features={self.features.versions[features]}, score={self.score.versions[score]}"
        return self.run("deploy_group", code, "--versions", versions)

    def run(self, script: str, code: int, *flags: str) -> str:
        return self.features.must(script, code, "--working-directory", str(self.folder), *flags)

    def serving(self) -> tuple[str, str]:
        return self.features.serving(), self.score.serving()


@pytest.fixture
def pair(built: Shop, cluster: Cluster, own: Namespace, tmp_path: Path) -> Iterator[ClusterPair]:
    with cluster.namespace() as another:
        teams = [
            on_cluster(built, tmp_path / name, of)
            for name, of in (("features", own), ("score", Namespace(cluster, another)))
        ]
        for team in teams:
            team.apply_manifests()
        one, two = (team.folder.relative_to(tmp_path) for team in teams)
        text = FILE.format(one=one, two=two, one_in=teams[0].environment, two_in=teams[1].environment)
        (tmp_path / "modelway-group.yml").write_text(text)
        yield ClusterPair(tmp_path, *teams)


@pytest.mark.long
def test_they_come_and_go_together(pair: ClusterPair) -> None:
    good, again = pair.features.versions["good"], pair.features.versions["again"]
    with pair.features.requests() as first, pair.score.requests():
        said = pair.deploy("again", "failing", code=1)
        assert "score did not get there" in said and "back with it: features" in said
        assert pair.serving() == (good, good)
        assert "outcome=deployed" in pair.deploy("again", "again")
        assert pair.serving() == (again, again)
        assert "outcome=reverted" in pair.run("rollback_group", 0)
        assert pair.serving() == (good, good)
        assert "outcome=unchanged" in pair.run("rollback_group", 0)
    assert not first["failed"], (first, said)
