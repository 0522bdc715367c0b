"""Examples in docs/, as they stand there: what a reader copies is what the tests run."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
LONGEST = 60
"""Lines of one example."""


def examples(page: str, heading: str, language: str = "python") -> list[str]:
    """The code blocks of a language below a heading of docs/PAGE, in their order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    section = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,6}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/{page} has no section {heading!r}"
    found = re.findall(rf"^```{language}\n(.*?)^```", section[2], re.MULTILINE | re.DOTALL)
    assert found, f"docs/{page}: {heading!r} shows no {language}"
    assert sum(len(code.splitlines()) for code in found) < LONGEST, f"docs/{page}: {heading!r} is no short example"
    return found
