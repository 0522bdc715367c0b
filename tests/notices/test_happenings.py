"""Each report that an action writes says what happened: as the action has written it, in the words that it has itself."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import check_quality
import compare_contracts
import detect_drift
import monitor_model
import validate_data
from gate.test_gate_report import check, verdict
from modelway.endpoint.checks import EndpointCheckResult
from modelway.endpoint.limits import MeasuredLoad
from modelway.errors import InvalidInput
from modelway.monitoring.report import Outcome
from modelway.notices.notice import Happening
from modelway.records import Verdict
from modelway.registry.ledger_entries import Entry
from modelway.registry.ledger_history import Recorded
from modelway.report import endpoint
from modelway.report.group import GroupReport, MemberReport
from modelway.report.happenings import READERS, happening_of
from modelway.report.rollout import record
from modelway.report.verdict import sentence
from modelway.stages.rollouts.planned import Foreseen
from monitoring.test_monitor_model import requests, training
from notice_cases import rollout
from rollout.simulated import World, plan, run, traffic


def said(report: Any) -> Happening:
    """Of a report as Job.report writes it."""
    return happening_of(msgspec.json.encode(report), "a report")


def story(worse: bool, **more: Any) -> World:
    world = World(plan(**more), traffic(1000, 0.3 if worse else 0.0, 0.0), random.Random(1))
    run(world)
    return world


def test_a_canary_that_was_taken_back() -> None:
    """Of a rollout as the engine drives one."""
    world = story(worse=True)
    found = said(record(world.story))
    assert (found.subject, found.outcome) == ("rollout", "rolled-back")
    planned = world.plan
    assert (found.model, found.environment, found.version) == (planned.model, planned.environment, planned.new.version)
    assert found.reasons == world.story.state.reasons and found.reasons
    assert planned.stable is not None
    was = f"version {planned.stable.version} has the traffic"
    assert found.sentence == f"Version {planned.new.version} was rolled back from {planned.environment}; {was}"


def test_a_canary_that_was_deployed() -> None:
    found = said(record(story(worse=False).story))
    assert (found.outcome, found.reasons and "errors" in found.reasons[0]) == ("success", False) or found.reasons
    assert " is in " in found.sentence


def test_one_that_waits_for_a_person_and_one_that_goes_on() -> None:
    world = story(worse=False, pauses=(0.1,))
    lines = world.lines
    paused = next(
        number for number in range(1, len(lines)) if type(world.story)(world.plan, tuple(lines[:number])).is_paused
    )
    found = said(record(type(world.story)(world.plan, tuple(lines[:paused]))))
    assert found.outcome == "paused" and "paused at 10% until" in found.sentence
    found = said(record(type(world.story)(world.plan, tuple(lines[: paused // 2]))))
    assert found.outcome == "ongoing"


def test_a_rollback_is_told_though_it_went_well() -> None:
    found = said(rollout("deployed", (), plan={"kind": "rollback", "why": "it was slow"}))
    assert (found.outcome, found.sentence) == ("rolled-back", "Version 7 is in production again: it was slow")


def test_a_deployment_whose_alias_did_not_move_is_no_success() -> None:
    found = said(rollout("deployed", (), problem="the registry is down"))
    assert found.outcome == "failed" and "the alias could not be moved: the registry is down" in found.sentence


@pytest.mark.parametrize(
    ("outcome", "told"), [("pass", "success"), ("fail", "refused"), ("inconclusive", "inconclusive")]
)
def test_a_verdict(outcome: str, told: str) -> None:
    record: Verdict = verdict(check("accuracy", outcome), outcome=outcome)
    found = said(record)
    assert (found.subject, found.outcome, found.model, found.version) == ("gate", told, "delay", 3)
    assert found.sentence == sentence(record)


def test_no_row_of_a_verdict_is_told() -> None:
    sample = {"row": 1, "features": {"name": "a person"}, "label": 1, "candidate": 0, "production": None}
    record = msgspec.to_builtins(verdict(check("accuracy", "fail"))) | {"samples": [sample]}
    assert "a person" not in str(said(record))


def written(folder: Path, action: str) -> Happening:
    return happening_of((folder / "out" / "modelway" / f"{action}.json").read_bytes(), action)


def test_data_that_break_their_contract(github_folder: Path) -> None:
    (github_folder / "c.yml").write_text("columns: {name: {type: string, allowed: [x]}}\n")
    (github_folder / "d.csv").write_text("name\na person\nx\n")
    assert validate_data.main(["--data", "d.csv", "--contract", "c.yml"]) == 1
    found = written(github_folder, "validate-data")
    assert (found.subject, found.outcome) == ("data contract", "refused")
    assert "d.csv: 2 rows; 1 of" in found.sentence and found.reasons[0].startswith("d.csv: name")
    assert "a person" not in str(found), "no value of a row leaves"
    (github_folder / "d.csv").write_text("name\nx\n")
    assert validate_data.main(["--data", "d.csv", "--contract", "c.yml"]) == 0
    assert written(github_folder, "validate-data").outcome == "success"


def test_data_of_poor_quality(github_folder: Path) -> None:
    rows = "\n".join(f"{number},{number % 2}" for number in range(300))
    (github_folder / "modelway.yml").write_text("model: m\ndata: {train: a.csv, test: b.csv}\ngate: {label: y}\n")
    for name in ("a.csv", "b.csv"):
        (github_folder / name).write_text(f"x,y\n{rows}\n")
    assert check_quality.main([]) == 1
    found = written(github_folder, "check-quality")
    assert (found.subject, found.outcome) == ("data quality", "refused") and found.reasons


def test_drift_and_a_change_for_good(github_folder: Path) -> None:
    for name, text in {"train.csv": training(), "moved.csv": requests(45, moved_from=40)}.items():
        (github_folder / name).write_text(text)
    (github_folder / "far.csv").write_text(training().replace(",a", ",zebra"))
    assert detect_drift.main(["--reference", "train.csv", "--current", "far.csv"]) == 1
    found = written(github_folder, "detect-drift")
    assert (
        (found.subject, found.outcome) == ("drift", "alarm") and "place" in found.sentence and "zebra" not in str(found)
    )
    told = ["--reference", "train.csv", "--data", "moved.csv", "--time-column", "asked_at", "--history-days", "28"]
    assert monitor_model.main([*told, "--since", "2026-02-10"]) == 1
    found = written(github_folder, "monitor-model")
    assert (found.subject, found.outcome) == ("monitoring", "alarm")
    assert "x: values 1.5 standard deviations higher since" in found.sentence
    assert monitor_model.main(told) == 0
    assert written(github_folder, "monitor-model").outcome == "ongoing", "told before, and not over"
    report = json.loads((github_folder / "out" / "modelway" / "monitor-model.json").read_text(encoding="utf-8"))
    for outcome in get_args(Outcome):
        assert said(report | {"outcome": outcome, "since": "2026-02-10"}).subject == "monitoring"


def test_a_service_that_broke_its_promise(github_folder: Path) -> None:
    rows = [
        f"2026-{month:02}-{day:02},1000,{300 * (month == 4 and day == 28)}"
        for month in (1, 2, 3, 4)
        for day in range(1, 29)
    ]
    (github_folder / "service.csv").write_text("\n".join(["time,requests,failed", *rows]) + "\n")
    assert monitor_model.main(["--service", "service.csv"]) == 1
    found = written(github_folder, "monitor-model")
    assert (found.subject, found.outcome) == ("monitoring", "alarm")
    said = "service.csv: promises broken: failed requests from 0 % to 30 % on 2026-04-28, 0.1 % at most"
    assert found.sentence == said


def test_a_value_that_became_frequent_is_not_named(github_folder: Path) -> None:
    (github_folder / "train.csv").write_text(training())
    days = requests(45).splitlines(keepends=True)
    moved = [line.replace(",b\n", ",c\n") if number > 4800 else line for number, line in enumerate(days)]
    (github_folder / "moved.csv").write_text("".join(moved))
    told = ["--reference", "train.csv", "--data", "moved.csv", "--time-column", "asked_at", "--history-days", "28"]
    assert monitor_model.main([*told, "--since", "2026-02-10"]) == 1
    found = written(github_folder, "monitor-model")
    assert "place: a value from 3" in found.sentence and "'b'" not in found.sentence


def test_a_contract_that_breaks_its_readers(github_folder: Path) -> None:
    (github_folder / "old.yml").write_text("columns: {a: {type: integer}, b: {type: string}}\n")
    (github_folder / "new.yml").write_text("columns: {a: {type: string}}\n")
    assert compare_contracts.main(["--earlier", "old.yml", "--contract", "new.yml"]) == 1
    found = written(github_folder, "compare-contracts")
    assert found.outcome == "refused" and "new.yml breaks who relies on old.yml" in found.sentence


def test_an_endpoint() -> None:
    checked = (
        EndpointCheckResult("/predict", "answers", "pass", "200", 0.1),
        EndpointCheckResult("/predict", "refuses text", "fail", "500 of a row with 'a person'", 0.1),
    )
    found = said(endpoint.record("http://example.org", checked))
    assert (found.outcome, found.sentence) == ("refused", "The endpoint: 1 of 2 checks fail")
    assert found.reasons == ("/predict: refuses text",)


def test_a_group_of_services() -> None:
    member = MemberReport(
        name="a",
        model="m",
        environment="live",
        was=1,
        asked=2,
        now=1,
        outcome="taken-back",
        why="b failed",
        rollouts=(1,),
    )
    found = said(GroupReport(outcome="taken-back", group="shop", members=(member,)))
    assert (found.outcome, found.environment, found.model) == ("rolled-back", "live", "shop")
    assert found.sentence == "shop: taken back: a taken back" and found.reasons == ("a: b failed",)


@pytest.mark.parametrize(("action", "outcome"), [("rollback", "rolled-back"), ("promote", "success")])
def test_an_alias_that_moved_without_a_deployment(action: Any, outcome: str) -> None:
    entry = Entry(
        model="m",
        environment="live",
        alias="live",
        action=action,
        version=3,
        previous_version=4,
        model_digest="",
        data_digest="",
        policy_digest="",
        verdict=None,
        who="me",
        why="it was slow",
        when="2026-11-27T08:00:00+00:00",
        nonce="n",
        previous="",
    )
    found = said((Recorded(1, "valid", entry, True, ()),))
    assert (found.outcome, found.version, found.sentence) == (
        outcome,
        3,
        f"Version 3 is in live ({action}): it was slow",
    )


@pytest.mark.parametrize(
    ("record", "outcome", "sentence"),
    [
        (
            {"schema": "modelway/candidate/1", "model": "m", "version": 3, "environment": {"python": "3.11"}},
            "success",
            "Version 3 was trained and registered",
        ),
        (
            {"schema": "modelway/release/1", "model": "m", "version": 3, "environment": "live"},
            "success",
            "Version 3 was built for live",
        ),
        (
            {"schema": "modelway/continue-rollout/1", "model": "m", "version": 3, "environment": "live"},
            "ongoing",
            "Version 3 goes on in live",
        ),
        (Foreseen("impossible", "it takes 9 hours"), "refused", "it takes 9 hours"),
        (Foreseen("possible", "it takes 9 minutes"), "success", "it takes 9 minutes"),
        (
            {
                "schema": "modelway/endpoint-benchmark/1",
                "run": {"measured": MeasuredLoad("fail", "p99 is 20 ms, over 10", 5000, 0, 50.0, ())},
            },
            "refused",
            "5,000 requests: p99 is 20 ms, over 10",
        ),
    ],
)
def test_a_step_of_the_way(record: Any, outcome: str, sentence: str) -> None:
    found = said(record)
    assert (found.outcome, found.sentence) == (outcome, sentence)


def test_every_schema_of_a_report_is_read_or_left_out_on_purpose(root: Path) -> None:
    """A new report is one that people may be told of."""
    stores = {"training", "target", "data-sketch", "policy-act", "kept-days"}  # no reports of a step
    inside = {"contract-report", "notice"}
    nobody_waits_for = {"generated-contract", "data-profile", "judge-plan", "report-delivery", "render-monitoring"}
    nobody_waits_for |= {"select-model", "list-models", "compare-models", "download-model", "export-metrics"}
    text = "".join(path.read_text(encoding="utf-8") for path in (root / "scripts" / "modelway").rglob("*.py"))
    written = set(re.findall(r"schema\W+(?:str|Literal\S+)?[ =]*\W*\"modelway/([a-z-]+)/1\"", text))
    read = {name.removeprefix("modelway/").removesuffix("/1") for name in READERS}
    assert written - read == (stores | inside | nobody_waits_for) & written and read <= written


def test_work_that_was_stopped() -> None:
    found = said({"schema": "modelway/interim-report/1", "outcome": "interrupted", "reason": "cancelled", "parts": []})
    assert (found.outcome, found.sentence) == ("failed", "It did not come to its end: cancelled")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["schema", "plan", "entry", "outcome"]), inner)
    ),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_file_holds_is_one_line(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        happening_of(content, "report x")


@given(st.sampled_from(["rollout", "verdict", "monitor-model", "validation-report", "ledger", "group"]), JSON)
def test_half_a_report_is_one_line(schema: str, value: Any) -> None:
    record = {"schema": f"modelway/{schema}/1", "outcome": value, "reasons": value, "reports": value, "plan": value}
    for one in (record, {"plan": record, "outcome": value, "reasons": []}, [{"entry": record}]):
        try:
            happening_of(json.dumps(one).encode(), "report x")
        except InvalidInput as error:
            assert "\n" not in error.line()
