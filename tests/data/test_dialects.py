"""Texts that other engines read by regular expressions and sums are what DuckDB itself reads."""

from __future__ import annotations

import re

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.data.dialects import texts
from modelway.data.dialects.patterns import as_java, as_posix
from modelway.data.engines.duckdb.sql import ISO_8601

PARTS = [
    *("0000", "0001", "1600", "1900", "1969", "1970", "2000", "2024", "2026", "9999", "202"),
    *(
        "-",
        "-",
        "00",
        "01",
        "02",
        "12",
        "13",
        "28",
        "29",
        "30",
        "31",
        "T",
        " ",
        "23",
        "24",
        "59",
        "60",
        ":",
        ".",
        "5",
        "999999",
        "Z",
        "+",
        "+01",
    ),
]
moments = st.one_of(
    st.datetimes().map(str),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.tuples(st.datetimes(), st.sampled_from(["", "Z", "+01", "-0530", "+05:45", "-00:30", " Z", "+1", "+01:5"])).map(
        lambda pair: f"{pair[0].isoformat()}{pair[1]}"
    ),
    st.tuples(
        st.dates(), st.integers(0, 25), st.integers(0, 61), st.sampled_from(["", ":00", ":59.9999999", ":60"])
    ).map(lambda parts: f"{parts[0]}T{parts[1]:02}:{parts[2]:02}{parts[3]}"),
    st.lists(st.sampled_from(PARTS), max_size=12).map("".join),
    st.text(alphabet="0123456789-+:. TZ", max_size=30),
)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


@given(text=moments)
def test_dates_and_times_are_read_as_duckdb_reads_them(text: str, connection: duckdb.DuckDBPyConnection) -> None:
    own = f"SELECT {texts.date_of('c')}, {texts.microseconds_of('c')} FROM (SELECT $text::VARCHAR AS c)"
    day = "CASE WHEN length(c) = 10 AND TRY_CAST(c AS DATE)::VARCHAR = c THEN TRY_CAST(c AS DATE) END"
    moment = f"CASE WHEN regexp_full_match(c, '{ISO_8601}') THEN epoch_us(TRY_CAST(c AS TIMESTAMPTZ)) END"
    theirs = f"SELECT {day}, {moment} FROM (SELECT $text::VARCHAR AS c)"
    assert connection.execute(own, {"text": text}).fetchall() == connection.execute(theirs, {"text": text}).fetchall()


numbers = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.integers().map(str),
    st.text(alphabet="0123456789.eE+- \t", max_size=12),
)


@given(text=numbers)
def test_what_looks_like_a_number_is_what_duckdb_takes_for_one(
    text: str, connection: duckdb.DuckDBPyConnection
) -> None:
    asked = "SELECT TRY_CAST(c AS DOUBLE) IS NOT NULL AND NOT contains(c, '+-') FROM (SELECT $text::VARCHAR AS c)"
    [[taken]] = connection.execute(asked, {"text": text}).fetchall()
    assert bool(re.search(texts.NUMBER.replace("$", r"\Z"), text)) == taken or "inf" in text


@pytest.mark.parametrize(
    ("pattern", "posix"),
    [
        (r"^\d{2,4}-[\w.]+$", r"^[0-9]{2,4}-[A-Za-z0-9_.]+$"),
        (r"(?:a|b)?.\.", r"(?:a|b)?[^\n]\."),
        (r"[^]a][[x]\S*?", r"[^\]a][\[x][^ \t\n\f\r]*?"),
    ],
)
def test_patterns_keep_their_meaning(pattern: str, posix: str) -> None:
    assert as_posix(pattern) == posix


@pytest.mark.parametrize(
    ("pattern", "java"),
    [
        (r"^\d+$|a$", r"^[0-9]+\z|a\z"),
        (r"[a&&b[]", r"[a\&\&b\[]"),
        (r".\s$?", r"[^\n][ \t\n\f\r]\z?"),
        ("(?:a){300}", "(?:a){300}"),
    ],
)
def test_patterns_keep_their_meaning_in_java(pattern: str, java: str) -> None:
    assert as_java(pattern) == java
