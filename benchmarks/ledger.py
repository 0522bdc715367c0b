"""What a long ledger costs: finish, record and show-history with 50 entries and with many, on a real MLflow server on SQLite,
beside reading the whole chain.

Usage: python benchmarks/ledger.py [--entries 5000]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from modelway.registry import ledger, ledger_steps, local_server  # noqa: E402 - after the path is known
from modelway.registry.ledger_versions import VersionLedger  # noqa: E402
from modelway.registry.mlflow import connect  # noqa: E402

FEW, REPEATS = 50, 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=5000)
    many = parser.parse_args().entries
    with tempfile.TemporaryDirectory(prefix="modelway-bench-") as name:
        folder = Path(name)
        subprocess.run(
            [ROOT / "scripts" / "run", "start_registry", "--folder", folder / "mlflow"], check=True, capture_output=True
        )
        try:
            measure(json.loads((folder / "mlflow" / "server.json").read_text())["uri"], many)
        finally:
            local_server.stop(folder / "mlflow")


def measure(uri: str, many: int) -> None:
    stores = {length: filled(uri, length) for length in (FEW, many)}
    print(f"| what | {FEW} entries, s | {many} entries, s | ratio | goal |")
    print("|---|--:|--:|--:|---|")
    commands: dict[str, Callable[[VersionLedger], object]] = {
        "finish": lambda store: ledger.finish(store, "production", "production", ledger.Writer("bench")),
        "record": promoted,
        "what show-history reads": ledger.read,
        "the whole chain (an audit)": ledger.audit,
        "MLflow's own: make one version": floor_append,
        "MLflow's own: set a tag of the newest version": floor_mark,
        "MLflow's own: the newest 50 versions": lambda store: list(
            islice(store.registry.newest_versions(store.name, 50), 50)
        ),
    }
    for what, command in commands.items():
        seconds = {length: median(command, store) for length, store in stores.items()}
        goal = "1.5" if what in ("finish", "record", "what show-history reads") else ""
        print(f"| {what} | {seconds[FEW]:.3f} | {seconds[many]:.3f} | {seconds[many] / seconds[FEW]:.2f} | {goal} |")


def median(command: Callable[[VersionLedger], object], store: VersionLedger) -> float:
    taken = []
    for _ in range(REPEATS):
        began = time.monotonic()
        command(store)
        taken.append(time.monotonic() - began)
    return statistics.median(taken)


def promoted(store: VersionLedger) -> object:
    writer = ledger.Writer("bench")
    base = ledger.finish(store, "production", "production", writer)
    version = 1 + len(base.recorded) % 2
    change = ledger.Change("production", "production", "promote", version, "bench")
    return ledger.record(store, base, change, writer)


def floor_append(store: VersionLedger) -> object:
    """The same call that an entry is made by, on a model of its own with as many versions."""
    return store.registry.post_version(f"{store.name}.floor", store.source, store.run_id, tags={"text": "x" * 1000})


def floor_mark(store: VersionLedger) -> object:
    """An append does it twice, and once more where somebody else came first."""
    newest = next(iter(store.registry.newest_versions(store.name, 1)))
    return store.registry.set_version_tag(store.name, newest.version, "floor", str(time.monotonic()))


def filled(uri: str, length: int) -> VersionLedger:
    """A ledger of one model with two versions, staging touched once at the beginning. Its entries are written as the commands
    write them, but without finishing each."""
    client = connect(uri, {})
    model = f"bench-{uuid.uuid4().hex[:8]}"
    client.ensure_model(model)
    run = client.create_run(client.experiment_id(model), "bench", {})
    for _ in (1, 2):
        client.create_version(model, f"{run.artifact_uri}/model", run.id, tags={})
    store = VersionLedger(client, model, run.id)
    for environment in ("staging", "production"):
        base = ledger.finish(store, environment, environment, ledger.Writer("bench"))
        change = ledger.Change(environment, environment, "promote", 1, "bench")
        ledger.record(store, base, change, ledger.Writer("bench"))
    history = ledger.audit(store)
    for number in range(length - 2):
        change = ledger.Change("production", "production", "promote", 1 + number % 2, "bench")
        history = ledger_steps.append(store, history, change, ledger.Writer("bench"))
    ledger.finish(store, "production", "production", ledger.Writer("bench"))
    client.ensure_model(f"{store.name}.floor")
    for _ in range(length):
        floor_append(store)
    return store


if __name__ == "__main__":
    main()
