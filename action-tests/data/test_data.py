"""data.yml by the template that a team copies: on a pull request, and on its schedule with data that has drifted. Its reports
are kept as on GitHub, where act would skip that."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from act import Act, ActRun
from team import MakeProject, config, template

WORKFLOW = ".github/workflows/data.yml"
SHIFTED = """
rows = open("data/test.csv").read().splitlines()
cells = [line.split(",") for line in rows]
far = cells[0].index("distance")
for row in cells[1:]:
    row[far] = str(float(row[far] or 0) / 2)
open("data/newest.csv", "w").write("\\n".join(map(",".join, cells)) + "\\n")
"""


def project_files(model: str, inside: str = ".") -> dict[str, str]:
    text = config(model).replace("python make_data.py", "python make_data.py && python3 shift.py")
    return {
        WORKFLOW: template("check-data.yml").replace("with:\n", f"with:\n      working-directory: {inside}\n"),
        f"{inside}/shift.py": SHIFTED,
        f"{inside}/modelway.yml": f"{text}\ndrift: {{ current: data/newest.csv }}\n",
    }


@pytest.fixture(scope="module")
def asked(act: Act, make_project: MakeProject) -> ActRun:
    project = make_project("parcels-data", project_files("parcels-data"))
    return act.run(project, project / WORKFLOW, event="pull_request")


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="module")
def scheduled(act: Act, make_project: MakeProject, artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> ActRun:
    export = tmp_path_factory.mktemp("uploading") / "modelway"
    shutil.copytree(act.export, export, symlinks=True)
    workflow = export / ".github" / "workflows" / "data.yml"
    text = workflow.read_text()
    assert text.count(" && !env.ACT") == 2
    workflow.write_text(text.replace(" && !env.ACT", ""))
    files = project_files("parcels-drift", "service")
    files[WORKFLOW] = files[WORKFLOW].replace("with:\n", "with:\n      code-scanning: true\n")
    project = make_project("parcels-drift", files, "service")
    env = {"MODELWAY_TEST_ARTIFACTS": str(artifacts)}
    return replace(act, export=export).run(project, project / WORKFLOW, event="schedule", env=env)


def test_a_pull_request_is_checked_and_compared_with_nothing(asked: ActRun) -> None:
    assert asked.exit_code == 0 and asked.jobs == {"data": "success"}, asked.log[-3000:]
    assert asked.step("validate").outputs["outcome"] == "pass"
    assert asked.step("quality").outputs["outcome"] in ("pass", "warn")
    assert not asked.ran("drift")


def test_what_has_drifted_is_found_on_schedule(scheduled: ActRun) -> None:
    assert scheduled.exit_code == 1 and scheduled.jobs == {"data": "failure"}
    drift = scheduled.step("drift")
    assert (drift.exit_code, drift.outputs["outcome"]) == (1, "drift")
    assert json.loads(drift.outputs["drifted-columns"]) == ["distance"]
    assert len(drift.errors) == 1 and "distance" in drift.errors[0].message
    assert scheduled.step("quality").outputs["outcome"] in ("pass", "warn")


def test_the_reports_are_kept_where_the_job_fails(scheduled: ActRun, artifacts: Path) -> None:
    assert scheduled.jobs == {"data": "failure"}
    kept = {path.name for path in (artifacts / "data-reports").iterdir()}
    stages = ("validate-data", "check-quality", "detect-drift")
    assert {f"{stage}.{form}" for stage in stages for form in ("json", "md")} <= kept


def test_what_was_found_is_shown_where_code_is_scanned(scheduled: ActRun, artifacts: Path) -> None:
    assert {path.name for path in (artifacts / "code-scanning").iterdir()} == {
        "validate-data.sarif",
        "check-quality.sarif",
    }
