"""train-model as a caller runs it: a Candidate from a training, from an adoption, and the failures of both."""

from __future__ import annotations

import json
import re

from act import ActRun


def test_a_training_becomes_a_candidate_with_all_its_outputs(trained: ActRun) -> None:
    step = trained.step("good")
    assert step.result == "success", step.log
    said = step.outputs
    assert said["model"] == "parcels" and said["version"].isdigit()
    assert re.fullmatch(r"\d{8}-[0-9a-f]{7}", said["readable-version"])
    assert re.fullmatch(r"[0-9a-f]{32}", said["run-id"]) and re.fullmatch(r"[0-9a-f]{40}", said["commit"])
    assert all(re.fullmatch(r"[0-9a-f]{64}", said[name]) for name in ("digest", "content", "data-digest"))
    assert 0.7 < json.loads(said["metrics"])["accuracy"] < 1
    assert said["report"].endswith("/out/modelway/train-model.json")
    assert f"parcels version {said['version']}" in step.summary and "2.1.0" in step.summary
    assert not step.errors
