"""notify as a step runs it, against servers of this machine: exit codes, outputs, one line for what failed, nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import notify
from github_files import outputs_in
from listening import Asked, answering, hang, in_turn, listening, reset, trickle
from notice_cases import Configure, Kept, rollout

SECRET = "/services/T0000/B0000/abcdefghijklmnopqrstuvwx"


@pytest.fixture
def slack(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """slack(url): one channel at it."""

    def set_up(url: str) -> None:
        configure({"slack": {"releases": {}}, "timeout-seconds": 1})
        monkeypatch.setenv("MODELWAY_SLACK_URL", url + SECRET)

    return set_up


def told(project: Path) -> tuple[str, list[str], list[str]]:
    given = outputs_in(project.parent / "output")
    return given["outcome"], json.loads(given["told"]), json.loads(given["not-told"])


def annotations(capsys: Any, level: str) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"::{level} ")]


def test_a_rollback_is_told_with_the_reasons_and_the_run(project: Path, slack: Any, capsys: Any) -> None:
    with listening() as channel:
        slack(channel.url)
        assert notify.main(["--report", "report.json"]) == 0
    assert told(project) == ("rolled-back", ["slack releases"], [])
    (asked,) = channel.asked
    assert asked.path == SECRET and asked.headers["Content-Type"] == "application/json"
    said = json.dumps(asked.json())
    assert "Version 7 was rolled back from production; version 6 has the traffic" in said and "errors" in said
    assert "<https://github.com/team/parcels/actions/runs/41|run>" in said
    assert not [line for line in capsys.readouterr().out.splitlines() if line.startswith(("::warning", "::error"))]


def test_the_same_event_is_told_once(project: Path, slack: Any) -> None:
    with listening() as channel:
        slack(channel.url)
        for _ in range(2):
            assert notify.main(["--report", "report.json"]) == 0
            assert told(project)[1] == ["slack releases"]
        assert len(channel.asked) == 1
        (project / "report.json").write_text(json.dumps(rollout(reasons=("slow",))))
        assert notify.main(["--report", "report.json"]) == 0
        assert len(channel.asked) == 2, "another rollout is another event"


def test_only_outcomes_that_are_asked_for(project: Path, configure: Configure, monkeypatch: Any) -> None:
    with listening() as channel:
        monkeypatch.setenv("MODELWAY_SLACK_URL", channel.url)
        configure({"slack": {"all": {"on": ["success", "rolled-back"]}, "bad": {}}})
        (project / "report.json").write_text(json.dumps(rollout("deployed")))
        assert notify.main(["--report", "report.json"]) == 0
        assert told(project) == ("success", ["slack all"], [])
        assert len(channel.asked) == 1


@pytest.mark.parametrize(
    ("behave", "said"),
    [
        (hang, "gave no answer in time"),
        (trickle, "gave no answer in time"),
        (reset, "broke"),
        (answering(500, b"<html>oh dear</html>"), "answered with status 500. Fix: "),
        (answering(429, Retry_After="3600"), "answered with status 429"),
        (answering(302, Location="https://login.example.org/token"), "redirects to login.example.org"),
        (answering(308, Location="/elsewhere"), "a redirect is not followed"),
        (answering(404, b"no_service"), "answered with status 404: no_service. Fix: make a new webhook"),
        (answering(403, b"x" * 10_000_000), "answered with status 403: xxx"),
        (answering(200, b"x" * 10_000_000), ""),
    ],
    ids=["hangs", "trickles", "resets", "500", "429", "302", "308", "404", "huge-403", "huge-200"],
)
def test_a_receiver_that_fails_is_a_warning_and_its_notice_is_kept(
    behave: Any, said: str, project: Path, slack: Any, kept: Kept, capsys: Any
) -> None:
    with listening(behave) as channel:
        slack(channel.url)
        assert notify.main(["--report", "report.json"]) == 0
        printed = capsys.readouterr()
        warnings = [line for line in printed.out.splitlines() if line.startswith("::warning ")]
        if not said:
            assert not warnings and not kept()
            return
        (warning,) = warnings
        assert "slack releases" in warning and said in warning and "Fix: " in warning
        shown = [line for line in printed.out.splitlines() if not line.startswith("::add-mask::")]
        assert SECRET[-24:] not in "\n".join(shown) + printed.err
        assert told(project) == ("rolled-back", [], ["slack releases"])
        (waiting,) = kept()
        assert waiting["outcome"] == "rolled-back" and SECRET[-24:] not in json.dumps(waiting)
        channel.behave, before = answering(200), len(channel.asked)
        (project / "later.json").write_text(json.dumps(rollout("deployed")))
        assert notify.main(["--report", "later.json"]) == 0, "a success that this channel is not told"
        assert len(channel.asked) == before + 1 and "errors" in channel.asked[-1].body.decode()
        assert not kept(), "what waited was told by the next call"


def test_what_may_pass_is_tried_again(project: Path, slack: Any) -> None:
    with listening(in_turn(answering(503), reset, answering(429, Retry_After="0"), answering(200))) as channel:
        slack(channel.url)
        assert notify.main(["--report", "report.json", "--timeout-seconds", "10"]) == 0
        assert len(channel.asked) == 4 and told(project)[1] == ["slack releases"]


def test_what_was_refused_is_not_tried_again(slack: Any, project: Path) -> None:
    with listening(answering(404, b"no_service")) as channel:
        slack(channel.url)
        assert notify.main(["--report", "report.json", "--timeout-seconds", "10"]) == 0
        assert len(channel.asked) == 1


def test_a_message_that_is_refused_does_not_hold_up_the_others(project: Path, slack: Any, kept: Kept) -> None:
    def picky(asked: Asked, handler: Any) -> tuple[int, dict[str, str], bytes]:
        return (400 if b"errors" in asked.body else 200), {}, b"invalid_payload"

    with listening(picky) as channel:
        slack(channel.url)
        assert notify.main(["--report", "report.json"]) == 0
        (project / "report.json").write_text(json.dumps(rollout(reasons=("slow",))))
        channel.behave = answering(500)
        assert notify.main(["--report", "report.json"]) == 0
        assert len(kept()) == 2
        channel.behave = picky
        assert notify.main(["--result", "skipped"]) == 0
        (left,) = kept()
        assert left["reasons"] == ["errors"]


def test_a_required_receiver_fails_the_step(
    project: Path, configure: Configure, monkeypatch: Any, kept: Kept, capsys: Any
) -> None:
    monkeypatch.setenv("MODELWAY_TEAMS_URL", "http://127.0.0.1:9/" + SECRET)
    configure({"teams": {"on-call": {"required": True}}, "timeout-seconds": 0.5})
    assert notify.main(["--report", "report.json"]) == 4
    (error,) = annotations(capsys, "error")
    said = (
        "teams on-call, which is required: was not told, and is kept for the next notify: 127.0.0.1:9 cannot be reached"
    )
    assert said in error and kept()


def test_one_that_hangs_holds_up_neither_the_others_nor_the_step(
    project: Path, configure: Configure, monkeypatch: Any
) -> None:
    with listening(hang) as bad, listening() as good:
        monkeypatch.setenv("MODELWAY_SLACK_URL", bad.url)
        monkeypatch.setenv("MODELWAY_TEAMS_URL", good.url)
        configure({"slack": {"a": {}, "b": {}, "c": {}}, "teams": {"d": {}}, "timeout-seconds": 1})
        assert notify.main(["--report", "report.json"]) == 0
        assert told(project) == ("rolled-back", ["teams d"], ["slack a", "slack b", "slack c"])


def test_two_at_once_tell_it_once_and_lose_nothing(project: Path, slack: Any, root: Path, kept: Kept) -> None:
    """Of two processes with one event the receiver hears once; of four events, from four processes, of each."""

    def slow(asked: Asked, handler: Any) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.3)
        return 200, {}, b"ok"

    for number in range(4):
        (project / f"{number}.json").write_text(json.dumps(rollout(reasons=(f"reason {number}",))))
    with listening(slow) as channel:
        slack(channel.url)
        command = [root / "scripts" / "run", "notify", "--timeout-seconds", "60", "--report"]
        running = [
            subprocess.Popen([*command, f"{number}.json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for number in (0, 1, 2, 3, 0, 1)
        ]
        assert [process.wait(60) for process in running] == [0] * 6
    said = [asked.body.decode() for asked in channel.asked]
    assert [sum(f"reason {number}" in body for body in said) for number in range(4)] == [1, 1, 1, 1]
    assert not kept()


def test_a_state_folder_that_cannot_be_written_is_said_and_it_is_told_all_the_same(
    project: Path, slack: Any, monkeypatch: Any, capsys: Any
) -> None:
    (project / "file").touch()
    monkeypatch.setenv("MODELWAY_STATE", str(project / "file"))
    with listening() as channel:
        slack(channel.url)
        assert notify.main(["--report", "report.json"]) == 0
        assert len(channel.asked) == 1 and told(project)[1] == ["slack releases"]
    (warning,) = annotations(capsys, "warning")
    assert "nothing is kept of what cannot be told" in warning
    slack("http://127.0.0.1:9")
    assert notify.main(["--report", "report.json"]) == 0
    assert "was not told, and is not kept: " in annotations(capsys, "warning")[1]


def test_a_process_that_is_killed_loses_nothing(project: Path, slack: Any, root: Path, kept: Kept) -> None:
    with listening(hang) as channel:
        slack(channel.url)
        command = [root / "scripts" / "run", "notify", "--timeout-seconds", "60", "--report", "report.json"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not channel.asked:
            time.sleep(0.05)
        process.kill()
        process.wait()
        assert len(kept()) == 1
        channel.behave = answering(200)
        assert notify.main(["--result", "skipped"]) == 0
        assert len(channel.asked) == 2 and not kept()


def test_a_notice_that_nobody_was_told_of_for_a_week_is_given_up_and_that_is_said(
    project: Path, slack: Any, kept: Kept, capsys: Any
) -> None:
    slack("http://127.0.0.1:9")
    assert notify.main(["--report", "report.json"]) == 0
    (path,) = (project.parent / "state").glob("notices/*/*/waiting/*.json")
    os.utime(path, (time.time() - 8 * 24 * 3600,) * 2)
    capsys.readouterr()
    assert notify.main(["--result", "skipped"]) == 0
    (warning,) = annotations(capsys, "warning")
    assert "notices that waited for a week and are given up: 1" in warning and not kept()


def test_a_damaged_notice_holds_up_no_other(project: Path, slack: Any, kept: Kept) -> None:
    slack("http://127.0.0.1:9")
    assert notify.main(["--report", "report.json"]) == 0
    (path,) = (project.parent / "state").glob("notices/*/*/waiting/*.json")
    path.with_name("b" * 64 + ".json").write_bytes(path.read_bytes()[:50])
    with listening() as channel:
        slack(channel.url)
        assert notify.main(["--result", "skipped"]) == 0
        assert len(channel.asked) == 1 and not kept()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--report", "missing.json"], "report missing.json: cannot be read: No such file or directory"),
        (["--report", "."], "cannot be read: Is a directory"),
        (["--report", "cut.json"], "is not JSON: it is damaged, or no report"),
        (["--report", "other.json"], "has the schema 'theirs/1'"),
        (["--report", "array.json"], "says no schema of ours"),
        (["--report", "half.json"], "is no whole modelway/verdict/1"),
        (["--report", "bytes.json"], "is not JSON"),
        ([], "there is nothing to tell"),
        (["--text", "hi", "--environment", "nowhere"], "unknown environment 'nowhere'"),
    ],
)
def test_a_report_that_is_none_is_one_line_with_the_fix(
    given: list[str], said: str, project: Path, slack: Any, capsys: Any
) -> None:
    (project / "cut.json").write_text(json.dumps(rollout())[:-9])
    (project / "other.json").write_text('{"schema": "theirs/1"}')
    (project / "array.json").write_text("[1]")
    (project / "half.json").write_text('{"schema": "modelway/verdict/1", "outcome": "pass"}')
    (project / "bytes.json").write_bytes(b'"\xff\xfe"')
    slack("http://127.0.0.1:9")
    assert notify.main(given) == 2
    (error,) = annotations(capsys, "error")
    assert said in error and "Fix: " in error


@pytest.mark.parametrize("report", ["", "missing.json"])
def test_a_step_that_failed_before_it_wrote_a_report_is_told(report: str, project: Path, slack: Any) -> None:
    with listening() as channel:
        slack(channel.url)
        given = ["--result", "failure", "--environment", "production", "--subject", "rollout"]
        assert notify.main([*given, *(["--report", report] if report else [])]) == 0
        assert told(project) == ("failed", ["slack releases"], [])
        assert "parcels in production: rollout failed. The step failed before it wrote a report" in str(
            channel.asked[0].json()
        )


@pytest.mark.parametrize("result", ["success", "skipped"])
def test_a_step_that_did_nothing_is_not_told(result: str, project: Path, slack: Any) -> None:
    with listening() as channel:
        slack(channel.url)
        assert notify.main(["--result", result]) == 0
        assert told(project) == ("", [], []) and not channel.asked


def test_a_failed_step_is_no_success_whatever_its_report_says(project: Path, slack: Any) -> None:
    (project / "report.json").write_text(json.dumps(rollout("deployed")))
    with listening() as channel:
        slack(channel.url)
        assert notify.main(["--report", "report.json", "--result", "failure"]) == 0
        assert told(project)[0] == "failed" and "the step failed all the same" in channel.asked[0].body.decode()


def test_a_text_of_ones_own(project: Path, slack: Any, monkeypatch: Any) -> None:
    with listening() as channel:
        slack(channel.url)
        for attempt in ("1", "1", "2"):
            monkeypatch.setenv("GITHUB_RUN_ATTEMPT", attempt)
            assert notify.main(["--subject", "nightly", "--text", "the table is late & <b>stale</b>"]) == 0
        assert told(project)[0] == "alarm"
        assert len(channel.asked) == 2, "once in each attempt of a run"
        assert (
            "parcels: nightly alarm. the table is late &amp; &lt;b&gt;stale&lt;/b&gt;"
            in channel.asked[0].json()["text"]
        )


def test_no_secret_in_a_message(project: Path, configure: Configure, monkeypatch: Any) -> None:
    """Neither the value of a variable that the section names, nor of one that is a secret by its name, nor a password within
    an address."""
    monkeypatch.setenv("PAGER_KEY", "sesame-of-pager")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "token-of-mlflow")
    reasons = ("sesame-of-pager said no", "token-of-mlflow", "https://me:pass-word@host")
    monkeypatch.setenv("ADDRESS", reasons[2])
    (project / "report.json").write_text(json.dumps(rollout(reasons=reasons)))
    with listening() as pager:
        monkeypatch.setenv("MODELWAY_WEBHOOK_URL", pager.url)
        configure({"webhook": {"pager": {"secret-variable": "PAGER_KEY"}}})
        assert notify.main(["--report", "report.json"]) == 0
        body = pager.asked[0].body.decode()
        assert "***" in body and not [one for one in ("sesame", "token-of", "pass-word") if one in body]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "modelway.yml: notify: nobody is to be told. Fix: "),
        ({"slack": {"a": {"url": "https://hooks.example.org"}}}, "unknown key 'url'. Fix: "),
        ({"slack": {"a": {"on": ["bad"]}}}, "notify.slack.a.on[0]: is text ('bad'), not one of"),
        ({"email": {"a": {"to": ["me@example.org"]}}}, "the key 'from' is missing"),
        ({"sns": {"a": {"topic": "releases"}}}, "not text that matches ^arn:"),
        ({"slack": {"../a": {}}}, "not text that matches"),
        ({"slack": {"a": {"on": []}}}, "notify.slack.a.on: is a list, not a list that is not empty"),
        ({"github-issue": {"a": {"label": "x" * 51}}}, "not text of at most 50 characters"),
        (None, "notify: is empty, not a mapping"),
    ],
)
def test_a_wrong_key_is_one_line_with_its_place(
    section: Any, said: str, project: Path, configure: Configure, capsys: Any
) -> None:
    configure(section)
    assert notify.main(["--report", "report.json"]) == 2
    (error,) = annotations(capsys, "error")
    assert said in error.replace("%3A", ":").replace("%2C", ","), error


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "$MODELWAY_SLACK_URL: is not set"),
        ("hooks.slack.com/services", "does not hold a URL"),
        ("https://[::1", "does not hold a URL"),
        ("ftp://example.org/x", "does not hold a URL"),
        ("http://example.org/x", "holds a URL with http://"),
        ("http://nowhere.invalid", "http://"),
        ("https://a..b/x", "a..b is no name of a host"),
    ],
)
def test_a_variable_that_holds_no_url_is_a_warning(
    url: str, said: str, slack: Any, monkeypatch: Any, capsys: Any
) -> None:
    slack("")
    monkeypatch.setenv("MODELWAY_SLACK_URL", url)
    assert notify.main(["--report", "report.json"]) == 0
    (warning,) = annotations(capsys, "warning")
    assert said in warning.replace("%3A", ":") and "Fix: " in warning
