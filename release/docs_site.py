"""Builds the documentation as a site: the README, docs/ and the pages of the actions, as GitHub shows them.

A link to a page stays one; a link to any other file of the repository leads to it on GitHub. Font, style and script are the
site's own: nothing is loaded from elsewhere. A page that no section names and a link that leads nowhere end the build.

Usage: make docs        (writes out/site; `--folder FOLDER` another)
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = (
    f"https://github.com/{json.loads((ROOT / 'release' / 'repository.json').read_text(encoding='utf-8'))['repository']}"
)
OUT = ROOT / "out" / "site"
SECTIONS = {
    "Start": (
        "README",
        "docs/first-hour",
        "docs/tutorial",
        "docs/gallery",
        "docs/workflows",
        "docs/configuration",
        "docs/testing-with-act",
        "docs/python",
        "docs/faq",
    ),
    "Data": (
        "docs/data-contracts",
        "docs/drafting",
        "docs/contract-formats",
        "docs/quality",
        "docs/profile",
        "docs/drift",
    ),
    "Train and judge": ("docs/training", "docs/models", "docs/gate", "docs/metrics", "docs/registry", "docs/reviews"),
    "Deploy": (
        "docs/images",
        "docs/serving",
        "docs/deployment",
        "docs/judge",
        "docs/strategies/canary",
        "docs/strategies/blue-green",
        "docs/strategies/rolling",
        "docs/strategies/shadow",
        "docs/strategies/ab",
        "docs/groups",
        "docs/kubernetes",
        "docs/load",
    ),
    "From other tools": (
        "docs/from-argo-rollouts",
        "docs/from-flagger",
        "docs/from-sagemaker-pipelines",
        "docs/from-mlflow-stages",
        "docs/from-mlops-stacks",
        "docs/from-cml",
        "docs/from-great-expectations",
    ),
    "Watch": (
        "docs/monitoring",
        "docs/policy",
        "docs/notify",
        "docs/dashboards",
        "docs/history",
        "docs/delivery",
    ),
    "Around it": (
        "docs/troubleshooting",
        "docs/permissions",
        "docs/logins",
        "docs/pinning",
        "docs/gitlab",
        "docs/other-schedulers",
        "docs/ghes",
        "docs/threat-model",
        "SECURITY",
        "CHANGELOG",
    ),
    "Actions": ("actions/*/README",),
    "Inside": ("docs/architecture", "docs/extending", "docs/testing-on-kubernetes", "docs/adr/*"),
}
STYLE = """\
.md-grid { max-width: 84rem } /* code of 120 characters, and tables of six columns */
.md-typeset table:not([class]) code { white-space: nowrap }
"""
LINK = re.compile(
    r"(?P<code>^ *(?P<fence>`{3,}|~{3,}).*?^ *(?P=fence)|(?P<ticks>`+)[^`].*?(?P=ticks))"
    r"|(?P<open>!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()(?P<target>[^)\s]+)\)",
    re.DOTALL | re.MULTILINE,
)
"""Code, in which nothing is a link, or a link."""
TITLE = re.compile(r"^# +(.+)$", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=OUT)
    folder = parser.parse_args().folder.absolute()
    if folder.exists() and folder != OUT:
        parser.error(f"{folder} is there already; name one that is not")
    with tempfile.TemporaryDirectory(prefix="site-") as name:
        work = Path(name)
        problems = write_sources(work / "docs")
        (work / "docs" / "site.css").write_text(STYLE, encoding="utf-8")
        (work / "zensical.toml").write_text(configuration(), encoding="utf-8")
        if not problems:
            program = Path(sys.executable).with_name("zensical")
            done = subprocess.run([program, "build", "--strict"], cwd=work, capture_output=True, text=True, check=False)
            problems = [done.stdout + done.stderr] if done.returncode else []
        if not problems:
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(work / "site", folder)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if not problems:
        print(f"{folder / 'index.html'}: {len(list(pages()))} pages")
    return 1 if problems else 0


def pages() -> Iterator[tuple[str, Path]]:
    """Section -> its pages, in their order."""
    for section, names in SECTIONS.items():
        for name in names:
            for path in sorted(ROOT.glob(f"{name}.md")):
                yield section, path


def place_of(file: Path) -> str:
    """Where a page or a picture lies below the site's sources."""
    path = file.relative_to(ROOT).as_posix()
    if path == "README.md":
        return "index.md"
    if path.startswith("actions/"):
        return f"actions/{file.parent.name}.md"
    return path.removeprefix("docs/")


