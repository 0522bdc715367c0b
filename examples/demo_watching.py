"""The end of the demo: half a year of flights watched day by day, and the model trained again on newer months."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from demo_act import OUT, ROOT, act_environment, run_script, say
from demo_project import PROJECT, commit, edit


def flights() -> Path:
    """Those that the workflows made, of the year as it is, in the cache that all share."""
    live, *_ = OUT.glob("act/flight-delay/*/live.csv")
    return live.parent


def monitor(address: str) -> None:
    """Each alarm in the words of the run's page. Labels come a week after the flight: until then there is none of it."""
    asked = PROJECT / "out" / "asked"
    program = ROOT / "examples" / "demo_labels.py"
    command = [ROOT / "scripts" / "run", "--in", "data", "python", program, address, flights(), asked]
    subprocess.run(command, check=True)
    found = run_script(
        "monitor_model",
        *("--working-directory", str(PROJECT), "--data", str(asked / "asked.csv"), "--prediction", "probability"),
        *("--labels", str(asked / "labels.csv"), "--label-id", "id"),
        *("--leave-out", "flight,flight_date,probability"),
        environ=act_environment(),
    )
    page = Path(found["report"]).with_suffix(".md")
    shutil.copy(page, OUT / "monitoring.md")
    for day, _, what, _ in cells_of(page, 4):
        if day.startswith("2013-"):
            say(f"told on {day}: {what}")
    held = json.loads(Path(found["report"]).read_text(encoding="utf-8"))["performance"]["outcome"]
    for metric, limit, whose, usual in cells_of(page, 4):
        if metric.endswith("_score"):
            say(f"{metric}, by labels that came a week late: {held}, {limit} ({whose}), usually {usual}")
    say(f"since then: {found['outcome']}")


def train_again(uri: str, parameters: str) -> None:
    """What the policy `retrain` starts when a model has fallen, without waiting for that."""
    edit(
        ("modelway.yml", "command: python make_data.py", "command: python make_data.py --later 4"),
        ("modelway.yml", "January to June", "January to October"),
        ("modelway.yml", "July and August", "November and December"),
    )
    commit("Train on newer months")
    where = ["--working-directory", str(PROJECT), "--tracking-uri", uri]
    version = run_script("train_model", *where, "--parameters", parameters, environ=act_environment())["version"]
    found = run_script(
        "evaluate_gate", *where, "--environment", "production", "--version", version, environ=act_environment()
    )
    page = Path(found["report"]).with_suffix(".md")
    shutil.copy(page, OUT / "retrained.md")
    before = found["production-version"]
    say(f"version {version} learned from four months more; beside version {before} on November and December:")
    for check, _, n, value, interval, _ in cells_of(page, 6):
        if check.endswith("against production"):
            say(f"{check}: {value}, 95 %: {interval}, n {n}")
    say(f"the gate: {found['outcome']}")


def cells_of(page: Path, count: int) -> Iterator[list[str]]:
    """Of every row of so many columns in a page's tables."""
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [part.strip() for part in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == count:
            yield cells
