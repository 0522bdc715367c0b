"""Escaping for the runner's three text protocols; values are data in all of them, whatever they hold.

Sources: the runner's ActionCommand.cs (annotations) and FileCommandManager.cs (outputs).
"""

from __future__ import annotations

import re
import secrets

from modelway.markdown import cell

SUMMARY_LIMIT_BYTES = 900 * 1024
"""GitHub drops a step's summary whole when it is over 1024 KiB."""

MESSAGE_LIMIT = 1500
"""Characters of an annotation: GitHub keeps 4096 bytes of it. The middle goes, since the end holds the fix."""


def one_line(text: str) -> str:
    """What a person is told: without line breaks, and at most MESSAGE_LIMIT characters of it."""
    flat = " ".join(text.split())
    if len(flat) <= MESSAGE_LIMIT:
        return flat
    half = (MESSAGE_LIMIT - 3) // 2
    return f"{flat[:half]} … {flat[-half:]}"


def annotation_message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def annotation_property(text: str) -> str:
    return annotation_message(text).replace(":", "%3A").replace(",", "%2C")


def output_block(name: str, value: str) -> str:
    """One output for $GITHUB_OUTPUT, as a heredoc whose delimiter cannot be guessed and is not in the value."""
    delimiter = f"modelway-{secrets.token_hex(16)}"
    while delimiter in value:
        delimiter = f"modelway-{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def log_line(text: str) -> str:
    """Text that the runner will not take for a workflow command: a line that starts with `::`, or has `##[` in it,
    gets a zero-width space that breaks the marker and shows nothing."""
    lines = re.split(r"\r\n|\r|\n", text)
    return "\n".join(re.sub(r"^(\s*:)(?=:)", "\\1\u200b", line).replace("##[", "##\u200b[") for line in lines)


def shortened(markdown: str, limit: int, full: str) -> str:
    """`markdown` in at most `limit` bytes: cut between lines, what was opened is closed, and the cut is said."""
    data = markdown.encode()
    if len(data) <= limit:
        return markdown
    note = f"\n\n**Shortened: {{}} of {len(data)} bytes are left out here; all of it is in {cell(full)}.**\n"
    room = limit - len(note.encode()) - 256  # what closes the open blocks, and the number in the note
    head = data[: max(0, room)].decode(errors="ignore")
    head = head[: head.rfind("\n") + 1]
    closers = "\n```" if head.count("```") % 2 else ""
    closers += "\n</details>" * min(15, max(0, head.count("<details") - head.count("</details>")))
    return head + closers + note.format(len(data) - len(head.encode()))
