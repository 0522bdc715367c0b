"""DuckDB's words for how a text is written, and for what is wrong with its letters (modelway.data.quality.queries)."""

from __future__ import annotations

from modelway.data.engines.duckdb.sql import ISO_8601
from modelway.data.quality.queries import FAULTS, SHAPES

MISSING_WORDS = (
    *(
        "na",
        "n/a",
        "n.a.",
        "nan",
        "null",
        "nil",
        "none",
        "missing",
        "unknown",
        "undefined",
        "-",
        "--",
        "---",
        "?",
        "??",
    ),
    *(".", "..", "*", "#n/a", "#value!", "#ref!", "#name?", "not available", "(null)", "(none)"),
)
TRUTH_WORDS = ("true", "false", "yes", "no")
INFINITE_WORDS = ("inf", "-inf", "+inf", "infinity", "-infinity", "+infinity")
SIGN, MONEY = r"[-+\x{2212}]?", r"[$\x{20ac}\x{00a3}\x{00a5}]"


def _words(words: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


NUMBER = "isfinite(TRY_CAST(v AS DOUBLE)) AND NOT contains(v, '_') AND NOT contains(v, '+-')"
WITHOUT_DIGITS = {
    "blank": r"regexp_full_match(v, '[\s\x{00a0}]*')",
    "infinite": f"lower(v) IN {_words(INFINITE_WORDS)}",
    "missing-word": f"lower(trim(v)) IN {_words(MISSING_WORDS)}",
    "truth": f"lower(v) IN {_words(TRUTH_WORDS)}",
}
"""Of texts without a digit. No condition stands in both: DuckDB would answer it for every text, whatever stands before."""
CONDITIONS = {
    "missing-word": "v = '#DIV/0!'",
    "date": r"length(v) = 10 AND TRY_CAST(v AS DATE)::VARCHAR = v",
    "timestamp": f"regexp_full_match(v, '{ISO_8601}') AND TRY_CAST(v AS TIMESTAMPTZ) IS NOT NULL",
    "thousands": rf"regexp_full_match(v, '{SIGN}\d{{1,3}}([,\x27 \x{{00a0}}\x{{202f}}]\d{{3}})+(\.\d+)?')",
    "decimal-comma": rf"regexp_full_match(v, '{SIGN}(\d+|\d{{1,3}}(\.\d{{3}})+),\d+')",
    "slashed-date": r"regexp_full_match(v, '\d{1,4}/\d{1,2}/\d{1,4}( \d{1,2}:\d{2}.*)?')",
    "dotted-date": r"regexp_full_match(v, '\d{1,2}[.-]\d{1,2}[.-]\d{2,4}( \d{1,2}:\d{2}.*)?')",
    "with-unit": rf"regexp_full_match(v, '{SIGN}{MONEY}?\s?\d[\d.,]*\s?(%|[a-zA-Z\x{{00b5}}\x{{00b0}}]{{1,3}}|{MONEY})?')",
}
"""Of texts with a digit in them, in the order in which they are tried."""

FAULT_CONDITIONS = {
    "replacement": "contains(v, chr(65533))",
    "mojibake": r"regexp_matches(v, '[\x{00c2}\x{00c3}\x{00d0}\x{00d1}][\x{0080}-\x{00bf}]"
    r"|\x{00e2}(\x{0080}|\x{20ac})[\x{0080}-\x{00bf}\x{2018}-\x{201e}\x{2020}-\x{2022}\x{02c6}\x{2122}\x{0153}\x{0161}]"
    r"|\x{00c3}[\x{0192}\x{0160}\x{0178}\x{0152}\x{201a}-\x{2030}]|\x{00ef}\x{00bb}\x{00bf}')",
    "control": r"regexp_matches(v, '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]')",
    "blanks": r"regexp_matches(v, '^[\s\x{00a0}]|[\s\x{00a0}]$')",
    "decomposed": "v <> nfc_normalize(v)",
    "mixed-scripts": r"regexp_matches(v, '\p{Latin}[\p{Cyrillic}\p{Greek}]|[\p{Cyrillic}\p{Greek}]\p{Latin}')",
}
WIDE = ("replacement", "mojibake", "decomposed", "mixed-scripts")
"""Of letters that are not ASCII alone."""


def _tried(conditions: dict[str, str]) -> str:
    return " ".join(f"WHEN {condition} THEN {SHAPES.index(name)}" for name, condition in conditions.items())


def shape() -> str:
    """The number (in SHAPES) of the shape of the text v. Plain numbers come first: most texts are, and it takes no pattern."""
    words, decimal, whole, zero_led = (SHAPES.index(name) for name in ("words", "decimal", "whole", "zero-led"))
    return (
        f"CASE WHEN {NUMBER} THEN CASE WHEN contains(v, '.') OR contains(v, 'e') OR contains(v, 'E') THEN {decimal}"
        f" WHEN starts_with(v, '0') AND length(v) > 1 THEN {zero_led} ELSE {whole} END"
        rf" WHEN NOT regexp_matches(v, '\d') THEN CASE {_tried(WITHOUT_DIGITS)} ELSE {words} END"
        f" WHEN length(v) > 64 THEN {words} {_tried(CONDITIONS)} ELSE {words} END"
    )


def width() -> str:
    """How many digits the text v of a whole or zero-led number has; null where it has a sign or a blank."""
    return "CASE WHEN v[1] BETWEEN '0' AND '9' AND v[-1] BETWEEN '0' AND '9' THEN length(v) END"


def faults() -> str:
    """A number with a bit for each of FAULTS that the text v has."""
    ascii_bits = " + ".join(f"({FAULT_CONDITIONS[name]})::INTEGER * {bit(name)}" for name in FAULTS if name not in WIDE)
    wide_bits = " + ".join(f"({FAULT_CONDITIONS[name]})::INTEGER * {bit(name)}" for name in WIDE)
    return f"({ascii_bits}) + CASE WHEN strlen(v) = length(v) THEN 0 ELSE {wide_bits} END"


def bit(fault: str) -> int:
    return 1 << FAULTS.index(fault)


FOLDED = r"lower(regexp_replace(trim(nfc_normalize(v)), '[\s\x{00a0}]+', ' ', 'g'))"
"""A text without what makes no difference to a person."""


def alike(column: str) -> str:
    """The column's value as text in which a number has three digits, and neither case nor blanks count."""
    number = f"TRY_CAST({column} AS DOUBLE)"
    digits = f"2 - floor(log10(abs({number})))::INTEGER"
    rounded = f"CASE WHEN {number} = 0 THEN 0.0 ELSE round({number}, {digits}) END"
    return f"CASE WHEN isfinite({number}) THEN ({rounded})::VARCHAR ELSE lower(trim({column}::VARCHAR)) END"
