"""A comment on a pull request: one only, edited by later runs, joined after a race; what GitHub refuses changes no verdict."""

from __future__ import annotations

import html
import json
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import msgspec
import pytest

import comment_report
from github_comments import BOT, LONGEST, Comments
from github_files import outputs_in
from listening import answering, hang, in_turn, listening, reset
from modelway.notices.comments import KeptComment, PullRequestComments, graphql_address, marked
from modelway.records import Check, Verdict, digest_of_json

HEAD = "c0ffee" + "0" * 34


def verdict(outcome: Any = "fail", *checks: Check, **more: Any) -> Verdict:
    digests = {"model_digest": "a", "data_digest": "b", "policy_digest": "c"}
    found = Check(name="auc", rule="at least 0.85", outcome=outcome, n=4000, value=0.81, interval=(0.8, 0.82))
    given = {"model": "parcels", "version": 3, "environment": "production", "rows": 4000} | digests | more
    return Verdict(outcome=outcome, checks=checks or (found,), **given)  # type: ignore[arg-type]


def event(folder: Path, **changes: Any) -> Path:
    head, base = {"sha": HEAD, "repo": {"id": 1}}, {"repo": {"id": 1}}
    found = {"pull_request": {"number": 5, "head": head, "base": base, **changes}}
    path = folder / "event.json"
    path.write_text(json.dumps(found))
    return path


@pytest.fixture
def folder(project: Path, monkeypatch: Any) -> Path:
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event(project)))
    monkeypatch.setenv("GITHUB_WORKFLOW", "check")
    monkeypatch.setenv("GITHUB_JOB", "check")
    monkeypatch.setenv("GITHUB_TOKEN", "may-write")
    (project / "gate.json").write_bytes(msgspec.json.encode(verdict()))
    return project


@pytest.fixture
def github(folder: Path, monkeypatch: Any) -> Iterator[Comments]:
    comments = Comments()
    with listening(comments) as api:
        comments.url = api.url
        monkeypatch.setenv("GITHUB_API_URL", api.url)
        yield comments


def outputs(folder: Path) -> dict[str, str]:
    return outputs_in(folder.parent / "output")


def said(capsys: Any) -> list[str]:
    return list(capsys.readouterr().out.splitlines())


def keep(github: Comments, text: str, run: str = "1", token: str = "may-write", key: str = "k") -> KeptComment:
    api = PullRequestComments(github.url, "team/parcels", 5, token, time.monotonic() + 20)
    return api.keep(digest_of_json(key), run, HEAD, text)


def test_it_is_created_once_and_then_edited(folder: Path, github: Comments, monkeypatch: Any) -> None:
    github.add("ann", "please look at this")
    assert comment_report.main(["--reports", "gate.json"]) == 0
    assert outputs(folder)["outcome"] == "created"
    assert outputs(folder)["url"] == github.comments[1]["html_url"]
    assert "### ❌ parcels: does not pass" in github.bodies[1] and "0.8 to 0.82" in github.bodies[1]
    assert "Commit c0ffee0000." in github.bodies[1]
    (folder / "gate.json").write_bytes(msgspec.json.encode(verdict("pass")))
    monkeypatch.setenv("GITHUB_RUN_ID", "42")
    assert comment_report.main(["--reports", "gate.json"]) == 0
    assert outputs(folder)["outcome"] == "updated"
    person, ours = github.bodies
    assert person == "please look at this" and "### ✅ parcels: passes" in ours and "❌" not in ours


def test_another_key_has_a_comment_of_its_own(github: Comments) -> None:
    for key in ("a", "b", "a"):
        assert keep(github, key, key=key)
    assert [body.splitlines()[1] for body in github.bodies] == ["a", "b"]


def test_a_marker_of_somebody_else_is_left_alone(github: Comments) -> None:
    forged = marked(digest_of_json("k"), "999", "", "all is well")
    github.add("mallory", forged)
    github.add(BOT, f"quoted: {forged}")
    assert keep(github, "not well").how == "created"
    assert [keep(github, "still not").how, len(github.comments)] == ["updated", 3]
    assert github.bodies[0] == forged and github.bodies[2].endswith("still not")


def test_a_token_of_a_person_keeps_a_comment_of_that_person(github: Comments) -> None:
    assert [keep(github, "x", token="may-write-as-a-person").how for _ in "ab"] == ["created", "updated"]
    assert [comment["user"]["login"] for comment in github.comments] == ["ann"]


def test_a_comment_on_the_third_page_is_found(github: Comments) -> None:
    for number in range(250):
        github.add("ann", f"line {number}")
    assert [keep(github, "x").how for _ in "ab"] == ["created", "updated"] and len(github.comments) == 251