def write_sources(folder: Path) -> list[str]:
    """What is wrong with them, a line each."""
    places = {page: place_of(page) for _, page in pages()}
    written = {*ROOT.glob("docs/**/*.md"), *ROOT.glob("actions/*/README.md")}
    problems = [
        f"{page.relative_to(ROOT)} is in no section of release/docs_site.py" for page in sorted(written - set(places))
    ]
    for page, place in places.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        text, wrong = with_links(page, places, folder)
        path.write_text(text, encoding="utf-8")
        problems += wrong
    return problems


def with_links(page: Path, places: dict[Path, str], folder: Path) -> tuple[str, list[str]]:
    """The page's text, its links those of the site; pictures are copied beside the pages."""
    text, problems = page.read_text(encoding="utf-8"), []

    def link(found: re.Match[str]) -> str:
        if found["code"]:
            return found[0]
        try:
            return f"{found['open']}{led(found['target'], page, places, folder)})"
        except FileNotFoundError as error:
            line = text.count("\n", 0, found.start()) + 1
            problems.append(f"{page.relative_to(ROOT)}:{line}: a link leads to {error}, which is not there")
            return found[0]

    return LINK.sub(link, text), problems


def led(target: str, page: Path, places: dict[Path, str], folder: Path) -> str:
    path, mark, anchor = target.partition("#")
    if not path or "://" in target or target.startswith("mailto:"):
        return target
    there = Path(os.path.normpath(page.parent / path))
    if not there.exists():
        raise FileNotFoundError(target)
    if there in places:
        goal = places[there]
    elif there.suffix in (".png", ".svg"):
        goal = place_of(there)
        (folder / goal).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(there, folder / goal)
    else:
        kind = "tree" if there.is_dir() else "blob"
        return f"{REPOSITORY}/{kind}/main/{there.relative_to(ROOT).as_posix()}{mark}{anchor}"
    return f"{os.path.relpath(goal, os.path.dirname(places[page]) or '.')}{mark}{anchor}"


def configuration() -> str:
    """zensical.toml."""
    sections: dict[str, list[str]] = {}
    for section, page in pages():
        title = TITLE.search(page.read_text(encoding="utf-8"))
        assert title is not None, page
        item = f"{{ {json.dumps(title[1].replace('`', ''))} = {json.dumps(place_of(page))} }}"
        sections.setdefault(section, []).append(item)
    nav = ",\n".join(f"  {{ {json.dumps(section)} = [{', '.join(items)}] }}" for section, items in sections.items())
    return f"""\
[project]
site_name = "Modelway"
site_description = "GitHub Actions that take a model from data to production and back"
site_url = ""
use_directory_urls = false
extra_css = ["site.css"]
repo_url = "{REPOSITORY}"
repo_name = "{REPOSITORY.removeprefix("https://github.com/")}"
nav = [
{nav}
]

[project.theme]
language = "en"
font = false
features = ["content.code.copy", "navigation.indexes", "navigation.tabs", "navigation.top", "search.highlight", "toc.follow"]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
toggle.icon = "lucide/sun"
toggle.name = "Switch to dark mode"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
toggle.icon = "lucide/moon"
toggle.name = "Switch to light mode"

[project.markdown_extensions]
tables = {{}}
toc.permalink = true
pymdownx.superfences = {{}}
pymdownx.highlight = {{}}
"""


if __name__ == "__main__":
    sys.exit(main())
