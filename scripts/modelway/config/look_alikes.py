"""Names that look the same and are not: letters of other alphabets, other spaces, accents that are characters of their own.

The letters are those of Unicode Technical Standard 39 (confusables) that Cyrillic and Greek share with Latin."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

LETTERS = str.maketrans(
    "аеёорсухіјѕԁһԛԝӏАВЕЁКМНОРСТУХІЈЅԌԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧοαν",
    "aeëopcyxijsdhqwlABEËKMHOPCTYXIJSGQWABEZHIKMNOPTYXoav",
)
SHOWN = 3


def twin_of(name: str, others: Iterable[str]) -> str | None:
    """The first of the others that is another name and looks the same; None where there is none."""
    look = _look(name)
    return next((other for other in others if other != name and _look(other) == look), None)


def difference(name: str, other: str) -> str:
    """What the other has, or has not, such as `has U+0430 CYRILLIC SMALL LETTER A`."""
    more, less = Counter(other) - Counter(name), Counter(name) - Counter(other)
    for said, signs in (("has", more), ("has not", less)):
        if signs:
            unusual = sorted(signs, key=lambda sign: sign.isascii() and sign != " ")[:SHOWN]
            return f"{said} {' and '.join(map(_described, unusual))}"
    return "has them in another order"


def _look(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name)
    shown = "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")
    return " ".join(shown.translate(LETTERS).split())


def _described(sign: str) -> str:
    return f"U+{ord(sign):04X} {unicodedata.name(sign, '')}".rstrip()