def test_two_runs_at_once_end_with_one(github: Comments) -> None:
    """Neither sees the other's before it creates its own."""
    both = Barrier(2, timeout=20)
    github.before_create = lambda: both.wait() and None
    threads = [Thread(target=keep, args=(github, text)) for text in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(github.comments) == 1


def test_what_a_dead_run_left_is_joined_by_the_next(github: Comments) -> None:
    for text in ("one", "two", "three"):
        github.add(BOT, marked(digest_of_json("k"), "1", HEAD, text))
    kept = keep(github, "now", run="2")
    assert kept.how == "updated" and [body.splitlines()[1] for body in github.bodies] == ["now"]
    assert kept.url.endswith("-101")


def test_a_run_that_is_late_does_not_replace_what_a_newer_commit_got(github: Comments) -> None:
    github.add(BOT, marked(digest_of_json("k"), "12", "beef" * 10, "newer"))
    assert keep(github, "older", run="9").how == "outdated"
    assert github.bodies[0].endswith("newer")
    assert keep(github, "next", run="13").how == "updated"
    assert keep(github, "again", run="9").how == "updated", "the same commit, run again"


def test_an_answer_that_is_lost_leaves_one(folder: Path, monkeypatch: Any) -> None:
    """GitHub has made it, and the connection broke before it said so."""
    comments, lost = Comments(), list[str]()

    def behave(asked: Any, handler: Any) -> Any:
        answer = comments(asked, handler)
        if asked.verb == "POST" and "comments" in asked.path and not lost:
            lost.append(asked.path)
            return reset(asked, handler)
        return answer

    with listening(behave) as api:
        comments.url = api.url
        assert keep(comments, "x") == KeptComment("created", comments.comments[0]["html_url"])
    assert lost and len(comments.comments) == 1


def test_one_that_was_deleted_meanwhile_is_made_anew(folder: Path) -> None:
    comments = Comments()

    def behave(asked: Any, handler: Any) -> Any:
        if asked.verb == "PATCH" and len(comments.comments) == 1:
            comments.comments.clear()
        return comments(asked, handler)

    with listening(behave) as api:
        comments.url = api.url
        assert [keep(comments, "x").how for _ in "ab"] == ["created", "created"] and len(comments.comments) == 1


def test_the_token_goes_to_no_other_server(folder: Path) -> None:
    """A page that claims that the next one is elsewhere."""
    comments = Comments()
    with listening() as elsewhere:

        def behave(asked: Any, handler: Any) -> Any:
            status, headers, body = comments(asked, handler)
            more = {"Link": f'<{elsewhere.url}/x>; rel="next"'} if asked.verb == "GET" else headers
            return status, more, body

        with listening(behave) as api:
            comments.url = api.url
            assert keep(comments, "x").how == "created"
        assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("behave", "expected"),
    [
        (answering(401, b'{"message": "Bad credentials"}'), "the token is wrong or has expired"),
        (answering(403, b'{"message": "Resource not accessible by integration"}'), "pull-requests: write"),
        (answering(403, b'{"message": "secondary rate limit"}', Retry_After="60"), "takes no more requests for now"),
        (answering(404, b'{"message": "Not Found"}'), "has the pull request 5"),
        (answering(422, b'{"message": "Validation Failed"}'), "Validation Failed"),
        (answering(429, b'{"message": "slow down"}', Retry_After="60"), "takes no more for 60 s"),
        (answering(502, b"<html>"), "answered with status 502"),
        (answering(200, b"[]"), "does not say whose token it is"),
        (answering(302, b"", Location="https://example.org"), "a redirect is not followed"),
        (hang, "gave no answer in time"),
        (reset, "the connection to 127.0.0.1"),
    ],
)
def test_what_github_refuses_is_a_warning_and_no_failure(
    behave: Any, expected: str, folder: Path, monkeypatch: Any, capsys: Any
) -> None:
    with listening(behave) as api:
        monkeypatch.setenv("GITHUB_API_URL", api.url)
        assert comment_report.main(["--reports", "gate.json", "--timeout-seconds", "0.7"]) == 0
    (line,) = [line for line in said(capsys) if line.startswith("::")]
    assert line.startswith("::warning title=comment-report::the comment was not written: ") and expected in line
    assert "Fix: " in line and outputs(folder) == {"outcome": "not-written", "url": ""}
    assert "### ❌ parcels: does not pass" in (folder.parent / "summary").read_text()


def test_a_limit_that_passes_is_waited_for(github: Comments, folder: Path, monkeypatch: Any) -> None:
    slow = answering(429, b"{}", Retry_After="1")
    with listening(in_turn(slow, github)) as api:
        github.url = api.url
        monkeypatch.setenv("GITHUB_API_URL", api.url)
        assert comment_report.main(["--reports", "gate.json"]) == 0
    assert outputs(folder)["outcome"] == "created"


def test_a_fork_is_no_warning(github: Comments, folder: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "may-read-alone")
    fork = event(folder, head={"sha": HEAD, "repo": {"id": 7}})
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(fork))
    assert comment_report.main(["--reports", "gate.json"]) == 0
    lines = said(capsys)
    assert [line for line in lines if "comes from a fork" in line] and not [one for one in lines if one[:2] == "::"]
    assert outputs(folder)["outcome"] == "not-written" and github.comments == []


