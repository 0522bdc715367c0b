"""The reasons that people give for their own decisions: one line, as a ledger and a journal can show it."""

from __future__ import annotations

import unicodedata

from modelway.errors import InvalidInput

LONGEST = 300


def one_line(text: str, name: str) -> str:
    """The text without blanks around it. InvalidInput where it says nothing, is too long, or has characters that no reader
    would see. name: the input's."""
    said = text.strip()
    hidden = sorted({character for character in said if unicodedata.category(character).startswith(("C", "Zl", "Zp"))})
    problem = (
        "is blank"
        if not said
        else f"has {len(said)} characters, more than {LONGEST}"
        if len(said) > LONGEST
        else f"has the character U+{ord(hidden[0]):04X}, which nobody sees"
        if hidden
        else ""
    )
    if problem:
        raise InvalidInput(problem, where=f"input {name}", fix="give the reason in one line of words, or leave it out")
    return said
