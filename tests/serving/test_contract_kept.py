"""The contract's checks and the model server's promises are the same: a real server, of a real model, passes all of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelway.endpoint import checks
from modelway.endpoint.asking import Endpoint
from modelway.endpoint.contract import CONTRACT
from served import RELEASE, Served


@pytest.fixture
def known(expected: dict[str, Any]) -> checks.Expected:
    names = {name: RELEASE[name] for name in ("model", "version", "run_id", "digest", "content")}
    columns = (
        checks.Column("carrier", "string"),
        checks.Column("delay", "double"),
        checks.Column("pressure", "double"),
    )
    rows, predictions = tuple(expected["rows"]), tuple(expected["boosting"])
    return checks.Expected(**names, columns=columns, rows=rows, predictions=predictions)  # type: ignore[arg-type]


def test_the_model_server_keeps_the_contract(boosting: Served, known: checks.Expected) -> None:
    done = list(checks.run(CONTRACT, Endpoint(f"http://127.0.0.1:{boosting.port}"), known))
    assert [item for item in done if item.outcome == "fail"] == []
    assert [item.name for item in done if item.outcome == "skipped"] == ["a body that never comes is refused"]
    assert json.dumps([item.detail for item in done]).count("60 rows") == 2
