"""rollback-release: the version before, with one command, also with the registry down, and never twice."""

from __future__ import annotations

import pytest

from deployment.shop import Shop
from modelway.registry.ledger import audit
from modelway.registry.ledger_entries import Entry
from modelway.registry.ledger_versions import VersionLedger
from modelway.registry.stored_records import read_verdict

DOWN = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}


def two(shop: Shop) -> None:
    """Version good, then again, both all at once."""
    shop.configure(shop.port, strategy="all-at-once")
    shop.deploy("good")
    shop.deploy("again")


def entries(shop: Shop) -> list[Entry]:
    history = audit(VersionLedger(shop.client, shop.model))
    return [row.entry for row in history.on_chain(shop.environment)]


def actions(shop: Shop) -> list[tuple[str, str]]:
    return [(entry.action, str(entry.version)) for entry in entries(shop)]


@pytest.mark.long
def test_every_entry_names_the_verdict_that_let_it_be_built(shop: Shop) -> None:
    """Also that of a rollback, and in an environment that has no verdicts of its own."""
    two(shop)
    shop.roll_back()
    kept = {
        kind: read_verdict(shop.client, shop.model, int(shop.versions[kind]), "production") for kind in shop.versions
    }
    for entry, kind in zip(entries(shop), ("good", "again", "good"), strict=True):
        stored = kept[kind]
        assert stored is not None and entry.verdict is not None
        assert (entry.verdict.run, entry.verdict.path, entry.verdict.sha256) == (stored.run, stored.path, stored.sha256)
        assert entry.data_digest == stored.record.data_digest


@pytest.mark.long
def test_the_version_before_comes_back_and_a_second_run_changes_nothing(shop: Shop) -> None:
    two(shop)
    good, again = shop.versions["good"], shop.versions["again"]
    with shop.traffic() as seen:
        said = shop.roll_back("--reason", "complaints")
    assert "outcome=reverted" in said
    assert f"previous-version={again}" in said
    assert seen["failed"] == 0
    assert shop.serving() == good
    assert shop.aliases()[shop.environment] == int(good)
    assert actions(shop) == [("deploy", good), ("deploy", again), ("rollback", good)]
    before = shop.deployed()
    assert "outcome=unchanged" in shop.roll_back()
    assert shop.deployed() == before
    assert len(actions(shop)) == 3


@pytest.mark.long
def test_a_named_version_comes_back_and_one_that_never_was_is_refused(shop: Shop) -> None:
    two(shop)
    shop.roll_back()
    shop.roll_back("--to", shop.versions["again"])
    assert shop.serving() == shop.versions["again"]
    said = shop.roll_back("--to", "999", code=1)
    assert "version 999 was never in" in said
    assert shop.serving() == shop.versions["again"]


def test_with_the_registry_down_traffic_goes_back_and_the_next_command_tells(shop: Shop) -> None:
    two(shop)
    good, again = shop.versions["good"], shop.versions["again"]
    said = shop.roll_back(code=4, **DOWN)
    assert "the registry was not told" in said
    assert shop.serving() == good
    assert shop.aliases()[shop.environment] == int(again), "nobody could move it"
    said = shop.roll_back()
    assert "outcome=unchanged" in said
    assert shop.aliases()[shop.environment] == int(good)
    assert actions(shop) == [("deploy", good), ("deploy", again), ("rollback", good)]
    shop.roll_back()
    assert len(actions(shop)) == 3, "told once"


@pytest.mark.long
def test_there_must_be_something_to_go_back_to(shop: Shop) -> None:
    assert "nothing was ever deployed" in shop.roll_back(code=2)
    shop.configure(shop.port, strategy="all-at-once")
    shop.deploy("good")
    said = shop.roll_back(code=1)
    assert "there is nothing to roll back to" in said
    assert shop.serving() == shop.versions["good"]


@pytest.mark.long
def test_only_unfinished_leaves_a_finished_deployment_alone(shop: Shop) -> None:
    two(shop)
    assert "outcome=unchanged" in shop.roll_back("--only-unfinished", "true")
    assert shop.serving() == shop.versions["again"]


@pytest.mark.long
def test_it_works_after_everything_was_stopped(shop: Shop) -> None:
    two(shop)
    assert "stopped=true" in shop.must("stop_deployment", 0)
    assert shop.processes() == []
    shop.roll_back()
    assert shop.serving() == shop.versions["good"]
    assert "stopped=true" in shop.must("stop_deployment", 0)
    assert "stopped=false" in shop.must("stop_deployment", 0)
    assert "already" in shop.deploy("good")
    assert shop.serving() == shop.versions["good"], "what ran is started again"
