"""A GitHub issue: opened, commented, closed, opened again; one only. The API is in memory, behind a real server."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

import notify
from listening import Asked, Issues, listening, reset
from modelway.notices.issues import GithubIssues
from notice_cases import Configure, Kept, rollout, some_notice, told, warning


@pytest.fixture
def github(project: Path, configure: Configure, monkeypatch: Any) -> Iterator[Issues]:
    issues = Issues()
    with listening(issues) as api:
        monkeypatch.setenv("GITHUB_API_URL", api.url)
        monkeypatch.setenv("GITHUB_TOKEN", issues.token)
        configure({"github-issue": {"incidents": {}}})
        yield issues


def report(project: Path, outcome: str, reason: str = "errors", **more: Any) -> list[str]:
    (project / "report.json").write_text(json.dumps(rollout(outcome, (reason,), **more)))
    return ["--report", "report.json"]


def test_an_issue_is_opened_commented_closed_and_opened_again(project: Path, github: Issues) -> None:
    for outcome, reason in (
        ("rolled-back", "one"),
        ("failed", "two"),
        ("deployed", ""),
        ("deployed", "again"),
        ("failed", "three"),
    ):
        assert notify.main(report(project, outcome, reason)) == 0
        (issue,) = github.issues
        assert issue["state"] == ("closed" if outcome == "deployed" else "open")
    assert issue["title"] == "parcels in production: rollout failed" and "- one" in issue["body"]
    assert len(issue["comments"]) == 3, "two more failures, and the success that ended it"
    other = report(project, "failed", plan={"environment": "staging"})
    assert notify.main(other) == 0
    assert [issue["title"] for issue in github.issues[1:]] == ["parcels in staging: rollout failed"]


def test_a_success_opens_no_issue(project: Path, github: Issues) -> None:
    assert notify.main(report(project, "deployed")) == 0
    assert github.issues == [] and told(project) == (["github-issue incidents"], [])


def test_a_runner_that_keeps_nothing_tells_an_issue_once(project: Path, github: Issues, monkeypatch: Any) -> None:
    for runner in "abc":
        monkeypatch.setenv("MODELWAY_STATE", str(project.parent / runner))
        assert notify.main(report(project, "failed")) == 0
    (issue,) = github.issues
    assert issue["comments"] == []


def test_what_a_person_wrote_into_an_issue_stays(project: Path, github: Issues) -> None:
    assert notify.main(report(project, "failed", "one")) == 0
    github.issues[0]["body"] = "Looking at it. " + github.issues[0]["body"] + "\nDone?"
    assert notify.main(report(project, "failed", "two")) == 0
    (issue,) = github.issues
    assert (
        issue["body"].startswith("Looking at it. ")
        and issue["body"].endswith("\nDone?")
        and len(issue["comments"]) == 1
    )


def test_two_runners_at_once_end_with_one_open_issue(github: Issues, monkeypatch: Any) -> None:
    """Neither sees the other's before it opens its own."""
    both = Barrier(2, timeout=20)
    github.before_create = lambda: both.wait() and None
    api = GithubIssues(os.environ["GITHUB_API_URL"], "team/parcels", "modelway", github.token, time.monotonic() + 20)
    notices = [some_notice("a" * 64, sentence="first"), some_notice("b" * 64, sentence="second")]
    threads = [Thread(target=api.tell, args=(notice,)) for notice in notices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [issue["state"] for issue in github.issues] == ["open", "closed"]
    said = github.issues[0]["body"] + "".join(github.issues[0]["comments"])
    assert "first" in said and "second" in said


def test_an_answer_that_is_lost_leaves_one_open_issue(project: Path, configure: Configure, monkeypatch: Any) -> None:
    """GitHub has opened it, and the connection broke before it said so."""
    issues, lost = Issues(), list[str]()

    def behave(asked: Asked, handler: Any) -> Any:
        answer = issues(asked, handler)
        if asked.verb == "POST" and not lost:
            lost.append(asked.path)
            return reset(asked, handler)
        return answer

    with listening(behave) as api:
        monkeypatch.setenv("GITHUB_API_URL", api.url)
        monkeypatch.setenv("GITHUB_TOKEN", issues.token)
        configure({"github-issue": {"incidents": {}}})
        assert notify.main(report(project, "failed")) == 0
    assert [issue["state"] for issue in issues.issues] == ["open", "closed"] and lost
    assert told(project) == (["github-issue incidents"], []) and issues.issues[0]["comments"] == []


def test_markup_in_a_reason_is_text(project: Path, github: Issues) -> None:
    hostile = "@team <!-- modelway-notice: x --> [a](http://x) <script> #1 ```"
    assert notify.main(report(project, "failed", hostile)) == 0
    body = github.issues[0]["body"]
    assert "@team" not in body and "<script>" not in body and "[a](" not in body and "```" not in body
    assert body.count("<!--") == 1


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("may-read-alone", "give the job `permissions: { issues: write }`"),
        ("", "$GITHUB_TOKEN: is not set. Fix: give the step `env:"),
        ("tökén", "holds characters that no token has"),
    ],
)
def test_a_token_without_the_right_is_said(
    token: str, said: str, project: Path, github: Issues, monkeypatch: Any, capsys: Any, kept: Kept
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", token)
    assert notify.main(report(project, "failed")) == 0
    assert said in warning(capsys) and kept() and not github.issues
    monkeypatch.setenv("GITHUB_TOKEN", github.token)
    assert notify.main(report(project, "failed", "two")) == 0
    (issue,) = github.issues
    assert "- errors" in issue["body"] and len(issue["comments"]) == 1, "what waited came first"


def test_an_issue_beyond_the_first_page_is_found(project: Path, github: Issues) -> None:
    assert notify.main(report(project, "failed", "one")) == 0
    filler = {"state": "open", "comments": [], "title": "", "body": None, "labels": [{"name": "modelway"}]}
    github.issues += [{"number": number, **filler} for number in range(2, 240)]
    assert notify.main(report(project, "failed", "two")) == 0
    assert len(github.issues[0]["comments"]) == 1


def test_a_repository_that_is_not_there_is_said(
    project: Path, github: Issues, configure: Configure, capsys: Any
) -> None:
    configure({"github-issue": {"incidents": {"repository": "team/other"}}})
    assert notify.main(report(project, "failed")) == 0
    assert "check the repository team/other" in warning(capsys)
