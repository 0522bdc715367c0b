"""Columns that a real server looks up in a real Redis: there, missing, unreadable, gone, slow, and back again."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from cluster.fixture import wait_until
from modelway.loopback import free_port
from modelway.serving import features
from running_redis import RunningRedis
from served import Serve, Served

PASSWORD = "a-secret-of-redis"
HASHES = {
    "carrier:AA": {"mean": "2.5", "n": "7", "i": "-3", "late": "true", "at": "2026-11-28T07:00:00"},
    "carrier:UA": {"mean": "nonsense", "n": "9", "i": "4", "late": "0", "at": "2026-11-28T08:00:00"},
    "plane:12": {"weight": "1.25"},
}
CARRIER = {"key": "carrier:{carrier}", "columns": {"x": "mean", "n": "n", "i": "i", "flag": "late", "at": "at"}}
PLANE = {"key": "plane:{plane}", "columns": {"f": "weight"}}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunningRedis]:
    made = RunningRedis(tmp_path, free_port(), PASSWORD, HASHES)
    made.start()
    yield made
    made.stop()


def written(folder: Path, **said: object) -> Path:
    path = folder / "features.json"
    path.write_text(json.dumps({"lookups": [CARRIER, PLANE], "seconds": 1, **said}))
    return path


def looking_up(serve: Serve, store: RunningRedis, path: Path, *flags: str) -> Any:
    return serve("told", "--features", str(path), *flags, environ={"MODELWAY_FEATURES_URL": store.url})


def given(answer: requests.Response) -> list[dict[str, str]]:
    """What the model was given, row by row, as it tells."""
    answer.raise_for_status()
    return [ast.literal_eval(said[said.index("{") :]) for said in answer.json()["predictions"]]


def test_what_a_request_leaves_out_is_looked_up(serve: Serve, store: RunningRedis, tmp_path: Path) -> None:
    with looking_up(serve, store, written(tmp_path)) as served:
        row = {"carrier": "AA", "plane": 12}
        [whole] = given(served.post("/predict", row))
        found = {name: whole[name] for name in ("x", "n", "i", "f", "flag")}
        assert found == {"x": "2.5", "n": "7", "i": "-3", "f": "1.25", "flag": "True"}
        assert whole["at"].startswith("2026-11-28") and "carrier" not in whole and "plane" not in whole
        several = given(served.post("/predict", {"rows": [{**row, "x": 4.0, "n": 1}, {**row, "name": "B"}]}))
        assert [(one["x"], one["n"], one["name"]) for one in several] == [("4.0", "1", "nan"), ("2.5", "7", "B")]
        for body in (
            {"dataframe_records": [row]},
            {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}},
        ):
            assert given(served.post("/invocations", body)) == [whole]
        csv = served.post("/invocations", b"carrier,plane\nAA,12\n", "text/csv")
        assert given(csv) == [whole]
        assert 'outcome="found"} 34\n' in served.get("/metrics").text
        assert "x-modelway-missing-features" not in csv.headers
        rest = {"x": 1.0, "n": 1, "i": 1, "f": 1.0, "flag": True, "at": "2026-01-01T00:00:00"}
        mixed = given(served.post("/predict", {"rows": [rest, row]}))
        assert [one["x"] for one in mixed] == ["1.0", "2.5"], "a row that has all needs no key"
        lacking = served.post("/predict", {"plane": 12})
        assert (lacking.status_code, lacking.json()["field"]) == (400, "carrier")
        assert "by which x, n, i, flag, at is looked up" in lacking.json()["error"]
        assert served.post("/predict", {**row, "unknown": 1}).status_code == 400
        assert served.post("/predict", {**row, "carrier": {"a": 1}}).status_code == 400
        assert served.post("/predict", {**row, "carrier": "x" * 201}).status_code == 400
        schema = served.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"]
        one = schema["application/json"]["schema"]["oneOf"][1]
        assert "x" not in one["required"] and {"carrier", "plane"} <= one["properties"].keys()
        assert "looked up by carrier" in served.get("/").text
        assert PASSWORD not in served.said()


def test_what_is_missing_is_refused_or_has_what_the_file_says(
    serve: Serve, store: RunningRedis, tmp_path: Path
) -> None:
    with looking_up(serve, store, written(tmp_path)) as served:
        none = served.post("/predict", {"carrier": "ZZ", "plane": 12})
        assert (none.status_code, none.json()["field"]) == (422, "x")
        assert none.json()["error"] == 'row 0: column "x" has no value at the key made of carrier'
        wrong = served.post("/predict", {"carrier": "UA", "plane": 12})
        assert (wrong.status_code, wrong.json()["error"][:32]) == (422, 'row 0: column "x" is unreadable ')
        assert "nonsense" not in wrong.text and "nonsense" not in served.said()
        store.client.set("carrier:text", "no hash")
        store.client.hset("carrier:bytes", mapping={**HASHES["carrier:AA"], "at": b"\xff"})
        for carrier, column in (("text", "x"), ("bytes", "at")):
            odd = served.post("/predict", {"carrier": carrier, "plane": 12})
            assert (odd.status_code, odd.json()["field"], "unreadable" in odd.text) == (422, column, True)
    stands = {"x": 0.5, "n": 0, "i": 0, "flag": None, "at": None}
    with looking_up(serve, store, written(tmp_path, lookups=[{**CARRIER, "missing": stands}, PLANE])) as served:
        answer = served.post(
            "/predict", {"rows": [{"carrier": name, "plane": 12} for name in ("AA", "UA", "ZZ", None)]}
        )
        assert [(one["x"], one["n"]) for one in given(answer)] == [
            ("2.5", "7"),
            ("0.5", "9"),
            ("0.5", "0"),
            ("0.5", "0"),
        ]
        assert answer.headers["x-modelway-missing-features"] == "x,n,i,flag,at"
        text = served.get("/metrics").text
        assert (
            'outcome="unreadable"} 1\n' in text
            and 'outcome="missing"} 10\n' in text
            and 'outcome="failed"} 0\n' in text
        )


@pytest.mark.parametrize("policy", ["refuse", "missing"])
def test_redis_that_is_gone_is_said_and_comes_back(
    serve: Serve, store: RunningRedis, tmp_path: Path, policy: str
) -> None:
    stands = {"x": 0.5, "n": 0, "i": 0, "flag": None, "at": None}
    lookups = [{**CARRIER, "missing": stands}, {**PLANE, "missing": {"f": None}}]
    path = written(tmp_path, lookups=lookups, **{"when-unreachable": policy})
    row = {"carrier": "AA", "plane": 12}
    with looking_up(serve, store, path) as served:
        assert given(served.post("/predict", row))[0]["x"] == "2.5"
        store.stop()
        answer = served.post("/predict", row)
        if policy == "refuse":
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert "cannot be looked up: Redis cannot be asked (ConnectionError)" in answer.json()["error"]
        else:
            assert given(answer)[0]["x"] == "0.5"
            assert answer.headers["x-modelway-missing-features"] == "x,n,i,flag,at,f"
        assert 'outcome="failed"} 6\n' in served.get("/metrics").text
        assert served.get("/ready").status_code == 200, "who sends every column is answered as ever"
        whole = {"x": 1.0, "n": 1, "i": 1, "f": 1.0, "flag": True, "at": "2026-01-01T00:00:00"}
        assert given(served.post("/predict", whole))[0]["x"] == "1.0"
        store.start()
        wait_until(lambda: (again := served.post("/predict", row)).ok and given(again)[0]["x"] == "2.5", 10)


def test_a_lookup_that_finds_nothing_is_refused_and_one_that_is_late_has_failed(
    serve: Serve, store: RunningRedis, tmp_path: Path
) -> None:
    token = "a token that is long enough"
    digest = hashlib.sha256(token.encode()).hexdigest()
    with looking_up(serve, store, written(tmp_path, seconds=0.3), "--sketches-token-sha256", digest) as served:
        assert served.post("/predict", {"carrier": "AA", "plane": 12}).status_code == 200
        assert served.post("/predict", {"carrier": "ZZ", "plane": 12}).status_code == 422
        store.client.client_pause(2000)
        assert served.post("/predict", {"carrier": "AA", "plane": 12}).status_code == 503
        asked = {"tell": "requests", "to": "2999-01-01T00:00:00Z"}
        address = f"http://127.0.0.1:{served.port}/sketches"
        said = requests.post(address, json=asked, headers={"x-modelway-token": token}, timeout=30).json()
        assert (said["answered"], said["refused"], said["failed"]) == (1, 1, 1)
        assert sum(said["took"].values()) == 3 and sum(n for bound, n in said["took"].items() if float(bound) > 0.25)


def test_slow_redis_costs_its_time_and_nobody_gets_anothers_values(
    serve: Serve, store: RunningRedis, tmp_path: Path
) -> None:
    """A connection that was given up in the middle of an answer would hand it to whoever comes next."""
    for number in range(200):
        store.client.hset(f"carrier:c{number}", mapping={**HASHES["carrier:AA"], "mean": f"{number}.5"})
    with looking_up(serve, store, written(tmp_path, seconds=0.1)) as served:

        def ask(number: int) -> tuple[int, float]:
            began = time.monotonic()
            body = {"carrier": f"c{number % 200}", "plane": 12}
            answer = requests.post(f"http://127.0.0.1:{served.port}/predict", json=body, timeout=30)
            if answer.status_code == 200:
                assert given(answer)[0]["x"] == f"{number % 200}.5"
            else:
                assert answer.status_code == 503 and "cannot be looked up: Redis" in answer.text, answer.text
            return answer.status_code, time.monotonic() - began

        with ThreadPoolExecutor(16) as pool:
            asked = [pool.submit(ask, number) for number in range(600)]
            for _ in range(4):
                time.sleep(0.3)
                store.client.client_pause(250)
            done = [future.result() for future in asked]
    statuses = {status: sum(one == status for one, _ in done) for status in (200, 503)}
    assert statuses[200] > 100 and statuses[503] > 10, statuses
    assert max(seconds for _, seconds in done) < 10


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"lookups": []}, "lookups must be a list of lookups"),
        ({"lookups": [{"key": "a"}]}, "lookups[0].columns is missing"),
        ({"lookups": [{**CARRIER, "missing": {"y": 1}}]}, "lookups[0].missing.y is not looked up here"),
        ({"lookups": [{**CARRIER, "key": "carrier"}]}, "lookups[0].key must name columns of the request"),
        ({"lookups": [{**CARRIER, "key": "{carrier!r}"}]}, "lookups[0].key must name columns of the request"),
        ({"lookups": [{**CARRIER, "key": "{carrier"}]}, "lookups[0].key '{carrier'"),
        ({"lookups": [{**CARRIER, "key": "{x}"}]}, "lookups need 'x', which is looked up itself"),
        ({"lookups": [CARRIER, CARRIER]}, "lookups look one column up twice"),
        ({"seconds": 0}, "seconds must be a number of seconds, 60 at most"),
        ({"when-unreachable": "hope"}, "when-unreachable must be refuse or missing"),
        ({"more": 1}, "more is not known; there are lookups, seconds, when-unreachable"),
    ],
)
def test_a_wrong_file_is_told_with_its_place(tmp_path: Path, said: dict[str, Any], error: str) -> None:
    path = written(tmp_path, **said)
    with pytest.raises(ValueError, match=re.escape(f"{path}: {error}")):
        features.read(path)


@pytest.mark.parametrize(
    ("said", "url", "code", "error"),
    [
        ({"seconds": 0}, "redis://127.0.0.1:1/0", 2, "seconds must be a number of seconds, 60 at most"),
        ({}, "http://secret@host", 2, "MODELWAY_FEATURES_URL is no address of Redis, such as redis://HOST:6379/0"),
        ({}, "", 2, "MODELWAY_FEATURES_URL is no address of Redis, such as redis://HOST:6379/0"),
        (
            {"lookups": [{"key": "{a}", "columns": {"y": "y"}}]},
            "redis://127.0.0.1:1/0",
            1,
            "column 'y' is looked up, and",
        ),
        (
            {"lookups": [{**CARRIER, "missing": {"n": "x"}}]},
            "redis://127.0.0.1:1/0",
            1,
            "missing.n is 'x', which is no long",
        ),
    ],
)
def test_wrong_settings_end_the_server_with_one_line(
    start: Any, tmp_path: Path, said: dict[str, Any], url: str, code: int, error: str
) -> None:
    served: Served = start("told", "--features", str(written(tmp_path, **said)), environ={"MODELWAY_FEATURES_URL": url})
    assert served.process.wait(60) == code
    assert error in served.said() and "secret" not in served.said()


def test_the_file_beside_the_model_is_the_releases_own(
    serve: Serve, start: Any, store: RunningRedis, folder: Path
) -> None:
    """As build-image puts it there, for who starts the server with no flag for it."""
    beside = written(folder)
    assert beside.name == features.BESIDE
    try:
        with serve("told", environ={"MODELWAY_FEATURES_URL": store.url}) as served:
            assert given(served.post("/predict", {"carrier": "AA", "plane": 12}))[0]["x"] == "2.5"
        without: Served = start("told")
        assert without.process.wait(60) == 2 and "MODELWAY_FEATURES_URL is no address" in without.said()
    finally:
        beside.unlink()
