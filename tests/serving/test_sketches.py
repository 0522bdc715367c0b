"""What the server counts of its rows is the sketch that detect-drift writes of the same rows."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

import modelway
from modelway.data.drift.sketch import merged, read_sketch, written
from modelway.errors import ModelwayError
from modelway.serving import cells, sketches
from modelway.serving.columns import CheckedRows, SignatureColumn, check
from modelway.serving.messages import Refusal
from modelway.serving.payload import table
from modelway.serving.request_minutes import RequestMinutes, memory
from served import Serve, Served

TOKEN = "a token that is long enough"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()
SIGNATURE = (
    SignatureColumn("x", "double", required=True),
    SignatureColumn("n", "long", required=True),
    SignatureColumn("flag", "boolean", required=False),
    SignatureColumn("name", "string", required=True),
    SignatureColumn("at", "datetime", required=True),
    SignatureColumn("more", "double", required=False),
)
TYPES = {"x": "number", "n": "integer", "flag": "boolean", "name": "string", "at": "timestamp"}
CONTRACT = json.dumps({"columns": {name: {"type": kind} for name, kind in TYPES.items()}})


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    long = "a very long text, é " * 20
    return [
        {
            "x": chance.choice([None, chance.gauss(0, 3), float(chance.randrange(4)), 1e308, -0.0]),
            "n": chance.randrange(-5, 2**53),
            "flag": chance.choice([None, True, False]),
            "name": chance.choice([None, "", "a", "b", "ü", "new" * seed, long + str(chance.randrange(2))]),
            "at": chance.choice(
                ["2026-01-01T00:00:00", "1969-12-31T23:59:59.999999", f"2026-01-01T00:00:{chance.randrange(60):02d}"]
            ),
        }
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train.json: of rows with the label, which no request has; contract.yml."""
    made = tmp_path_factory.mktemp("sketches")
    (made / "contract.yml").write_text(CONTRACT, encoding="utf-8")
    data = [row | {"label": at % 2, "at": row["at"].replace("T", " ")} for at, row in enumerate(rows(3000, 1))]
    (made / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data), encoding="utf-8")
    drift(made, "train.jsonl", "train.jsonl", reference_sketch="train.json")
    return made


def drift(made: Path, reference: str, current: str, **more: str) -> None:
    found = {name: str(made / value) for name, value in more.items()}
    with contextlib.suppress(ModelwayError):  # whether it has drifted is not the question
        modelway.detect_drift(
            reference=str(made / reference),
            current=str(made / current),
            contract=str(made / "contract.yml"),
            report_directory=str(made / "out"),
            **found,
        )


class Clock:
    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def counting(reference: cells.CellReference, clock: Clock, workers: int = 1) -> list[sketches.RowSketches]:
    memory = reference.memory(workers)
    parts = [sketches.RowSketches(reference, memory, slot, clock) for slot in range(workers)]
    for one in parts:
        one.bind(SIGNATURE)
    return parts


def checked(some: list[dict[str, Any]]) -> CheckedRows:
    return check(table(some), SIGNATURE, strict=True)


NOON = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()


