"""The demo's page: what became of each model, then the rollouts in production drawn over time.

Usage: python demo_page.py REPORT.html SUMMARY.json PROJECT
"""

from __future__ import annotations

import html
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from modelway.config import load_project
from modelway.report.rollout_page import page
from modelway.stages.rollouts.deployment import stories

SHORT = "The judge's blocks are 2 s here and the waiting is short, so that the demo does not take an hour."
SHORT += " In earnest a block is 5 s, a step lasts two minutes at least, and all of them ten."
SHORT += " The client rests while a model is trained and judged: this machine is both the runner and production."


def main() -> None:
    target, summary, project = map(Path, sys.argv[1:])
    said = json.loads(summary.read_text(encoding="utf-8"))
    drawn = stories(load_project(project / "modelway.yml", "production"))
    rows = "".join(_row(stage) for stage in said["stages"])
    heads = ("scene", "version", "outcome", "requests meanwhile", "failed", "why")
    head = "".join(f"<th>{name}</th>" for name in heads)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    client = said["client"]
    total = f"The client sent {client.get('requests', 0):,} requests in all; {client.get('failed', 0):,} failed."
    before = f"<p>{total}</p>{table}<p class=quiet>{SHORT}</p>"
    target.write_text(
        page(drawn, f"flight-delay: {len(said['stages'])} deliveries to production", before), encoding="utf-8"
    )


def _row(stage: dict[str, object]) -> str:
    client = stage["client"]
    assert isinstance(client, dict)
    checks = stage["failing_checks"]
    assert isinstance(checks, list)
    outcome = str(stage["outcome"])
    chip = f'<span class="chip {html.escape(outcome)}">{html.escape(outcome.replace("-", " "))}</span>'
    cells = [stage["scene"], stage["version"], None, f"{client.get('requests', 0):,}", f"{client.get('failed', 0):,}"]
    shown = [chip if cell is None else html.escape(str(cell)) for cell in cells]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in [*shown, html.escape(", ".join(checks[:2]))]) + "</tr>"


if __name__ == "__main__":
    main()
