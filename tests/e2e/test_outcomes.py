"""A team's own counters, which the cluster's Prometheus scrapes from its pods, are judged beside errors and times."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployment.shop import Shop
from e2e.shop import Namespace
from e2e.team import NAME, manifests, on_cluster

SERIES = 'modelway_prediction_score_{part}{{namespace="{namespace}",version="{{version}}"{more}}}'


@pytest.mark.long
def test_an_outcome_of_the_teams_own_is_counted_by_release(built: Shop, own: Namespace, tmp_path: Path) -> None:
    """The scores up to a half stand for what came of a prediction: half of them, whichever release was asked."""
    team = on_cluster(built, tmp_path, own)
    made = manifests(own, team.image("good"))
    template = next(item for item in made if item["kind"] == "Deployment")["spec"]["template"]
    template["metadata"]["annotations"] = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    own.apply(*made)
    own.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=90s")
    team.configure_cluster(
        counts={"source": "pods", "prometheus": {"service": own.made.described.prometheus, "queries": "modelway"}}
    )
    trials = SERIES.format(part="count", namespace=own.name, more="")
    successes = SERIES.format(part="bucket", namespace=own.name, more=',le="0.5"')
    outcome = f"outcomes: [{{name: bookings, fall-at-most: 0.2, trials: '{trials}', successes: '{successes}'}}]"
    path = team.folder / "modelway.yml"
    path.write_text(path.read_text().replace("judge: {block-seconds: 1", f"judge: {{{outcome}, block-seconds: 3"))
    with team.requests() as seen:
        said = team.deploy("again")
    assert "outcome=deployed" in said, said
    report = json.loads((team.folder / "out" / "modelway" / "deploy-model.json").read_text())
    watched = [counts for block in report["blocks"] for counts in block["watched"]]
    assert {counts["name"] for counts in watched} == {"without bookings"}
    for arm in ("canary", "stable"):
        without, of = (sum(counts[arm][at] for counts in watched) for at in (0, 1))
        assert of > 100 and 0.3 < without / of < 0.7, (arm, without, of)
    assert not seen["failed"], seen
