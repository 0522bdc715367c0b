"""Argo's successCondition and failureCondition, of the common form `result[0] >= 0.95`, also beside `isNaN(result[0]) ||`."""

from __future__ import annotations

import re

from modelway.peers.measuring import Requirement, Term

RESULT = r"(?:result(?:\[0\])?|asFloat\(result(?:\[0\])?\))"
NUMBER = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
COMPARISON = re.compile(rf"{RESULT}(==|!=|<=|>=|<|>)({NUMBER})")
TURNED = re.compile(rf"({NUMBER})(==|!=|<=|>=|<|>){RESULT}")
IS_NAN = re.compile(rf"(!?)isNaN\({RESULT}\)")
OTHER_WAY = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
LONGEST = 500


def condition_of(text: str) -> Requirement | None:
    """None where it is of another form."""
    plain = re.sub(r"\s+or\s+", "||", re.sub(r"\s+and\s+", "&&", text[: LONGEST + 1]))
    plain = re.sub(r"\s+", "", plain)
    if len(text) > LONGEST or ("||" in plain and "&&" in plain):
        return None
    terms = [_term(part) for part in re.split(r"\|\||&&", plain)]
    known = tuple(term for term in terms if term is not None)
    return Requirement(known, every="||" not in plain) if len(known) == len(terms) else None


def _term(text: str) -> Term | None:
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    if match := COMPARISON.fullmatch(text):
        return Term(match[1], float(match[2]))
    if match := TURNED.fullmatch(text):
        return Term(OTHER_WAY[match[2]], float(match[1]))
    if match := IS_NAN.fullmatch(text):
        return Term(f"{match[1]}isNaN")
    return None
