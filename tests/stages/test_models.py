"""Choosing, listing and downloading versions of a model, by the commands, on a real MLflow server."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from modelway.registry import content
from modelway.registry.entities import Run
from stages.test_gate_and_promote import Team, team

__all__ = ["team"]


def done(team: Team, script: str, *flags: str, code: int = 0) -> tuple[dict[str, str], str]:
    """Its outputs, and all that it said."""
    ended = team.run(script, *flags)
    said = ended.stdout + ended.stderr
    assert ended.returncode == code, said
    assert len([line for line in ended.stderr.splitlines() if line.startswith("error")]) == (code != 0), said
    assert "Traceback" not in said
    return dict(line.split("=", 1) for line in ended.stdout.splitlines() if "=" in line), said


def report(team: Team, name: str) -> Any:
    return json.loads((team.folder / "out" / "modelway" / f"{name}.json").read_text())


def value_of(team: Team, run: Run, metric: str, value: float) -> None:
    body = {"run_id": run.id, "key": metric, "value": value, "timestamp": 1}
    team.client.transport.api("POST", "runs/log-metric", body)


def run_of(team: Team, version: int) -> Run:
    found = team.client.get_version(team.model, version)
    assert found is not None
    return team.client.get_run(found.run_id)


@pytest.fixture
def two(team: Team) -> Team:
    """Two versions, the second of which is in production."""
    for kind in ("weak", "strong"):
        team.trained(kind)
    team.judged("2")
    team.promoted("--version", "2")
    return team


@pytest.mark.long
def test_versions_are_listed_chosen_and_brought(two: Team) -> None:
    listed(two)
    chosen(two)
    compared(two)
    exported(two)
    brought(two)


def listed(team: Team) -> None:
    said, text = done(team, "list_models")
    assert json.loads(said["versions"]) == [2, 1] and said["newest"] == "2"
    assert json.loads(said["environments"]) == {"candidate": 2, "production": 2}
    assert json.loads(said["images"]) == {}, "nothing was built"
    rows = report(team, "list-models")["listed"]
    assert rows[0]["aliases"] == ["candidate", "production"] and rows[0]["verdicts"] == {"production": "pass"}
    assert rows[1]["aliases"] == [] and rows[1]["verdicts"] == {} and len(rows[1]["digest"]) == 64
    assert "production: pass" in text
    said, text = done(team, "list_models", "--most", "1")
    assert json.loads(said["versions"]) == [2] and "1 older ones are not shown" in text
    team.client.set_alias(team.model, "kept", 1)
    assert json.loads(done(team, "list_models", "--most", "1")[0]["versions"]) == [2, 1]
    team.client.delete_alias(team.model, "kept")


def chosen(team: Team) -> None:
    for version, value in ((1, 0.7), (2, 0.9)):
        value_of(team, run_of(team, version), "val auc", value)
    said, text = done(team, "select_model", "--metric", "val auc")
    assert (said["version"], said["value"], said["runs"], said["tied"]) == ("2", "0.9", "2", "1")
    assert said["run-id"] == run_of(team, 2).id and "the best of 2 runs" in text
    assert done(team, "select_model", "--metric", "val auc", "--conditions", "val auc < 0.8")[0]["version"] == "1"
    _, text = done(team, "select_model", "--metric", "val auc", "--conditions", "val auc < 0.1", code=1)
    assert "of 2 finished runs" in text and "2 not val auc < 0.1" in text
    _, text = done(team, "select_model", "--metric", "val auc", "--experiment", "nobodys", code=2)
    assert "there is no experiment 'nobodys'" in text

    better = team.client.create_run(run_of(team, 1).experiment_id, "without a model", {})
    value_of(team, better, "val auc", 0.99)
    team.client.update_run(better.id, "FINISHED")
    said, _ = done(team, "select_model", "--metric", "val auc")
    assert said["version"] == "2", "what logged no model cannot be chosen"
    assert report(team, "select-model")["without_a_model"] == [better.id]
    adopted, text = done(team, "train_model", "--model-uri", said["model-uri"], code=0)
    assert adopted["version"] == "3", "the address is one that train-model takes"


def compared(team: Team) -> None:
    said, text = done(team, "compare_models", "--version", "2", "--other", "1")
    assert json.loads(said["better"]) == ["roc_auc_score", "accuracy_score"] and json.loads(said["worse"]) == [], text
    found, _ = report(team, "compare-models")["metrics"]
    assert found["name"] == "roc_auc_score" and found["n"] == int(said["rows"])
    low, high = found["interval"]
    assert 0 < low < found["difference"] < high
    assert found["difference"] == pytest.approx(found["value"] - found["other_value"])
    back, _ = done(team, "compare_models", "--version", "1", "--other", "2", "--metrics", "log_loss,accuracy_score")
    assert set(json.loads(back["worse"])) | set(json.loads(back["undecided"])) == {"log_loss", "accuracy_score"}
    again, _ = done(team, "compare_models", "--version", "2", "--other", "3")  # the same model under two numbers
    assert json.loads(again["undecided"]) == ["roc_auc_score", "accuracy_score"]
    assert team.aliases() == {"candidate": 2, "production": 2}
    for flags, wrong in (
        (("--version", "2", "--other", "2"), "is version 2 too"),
        (("--version", "2", "--other", "1", "--metrics", "roc_auc"), "roc_auc"),
        (("--version", "2", "--other", "77"), "there is no"),
    ):
        _, text = done(team, "compare_models", *flags, code=2)
        assert wrong in text and "Fix: " in text


def exported(team: Team) -> None:
    said, _ = done(team, "export_metrics", "--environment", "production")
    assert said["version"] == "2"
    text = Path(said["prometheus"]).read_text()
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    check = next(row for row in report(team, "export-metrics")["figures"] if row["of"] == "gate")
    labels = f'model="{team.model}",version="2",environment="production",check="{check["name"]}"'
    assert float(samples[f"modelway_gate_value{{{labels}}}"]) == check["value"]
    assert float(samples[f"modelway_gate_value_lower{{{labels}}}"]) == check["lower"] < check["value"]
    assert samples[f'modelway_gate_outcome{{{labels},outcome="pass"}}'] == "1.0"
    rows = list(csv.DictReader(Path(said["csv"]).read_text().splitlines()))
    assert len(rows) == int(said["figures"]) and float(rows[-1]["value"]) == check["value"]
    promtool = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert promtool.returncode == 0, promtool.stdout + promtool.stderr
    for flags, wrong in (((), "neither is given"), (("--version", "1"), "neither its training nor a verdict")):
        _, said_wrong = done(team, "export_metrics", *flags, code=2)
        assert wrong in said_wrong and "Fix: " in said_wrong


def brought(team: Team) -> None:
    digests = {row["version"]: row["digest"] for row in report_of_all(team)}
    said, _ = done(team, "download_model", "--environment", "production")
    folder = team.folder / "model"
    assert said["version"] == "2" and said["folder"] == str(folder) and said["digest"] == digests[2]
    assert content.digest(content.model_files(folder)) == digests[2]
    assert "--hash=sha256:" in Path(said["requirements"]).read_text()
    assert "already" in done(team, "download_model", "--environment", "production")[1]

    done(team, "download_model", "--digest", f"sha256:{digests[1]}")
    assert content.digest(content.model_files(folder)) == digests[1], "another version takes its place"
    assert sorted(path.name for path in team.folder.glob(".model*")) == []
    _, text = done(team, "download_model", "--version", "1", "--digest", digests[2][:12], code=1)
    assert f"version 1 has the digest {digests[1][:12]}, not {digests[2][:12]}" in text
    assert content.digest(content.model_files(folder)) == digests[1], "what is refused touches nothing"

    for flags, wrong in (
        ((), "no version is named"),
        (("--digest", "1" * 12), "no version of"),
        (("--digest", "main"), "'main' is no digest"),
        (("--version", "99"), "version 99"),
        (("--version", "1", "--folder", "."), "is the project's own folder"),
        (("--version", "1", "--folder", ".."), "is the project's own folder, or holds it"),
        (("--version", "1", "--folder", "train.py"), "is no folder"),
        (("--version", "1", "--folder", "out"), "holds something else than a model"),
    ):
        _, text = done(team, "download_model", *flags, code=2)
        assert wrong in text and "Fix: " in text
    goes_on(team, digests[1])
    changed(team)


def report_of_all(team: Team) -> list[dict[str, Any]]:
    done(team, "list_models")
    return list(report(team, "list-models")["listed"])


def goes_on(team: Team, digest: str) -> None:
    """A download that died: a file that is whole is not fetched again, a torn one is."""
    arriving = team.folder / f".again.{digest[:12]}.partial"
    shutil.copytree(team.folder / "model", arriving)
    whole, torn = arriving / "MLmodel", arriving / "model.pkl"
    torn = torn if torn.exists() else next(path for path in arriving.iterdir() if path.name.startswith("model."))
    torn.write_bytes(torn.read_bytes()[:-10])
    before = whole.stat().st_mtime_ns
    done(team, "download_model", "--version", "1", "--folder", "again")
    again = team.folder / "again"
    assert content.digest(content.model_files(again)) == digest and not arriving.exists()
    assert (again / "MLmodel").stat().st_mtime_ns == before


def changed(team: Team) -> None:
    """Somebody changes what is stored: nothing of it gets a name."""
    team.client.upload(team.client.version_artifacts(team.model, 2), "MLmodel", b"flavors: {}\n")
    _, text = done(team, "download_model", "--version", "2", "--folder", "changed", code=1)
    assert "MLmodel of" in text and "was changed" in text
    assert not (team.folder / "changed").exists()
