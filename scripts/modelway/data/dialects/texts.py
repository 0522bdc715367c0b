"""Texts read as numbers, dates and times in SQL that every engine has, as DuckDB's TRY_CAST reads them: null where it is null.

Each takes the text as an expression and gives one of DuckDB's SQL; test_dialects.py holds them against DuckDB itself.
"""

from __future__ import annotations

SPACE = r"[ \t\n\x0B\f\r]*"
NUMBER = rf"^{SPACE}[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?{SPACE}$"
DAY = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
CLOCK = r"([T ]([01][0-9]|2[0-4]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$"
SECOND_US = 1_000_000


def date_of(text: str) -> str:
    date = f"DATE '1970-01-01' + CAST({_days(text)} AS INTEGER)"
    return f"CASE WHEN {like_a_date(text)} THEN CASE WHEN {_is_day(text)} THEN {date} END END"


def like_a_date(text: str) -> str:
    """Whether it is one but for the number of days of its month."""
    return f"length({text}) = 10 AND regexp_matches({text}, '{DAY}$') AND {text} >= '0001'"


def microseconds_of(text: str) -> str:
    """Of a time of ISO 8601 since 1970 in UTC; what has no time zone is in UTC."""
    hour, minute = _whole(f"substr({text}, 12, 2)"), _whole(f"substr({text}, 15, 2)")
    second = f"CASE WHEN substr({text}, 17, 1) = ':' THEN {_whole(f'substr({text}, 18, 2)')} ELSE 0 END"
    fraction = f"CASE WHEN substr({text}, 20, 1) = '.' THEN {_fraction(text)} ELSE 0 END"
    late = f"{hour} = 24 AND ({minute} > 0 OR {second} > 0 OR {fraction} > 0)"
    total = f"((({_days(text)} * 24 + {hour}) * 60 + {minute}) * 60 + ({second})) * {SECOND_US} + ({fraction})"
    sound = f"{_is_day(text)} AND NOT ({late})"
    return f"CASE WHEN {like_a_time(text)} THEN CASE WHEN {sound} THEN {total} - ({_offset(text)}) END END"


def like_a_time(text: str) -> str:
    """Whether it is one but for the number of days of its month, and for 24 o'clock and later."""
    return f"length({text}) >= 10 AND regexp_matches({text}, '{DAY}{CLOCK}')"


def _whole(text: str) -> str:
    return f"coalesce(CAST(nullif({text}, '') AS BIGINT), 0)"


def _fraction(text: str) -> str:
    digits = "||".join(
        f"CASE WHEN substr({text}, {at}, 1) BETWEEN '0' AND '9' AND {_all_digits(text, at)}"
        f" THEN substr({text}, {at}, 1) ELSE '0' END"
        for at in range(21, 27)
    )
    return _whole(f"({digits})")


def _all_digits(text: str, last: int) -> str:
    """Whether the fraction goes on until there: the digits of an offset behind it are not of it."""
    signs = " AND ".join(f"substr({text}, {at}, 1) NOT IN ('+', '-', 'Z')" for at in range(21, last)) or "true"
    return f"({signs})"


def _offset(text: str) -> str:
    """In microseconds: of the last 3, 5 or 6 characters."""
    parts = []
    for length, minutes in ((6, 5), (5, 4), (3, 0)):
        start = f"length({text}) - {length - 1}"
        sign = f"substr({text}, {start}, 1)"
        hours = _whole(f"substr({text}, {start} + 1, 2)")
        more = f" + {_whole(f'substr({text}, {start} + {minutes - 1}, 2)')}" if minutes else ""
        value = f"({hours} * 60{more}) * {60 * SECOND_US}"
        parts.append(f"WHEN length({text}) > 16 AND {sign} = '+' THEN {value}")
        parts.append(f"WHEN length({text}) > 16 AND {sign} = '-' THEN -({value})")
    return f"CASE {' '.join(parts)} ELSE 0 END"


def _parts(text: str) -> tuple[str, str, str]:
    return tuple(f"CAST(substr({text}, {at}, {n}) AS BIGINT)" for at, n in ((1, 4), (6, 2), (9, 2)))  # type: ignore[return-value]


def _is_day(text: str) -> str:
    """Whether the month has the day."""
    year, month, day = _parts(text)
    leap = f"{year} % 4 = 0 AND ({year} % 100 <> 0 OR {year} % 400 = 0)"
    last = f"CASE WHEN {month} IN (4, 6, 9, 11) THEN 30 WHEN {month} = 2 THEN CASE WHEN {leap} THEN 29 ELSE 28 END"
    return f"{day} <= {last} ELSE 31 END"


def _days(text: str) -> str:
    """Since 1970 in the calendar of today. (H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil; years
    are moved by 400, so that none is below zero, and months counted from March.)"""
    year, month, day = _parts(text)
    y = f"({year} + 400 - CASE WHEN {month} <= 2 THEN 1 ELSE 0 END)"
    m = f"({month} + CASE WHEN {month} > 2 THEN -3 ELSE 9 END)"
    whole = f"{y} * 365 + {_cut(y, 4)} - {_cut(y, 100)} + {_cut(y, 400)}"
    return f"({whole} + {_cut(f'(153 * {m} + 2)', 5)} + {day} - 1 - 719468 - 146097)"


def _cut(number: str, by: int) -> str:
    """Divided, without the rest, in whole numbers."""
    return f"(({number} - {number} % {by}) // {by})"
