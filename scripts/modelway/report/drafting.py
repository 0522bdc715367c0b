"""A contract that was drafted or converted, as a person reads it."""

from __future__ import annotations

import html
from typing import Protocol

from modelway.markdown import cell

MOST_LINES = 200


class Generated(Protocol):
    """What generate-contract records."""

    @property
    def contract(self) -> str: ...
    @property
    def made_from(self) -> str: ...
    @property
    def rows(self) -> int | None: ...
    @property
    def new_columns(self) -> tuple[str, ...]: ...
    @property
    def gone_columns(self) -> tuple[str, ...]: ...
    @property
    def lost(self) -> tuple[str, ...]: ...
    @property
    def not_held(self) -> tuple[str, ...]: ...
    @property
    def difference(self) -> str: ...


def draft_markdown(found: Generated, text: str) -> str:
    """For the run's page: what changed in the file, and what is lost."""
    of = f"{found.rows:,} rows of " if found.rows is not None else ""
    lines = [f"## Contract {cell(found.contract)}, from {of}{cell(found.made_from)}", ""]
    if not found.difference:
        lines.append("Nothing is new.")
    for told, items in (
        ("New columns", found.new_columns),
        ("Columns that the data has no more", found.gone_columns),
        ("What this form cannot say", found.lost),
        ("What no check holds, and is not written", found.not_held),
    ):
        if items:
            lines += [f"{told} ({len(items)}): {cell(', '.join(items), 2000)}.", ""]
    shown = found.difference.splitlines()
    if shown:
        more = [f"... {len(shown) - MOST_LINES} more lines"] if len(shown) > MOST_LINES else []
        escaped = (html.escape(line, quote=False).replace("#", "&#35;") for line in (*shown[:MOST_LINES], *more))
        lines += ["<pre>", *escaped, "</pre>"]
    return "\n".join(lines)
