"""plan-rollout: what deploy-model would say of the next canary, from the traffic as it is, and nothing is touched for it."""

from __future__ import annotations

import json
import time

import pytest

from deployment.shop import Shop
from modelway.markdown import cell


def plan(shop: Shop, code: int = 0) -> str:
    return shop.must("plan_rollout", code)


def outcome(shop: Shop) -> str:
    report = json.loads((shop.folder / "out" / "modelway" / "plan-rollout.json").read_text())
    return str(report["outcome"])


def everything(shop: Shop) -> dict[str, bytes]:
    """Every file of the target that a command of ours writes; the recorder's and Envoy's own are theirs."""
    kept = [path for path in shop.target.rglob("*") if path.is_file() and "logs" not in path.parts]
    return {str(path): path.read_bytes() for path in kept}


@pytest.mark.long
def test_where_nothing_is_there_or_nothing_is_compared_none_is_needed(shop: Shop) -> None:
    assert "nothing is in" in plan(shop)
    assert outcome(shop) == "unneeded"
    assert not shop.target.exists(), "it only reads"
    shop.configure(shop.port, strategy="all-at-once")
    assert "strategy all-at-once compares nothing" in plan(shop)


@pytest.mark.long
def test_it_says_what_deploy_model_would_say_and_changes_nothing(shop: Shop) -> None:
    shop.deploy("good")
    with shop.traffic(50):
        time.sleep(5)
        before = everything(shop)
        said = plan(shop)
        assert "canary requests" in said
        assert outcome(shop) == "possible"
        shop.configure(shop.port, timeout=1)
        said = plan(shop, code=1)
        assert "plan-rollout: refused" in said or "plan_rollout" in said
        assert "timeout-seconds" in said
        assert everything(shop) == before
        refused = shop.deploy("again", code=1)
        assert "timeout-seconds" in refused, "as it is said later"
        thin_traffic_is_told_what_would_do(shop)
    time.sleep(3)
    assert "got too few requests" in plan(shop), "what has ceased is not called thin"
    assert outcome(shop) == "unknown"


def thin_traffic_is_told_what_would_do(shop: Shop) -> None:
    """In one line, and as a table of the summary; and it does."""
    shop.configure(shop.port, timeout=6)
    said, refused = plan(shop, code=1), shop.deploy("again", code=1)
    assert outcome(shop) == "impossible" and "outcome=impossible" in said
    out = shop.folder / "out" / "modelway"
    found = json.loads((out / "plan-rollout.json").read_text())["ways"]
    summary = (out / "plan-rollout.md").read_text()
    assert list(found[0]["changes"]) == ["deploy.timeout-seconds"] and len(found) >= 3
    for way in found:
        assert way["change"] in said and f"| {cell(way['change'])} |" in summary and cell(way["price"]) in summary
    assert f"set {found[0]['change']}; or " in refused
    shop.configure(shop.port, timeout=found[0]["changes"]["deploy.timeout-seconds"])
    assert "canary requests" in plan(shop) and outcome(shop) == "possible"


@pytest.mark.long
def test_without_traffic_it_warns_and_does_not_wait(shop: Shop) -> None:
    shop.deploy("good")
    began = time.monotonic()
    said = plan(shop)
    assert "got too few requests" in said
    assert "deploy-model asks again" in said
    assert outcome(shop) == "unknown"
    assert time.monotonic() - began < 20, "an interpreter's start, and no watching"