def test_it_is_the_sketch_of_detect_drift(made: Path) -> None:
    asked = rows(700, 2)
    lines = [json.dumps(row | {"at": row["at"].replace("T", " "), "more": None}) for row in asked]
    (made / "day.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    drift(made, "train.json", "day.jsonl", current_sketch="day.json")
    clock = Clock(NOON)
    one, other = counting(cells.read(made / "train.json"), clock, workers=2)
    one.count(checked(asked[:500]))
    for at in range(500, 600):
        clock.at += 1
        other.count(checked(asked[at : at + 1]))
    other.count(checked(asked[600:]))
    assert not one.broken and not other.broken
    (made / "told.json").write_bytes(one.told(NOON, NOON + 300))
    sketch = read_sketch(made / "told.json", "told.json")
    assert written(sketch) == (made / "day.json").read_text(encoding="utf-8")
    assert sketch.rows == 700 and [column.name for column in sketch.absent] == ["label"] and sketch.others == ("more",)


def test_minutes_and_replicas_are_added_in_any_order_to_the_same_bytes(made: Path) -> None:
    clock = Clock(NOON)
    reference = cells.read(made / "train.json")
    whole, *parts = (counting(reference, clock)[0] for _ in range(4))
    for at, row in enumerate(rows(300, 3)):
        clock.at = NOON + at
        for counted in (whole, parts[at % 3]):
            counted.count(checked([row]))
    for number, one in enumerate(parts):
        (made / f"part{number}.json").write_bytes(one.told(0, NOON + 600))
    read = [read_sketch(made / f"part{number}.json", str(number)) for number in range(3)]
    (made / "whole.json").write_bytes(whole.told(0, NOON + 600))
    told = written(read_sketch(made / "whole.json", "whole"))
    assert written(merged(read, ["a", "b", "c"])) == written(merged(read[::-1], ["a", "b", "c"])) == told
    first, rest = whole.told(NOON, NOON + 60), whole.told(NOON + 60, NOON + 600)
    assert json.loads(first)["rows"] == 60 and json.loads(rest)["rows"] == 240


def test_only_so_much_is_kept_and_an_old_minute_is_not_counted_as_a_new_one(made: Path) -> None:
    clock, reference = Clock(NOON), cells.read(made / "train.json")
    [counted] = counting(reference, clock)
    row = checked(rows(1, 4))
    counted.count(row)
    clock.at += reference.minutes * 60
    counted.count(row)
    assert json.loads(counted.told(0, clock.at + 60))["rows"] == 1, "the place of the first is the second's now"
    clock.at -= 120  # a clock that is set back
    counted.count(row)
    assert json.loads(counted.told(0, clock.at + 600))["rows"] == 2


@given(st.integers(1, 10**7))
def test_memory_is_bounded_whatever_the_reference(size: int) -> None:
    reference = cells.CellReference((), size)
    assert 2 <= reference.minutes <= cells.MOST_MINUTES
    assert reference.minutes == 2 or reference.minutes * size * 8 <= cells.MOST_BYTES


def test_a_few_rows_and_many_are_counted_alike(made: Path) -> None:
    reference, some = cells.read(made / "train.json"), rows(400, 5)
    [few], [many] = (counting(reference, Clock(NOON)) for _ in range(2))
    many.count(checked(some))
    for row in some:
        few.count(checked([row]))
    assert few.told(0, NOON + 60) == many.told(0, NOON + 60)


def test_a_fault_in_counting_loses_no_prediction_and_is_told(made: Path) -> None:
    [counted] = counting(cells.read(made / "train.json"), Clock(NOON))
    counted.count(CheckedRows(SIGNATURE[:1], ([object()],), 1, ()))
    assert counted.broken == "TypeError"


def test_a_column_of_another_type_is_said_and_not_counted(made: Path) -> None:
    reference = cells.read(made / "train.json")
    counted = sketches.RowSketches(reference, reference.memory(1), 0, Clock(NOON))
    counted.bind((SignatureColumn("x", "string", required=True),))
    said = json.loads(counted.told(0, NOON))
    assert said["unlike"] == {"x": "string"} and "x" in [column["name"] for column in said["absent"]]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"tell": "rows"}',
        b'{"tell": {}}',
        b'{"from": 1}',
        b'{"from": "yesterday"}',
        b'{"to": "2026-01-01"}',
        b'{"until": 1}',
        b"{",
    ],
)
def test_a_time_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as raised:
        sketches.asked(body, NOON)
    assert raised.value.status == 400


def test_left_out_it_is_all_that_is_over() -> None:
    assert window(b"", NOON + 61) == (0, NOON)
    assert window(b"", NOON + 62.5) == (0, NOON + 60)
    assert window(b'{"from": "2026-11-27T12:00Z", "to": "2026-11-27T13:00+00:00"}', 0) == (NOON, NOON + 3600)


