"""A server that was started for it remembers a sample of its rows, tells it to the token's holder alone, and forgets it."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from modelway.serving import sampling
from modelway.serving.messages import HttpRequest
from modelway.serving.sampling import RowSample
from served import Serve, Served

TOKEN = "t" * 64
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()


@pytest.fixture(scope="module")
def sampled(serve: Serve) -> Iterator[Served]:
    with serve("boosting", "--access-log", environ={"MODELWAY_SAMPLE_TOKEN_SHA256": DIGEST}) as server:
        yield server


def taken(server: Served, token: str | None = TOKEN, most: object = 100) -> requests.Response:
    headers = {"x-modelway-tester": "1"} | ({} if token is None else {"x-modelway-token": token})
    url = f"http://127.0.0.1:{server.port}{sampling.PATH}"
    return requests.post(url, json={"most": most}, headers=headers, timeout=10)


def rows_of(server: Served, most: int = 100) -> list[dict[str, Any]]:
    answer = taken(server, most=most)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["rows"]
    return rows


def test_rows_come_back_as_they_were_asked_each_once(sampled: Served, expected: dict[str, Any]) -> None:
    rows, names = expected["rows"], list(expected["rows"][0])
    rows_of(sampled)
    sampled.post("/predict", {"rows": [rows[0]]})
    sampled.post("/predict", rows[1])
    sampled.post("/invocations", {"dataframe_split": {"columns": names, "data": [list(rows[2].values())]}})
    sampled.post("/invocations", {"dataframe_records": [rows[3] | {"more": "than the model knows"}]})
    csv = f"{','.join(names)}\n{','.join('' if value is None else str(value) for value in rows[4].values())}\n"
    sampled.post("/invocations", csv.encode(), "text/csv")
    sampled.post("/predict", {"rows": "a refused one"})
    found = rows_of(sampled)
    plain = [(item["path"], item["row"]) for item in found]
    wanted = [("/predict", rows[0]), ("/predict", rows[1])]
    wanted += [("/invocations", row) for row in (rows[2], rows[3] | {"more": "than the model knows"}, rows[4])]
    assert sorted(plain, key=repr) == sorted(wanted, key=repr)
    assert rows_of(sampled) == [], "and are forgotten"


def test_one_row_of_each_request_at_random(sampled: Served, expected: dict[str, Any]) -> None:
    rows = expected["rows"]
    rows_of(sampled)
    for _ in range(60):
        sampled.post("/predict", {"rows": rows})
    found = rows_of(sampled)
    assert len(found) == 60
    assert len({json.dumps(item["row"]) for item in found}) > len(rows) / 2


def test_what_testers_ask_is_no_part_of_it(sampled: Served, expected: dict[str, Any]) -> None:
    """So neither are the rows with which releases are compared; and no counter of predictions has them."""
    rows_of(sampled)

    def predicted() -> float:
        return sum(sampled.metric(f"modelway_prediction_{name}") for name in ("score_count", "classes", "nulls"))

    before = predicted()
    url = f"http://127.0.0.1:{sampled.port}/predict"
    assert (
        requests.post(url, json=expected["rows"][0], headers={"x-modelway-tester": "1"}, timeout=10).status_code == 200
    )
    assert rows_of(sampled) == []
    assert predicted() == before
    sampled.post("/predict", expected["rows"][0])
    assert predicted() == before + 1
    rows_of(sampled)


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "t", DIGEST, "\xe9"])
def test_without_the_token_nothing_is_told_and_nothing_is_lost(
    sampled: Served, token: str | None, expected: Any
) -> None:
    rows_of(sampled)
    sampled.post("/predict", expected["rows"][0])
    refused = taken(sampled, token)
    assert refused.status_code == 403
    assert set(refused.json()) == {"error"}
    assert len(rows_of(sampled)) == 1


@pytest.mark.parametrize("most", [0, -1, 201, 1.5, "1", True, None])
def test_as_many_as_there_may_be(sampled: Served, most: object) -> None:
    answer = taken(sampled, most=most)
    assert (answer.status_code, answer.json()["field"]) == (400, "most")


def test_no_row_and_no_token_comes_into_a_log(sampled: Served) -> None:
    secret = "a value of a client's"
    sampled.post("/invocations", {"dataframe_records": [{"carrier": secret, "delay": 1, "hour": 1}]})
    sampled.post("/invocations", {"instances": [[secret]]})
    assert taken(sampled).status_code == 200
    assert taken(sampled, "a wrong token").status_code == 403
    for told in (secret, TOKEN, "a wrong token"):
        assert told not in sampled.said()


def test_it_is_not_there_where_nobody_asked_for_it(boosting: Served) -> None:
    answer = taken(boosting)
    assert answer.status_code == 404
    assert answer.json() == boosting.post("/no-such-path", {}).json() | {
        "error": f'there is nothing at "{sampling.PATH}"'
    }


def test_a_digest_that_is_none_is_refused(serve: Serve) -> None:
    said = pytest.raises(AssertionError, match="--sample-token-sha256 must be the SHA-256 of a token")
    with said, serve("boosting", "--sample-token-sha256", TOKEN):
        raise AssertionError("it started")


def request(number: int, size: int = 10, arrived: float = 0.0) -> HttpRequest:
    return HttpRequest("POST", "/predict", "", f"{number:0{size}}".encode(), arrived)


def test_the_sample_is_uniform_and_bounded() -> None:
    random.seed(1)
    seen = Counter[bytes]()
    for _ in range(300):
        sample = RowSample()
        for number in range(1000):
            sample.offer(request(number))
        kept = sample.take(sampling.MOST_REQUESTS)
        assert len(kept) == len({item.body for item in kept}) == sampling.MOST_REQUESTS
        seen.update(item.body for item in kept)
    quarters = [sum(seen[request(number).body] for number in range(at, at + 250)) for at in range(0, 1000, 250)]
    assert min(quarters) > 0.96 * 15_000 and max(quarters) < 1.04 * 15_000


def test_its_bytes_are_bounded() -> None:
    sample = RowSample()
    for number in range(sampling.MOST_REQUESTS):
        sample.offer(request(number, size=sampling.MOST_BYTES // 10))
    assert len(sample.take(sampling.MOST_REQUESTS)) == 10
    sample.offer(request(0))
    assert len(sample.take(1)) == 1, "and given back"


def test_what_is_old_is_forgotten() -> None:
    sample = RowSample()
    for at in range(100):
        sample.offer(request(at, arrived=float(at)))
    sample.forget(99.5)
    assert {item.arrived for item in sample.take(200)} == {float(at) for at in range(40, 100)}


def test_how_long_comparing_takes_tells_nothing_of_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests are compared, in constant time, whatever was sent."""
    compared, compare = list[tuple[Any, Any]](), hmac.compare_digest

    def watched(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    sent = [b"", b"x", TOKEN.encode()[:-1] + b"x", TOKEN.encode()]
    assert [sampling.opens(token, DIGEST) for token in sent] == [False, False, False, True]
    assert compared == [(hashlib.sha256(token).hexdigest(), DIGEST) for token in sent]
