"""docs/reviews.md: its workflows name inputs and outputs that are there, and its comment is one that is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from modelway.records import Check, Verdict
from modelway.report.review import ReviewedRun, markdown, review_of


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "reviews.md").read_text(encoding="utf-8")


def workflows(page: str) -> list[Any]:
    return [yaml.safe_load(block) for block in re.findall(r"(?s)```yaml\n(.*?)```", page)]


def test_its_workflows_name_what_is_there(page: str, root: Path) -> None:
    found = workflows(page)
    assert [workflow["name"] for workflow in found] == ["review", "findings"]
    for workflow in found:
        (job,) = workflow["jobs"].values()
        if "uses" in job:
            called = re.fullmatch(r"modelway/modelway/(\.github/workflows/[a-z-]+\.yml)@v1", job["uses"])
            assert called, job["uses"]
            text = (root / called[1]).read_text(encoding="utf-8")
            given = yaml.safe_load(text)[True]["workflow_call"]["inputs"]  # YAML 1.1 reads `on` as true
            assert set(job["with"]) <= set(given) and {"code-scanning", "comment"} & set(job["with"])
            assert all(f"`{name}: {level}`" in text for name, level in job["permissions"].items())
            continue
        actions = {}
        for step in job["steps"]:
            own = re.fullmatch(r"modelway/modelway/actions/([a-z-]+)@v1", step["uses"])
            if own is None:
                assert re.search(r"@[0-9a-f]{40}$", step["uses"]), "pinned by a commit"
                continue
            action = yaml.safe_load((root / "actions" / own[1] / "action.yml").read_text(encoding="utf-8"))
            assert set(step.get("with", {})) <= set(action["inputs"])
            actions[step.get("id")] = set(action["outputs"])
        for step_id, output in re.findall(r"steps\.([a-z]+)\.outputs\.([a-z-]+)", str(job)):
            assert output in actions[step_id]


def test_its_comment_is_one_that_is_written(page: str) -> None:
    def check(name: str, outcome: Any, **more: Any) -> Check:
        given = {"rule": "at least 0.7", "n": 4000, "value": 0.7312, "interval": (0.7268, 0.7356)}
        return Check(name=name, outcome=outcome, **(given | more))  # type: ignore[arg-type]

    compared = {"rule": "not worse by more than 0.01", "candidate": 0.7312, "production": 0.7522}
    checks = (
        check("roc_auc_score", "pass"),
        check("roc_auc_score against production", "fail", value=-0.021, interval=(-0.03, -0.012), **compared),
        check("accuracy_score where carrier = UA", "inconclusive", n=40),
    )
    digests = {"model_digest": "a", "data_digest": "b", "policy_digest": "c"}
    verdict = Verdict(
        model="flight-delay",
        version=3,
        environment="production",
        outcome="fail",
        checks=checks,
        rows=4000,
        production_version=2,
        **digests,
    )
    written = markdown([review_of(msgspec.json.encode(verdict), "x")], ReviewedRun(), 60_000)
    shown = [line.removeprefix(">").strip() for line in page.splitlines() if line.startswith(">")]
    assert len(shown) > 8
    for line in filter(None, shown):
        assert line in written or "| data contract |" in line, line
