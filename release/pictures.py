"""Draws the pictures of docs/: the reports that the actions over data write of the flights of examples/flight-delay, as a
browser shows them.

The reports are those of the actions themselves: the flights as they are published (cancelled ones too, nothing cleaned, the
delay at arrival left in beside the label) against the example's contract, and looked through; July and August against
January to June; the contract that is drafted of January to June; and the page of both. What judge, rollout and watch say is of
the demo.

Usage: make demo pictures        (CHROMIUM names the browser; left out: chromium)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
DOCS, EXAMPLE, DEMO = ROOT / "docs", ROOT / "examples" / "flight-delay", ROOT / "out" / "demo"
WIDTH = 1240
MOST_BYTES = 150_000
STYLE = """
body { font: 14px/1.45 system-ui, "Liberation Sans", sans-serif; margin: 20px 28px; color: #1f2328 }
h2 { font-size: 20px; border-bottom: 1px solid #d1d9e0; padding-bottom: 6px } h3 { font-size: 16px; margin: 14px 0 8px }
table { border-collapse: collapse; margin: 10px 0 } th, td { border: 1px solid #d1d9e0; padding: 3px 9px }
tr:nth-child(2n) { background: #f6f8fa }
code, pre { font: 12px ui-monospace, "Liberation Mono", monospace; background: #f6f8fa }
pre { padding: 10px; overflow: hidden } summary { color: #0969da }
"""


@dataclass(frozen=True)
class Picture:
    """name: of the picture in docs. flags: of the action. height: of what is seen of its report, in pixels."""

    name: str
    action: str
    flags: tuple[str, ...]
    height: int
    suffix: str = "md"


PICTURES = (
    Picture("validation", "validate-data", ("--data", "data/published.csv"), 320),
    Picture("quality", "check-quality", ("--data", "data/published.csv"), 305),
    Picture("drift", "detect-drift", ("--current", "data/test.csv"), 620),
    Picture("drafted-contract", "generate-contract", ("--data", "data/train.csv", "--contract", "drafted.yml"), 430),
    Picture("profile", "profile-data", (), 860, "html"),
)


@dataclass(frozen=True)
class Scene:
    """name: of the picture in docs. page: of the demo. begins: how the first line begins that is shown. height: of what is
    seen, in pixels."""

    name: str
    page: str
    begins: str
    height: int


SCENES = (
    Scene("verdict", "worse.md", "**FAIL**", 660),
    Scene("rolled-back", "cleaned.md", "### Version 4 was rolled back", 370),
    Scene("deployed", "challenger.md", "### Version 2 is in production", 460),
    Scene("delivered", "delivery.md", "### Delivery", 540),
)


def main() -> int:
    for scene in SCENES:
        shown = DEMO / scene.page
        if not shown.is_file():
            raise SystemExit(f"error: pictures: there is no {shown.relative_to(ROOT)}: run make demo first")
        lines = shown.read_text(encoding="utf-8").splitlines()
        first = next(number for number, line in enumerate(lines) if line.startswith(scene.begins))
        photograph(drawn("\n".join(lines[first:]), shown), DOCS / f"{scene.name}.png", scene.height)
    with tempfile.TemporaryDirectory(prefix="modelway-pictures-") as folder:
        project = Path(shutil.copytree(EXAMPLE, Path(folder, "flights"), ignore=shutil.ignore_patterns("data", "out")))
        shutil.copy(Path(__file__).with_name("published_flights.py"), project)
        config, command = project / "modelway.yml", "command: python make_data.py"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace(command, f"{command} && python published_flights.py"), encoding="utf-8")
        for picture in PICTURES:
            draw(picture, project)
    return 0


def draw(picture: Picture, project: Path) -> None:
    command = [ROOT / "scripts" / "run", picture.action.replace("-", "_"), *picture.flags]
    done = subprocess.run(command, cwd=project, check=False, stdout=subprocess.DEVNULL)
    page = project / "out" / "modelway" / f"{picture.action}.{picture.suffix}"
    if done.returncode not in (0, 1, 3) or not page.is_file():
        raise SystemExit(f"error: pictures: {picture.action} ended with {done.returncode}")
    if picture.suffix == "md":
        page = drawn(page.read_text(encoding="utf-8"), page)
    photograph(page, DOCS / f"{picture.name}.png", picture.height)


def drawn(text: str, beside: Path) -> Path:
    """Markdown as a page, about as GitHub shows it."""
    markdown = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(text)
    page = beside.with_suffix(".shown.html")
    page.write_text(f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{markdown}", encoding="utf-8")
    return page


def photograph(page: Path, target: Path, height: int) -> Path:
    browser = [
        os.environ.get("CHROMIUM", "chromium"),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
    ]
    seen = [f"--window-size={WIDTH},{height}", f"--screenshot={target}", page.as_uri()]
    subprocess.run([*browser, *seen], check=True, stderr=subprocess.DEVNULL)
    print(f"{target.name}: {target.stat().st_size:,} bytes")
    if target.stat().st_size > MOST_BYTES:
        raise SystemExit(f"error: pictures: {target.name} is over {MOST_BYTES:,} bytes: give it less height")
    return target


if __name__ == "__main__":
    sys.exit(main())
