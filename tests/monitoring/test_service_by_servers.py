"""monitor-model over a service that nobody else counts: what its servers tell is enough; what they do not tell is unknown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

import detect_drift
import monitor_model
from modelway.monitoring.report import CountedReport
from modelway.monitoring.service_days import CountedDay
from modelway.stages.steps import counted_days
from monitoring.service_worlds import days
from monitoring.test_monitor_model import training
from monitoring.test_service import outputs, report, table

ENVIRONMENT = "environments: {live: {deploy: {target: local}}}\n"
PROMISED = f"model: m\nmonitor: {{history-days: 28, service: {{availability: 0.999}}}}\n{ENVIRONMENT}"


@pytest.fixture
def counted(github_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """What the servers of an environment are said to have counted: days of a service, and of so many of them their rows. Every
    question to them is in the list."""
    folder = github_folder
    (folder / "calm.csv").write_text(table())
    (folder / "train.csv").write_text(training())
    flags = ["--reference", "train.csv", "--current", "train.csv", "--reference-sketch", "t.json"]
    assert detect_drift.main([*flags, "--current-sketch", "one.json"]) == 0

    def counting(
        service: list[CountedDay], rows: int, *, promises: str = PROMISED, untold: tuple[str, ...] = ()
    ) -> Any:
        (folder / "modelway.yml").write_text(promises)
        questions = list[Any]()

        def answered(environment: str, module: str, asked: Any, say: Any) -> Any:
            questions.append(asked)
            (Path(asked["folder"]) / "days").mkdir()
            (Path(asked["folder"]) / "reference.json").write_bytes((folder / "t.json").read_bytes())
            for day in service[len(service) - rows :]:
                (Path(asked["folder"]) / "days" / f"{day.day}.json").write_bytes((folder / "one.json").read_bytes())
            report = CountedReport(version=1, servers=2, untold=untold)
            return msgspec.to_builtins((report, service if asked["faster-than"] else ()))

        monkeypatch.setattr(counted_days, "answered", answered)
        return questions

    return counting


def failing(at: int, day: CountedDay) -> CountedDay:
    return replace(day, failed=day.requests // 3) if at == 79 else day


def test_the_servers_own_counts_are_enough_where_something_is_promised(
    github_folder: Path, counted: Any, capsys: Any
) -> None:
    questions = counted(days(80, failing), 40)
    assert monitor_model.main(["--environment", "live"]) == 1
    assert [asked["faster-than"] for asked in questions] == [0.25]
    assert json.loads(outputs(github_folder)["broken-promises"]) == ["failed"]
    found = report(github_folder)
    assert found["service"]["by_servers"] and found["service"]["source"] == "the servers of live"
    assert found["service"]["false_alarms_per_year"] == 0.5 and len(found["looks"]) == 12
    page = (github_folder.parent / "summary").read_text()
    assert "80 days in the servers of live" in page and "What never reached a server, such as" in page
    counted(days(80), 40)
    assert monitor_model.main(["--environment", "live"]) == 0
    assert "its promises" not in capsys.readouterr().out.splitlines()[-1]
    assert len(Path(outputs(github_folder)["service-days"]).read_text().splitlines()) == 81


@pytest.mark.parametrize(
    ("service", "flags", "source"),
    [
        ("{}", (), None),
        ("{least-requests: 5, selector: {a: b}}", (), None),
        ("{availability: 0.999, data: calm.csv}", (), "calm.csv"),
        ("{availability: 0.999}", ("--service", "calm.csv"), "calm.csv"),
    ],
    ids=["defaults", "no promise", "file", "input"],
)
def test_servers_are_not_asked_for_a_service_that_nobody_promised_or_somebody_else_counts(
    github_folder: Path, counted: Any, service: str, flags: tuple[str, ...], source: str | None
) -> None:
    promises = f"model: m\nmonitor: {{history-days: 28, service: {service}}}\n{ENVIRONMENT}"
    questions = counted(days(80, failing), 40, promises=promises)
    assert monitor_model.main(["--environment", "live", *flags]) == 0
    assert [asked["faster-than"] for asked in questions] == [None]
    told = report(github_folder)["service"]
    assert (told and told["source"]) == source and not (told and told["by_servers"])


def test_a_service_is_told_though_the_rows_have_too_few_days(github_folder: Path, counted: Any, capsys: Any) -> None:
    counted(days(80), 5)
    assert monitor_model.main(["--environment", "live"]) == 3
    assert (
        "5 whole days are counted" in capsys.readouterr().out and report(github_folder)["service"]["outcome"] == "kept"
    )
    counted(days(80, failing), 5)
    assert monitor_model.main(["--environment", "live"]) == 1
    page = (github_folder.parent / "summary").read_text()
    assert "Counted by 2 servers of version 1" in page
    counted([], 0)
    assert monitor_model.main(["--environment", "live"]) == 3
    assert "0 whole days are counted, and 28 tell what is usual" in capsys.readouterr().out


def test_what_no_server_has_told_is_unknown_and_hides_nothing(github_folder: Path, counted: Any, capsys: Any) -> None:
    unknown = [CountedDay(day.day, 0, 0, 0, 0, 0) for day in days(80)]
    counted(unknown, 40, untold=("replica 0 of v1",))
    assert monitor_model.main(["--environment", "live"]) == 3
    assert "only 0 of 1,440 minutes are known" in capsys.readouterr().out
    assert len(report(github_folder)["looks"]) == 12, "of the rows everything is told"
    page = (github_folder.parent / "summary").read_text()
    assert "Count no requests until they are deployed again, so their service is unknown: replica 0 of v1." in page
    counted([*unknown[:10], *days(80)[10:]], 40)
    assert monitor_model.main(["--environment", "live"]) == 0
    assert len(report(github_folder)["service"]["days"]) == 70, "its history begins when it was counted first"


def test_what_is_fast_is_a_bound_that_servers_count_by(github_folder: Path, counted: Any, capsys: Any) -> None:
    questions = counted(days(80), 40, promises=PROMISED.replace("availability: 0.999", "faster-than-ms: 300"))
    assert monitor_model.main(["--environment", "live"]) == 2
    assert "is 300, and the server counts its answers by other bounds" in capsys.readouterr().out and not questions
