"""monitor.yml by the template that a team copies: what has changed is told to people once, and nothing the night after."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from act import Act, ActRun
from listening import Listening, answering, listening
from team import MakeProject, config, template

WORKFLOW = ".github/workflows/monitor.yml"
REQUESTS = """
import datetime, sys
header, *parcels = open("data/train.csv").read().splitlines()
first, far = datetime.date(2026, 3, 2), header.split(",").index("distance")
lines = []
for number in range(130 * int(sys.argv[1])):
    day, row = number // 130, parcels[number % len(parcels)].split(",")
    row[far] = str(float(row[far]) + (90 if day >= 55 else 0))
    lines.append(",".join([f"{first + datetime.timedelta(days=day)}T08:00:00Z", *row]))
open("data/requests.csv", "w").write("\\n".join(["asked_at," + header, *lines]) + "\\n")
"""
SECTIONS = """
monitor: { data: data/requests.csv, time-column: asked_at, history-days: 42 }
notify: { webhook: { pager: {} } }
"""


def project_files(model: str, days: int) -> dict[str, str]:
    text = config(model).replace("python make_data.py", f"python make_data.py && python3 asked_days.py {days}")
    text = re.sub(r"(?m)^notify:.*\n(?:  .*\n)*", "", text)
    return {WORKFLOW: template("monitor.yml"), "asked_days.py": REQUESTS, "modelway.yml": f"{text}\n{SECTIONS}"}


@pytest.fixture(scope="module")
def pager() -> Iterator[Listening]:
    with listening(answering(200)) as receiver:
        yield receiver


def night(act: Act, make_project: MakeProject, pager: Listening, days: int) -> ActRun:
    """The run of the night after so many days."""
    project = make_project(f"parcels-watched-{days}", project_files("parcels-watched", days))
    secrets = {"MODELWAY_WEBHOOK_URL": pager.url, "MODELWAY_WEBHOOK_SECRET": "open sesame, twice"}
    return act.run(project, project / WORKFLOW, event="schedule", secrets=secrets)


def test_people_are_told_once_what_has_changed_for_good(act: Act, make_project: MakeProject, pager: Listening) -> None:
    told = [night(act, make_project, pager, days) for days in (55, 58, 60)]
    assert [run.step("monitor").outputs["outcome"] for run in told] == ["quiet", "alarm", "changed"], told[1].log[
        -2000:
    ]
    assert [run.exit_code for run in told] == [0, 1, 0]
    assert [run.step("notify").outputs["outcome"] for run in told] == ["success", "alarm", "ongoing"]
    (asked,) = pager.asked
    notice = asked.json()
    assert (notice["subject"], notice["outcome"], notice["model"]) == ("monitoring", "alarm", "parcels-watched")
    assert "distance: values" in notice["sentence"]
