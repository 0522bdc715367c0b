"""A release whose servers look a column up in Redis: the file goes with its image, the address with its target."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from deployment.shop import Shop
from modelway.loopback import free_port
from modelway.serving.features import URL_VARIABLE
from running_redis import RunningRedis

PASSWORD = "a-secret-of-redis"
LOOKUPS = {"lookups": [{"key": "part:{part}", "columns": {"a": "size"}}], "seconds": 2}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunningRedis]:
    made = RunningRedis(tmp_path, free_port(), PASSWORD, {"part:7": {"size": "0.5"}})
    made.start()
    yield made
    made.stop()


def with_lookups(shop: Shop, **changed: object) -> None:
    config = shop.folder / "modelway.yml"
    text = config.read_text()
    if "build:" not in text:
        config.write_text(text + "build: { features: features.json }\n")
    (shop.folder / "features.json").write_text(json.dumps({**LOOKUPS, **changed}))


def test_it_is_deployed_killed_and_brought_back(shop: Shop, store: RunningRedis) -> None:
    version = shop.versions["good"]
    of_version = ("--version", version)
    shop.must("evaluate_gate", 0, *of_version)
    with_lookups(shop, lookups=[{"key": "part:{part}", "columns": {"c": "size"}}])
    said = shop.must("build_image", 2, *of_version)
    assert "build.features: features.json: column 'c' is looked up, and the model has none of that name" in said
    with_lookups(shop)
    shop.must("build_image", 0, *of_version)

    said = shop.must("deploy_model", 2, *of_version)
    assert f"the variable {URL_VARIABLE} is not set" in said and "Fix: set it" in said
    assert shop.processes() == []

    said = shop.must("deploy_model", 0, *of_version, **{URL_VARIABLE: store.url})
    body = {"part": 7, "b": 0.25}
    asked = f"http://127.0.0.1:{shop.port}/predict"
    answer = requests.post(asked, json=body, timeout=10)
    assert answer.ok, answer.text
    whole = requests.post(asked, json={"a": 0.5, "b": 0.25}, timeout=10)
    assert answer.json()["predictions"] == whole.json()["predictions"]
    kept = shop.target / "features-url"
    assert kept.read_text() == store.url and stat.S_IMODE(kept.stat().st_mode) == 0o600
    everything = said + "".join(path.read_text() for path in (shop.folder / "out").rglob("*") if path.is_file())
    assert PASSWORD not in everything

    shop.kill_replica(version)
    shop.must("deploy_model", 0, *of_version)  # the target knows the address by now
    assert requests.post(asked, json=body, timeout=10).json()["predictions"] == whole.json()["predictions"]
    store.stop()
    refused = requests.post(asked, json=body, timeout=10)
    assert refused.status_code == 503 and "Redis" in refused.json()["error"]
