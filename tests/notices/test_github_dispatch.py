"""An event for another repository: of a version that came, and of nothing else; what GitHub refuses is one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import notify
from listening import Listening, answering, in_turn, listening, reset
from modelway.registry.ledger_entries import Entry
from notice_cases import Configure, Kept, rollout, told, warning


@pytest.fixture
def github(project: Path, configure: Configure, monkeypatch: Any) -> Iterator[Listening]:
    with listening(answering(204, b"")) as api:
        monkeypatch.setenv("GITHUB_API_URL", api.url)
        monkeypatch.setenv("MODELWAY_DISPATCH_TOKEN", "may-write-contents")
        configure({"github-dispatch": {"shop": {"repository": "team/shop"}}})
        yield api


def tell(project: Path, record: Any) -> int:
    (project / "report.json").write_text(json.dumps(record))
    return notify.main(["--report", "report.json", "--environment", "production"])


def promoted() -> Any:
    """What promote-model writes."""
    entry: dict[str, Any] = dict.fromkeys(Entry.__struct_fields__, "")
    entry |= {"schema": "modelway/ledger/1", "accepts": [], "heads": []}
    entry |= {"model": "parcels", "environment": "production", "action": "promote", "version": 7}
    entry |= {"previous_version": 6, "verdict": None, "why": "passed the gate", "when": "2026-11-27T08:00:00+00:00"}
    return [{"number": 1, "state": "valid", "entry": entry, "applied": True, "intents": []}]


def test_a_version_that_was_promoted_is_an_event_there_once(project: Path, github: Listening) -> None:
    assert tell(project, promoted()) == 0 == tell(project, promoted())
    (asked,) = github.asked
    assert asked.path == "/repos/team/shop/dispatches"
    assert asked.headers["Authorization"] == "Bearer may-write-contents"
    body = asked.json()
    assert body["event_type"] == "model-promoted"
    carried = body["client_payload"]
    assert {**carried, "id": "", "at": ""} == {
        "id": "",
        "at": "",
        "model": "parcels",
        "environment": "production",
        "version": "7",
        "outcome": "success",
        "subject": "rollout",
        "reason": "Version 7 is in production (promote): passed the gate",
        "run": "https://github.com/team/parcels/actions/runs/41",
    }
    assert len(carried["id"]) == 64


def test_what_is_no_version_that_came_is_no_event(project: Path, github: Listening) -> None:
    assert tell(project, rollout("failed")) == 0
    release = {"schema": "modelway/release/1", "model": "parcels", "version": 7, "environment": "production"}
    assert tell(project, release) == 0
    assert github.asked == [] and told(project) == ([], [])


def test_what_is_refused_is_a_warning_with_the_fix_and_kept(
    project: Path, github: Listening, kept: Kept, capsys: Any
) -> None:
    github.behave = in_turn(answering(403, b'{"message": "Resource not accessible by integration"}'), answering(204))
    assert tell(project, promoted()) == 0
    said = warning(capsys)
    assert "$MODELWAY_DISPATCH_TOKEN may not do this: it needs contents: write in team/shop" in said
    assert "may-write-contents" not in said and len(kept()) == 1
    assert tell(project, promoted()) == 0
    assert kept() == [] and len(github.asked) == 2


def test_where_nobody_can_say_it_comes_again(project: Path, github: Listening, kept: Kept) -> None:
    github.behave = in_turn(reset, answering(204))
    assert tell(project, promoted()) == 0
    assert len(kept()) == 1, "one call, one attempt"
    assert tell(project, promoted()) == 0
    first, second = (asked.json()["client_payload"]["id"] for asked in github.asked)
    assert first == second and kept() == []


def test_a_token_that_is_not_set_is_one_line(project: Path, github: Listening, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.delenv("MODELWAY_DISPATCH_TOKEN")
    assert tell(project, promoted()) == 0
    said = warning(capsys)
    assert "$MODELWAY_DISPATCH_TOKEN: is not set" in said and "a token with contents: write in team/shop" in said
