"""Examples in docs/, as they stand there: what a reader copies is what the tests run."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
LONGEST = 60
"""Lines of one example."""


def blocks(text: str) -> list[tuple[str, str]]:
    """Every code block of a page or of a part of it, in their order: its language, and what is in it."""
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def examples(page: str, heading: str, language: str = "python") -> list[str]:
    """The code blocks of a language below a heading of docs/PAGE, in their order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    section = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,6}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/{page} has no section {heading!r}"
    found = [code for kind, code in blocks(section[2]) if kind == language]
    assert found, f"docs/{page}: {heading!r} shows no {language}"
    assert sum(len(code.splitlines()) for code in found) < LONGEST, f"docs/{page}: {heading!r} is no short example"
    return found
