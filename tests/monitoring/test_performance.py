"""monitor-model with labels: what a fall is told by, exit codes, and one line for every mistake about labels."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import detect_drift
import documented
import monitor_model
from cluster.fixture import wait_until
from modelway.serving import request_log
from modelway.serving.columns import CheckedRows, SignatureColumn
from monitoring.labelled_world import CONFIG, DAYS, FIRST, HISTORY, ROWS, Right, outputs, read, report, write


def world(folder: Path, right: Right = lambda day: 0.9, days: int = DAYS, seed: int = 3) -> None:
    """A model that is right so often on a day; labels of all days but the last seven, ten days later by their time."""
    chance, requests, labels = random.Random(seed), [], []
    for day in range(days):
        for row in range(ROWS):
            number, label = day * ROWS + row, int(chance.random() < 0.3)
            said = label if chance.random() < right(day) else 1 - label
            at = (FIRST + timedelta(days=day)).isoformat()
            p = round(0.5 * chance.random() + 0.5 * said, 3)
            requests.append([f"{at}T12:00:00Z", f"r{number}", p, round(chance.gauss(0, 1), 3)])
            if day < days - 7:
                labels.append([f"r{number}", label, f"{(FIRST + timedelta(days=day + 2)).isoformat()}T06:00:00Z"])
    write(folder / "requests.csv", ["asked_at", "request", "p", "x"], requests)
    write(folder / "labels.csv", ["request", "late", "came_at"], labels)
    write(folder / "train.csv", ["x"], [[round(chance.gauss(0, 1), 3)] for _ in range(2000)])


@pytest.fixture
def project(github_folder: Path) -> Path:
    (github_folder / "modelway.yml").write_text(CONFIG)
    world(github_folder)
    return github_folder


def test_a_model_that_predicts_as_well_as_before_is_0(project: Path, capsys: Any) -> None:
    assert monitor_model.main([]) == 0
    given = outputs(project)
    assert (given["outcome"], given["fallen-metrics"]) == ("quiet", "[]")
    found = report(project)
    states = [day["state"] for day in found["days"]]
    assert states == ["usual"] * HISTORY + ["looked at"] * (DAYS - HISTORY - 7) + ["waiting"] * 7
    assert found["limits"]["accuracy_score"]["from_gate"] and set(found["days"][0]["values"]) == {
        "accuracy_score",
        "roc_auc_score",
    }
    page = (project.parent / "summary").read_text()
    assert "### Performance: held" in page and "wait for their labels" in page
    assert "::error" not in capsys.readouterr().out


def test_a_fall_is_told_once_with_what_and_since_when(project: Path, capsys: Any) -> None:
    world(project, lambda day: 0.9 if day < 45 else 0.7)
    assert monitor_model.main(["--since", "2026-02-20"]) == 1
    assert json.loads(outputs(project)["fallen-metrics"]) == ["accuracy_score"]
    (error,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("::error"))
    assert "accuracy_score from 0.898 to 0.689" in error and "since 2026-02-19, at least 0.82" in error, error
    (alarm,) = report(project)["alarms"]
    assert date.fromisoformat(alarm["told"]) - date.fromisoformat(alarm["day"]) == timedelta(days=7)
    assert "2026-02-20" <= alarm["day"] <= "2026-02-24", "not before the second day"
    assert monitor_model.main(["--since", alarm["told"]]) == 1, (
        "it could be told on that day, long after its predictions"
    )
    assert monitor_model.main([]) == 0, "told once"
    assert outputs(project)["outcome"] == "changed" and report(project)["open"] == {"accuracy_score": alarm["day"]}


def test_where_it_is_known_when_labels_came_a_day_is_looked_at_as_soon_as_they_have(project: Path) -> None:
    world(project, lambda day: 0.9 if day < 45 else 0.7)
    config = CONFIG.replace("label: late}", "label: late, label-time-column: came_at}")
    (project / "modelway.yml").write_text(config)
    assert monitor_model.main(["--since", "2026-02-20"]) == 1
    (alarm,) = report(project)["alarms"]
    assert date.fromisoformat(alarm["told"]) - date.fromisoformat(alarm["day"]) == timedelta(days=2)


def test_without_a_limit_of_the_gate_a_point_below_what_is_usual_is_one(project: Path) -> None:
    config = CONFIG.replace("gate: {label: late, limits: {accuracy_score: {at-least: 0.82}}}\n", "")
    (project / "modelway.yml").write_text(config)
    assert monitor_model.main([]) == 0
    limit = report(project)["limits"]["accuracy_score"]
    assert not limit["from_gate"] and limit["at_least"] == pytest.approx(limit["usual"] - 0.01)


def test_the_promise_is_shared_with_the_columns(project: Path) -> None:
    monitor_model.main([])
    shared = json.loads((project / "out" / "modelway" / "monitor-model.json").read_text())["threshold"]
    (project / "modelway.yml").write_text(CONFIG[: CONFIG.index("  performance")])
    monitor_model.main([])
    alone = json.loads((project / "out" / "modelway" / "monitor-model.json").read_text())["threshold"]
    assert shared == 2 * alone


def test_labels_may_be_a_column_of_the_requests(project: Path) -> None:
    labels = {row[0]: row[1] for row in read(project / "labels.csv")[1]}
    header, rows = read(project / "requests.csv")
    write(project / "requests.csv", [*header, "late"], [[*row, labels.get(row[1], "")] for row in rows])
    apart = None
    for config in (CONFIG, CONFIG.replace("labels: labels.csv, id: request, ", "")):
        (project / "modelway.yml").write_text(config)
        assert monitor_model.main([]) == 0, "and is no column that is watched"
        found = report(project)["days"]
        assert apart is None or found == apart
        apart = found


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(
    ("label_as", "written"),
    [('"> 15"', {"0": "15", "1": "15.5"}), ("{on time: 0, 'it''s late': 1}", {"0": "on time", "1": "it's late"})],
)
def test_labels_mean_what_the_gate_says_of_them(
    project: Path, capsys: Any, label_as: str, written: dict[str, str], apart: bool
) -> None:
    plain = CONFIG if apart else CONFIG.replace("labels: labels.csv, id: request, ", "")
    header, rows = read(project / "labels.csv")
    if not apart:
        labels = {row[0]: row[1] for row in rows}
        header, rows = read(project / "requests.csv")
        header, rows = [*header, "late"], [[*row, labels.get(row[1], "")] for row in rows]
    file, at = project / ("labels.csv" if apart else "requests.csv"), header.index("late")
    write(file, header, rows)
    (project / "modelway.yml").write_text(plain)
    assert monitor_model.main([]) == 0
    before = report(project)
    rows = [[*row[:at], written.get(row[at], ""), *row[at + 1 :]] for row in rows]
    write(file, header, rows)
    (project / "modelway.yml").write_text(
        plain.replace("gate: {label: late", f"gate: {{label: late, label-as: {label_as}")
    )
    assert monitor_model.main([]) == 0
    found = report(project)
    assert found["days"] == before["days"]
    rows[5][at] = "unknown"
    write(file, header, rows)
    capsys.readouterr()
    assert monitor_model.main([]) == 2
    assert "gate.label-as: says nothing of 'unknown'" in capsys.readouterr().out


def test_the_order_of_rows_and_labels_changes_nothing(project: Path) -> None:
    monitor_model.main([])
    before = report(project)
    for name in ("requests.csv", "labels.csv"):
        header, rows = read(project / name)
        random.Random(5).shuffle(rows)
        write(project / name, header, rows)
    monitor_model.main([])
    after = report(project)
    del before["counts"], after["counts"]
    assert before == after


def test_labels_that_stop_coming_are_no_pass(project: Path, capsys: Any) -> None:
    header, rows = read(project / "labels.csv")
    write(project / "labels.csv", header, [row for row in rows if int(row[0][1:]) < 40 * ROWS])
    assert monitor_model.main([]) == 3
    assert outputs(project)["outcome"] == "inconclusive"
    assert "the labels of 13 days from 2026-02-14 on are too few" in capsys.readouterr().out
    assert [day["state"] for day in report(project)["days"]][40:53] == ["half ripe"] * 13


@pytest.mark.parametrize(
    ("change", "config", "code", "said"),
    [
        (
            lambda rows: [*rows, ["r0", 1 - int(rows[0][1]), ""]],
            "",
            2,
            "1 identifiers have two different labels, the first is 'r0'",
        ),
        (lambda rows: [*rows, rows[0]], "", 0, ""),
        (lambda rows: [*rows, ["elsewhere", 1, ""]], "", 0, ""),
        (
            lambda rows: [[f"q{row[0]}", *row[1:]] for row in rows],
            "",
            2,
            "none of its 6,360 identifiers is one of requests.csv",
        ),
        (lambda rows: [*rows, ["r7000", "maybe", ""]], "", 2, "column 'late' has 3 labels, the rarest is 'maybe'"),
        (lambda rows: rows[: 20 * ROWS], "", 3, "20 days with 50 labels or more are not enough"),
        (lambda rows: [], "", 3, "0 days with 50 labels or more"),
        (None, "label-time-column: request", 2, "6,360 labels have no time in column 'request'"),
        (None, "label-time-column: came", 2, "did you mean 'came_at'?"),
        (None, "prediction: q", 2, "has no column 'q', which monitor.performance.prediction names"),
        (None, "prediction: x", 2, "is neither a probability from 0 to 1 nor one of the labels 0, 1"),
        (None, "id: number", 2, "has no column 'number', which monitor.performance.id names"),
        (None, "metrics: [f1_score]", 2, "f1_score"),
        (None, "label: lat", 2, "did you mean 'late'?"),
    ],
)
def test_every_mistake_is_one_line(
    project: Path, capsys: Any, change: Callable[[list[Any]], list[Any]] | None, config: str, code: int, said: str
) -> None:
    if change:
        header, rows = read(project / "labels.csv")
        write(project / "labels.csv", header, change(rows))
    if config:
        key = config.partition(":")[0]
        kept = [
            one
            for one in ("prediction: p", "labels: labels.csv", "id: request", "label: late")
            if not one.startswith(key + ":")
        ]
        body = ", ".join([*kept, config])
        (project / "modelway.yml").write_text(CONFIG[: CONFIG.index("  performance")] + f"  performance: {{{body}}}\n")
    assert monitor_model.main([]) == code
    errors = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert len(errors) == (code != 0), errors
    assert not errors or (said in errors[0] and "Fix: " in errors[0]), errors
    if not code:
        counts = report(project)["counts"]
        assert (counts["again"], counts["unknown"]) in ((1, 0), (0, 1)), "told, and no error"


def test_weeks_without_labels_are_estimated_and_never_alarm(project: Path) -> None:
    world(project, lambda day: 0.9 if day < 95 else 0.6, days=100)
    assert monitor_model.main([]) == 0, "no alarm on an estimate alone"
    (week,) = report(project)["estimates"]
    assert (week["first"], week["last"]) == ("2026-04-08", "2026-04-14") and week["predictions"] == 7 * ROWS
    assert week["labelled_weeks"] == 13
    found = week["values"]["accuracy_score"]
    assert found["low"] < 0.9 < found["high"] and found["low"] > 0.8
    assert "| 2026-04-08 to 2026-04-14 | 840 | about 0." in (project.parent / "summary").read_text()


def test_with_fewer_than_eight_labelled_weeks_an_estimate_is_inconclusive(project: Path) -> None:
    assert monitor_model.main([]) == 0
    (week,) = report(project)["estimates"]
    assert week["values"] == {} and "7 labelled weeks are too few" in week["reason"]


def test_classes_are_predictions_too(project: Path, capsys: Any) -> None:
    header, rows = read(project / "requests.csv")
    write(
        project / "requests.csv",
        header,
        [[*row[:2], "late" if float(row[2]) >= 0.5 else "in time", row[3]] for row in rows],
    )
    header, rows = read(project / "labels.csv")
    write(project / "labels.csv", header, [[row[0], "late" if row[1] == "1" else "in time", row[2]] for row in rows])
    assert monitor_model.main([]) == 0
    found = report(project)
    assert set(found["days"][0]["values"]) == {"accuracy_score"} and found["estimates"] == []
    config = CONFIG.replace("label: late}", "label: late, metrics: [roc_auc_score]}")
    (project / "modelway.yml").write_text(config)
    assert monitor_model.main([]) == 2
    assert "roc_auc_score needs probabilities" in capsys.readouterr().out
    (project / "modelway.yml").write_text(CONFIG.replace("gate: {", "gate: {task: multiclass, "))
    assert monitor_model.main([]) == 0


def test_sketches_of_days_hold_no_predictions(project: Path, capsys: Any) -> None:
    flags = ["--reference", "train.csv", "--current", "train.csv", "--current-sketch", "2026-02-10.json"]
    assert detect_drift.main([*flags, "--reference-sketch", "t.json"]) == 0
    assert monitor_model.main(["--reference", "t.json", "--data", "2026-02-10.json"]) == 2
    assert "are sketches, which hold no single prediction" in capsys.readouterr().out


def test_a_fall_that_is_named_takes_the_place_of_the_gates_limits(project: Path) -> None:
    config = CONFIG.replace("{at-least: 0.82}", "{at-least: 0.82}, roc_auc_score: {at-least: 0.6}")
    (project / "modelway.yml").write_text(config.replace("label: late}", "label: late, fall: 0.02}"))
    assert monitor_model.main([]) == 0
    limits = report(project)["limits"]
    assert set(limits) == {"accuracy_score", "roc_auc_score"}
    assert all(
        one["at_least"] == pytest.approx(one["usual"] - 0.02) and not one["from_gate"] for one in limits.values()
    )


def test_the_documented_call(project: Path, capsys: Any) -> None:
    world(project, lambda day: 0.9 if day < 70 else 0.7, days=84)
    (project / "modelway.yml").unlink()
    (code,) = documented.examples("monitoring.md", "Performance")
    exec(compile(code, "monitoring.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert "alarm ['accuracy_score']" in printed, printed
    assert any(line.startswith("2026-03-1") and " accuracy_score 0.9" in line for line in printed), printed


@pytest.mark.parametrize(
    ("odd", "said"), [("inf", "'inf' is neither"), ("1.01", "'1.01' is neither"), ("?", "'?' is neither")]
)
def test_of_many_predictions_the_one_that_is_none_is_named(project: Path, capsys: Any, odd: str, said: str) -> None:
    header, rows = read(project / "requests.csv")
    rows[777][2] = odd
    write(project / "requests.csv", header, rows)
    assert monitor_model.main([]) == 2
    assert said in capsys.readouterr().out


def test_neither_identifiers_nor_labels_are_watched_for_drift(project: Path) -> None:
    """Though the training data has them: labels are missing of late, and no identifier comes again."""
    labels = {row[0]: row[1] for row in read(project / "labels.csv")[1]}
    header, rows = read(project / "requests.csv")
    write(project / "requests.csv", [*header, "late"], [[*row, labels.get(row[1], "")] for row in rows])
    write(project / "train.csv", ["x", "request", "late"], [[row[3], f"t{row[1]}", 0] for row in rows])
    for config, columns in (
        (CONFIG, ["x", "late"]),
        (CONFIG.replace("labels: labels.csv, id: request, ", ""), ["x", "request"]),
    ):
        (project / "modelway.yml").write_text(config.replace("  leave-out: [request]\n", ""))
        monitor_model.main([])
        found = json.loads((project / "out" / "modelway" / "monitor-model.json").read_text())
        assert found["columns"] == len(columns)


def test_the_model_servers_request_log_is_such_data(project: Path) -> None:
    """Written by the server's own code: what it predicted, and by which id the labels are joined."""
    world(project, lambda day: 0.9 if day < 45 else 0.7)
    settings = request_log.RequestLogSettings(str(project / "log"), 1.0, frozenset({"secret"}), 1e9, 1 << 30)
    request_log.check_folder(settings)
    wrote, lost = list[int](), list[int]()
    log = request_log.RequestLog(settings, 3, lambda value: value, json.dumps, wrote.append, lost.append)
    columns = (SignatureColumn("x", "double", True), SignatureColumn("secret", "string", True))
    for number, (at, request, p, x) in enumerate(read(project / "requests.csv")[1]):
        rows = CheckedRows(columns, ([float(x)], ["personal"]), 1, ())
        log.note(request_log.LoggedRequest(request, datetime.fromisoformat(at).timestamp(), rows, [float(p)]))
        if number % 500 == 499:
            wait_until(lambda number=number: len(wrote) > number, 30)  # its queue is bounded
    log.close(30)
    assert not lost
    header, labels = read(project / "labels.csv")
    write(project / "labels.csv", ["(prediction id)", *header[1:]], labels)
    performance = "performance: {prediction: (predicted number), labels: labels.csv, id: (prediction id), label: late}"
    config = CONFIG.replace("requests.csv", "log").replace("asked_at", "(time)").replace("[request]", '["(version)"]')
    (project / "modelway.yml").write_text(config[: config.index("  performance")] + f"  {performance}\n")
    assert monitor_model.main(["--since", "2026-02-20"]) == 1
    assert json.loads(outputs(project)["fallen-metrics"]) == ["accuracy_score"]
    assert [day["predictions"] for day in report(project)["days"]] == [ROWS] * DAYS