def window(body: bytes, now: float) -> tuple[float, float]:
    asked = sketches.asked(body, now)
    return asked.begin, asked.end


def test_a_server_says_since_when_it_counts_and_what_it_still_has(made: Path) -> None:
    clock, reference = Clock(NOON), cells.read(made / "train.json")
    reference = dataclasses.replace(reference, started=NOON - 100)
    [counted] = counting(reference, clock)
    minutes = RequestMinutes(memory(1), 0, clock)

    def about() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(counted.answer(sketches.asked(b'{"tell": "server"}', clock.at), minutes))
        return found

    said = about()
    assert (said["oldest"], said["over"]) == ("2026-11-27T11:58:00Z", "2026-11-27T11:59:00Z"), "its first minute counts"
    clock.at = NOON + reference.minutes * 60
    later = about()
    assert later["server"] == said["server"] and later["oldest"] > "2026-11-27T12:00:00Z", "the oldest are written over"
    told = counted.answer(sketches.asked(b'{"tell": "reference"}', NOON), minutes)
    assert told == (made / "train.json").read_bytes() and said["reference"] == hashlib.sha256(told).hexdigest()


@pytest.fixture(scope="module")
def reference(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the model `boosting`: carrier, delay, pressure."""
    data = [{"carrier": c, "delay": d, "pressure": None} for c in ("AA", "UA", "B6") for d in range(-20, 60)]
    (made / "flights.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data), encoding="utf-8")
    (made / "contract.yml").write_text(
        "columns: {carrier: {}, delay: {}, pressure: {type: number}}\n", encoding="utf-8"
    )
    drift(made, "flights.jsonl", "flights.jsonl", reference_sketch="flights.json")
    return made / "flights.json"


def sketch_of(served: Served, token: str = TOKEN, **window: str) -> requests.Response:
    address = f"http://127.0.0.1:{served.port}/sketches"
    return requests.post(address, json=window, headers={"x-modelway-token": token}, timeout=30)


@pytest.mark.long
def test_a_real_server_with_two_workers_counts_every_row_once(
    serve: Serve, reference: Path, expected: dict[str, Any]
) -> None:
    asked = expected["rows"]
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with serve("boosting", "--sketch", str(reference), "--sketches-token-sha256", DIGEST, "--workers", "2") as served:
        for _ in range(20):  # connections of their own, so that both workers are asked
            for row in asked[:3]:
                requests.post(f"http://127.0.0.1:{served.port}/predict", json=row, timeout=30).raise_for_status()
        served.post("/invocations", {"dataframe_records": asked})
        assert served.post("/predict", {"rows": [{"carrier": 1}]}).status_code == 400, "what is refused is not counted"
        for foreign in ("x-modelway-tester", "x-modelway-sample"):
            requests.post(
                f"http://127.0.0.1:{served.port}/predict", json=asked[0], headers={foreign: "1"}, timeout=30
            ).raise_for_status()
        said = sketch_of(served, to=soon).json()
        assert said["rows"] == 60 + len(asked)
        by_name = {column["cells"]["name"]: column for column in said["columns"]}
        pressures = [*(row["pressure"] for row in asked[:3] * 20), *(row["pressure"] for row in asked)]
        assert by_name["pressure"]["missing"] == sum(value is None for value in pressures)
        assert sketch_of(served, "another").status_code == 403
        wrong = sketch_of(served, to="soon")
        assert (wrong.status_code, wrong.json()["field"]) == (400, "to")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--sketch", "nowhere.json"), "--sketch needs --sketches-token-sha256"),
        (("--sketch", "nowhere.json", "--sketches-token-sha256", DIGEST), "nowhere.json: No such file"),
        (("--sketch", "REFERENCE", "--sketches-token-sha256", "abc"), "64 hexadecimal digits"),
        (("--sketch", "RELEASE", "--sketches-token-sha256", DIGEST), "is no sketch of data"),
    ],
)
def test_wrong_settings_end_the_server_with_one_line(
    start: Any, reference: Path, flags: tuple[str, ...], said: str
) -> None:
    files = {"REFERENCE": str(reference), "RELEASE": str(reference.with_name("flights.jsonl"))}
    served = start("boosting", *(files.get(flag, flag) for flag in flags))
    assert served.process.wait(60) == 2
    assert said in served.said() and "Traceback" not in served.said()


def test_what_the_model_says_is_counted_beside(made: Path) -> None:
    said = json.loads((made / "train.json").read_text())
    none = {"missing": said["rows"], "unreadable": 0}
    number = {"name": cells.PREDICTED_NUMBER, "kind": "number", "edges": [0.25, 0.5]}
    words = {"name": cells.PREDICTED_CLASS, "kind": "category", "values": ["late", "1"]}
    said["columns"] += [{"cells": words, "counts": [0, 0], **none}, {"cells": number, "counts": [0, 0, 0], **none}]
    (made / "predicted.json").write_text(json.dumps(said))
    [counted] = counting(cells.read(made / "predicted.json"), Clock(NOON))
    counted.count(checked(rows(6, 4)), lambda: [0.2, 0.25, 0.9, "late", "other", None])
    counted.count(checked(rows(40, 4)), lambda: [0.3] * 40)
    counted.count(checked(rows(3, 4)), lambda: ["late"])
    told = json.loads(counted.told(NOON, NOON + 60))
    by_name = {column["cells"]["name"]: column for column in told["columns"]}
    number, words = (by_name[name] for name in (cells.PREDICTED_NUMBER, cells.PREDICTED_CLASS))
    assert (number["counts"], number["missing"], number["low"]) == ([2, 40, 1], 6, 0.2)
    assert (words["counts"], words["beyond"], words["missing"]) == ([1, 0], 1, 47), "not one a row tells nothing"
    assert told["rows"] == 49 and not counted.broken
    (made / "told.json").write_bytes(counted.told(NOON, NOON + 60))
    assert read_sketch(made / "told.json", "told").rows == 49


@pytest.mark.long
def test_the_sketch_that_lies_beside_the_model_needs_no_flag(
    serve: Serve, reference: Path, folder: Path, expected: dict[str, Any]
) -> None:
    beside = folder / cells.BESIDE
    with serve("boosting", environ={"MODELWAY_SKETCHES_TOKEN_SHA256": DIGEST}) as served:
        served.post("/predict", expected["rows"][0]).raise_for_status()
        assert f"requests are counted for /sketches, and no columns: there is no {beside}" in served.said()
        soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        said = sketch_of(served, to=soon).json()
        assert (said["rows"], said["columns"], said["absent"]) == (1, [], [])
        assert sketch_of(served, to=soon, tell="requests").json()["answered"] == 1
    beside.write_bytes(reference.read_bytes())
    try:
        with serve("boosting", environ={"MODELWAY_SKETCHES_TOKEN_SHA256": DIGEST}) as served:
            served.post("/predict", expected["rows"][0]).raise_for_status()
            soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
            assert sketch_of(served, to=soon).json()["rows"] == 1
            said = sketch_of(served, tell="server").json()
            assert len(said["server"]) == 16 and said["oldest"] <= said["over"]
        with serve("boosting") as served:
            assert sketch_of(served).status_code == 404, "without a token nobody counts"
    finally:
        beside.unlink()


def test_a_model_without_named_columns_cannot_be_counted(start: Any, reference: Path) -> None:
    served = start("tensor", "--sketch", str(reference), "--sketches-token-sha256", DIGEST)
    assert served.process.wait(60) == 1
    assert "rows are counted by column (--sketch)" in served.said()
