"""Whatever stands in an input is data: nothing of it is executed, and the runner takes no command from it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import hostile
from act import ADDRESS, Act, ActRun
from hostile import Around, Setting
from team import ROOT, address

ACTIONS = sorted(path.parent.name for path in ROOT.glob("actions/*/action.yml"))
OWN = f"{ADDRESS['repository']}/actions/{{}}@{ADDRESS['major']}"

MOVE_THE_ALIAS = """\
if rm moved; then export VERSION=ONE; else export VERSION=OTHER; touch moved; fi
python3 - <<'PYTHON'
import json, os, urllib.request
body = json.dumps({"name": "parcels", "alias": "doubtful", "version": os.environ["VERSION"]}).encode()
address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/registered-models/alias"
headers = {"Content-Type": "application/json"}
urllib.request.urlopen(urllib.request.Request(address, body, headers, method="POST"))
PYTHON
"""

REQUESTS = """\
python3 make_data.py
python3 - <<'PYTHON'
import datetime
header, *parcels = open("data/train.csv").read().splitlines()
first = datetime.date(2026, 3, 2)
days = ((first + datetime.timedelta(days=number // 100)).isoformat() for number in range(len(parcels)))
lines = [f"{day}T08:00:00Z,{parcel}" for day, parcel in zip(days, parcels)]
open("requests.csv", "w").write("\\n".join(["asked_at," + header, *lines]) + "\\n")
PYTHON
"""
"""Of 30 days."""


def settings(action: str, one: str, other: str, deploy: str, url: str) -> Around:
    """The inputs beside the hostile one, such that it is used. one, other: versions that passed and were built. deploy: what
    brings a version into the environment rehearsal, by a shell. url: where it answers then."""
    move = MOVE_THE_ALIAS.replace("ONE", one).replace("OTHER", other)
    built = {"built-for": "production", "version": one}
    rehearsal = {"environment": "rehearsal"}
    unbuilt = {"versions": "parcels=999, hostile=999"}
    watched = {"data": "requests.csv", "time-column": "asked_at", "history-days": "28"}
    brief = {"requests-per-second": "10", "duration-seconds": "0.5", "warm-up-seconds": "0", "error-percent": "100"}
    measured = {"environment": "live", **built, "url": url, **brief}
    known: dict[str, Around] = {
        "benchmark-endpoint": (
            Setting(measured),
            {
                "url": Setting({"environment": "live", **built}),
                "built-for": Setting({"environment": "live", "version": one, "url": url}),
                "rows": Setting({"url": url}),
                "columns": Setting({"url": url, "rows": "data/test.csv"}, before="python3 make_data.py"),
                # five requests on a busy machine: also that the generator was the bottleneck
                "report-directory": Setting(measured, before=f"{deploy} {one}", refused_with=3),
                "report-directory_long": Setting(measured),
            },
        ),
        "build-image": (Setting({"environment": "staging", "version": one}), {}),
        "comment-report": (  # on no pull request
            Setting({"result": "failure"}),
            {"reports": Setting({}), "result": Setting({"reports": "no.json"})},
        ),
        "compare-contracts": (Setting({"earlier": "contract.yml"}), {}),
        "compare-models": (Setting({"version": one, "other": other}), {}),
        "continue-rollout": (
            Setting({"environment": "live", "version": one}),
            {  # nothing is paused there
                "reason_one-line": Setting({"environment": "live", "version": one}, refused_with=1),
                "report-directory": Setting({"environment": "live", "version": one}, refused_with=1),
            },
        ),
        "deploy-group": (Setting(rehearsal | unbuilt), {}),
        "deploy-model": (
            Setting({**rehearsal, **built}),
            {
                # a deployment of its own: where the version is there already, nobody reads the reason
                "reason_one-line": Setting({**rehearsal, **built, "version": other}),
            },
        ),
        "detect-drift": (Setting({"current": "data/test.csv"}), {}),
        "download-model": (
            Setting({"version": one}),
            {  # a model is in `model` by then
                "environment": Setting({}),
                "version": Setting({"environment": "staging"}),
            },
        ),
        "evaluate-gate": (Setting({"environment": "staging", "version": one}), {}),
        "export-metrics": (Setting({"version": one}), {}),
        "follow-policy": (
            Setting({"environment": "staging", "begin": "retrain"}),
            {
                "report": Setting({"environment": "staging"}),
                "begin": Setting({"environment": "staging"}),
                "result": Setting({"environment": "staging", "claim": "1"}),
            },
        ),
        "generate-contract": (
            Setting({"data": "data/test.csv", "contract": "drafted.yml"}, before="python3 make_data.py"),
            {
                "data": Setting({"contract": "drafted.yml"}),
                "convert": Setting({"contract": "drafted.yml"}),
                "contract": Setting({"data": "data/test.csv"}, before="python3 make_data.py"),
            },
        ),
        "init": (Setting({"yes": "true"}, before="rm -f modelway.yml"), {}),
        "judge-plan": (
            Setting({"manifests": "canary.yml", "requests-per-second": "50", "error-percent": "0.5", "rollouts": "10"}),
            {},
        ),
        "monitor-model": (
            Setting(watched, before=REQUESTS),
            {
                "data": Setting({"time-column": "asked_at"}),
                "time-column": Setting({"data": "requests.csv"}, before=REQUESTS),
                "history-days": Setting({"data": "requests.csv", "time-column": "asked_at"}, before=REQUESTS),
                "label": Setting({**watched, "prediction": "late"}, before=REQUESTS),
                "labels": Setting({**watched, "prediction": "late", "label-id": "asked_at"}, before=REQUESTS),
                "label-id": Setting({**watched, "prediction": "late", "labels": "requests.csv"}, before=REQUESTS),
                "service": Setting(),
                "prometheus-url": Setting(),
            },
        ),
        "notify": (
            Setting({"text": "it is late"}),
            {  # nobody can be told, which holds nothing up
                "report": Setting({}),
                "text": Setting({"environment": "live"}),
            },
        ),
        "plan-rollout": (Setting({"environment": "live"}), {}),
        "promote-model": (
            Setting({"environment": "staging", "version": one}),
            {
                "reason": Setting({"environment": "doubtful", "adopt": "true"}, before=move),
                "adopt": Setting({"environment": "staging"}),
                "restore": Setting({"environment": "staging"}),
            },
        ),
        "record-deployment": (Setting({"environment": "production", "version": one}), {}),
        "replay-rollout": (Setting({"environment": "live"}), {}),
        "rollback-group": (
            Setting(rehearsal),
            {  # it never was one
                name: Setting(rehearsal, refused_with=1)
                for name in ("reason_one-line", "tracking-uri", "report-directory")
            },
        ),
        "rollback-release": (
            Setting(rehearsal),
            {
                # traffic goes back all the same; the registry that nobody can reach is said
                "tracking-uri": Setting(rehearsal, refused_with=4),
                "reason_one-line": Setting({**rehearsal, "to": one}, before=f"{deploy} {one}; {deploy} {other}"),
                "reason_long": Setting({**rehearsal, "to": other}),
            },
        ),
        "render-monitoring": (Setting({"environment": "production"}), {}),
        "report-delivery": (Setting({"environment": "production"}), {}),
        "select-model": (
            Setting({"metric": "accuracy"}),
            {name: Setting({"metric": "accuracy"}, refused_with=1) for name in ("metric", "logged-model")},
        ),
        "show-history": (Setting({"environment": "production"}), {}),
        "start-registry": (Setting(), {"folder": Setting({"timeout-seconds": "60"}, then="stop-registry")}),
        "stop-deployment": (Setting(rehearsal), {}),
        "test-endpoint": (
            Setting({"environment": "live", **built, "url": "http://127.0.0.1:9"}),
            {
                "url": Setting(),
                "built-for": Setting({"environment": "live", "version": one, "url": url}),
                "digest": Setting({"url": url}, before=f"{deploy} {one}", refused_with=1),
                "rows": Setting({"url": url}),
                "columns": Setting({"url": url, "rows": "data/test.csv"}, before="python3 make_data.py"),
                "report-directory": Setting({"url": url}, before=f"{deploy} {one}"),
            },
        ),
        "train-model": (
            Setting(),
            {
                "python": Setting({"config": "bare.yml"}),
                "report-directory": Setting({"config": "elsewhere.yml", "model-uri": f"models:/parcels/{one}"}),
            },
        ),
    }
    return known.get(action, (Setting(), {}))


@pytest.fixture(scope="module")
def project(parcels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared project, with a configuration that names no requirements, one of another model, and a group of the two."""
    folder = tmp_path_factory.mktemp("hostile") / "project"
    shutil.copytree(parcels, folder)
    text = (folder / "modelway.yml").read_text(encoding="utf-8")
    (folder / "elsewhere.yml").write_text(text.replace("model: parcels", "model: hostile"), encoding="utf-8")
    shutil.copy(ROOT / "benchmarks" / "peers" / "flagger-threshold-5.yml", folder / "canary.yml")
    group = "group: both\nmembers: [{ config: modelway.yml }, { config: elsewhere.yml }]\n"
    (folder / "modelway-group.yml").write_text(group, encoding="utf-8")
    (folder / "bare.yml").write_text(re.sub(r"(?m)^  requirements: .*\n", "", text), encoding="utf-8")
    return folder


RunHostile = Callable[..., list[str]]


@pytest.fixture
def run_hostile(project: Path, server: str) -> RunHostile:
    """run_hostile(act, action, settings): hostile values in every input of the action, in one run; what went wrong."""

    def run(act: Act, action: str, around: Around, *, whole: bool = False) -> list[str]:
        wanted = hostile.cases(act.export, action, whole=whole)
        path = project / f"{action}.yml"
        path.write_text(hostile.workflow(OWN, action, wanted, around), encoding="utf-8")
        done = act.run(project, path, secrets={"MLFLOW_TRACKING_URI": server})
        outputs = frozenset(hostile.action_of(act.export, action)["outputs"])
        return hostile.violations(done, wanted, around, outputs)

    return run


@pytest.mark.long  # each action's own test has one, also in CI
@pytest.mark.parametrize("action", ACTIONS)
def test_every_input_of_an_action_is_data(
    action: str, act: Act, parcels: Path, versions: dict[str, str], stopped: ActRun, run_hostile: RunHostile
) -> None:
    """stopped: the last of the actions' own runs, so that these find versions, releases and journals, and disturb nobody."""
    deploy = f"'{act.export}/scripts/run' deploy_model --environment rehearsal --built-for production --version"
    around = settings(action, versions["good"], versions["retrained"], deploy, address(parcels, "rehearsal"))
    assert "\n".join(run_hostile(act, action, around)) == ""


def broken(act: Act, tmp_path: Path, run_line: str) -> Act:
    """act with an export whose stop-registry has another run line."""
    export = tmp_path / "modelway"
    shutil.copytree(act.export, export)
    path = export / "actions" / "stop-registry" / "action.yml"
    text, count = re.subn(r"(?m)^(\s+run: ).*", lambda match: match[1] + run_line, path.read_text(encoding="utf-8"))
    assert count == 1
    path.write_text(text, encoding="utf-8")
    return replace(act, export=export)


@pytest.mark.parametrize(
    ("run_line", "seen"),
    [
        ('exec "$GITHUB_ACTION_PATH/../../scripts/run" stop_registry --folder "${{ inputs.folder }}"', "executed"),
        ('echo "$MODELWAY_FOLDER"; exec "$GITHUB_ACTION_PATH/../../scripts/run" stop_registry', "forged annotation"),
        ('printf "folder<<EOF\\n%s\\nEOF\\n" "$MODELWAY_FOLDER" >>"$GITHUB_OUTPUT"', "outputs"),
    ],
    ids=["interpolated", "printed", "guessable-delimiter"],
)
def test_these_tests_can_fail(run_line: str, seen: str, act: Act, tmp_path: Path, run_hostile: RunHostile) -> None:
    """Three classic mistakes in an action are each found."""
    found = run_hostile(broken(act, tmp_path, run_line), "stop-registry", (Setting(), {}), whole=True)
    assert any(seen in line for line in found), found
