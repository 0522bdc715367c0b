"""A name that looks like another is told apart from it by the character that differs."""

from __future__ import annotations

import pytest

from modelway.config.document import suggestion

SAME: dict[tuple[str, str], str] = {
    ("amount", "\u0430mount"): "has U+0430 CYRILLIC SMALL LETTER A",
    ("\u0430mount", "amount"): "has U+0061 LATIN SMALL LETTER A",
    ("KM", "\u039a\u041c"): "has U+039A GREEK CAPITAL LETTER KAPPA and U+041C CYRILLIC CAPITAL LETTER EM",
    ("total net", "total\u00a0net"): "has U+00A0 NO-BREAK SPACE",
    ("a", "a "): "has U+0020 SPACE",
    ("a ", "a"): "has not U+0020 SPACE",
    ("id", "id\u200b"): "has U+200B ZERO WIDTH SPACE",
    ("\ufeffid", "id"): "has not U+FEFF ZERO WIDTH NO-BREAK SPACE",
    ("\u00e9", "e\u0301"): "has U+0301 COMBINING ACUTE ACCENT and U+0065 LATIN SMALL LETTER E",
    ("no. 1", "no. \uff11"): "has U+FF11 FULLWIDTH DIGIT ONE",
    ("a\u200bb", "ab\u200b"): "has them in another order",
}


@pytest.mark.parametrize(("given", "known"), SAME)
def test_what_looks_the_same_is_told_apart(given: str, known: str) -> None:
    told = suggestion(given, ["other", known])
    assert told == f"did you mean {known!r}? It looks the same, and {SAME[given, known]}"


@pytest.mark.parametrize(("given", "known"), [("amount", "Amount"), ("l", "1"), ("", "a"), ("b", "\u0432")])
def test_what_looks_different_is_not(given: str, known: str) -> None:
    assert "looks the same" not in suggestion(given, [known])
