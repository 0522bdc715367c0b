"""The server's own counts, day by day, are what monitor-model watches: no row is kept on the way."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import modelway
from modelway.serving import cells, sketches
from modelway.serving.columns import SignatureColumn, check
from modelway.serving.payload import table

FIRST = datetime(2026, 9, 1, tzinfo=UTC)
SIGNATURE = (SignatureColumn("x", "double", required=True), SignatureColumn("c", "string", required=True))


def test_a_shift_is_told_by_the_counts_of_a_server_alone(tmp_path: Path) -> None:
    chance = random.Random(1)
    data = [{"x": chance.gauss(0, 1), "c": chance.choice("abc"), "label": chance.randrange(2)} for _ in range(5000)]
    rows, train = tmp_path / "train.jsonl", tmp_path / "train.json"
    rows.write_text("".join(json.dumps(row) + "\n" for row in data), encoding="utf-8")
    out = str(tmp_path / "out")
    modelway.detect_drift(reference=str(rows), current=str(rows), reference_sketch=str(train), report_directory=out)
    reference = cells.read(train)
    for number in range(80):
        day = FIRST + timedelta(days=number)
        counted = sketches.RowSketches(reference, reference.memory(1), 0, day.timestamp)
        counted.bind(SIGNATURE)
        shift = 0.6 if number >= 65 else 0.0
        asked = [{"x": chance.gauss(shift, 1), "c": chance.choice("abc")} for _ in range(500)]
        counted.count(check(table(asked), SIGNATURE, strict=True))
        told = counted.told(day.timestamp(), (day + timedelta(days=1)).timestamp())
        (tmp_path / f"day-{day:%Y-%m-%d}.json").write_bytes(told)
    days = str(tmp_path / "day-*.json")
    found = modelway.monitor_model(reference=str(train), data=days, report_directory=out)
    [alarm] = found.monitoring.alarms
    assert {change.column for change in alarm.changes} == {"x"}
    assert "Not watched, because the data has not what the reference has: label" in (
        tmp_path / "out" / "monitor-model.md"
    ).read_text(encoding="utf-8")
