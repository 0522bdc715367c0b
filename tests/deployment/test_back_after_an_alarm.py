"""What monitoring is for: a version that turned out worse by its labels goes back, on a real target, by an entry of the ledger
that is weeks old; and one that is not to blame stays."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from deployment.shop import Shop
from modelway.registry.ledger_entries import as_written, entry_of, sealed
from modelway.registry.ledger_versions import ENTRY_TAG, VersionLedger
from modelway.registry.mlflow import connect

DAYS, BEFORE, AGO = 60, 55, 8
"""Days of predictions; so many days ago the first version came, and so many the second."""
ROWS = 300
MONITOR = """\
monitor:
  data: asked.csv
  time-column: at
  leave-out: [p, y]
  history-days: 28
  performance: {prediction: p, label: y, metrics: [roc_auc_score], mature-days: 1}
  policy: {performance: [notify, rollback]}
"""


def aged(shop: Shop, ages: Sequence[int]) -> None:
    """The environment's entries of the ledger, as if they had been written so many days ago: nothing else says when it was."""
    registry = connect(shop.server, {})
    store = registry.ledger(shop.model)
    assert isinstance(store, VersionLedger)
    own, previous = sorted(store.entries(), key=lambda row: row.number)[-len(ages) :], ""
    for row, age in zip(own, ages, strict=True):
        entry = entry_of(row)
        assert entry is not None and entry.environment == shop.environment
        when = datetime.now(UTC) - timedelta(days=age)
        made = sealed(
            msgspec.structs.replace(
                entry, when=when.isoformat(timespec="milliseconds"), previous=previous or entry.previous
            )
        )
        store.mark(row.number, ENTRY_TAG, msgspec.json.encode(as_written(made)).decode())
        previous = made.hash


def asked(folder: Path, told_apart: Callable[[date], float]) -> None:
    """Predictions and what was true; told_apart: by how much those of the positive class are higher on a day, in standard
    deviations."""
    chance, today, lines = random.Random(3), datetime.now(UTC).date(), ["at,a,b,p,y"]
    for back in range(DAYS, 0, -1):
        day = today - timedelta(days=back)
        for number in range(ROWS):
            y = number % 2
            p = min(max(0.5 + 0.15 * (chance.gauss(0, 1) + told_apart(day) * (y - 0.5)), 0), 1)
            at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=200 * number)
            lines.append(f"{at.isoformat()},{chance.gauss(0, 1):.4f},{chance.gauss(0, 1):.4f},{p:.4f},{y}")
    (folder / "asked.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def weeks_old(shop: Shop) -> Shop:
    """`good` was deployed 55 days ago, `again` 8 days ago, by the ledger."""
    text = (shop.folder / "modelway.yml").read_text().replace("strategy: canary", "strategy: all-at-once")
    (shop.folder / "modelway.yml").write_text(text + MONITOR)
    shop.deploy("good")
    shop.deploy("again")
    aged(shop, (BEFORE, AGO))
    assert shop.serving() == shop.versions["again"]
    return shop


def followed(shop: Shop, *flags: str) -> dict[str, str]:
    said = shop.must("follow_policy", 0, *flags)
    return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)


def test_a_version_that_turned_out_worse_goes_back_by_its_labels(weeks_old: Shop) -> None:
    shop, came = weeks_old, datetime.now(UTC).date() - timedelta(days=AGO)
    asked(shop.folder, lambda day: 1.5 if day <= came else -0.6)
    told = shop.must("monitor_model", 1, "--since", str(came))
    assert "roc_auc_score" in told
    due = followed(shop, "--report", "out/modelway/monitor-model.json")
    good = shop.versions["good"]
    assert (due["act"], due["to"], due["version"]) == ("rollback", good, shop.versions["again"])
    shop.roll_back("--to", due["to"], "--reason", due["reason"])
    assert shop.serving() == good
    followed(shop, "--claim", due["claim"], "--result", "success")
    shop.must("show_history", 0)
    assert "higher by" in (shop.folder / "out" / "modelway" / "show-history.json").read_text()
    again = followed(shop, "--report", "out/modelway/monitor-model.json")
    assert again["act"] == "none" and shop.serving() == good


def test_a_version_that_came_to_a_world_that_had_changed_stays(weeks_old: Shop) -> None:
    """The fall began the day before it came: the one before was no better."""
    shop, came = weeks_old, datetime.now(UTC).date() - timedelta(days=AGO)
    asked(shop.folder, lambda day: 1.5 if day <= came - timedelta(days=2) else -0.6)
    shop.must("monitor_model", 1, "--since", str(came - timedelta(days=6)))
    due = followed(shop, "--report", "out/modelway/monitor-model.json")
    assert due["act"] == "none" and "before version" in due["reason"]
    assert shop.serving() == shop.versions["again"]
