"""check.yml by the template that a team copies: judged in a throwaway store, without a server and without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from act import Act, ActRun
from github_comments import Comments
from listening import listening
from team import MakeProject, config, template

WORKFLOW = ".github/workflows/check.yml"


@pytest.fixture(scope="module")
def passing(act: Act, make_project: MakeProject) -> ActRun:
    return run_template(act, make_project("parcels-passing", {WORKFLOW: template("check-pull-request.yml")}))


@pytest.fixture(scope="module")
def github() -> Iterator[Comments]:
    comments = Comments()
    with listening(comments) as api:
        comments.url = api.url
        yield comments


@pytest.fixture(scope="module")
def failing(act: Act, make_project: MakeProject, github: Comments) -> ActRun:
    """A pull request that makes the model useless."""
    useless = config("parcels-failing").replace("model: logistic", "model: constant")
    files = {WORKFLOW: template("check-pull-request.yml"), "modelway.yml": useless}
    project = make_project("parcels-failing", files)
    side = {"sha": "c0ffee" * 6, "repo": {"id": 1}, "ref": "main"}
    payload = {"pull_request": {"number": 5, "head": side, "base": side}}
    return act.run(
        project,
        project / WORKFLOW,
        event="pull_request",
        payload=payload,
        secrets={"GITHUB_TOKEN": "may-write"},
        env={"GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": "team/parcels"},
    )


@pytest.fixture(scope="module")
def without_a_contract(act: Act, make_project: MakeProject) -> ActRun:
    """A team that wrote none."""
    bare = config("parcels-bare").replace("  contract: contract.yml\n", "")
    assert "contract" not in bare
    files = {WORKFLOW: template("check-pull-request.yml"), "modelway.yml": bare}
    return run_template(act, make_project("parcels-bare", files))


def run_template(act: Act, project: Path) -> ActRun:
    return act.run(project, project / WORKFLOW, event="pull_request")


def test_a_change_that_keeps_the_model_good_passes(passing: ActRun) -> None:
    assert passing.exit_code == 0 and passing.jobs == {"check": "success"}, passing.log[-3000:]
    assert passing.step("gate").outputs["outcome"] == "pass"
    assert passing.step("train").outputs["version"] == "1"  # of a store that nobody used before
    assert passing.step("gate").summary.startswith("**PASS**")
    assert not passing.ran("promote")


def test_a_change_that_makes_the_model_bad_fails(failing: ActRun) -> None:
    assert failing.exit_code == 1 and failing.jobs == {"check": "failure"}
    gate = failing.step("gate")
    assert (gate.exit_code, gate.outputs["outcome"]) == (1, "fail")
    assert len(gate.errors) == 1 and "accuracy_score" in gate.errors[0].message


def test_the_reviewer_reads_in_one_comment_why(failing: ActRun, github: Comments, passing: ActRun) -> None:
    comment = failing.step("comment")
    assert comment.outputs["outcome"] == "created", comment.log
    (body,) = github.bodies
    assert "### ❌ parcels-failing: does not pass" in body and "Commit c0ffeec0ff." in body
    stages = [line for line in body.splitlines() if line.startswith(("| ✅ | data contract |", "| ❌ | gate |"))]
    assert len(stages) == 2 and "| ❌ | accuracy_score |" in body
    assert comment.outputs["url"] == github.comments[0]["html_url"]
    assert passing.step("comment").outputs["outcome"] == "no-pull-request"


@pytest.mark.long
def test_where_there_is_no_contract_that_is_said_and_the_rest_runs(without_a_contract: ActRun, passing: ActRun) -> None:
    assert without_a_contract.exit_code == 0, without_a_contract.log[-3000:]
    assert without_a_contract.step("validate").outputs["outcome"] == "skipped"
    assert "**SKIPPED**: the data was not checked: modelway.yml sets no data.contract" in (
        without_a_contract.step("validate").summary
    )
    assert without_a_contract.step("gate").outputs["outcome"] == "pass"
    assert passing.step("validate").outputs["outcome"] == "pass"


@pytest.mark.parametrize("run", ["passing", "failing"])
def test_the_throwaway_server_is_gone_afterwards(run: str, act: Act, request: pytest.FixtureRequest) -> None:
    done: ActRun = request.getfixturevalue(run)
    address = done.step("registry").outputs["tracking-uri"]
    assert address.startswith("http://127.0.0.1:")
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=5)
    assert act.left_running() == []
