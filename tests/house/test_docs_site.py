"""The documentation as a site: `make docs` builds it, every link leads somewhere, and it asks nobody else for anything."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import docs_site

ROOT = Path(__file__).resolve().parents[2]
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Page(HTMLParser):
    """links: what it leads to. loaded: what a browser asks for without being told to. places: its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links, self.loaded, self.places = list[str](), list[str](), set[str]()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.places |= {known[name] for name in ("id", "name") if name in known}
        if tag == "a" and "href" in known:
            self.links.append(known["href"])
        elif known.get(LOADED.get(tag, "")) and known.get("rel") not in ("next", "prev", "canonical"):
            self.loaded.append(known[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [
        ROOT / "scripts" / "run",
        "--in",
        "site",
        "python",
        ROOT / "release" / "docs_site.py",
        "--folder",
        folder,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def inside(path: Path, targets: list[str]) -> Iterator[tuple[Path, str]]:
    """Of those that lead to the site itself: the file, and the place in it."""
    for target in targets:
        parts = urlsplit(target)
        if not parts.scheme and not parts.netloc:
            there = path.parent / unquote(parts.path) if parts.path else path
            yield (there / "index.html" if there.is_dir() else there).resolve(), unquote(parts.fragment)


def test_every_page_is_there(pages: dict[Path, Page], site: Path) -> None:
    asked = {site / docs_site.place_of(page).replace(".md", ".html") for _, page in docs_site.pages()}
    assert asked == set(pages) and len(asked) > 100


def test_every_link_leads_somewhere(pages: dict[Path, Page]) -> None:
    """Also to a heading, whose anchor GitHub and the site make alike."""
    lost = []
    for path, page in pages.items():
        for there, place in inside(path, page.links + page.loaded):
            known = pages.get(there)
            if not there.exists() or (place and known and place not in known.places):
                lost.append(f"{path.name} -> {there.name}#{place}")
    assert not lost


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page], site: Path) -> None:
    for path, page in pages.items():
        assert not [target for target in page.loaded if urlsplit(target).netloc], path
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style.read_text(encoding="utf-8")), style


def test_code_is_no_link_and_a_link_that_leads_nowhere_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docs_site, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "code.py").touch()
    first, second = tmp_path / "docs" / "first.md", tmp_path / "README.md"
    first.write_text(
        "# First\n\n`[a](gone.md)` [b](../README.md#there) [c\nd](../code.py)\n\n```md\n[e](gone.md)\n```\n\n[f](gone.md)\n"
    )
    second.touch()
    text, problems = docs_site.with_links(first, {first: "first.md", second: "index.md"}, tmp_path / "site")
    assert problems == ["docs/first.md:10: a link leads to gone.md, which is not there"]
    assert "[b](index.md#there)" in text and f"]({docs_site.REPOSITORY}/blob/main/code.py)" in text
    assert text.count("(gone.md)") == 3
