"""Regular expressions of RE2 in the form of PostgreSQL and of Java. What is not sure to mean the same is refused."""

from __future__ import annotations

import re

from modelway.data.dialects import Untranslatable

CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": " \\t\\n\\f\\r"}
PLAIN = re.compile(r"[^\\\[\](){}.*+?|^$]")
REPEATED = re.compile(r"[*+?]\??|\{(\d{1,3})(?:,(\d{0,3}))?\}\??")


def as_posix(pattern: str) -> str:
    """PostgreSQL's, which counts 255 repetitions. Untranslatable where it has no such pattern, or one that means something
    else."""
    return _translated(pattern, end="$", most=255)


def as_java(pattern: str) -> str:
    """Of java.util.regex, whose `$` would also match before a line break that ends the text. Untranslatable as above."""
    return _translated(pattern, end=r"\z", most=1000)


def _translated(pattern: str, *, end: str, most: int) -> str:
    """end: of the text. most: repetitions."""
    done, at = "", 0
    while at < len(pattern):
        rest, sign = pattern[at:], pattern[at]
        if sign == "\\":
            text, length = _escaped(rest, within=False)
        elif sign == "[":
            text, length = _class(rest)
        elif sign == "(":
            text, length = ("(?:", 3) if rest.startswith("(?:") else ("(", 1)
            if rest.startswith("(?") and length == 1:
                raise Untranslatable(f"the pattern's {rest[:4]!r}")
        elif sign == ".":
            text, length = "[^\\n]", 1
        elif sign in ")|^$":
            text, length = (end if sign == "$" else sign), 1
        elif found := REPEATED.match(rest):
            if any(int(number) > most for number in found.groups() if number):
                raise Untranslatable(f"more than {most} repetitions in a pattern")
            text, length = found[0], len(found[0])
        elif PLAIN.match(sign):
            text, length = sign, 1
        else:
            raise Untranslatable(f"the pattern's {rest[:4]!r}")
        done, at = done + text, at + length
    return done


def _escaped(rest: str, *, within: bool) -> tuple[str, int]:
    letter = rest[1:2]
    if letter in CLASSES:
        return (CLASSES[letter] if within else f"[{CLASSES[letter]}]"), 2
    if letter.lower() in CLASSES and not within:
        return f"[^{CLASSES[letter.lower()]}]", 2
    if letter in "tnfr":
        return f"\\{letter}", 2
    if letter and not letter.isalnum() and letter.isascii():
        return f"\\{letter}", 2
    raise Untranslatable(f"the pattern's {rest[:2]!r}")


def _class(rest: str) -> tuple[str, int]:
    done, at = "[", 1
    if rest[at : at + 1] == "^":
        done, at = "[^", 2
    first = at
    while at < len(rest) and (rest[at] != "]" or at == first):
        if rest[at] == "\\":
            text, length = _escaped(rest[at:], within=True)
        elif rest[at] == "[":
            if rest[at + 1 : at + 2] in (":", ".", "="):
                raise Untranslatable(f"the pattern's {rest[at : at + 4]!r}")
            text, length = "\\[", 1
        elif rest[at] == "&":  # two of them are an intersection to Java
            text, length = "\\&", 1
        else:
            text, length = ("\\]" if rest[at] == "]" else rest[at]), 1
        done, at = done + text, at + length
    return f"{done}]", at + 1