@pytest.mark.parametrize("content", ["{}", "", "[]", "{", '{"pull_request": 3, "issue": {"number": 4}}', "[" * 9999])
def test_where_there_is_no_pull_request_that_is_said(content: str, github: Comments, folder: Path, capsys: Any) -> None:
    (folder / "event.json").write_text(content)
    assert comment_report.main(["--reports", "gate.json"]) == 0
    assert "this run is not of a pull request: no comment is written" in said(capsys)
    assert outputs(folder)["outcome"] == "no-pull-request" and github.comments == []
    assert comment_report.main(["--reports", "gate.json", "--pull-request", "5"]) == 0
    assert outputs(folder)["outcome"] == "created"


@pytest.mark.parametrize(
    "content",
    [
        {"issue": {"number": 5, "pull_request": {"url": "x"}}},
        {"workflow_run": {"head_sha": HEAD, "pull_requests": [{"number": 5}]}},
    ],
)
def test_other_events_name_a_pull_request_too(content: Any, github: Comments, folder: Path) -> None:
    (folder / "event.json").write_text(json.dumps(content))
    assert comment_report.main(["--reports", "gate.json"]) == 0 and len(github.comments) == 1


def test_a_job_that_failed_before_it_judged_replaces_the_verdict_of_before(github: Comments, folder: Path) -> None:
    (folder / "gate.json").write_bytes(msgspec.json.encode(verdict("pass")))
    assert comment_report.main(["--reports", "gate.json", "--result", "success"]) == 0
    assert comment_report.main(["--reports", ",,", "--result", "failure", "--title", "parcels"]) == 0
    (body,) = github.bodies
    assert "### ❌ parcels: failed" in body and "what is missing here was not judged" in body and "✅" not in body


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], "there is nothing to comment"),
        (["--reports", "no.json"], "report no.json: cannot be read: No such file or directory"),
        (["--reports", "event.json"], "report event.json: says no schema of ours"),
        (["--reports", "gate.json", "--pull-request", "0"], "input pull-request: '0' is not"),
    ],
)
def test_wrong_input_is_one_line(flags: list[str], expected: str, github: Comments, capsys: Any, folder: Path) -> None:
    assert comment_report.main(flags) == 2
    (line,) = [line for line in said(capsys) if line.startswith("::")]
    assert expected in line and "Fix: " in line and github.comments == []


def test_a_step_without_a_token_is_told_where_it_comes_from(
    github: Comments, folder: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    assert comment_report.main(["--reports", "gate.json"]) == 2
    assert "permissions: { pull-requests: write }" in capsys.readouterr().out


def test_hostile_values_are_text_and_it_always_fits(github: Comments, folder: Path) -> None:
    name = "@team é@team #1 GH-1 https://x.example www.x.example </details> <!-- modelway-report: --> | ` " + "&" * 200
    many = [
        Check(name=f"{n} {name}", rule=name, outcome="fail", n=9, value=0.5, interval=None, detail=name)
        for n in range(200)
    ]
    hostile = verdict("fail", *many, model=name, warnings=(name * 9,))
    (folder / "gate.json").write_bytes(msgspec.json.encode(hostile))
    assert comment_report.main(["--reports", ",".join(["gate.json"] * 40)]) == 0
    (body,) = github.bodies
    assert len(body.encode()) < LONGEST and "**Not all of it fits here.**" in body
    assert "`" not in body and "</details>" not in body and body.count("<!--") == 1
    read = html.unescape(body)  # as GitHub looks for what it may link
    for never in ("@team", "#1", "GH-1", "https://x", "www.x"):
        assert never not in read, never
    rows = [line for line in body.splitlines() if line.startswith("| ❌")]
    assert rows and all(line.count("|") in (4, 7) for line in rows)


def test_where_there_are_several_models_each_stage_says_of_which_it_is(github: Comments, folder: Path) -> None:
    (folder / "other.json").write_bytes(msgspec.json.encode(verdict("inconclusive", model="letters")))
    (folder / "gate.json").write_bytes(msgspec.json.encode(verdict("pass")))
    assert comment_report.main(["--reports", "gate.json,other.json", "--title", "all"]) == 0
    (body,) = github.bodies
    assert "### ❔ all: inconclusive: neither passed nor refused" in body
    assert "| ✅ | gate of parcels |" in body and "| ❔ | gate of letters |" in body


def test_a_secret_is_in_no_comment(github: Comments, folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "open-sesame")
    (folder / "gate.json").write_bytes(msgspec.json.encode(verdict(warnings=("read open-sesame",))))
    assert comment_report.main(["--reports", "gate.json"]) == 0
    assert "open-sesame" not in github.bodies[0] and "read ***" in github.bodies[0]


def test_graphql_is_beside_the_rest() -> None:
    assert graphql_address("https://api.github.com") == "https://api.github.com/graphql"
    assert graphql_address("https://git.example.org/api/v3/") == "https://git.example.org/api/graphql"
