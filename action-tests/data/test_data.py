"""data.yml by the template that a team copies: on a pull request, and on its schedule with data that has drifted."""

from __future__ import annotations

import json

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


def project_files(model: str) -> dict[str, str]:
    text = config(model).replace("python make_data.py", "python make_data.py && python3 shift.py")
    return {
        WORKFLOW: template("check-data.yml"),
        "shift.py": SHIFTED,
        "modelway.yml": f"{text}\ndrift: {{ current: data/newest.csv }}\n",
    }


@pytest.fixture(scope="module")
def asked(act: Act, make_project: MakeProject) -> ActRun:
    project = make_project("parcels-data", project_files("parcels-data"))
    return act.run(project, project / WORKFLOW, event="pull_request")


@pytest.fixture(scope="module")
def scheduled(act: Act, make_project: MakeProject) -> ActRun:
    project = make_project("parcels-drift", project_files("parcels-drift"))
    return act.run(project, project / WORKFLOW, event="schedule")


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
