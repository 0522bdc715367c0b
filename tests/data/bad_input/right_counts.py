"""Values, names and layouts that are often read wrong: what must be counted of each."""

from __future__ import annotations

from pathlib import Path

import duckdb

from data.bad_input.case import Make, RightCount

WHOLE = "columns: {a: {type: integer}}\n"
LATIN, CYRILLIC = "amount", "\u0430mount"
HOSTILE = "'; DROP TABLE data; --"
QUOTED = 'it\'s "the" rows; `id` $(id) %s \\ *.csv'
WIDE = 10_000


def of(
    content: str | bytes,
    contract: str,
    found: dict[str, tuple[int, float]],
    name: str = "rows.csv",
    code: int = 0,
    told: str = "",
) -> RightCount:
    return RightCount({name: content}, contract, found, name, code, told)


def lines(content: str, contract: str, found: dict[str, tuple[int, float]], **more: object) -> RightCount:
    return of(content, contract, found, name="rows.jsonl", **more)  # type: ignore[arg-type]


def stored(query: str, contract: str, found: dict[str, tuple[int, float]], code: int = 0, told: str = "") -> RightCount:
    return RightCount(written(query), contract, found, "rows.parquet", code, told)


def written(query: str) -> Make:
    return lambda folder: duckdb.sql(query).write_parquet(str(folder / "rows.parquet"))


def link(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "1.csv").write_text("a,b\n1,2\n")
    (folder / "data" / "2.csv").symlink_to("1.csv")


CASES: dict[str, RightCount] = {
    # files
    "a header alone": of("a,b\n", WHOLE, {"rows at least": (0, 0), "a is a whole number": (0, 0)}, code=1),
    "one row": of("a,b\n1,2\n", WHOLE, {"rows at least": (1, 1), "a is a whole number": (1, 0)}),
    "no line end at the end": of("a,b\n1,2\n3,4", WHOLE, {"a is a whole number": (2, 0)}),
    "a byte order mark": of(b"\xef\xbb\xbfa,b\n1,2\n", WHOLE, {"listed columns are there": (1, 0)}),
    "CRLF": of("b,a\r\n1,2\r\n3,4\r\n", WHOLE, {"rows at least": (2, 2), "a is a whole number": (2, 0)}),
    "CR alone": of("b,a\r1,2\r3,4\r", WHOLE, {"rows at least": (2, 2), "a is a whole number": (2, 0)}),
    "blank lines": of("a,b\n1,2\n\n\n3,4\n", WHOLE, {"rows at least": (2, 2), "a is a whole number": (2, 0)}),
    "line ends within quotes": of('a,b\n1,"x\n\ny"\n2,"z"\n', WHOLE, {"rows at least": (2, 2)}),
    "Latin-1 that the contract says": of(
        "a,b\nJosé,2\n".encode("latin-1"),
        "encoding: latin-1\ncolumns: {a: {type: string, allowed: [José]}}\n",
        {"a among allowed": (1, 0)},
    ),
    "10,000 columns": of(
        ",".join(f"k{at}" for at in range(WIDE)) + "\n" + ",".join(map(str, range(WIDE))) + "\n",
        "columns: {k9999: {type: integer, range: [9999, 9999]}}\n",
        {"k9999 in range": (1, 0)},
    ),
    "partitions without rows": RightCount(
        {
            "data/year=2025/1.csv": "a,b\n",
            "data/year=2026/1.csv": "a,b\n1,2\n",
            "data/year=2027/_SUCCESS": "",
            "data/year=__HIVE_DEFAULT_PARTITION__/1.csv": "a,b\n7,8\n",
        },
        "columns: {a: {type: integer}, year: {type: integer, nullable: false}}\n",
        {"a is a whole number": (2, 0), "year has no nulls": (2, 1)},
        data="data",
        code=1,
    ),
    "a link to a file": RightCount(link, WHOLE, {"a is a whole number": (2, 0)}, data="data"),
    "quotes and signs of a shell in a path": RightCount(
        {f"{QUOTED}/{QUOTED}": "a,b\n1,2\n"}, WHOLE, {"a is a whole number": (1, 0)}, data=f"{QUOTED}/{QUOTED}"
    ),
    # names
    "a name that looks like another": of(
        f"{CYRILLIC},b\n1,2\n",
        f"columns: {{{LATIN}: {{}}}}\n",
        {"listed columns are there": (1, 1)},
        code=1,
        told="It looks the same, and has U+0430 CYRILLIC SMALL LETTER A",
    ),
    "two names that look the same": of(
        f"{LATIN},{CYRILLIC}\n1,x\n",
        f"columns: {{{CYRILLIC}: {{type: integer}}}}\n",
        {f"{CYRILLIC} is a whole number": (1, 1)},
        code=1,
    ),
    "a name with a space at its end": of(
        "a ,b\n1,2\n", WHOLE, {"listed columns are there": (1, 1)}, code=1, told="has U+0020 SPACE"
    ),
    "an accent that is a character of its own": of(
        "e\u0301,b\n1,2\n",
        "columns: {\u00e9: {}}\n",
        {"listed columns are there": (1, 1)},
        code=1,
        told="has U+0301 COMBINING ACUTE ACCENT",
    ),
    "names that differ in case": of(
        "a,A\n1,x\n",
        "columns: {a: {type: integer}, A: {type: string}}\n",
        {"a is a whole number": (1, 0), "A is text": (1, 0)},
    ),
    "SQL as a name and a value": of(
        f'"{HOSTILE}",b\n{HOSTILE},1\nx,2\n',
        f'columns: {{"{HOSTILE}": {{type: string, allowed: ["{HOSTILE}"]}}}}\n',
        {f"{HOSTILE} among allowed": (2, 1)},
        code=1,
    ),
    # values
    "leading zeros": of(
        "a,b\n007,1\n7,2\n",
        "columns: {a: {type: string, unique: true, length: [1, 3]}}\n",
        {"a values unique": (2, 0), "a length": (2, 0)},
    ),
    "thousands separators": of(
        'a,b\n"1,234",2\n1 234,3\n1_234,4\n1234,5\n', WHOLE, {"a is a whole number": (4, 3)}, code=1
    ),
    "decimal commas": of(
        "a;b\n1,5;2\n2.5;3\n", "delimiter: ';'\ncolumns: {a: {type: number}}\n", {"a is a number": (2, 1)}, code=1
    ),
    "NA is missing": of("a,b\nNA,1\nx,2\n", "columns: {a: {nullable: false}}\n", {"a has no nulls": (2, 1)}, code=1),
    "NA is Namibia": of(
        "a,b\nNA,1\nDE,2\n",
        "null-values: ['']\ncolumns: {a: {type: string, nullable: false, allowed: [NA, DE]}}\n",
        {"a has no nulls": (2, 0), "a among allowed": (2, 0)},
    ),
    "NaN and infinity": of(
        "a,b\nNaN,1\ninf,2\n-Infinity,3\n1e400,4\n5,5\n",
        "columns: {a: {type: number, range: [0, 9]}}\n",
        {"a is a number": (4, 3), "a in range": (1, 0)},
        code=1,
    ),
    "NaN that is not said to be missing": of(
        "a,b\nNaN,1\n5,5\n", "null-values: ['']\ncolumns: {a: {type: number}}\n", {"a is a number": (2, 1)}, code=1
    ),
    "a column of nothing": of("a,b\n,1\n,2\n", WHOLE, {"a is a whole number": (0, 0)}, code=1),
    "integers beyond 64 bits": of(
        f"a,b\n{2**64},1\n{2**64 + 1},2\n{-(2**63) - 1},3\n{2**127},4\n",
        "columns: {a: {type: integer, unique: true}}\n",
        {"a is a whole number": (4, 1), "a values unique": (4, 0)},
        code=1,
    ),
    "hexadecimal, underscores, signs": of(
        "a,b\n0x1F,1\n1_0,2\n+-1,3\n+1,4\n", WHOLE, {"a is a whole number": (4, 3)}, code=1
    ),
    "yes and no": of(
        "a,b\nyes,1\n1,2\nTRUE,3\n", "columns: {a: {type: boolean}}\n", {"a is true or false": (3, 2)}, code=1
    ),
    "days that are none": of(
        "a,b\n2026-02-30,1\n2026-13-01,2\n21.11.2026,3\n0000-01-01,4\n2024-02-29,5\n",
        "columns: {a: {type: date}}\n",
        {"a is a date": (5, 4)},
        code=1,
    ),
    "an hour that comes twice": of(
        "t,b\n2026-10-25T02:30:00+02:00,1\n2026-10-25T02:30:00+01:00,2\n",
        "increasing: [{column: t, strictly: true}]\n"
        "columns: {t: {type: timestamp, range: [2026-10-25T00:30:00Z, 2026-10-25T01:30:00Z]}}\n",
        {"t in range": (2, 0), "t increasing": (2, 0)},
    ),
    "an hour that there is not": of(
        "t,b\n2026-03-29 02:30,1\n2026-03-29T02:30:60Z,2\n2026-03-29 02:30 Europe/Berlin,3\n",
        "columns: {t: {type: timestamp, range: [2026-03-29T02:30:00Z, 2026-03-29T02:30:00Z]}}\n",
        {"t is a time": (3, 2), "t in range": (1, 0)},
        code=1,
    ),
    "one moment in two zones": stored(
        "SELECT unnest([TIMESTAMPTZ '2026-10-25 02:30:00+02', TIMESTAMPTZ '2026-10-25 01:30:00+01']) AS t",
        "columns: {t: {type: timestamp, unique: true, range: [2026-10-25T00:30:00Z, 2026-10-25T00:30:00Z]}}\n",
        {"t in range": (2, 0), "t values unique": (2, 1)},
        code=1,
    ),
    "a pattern that could take forever": of(
        f"a,b\n{'a' * 50_000}!,1\naaa,2\n",
        "columns: {a: {type: string, pattern: '^(a+)+$'}}\n",
        {"a matches": (2, 1)},
        code=1,
    ),
    "composed and decomposed text": of(
        "a,b\ne\u0301,1\n\u00e9,2\n",
        "columns: {a: {type: string, allowed: [\u00e9]}}\n",
        {"a among allowed": (2, 1)},
        code=1,
    ),
    "text that turns round": of(
        "a,b\n\u202egnp.exe,1\n", "columns: {a: {type: string, allowed: [x]}}\n", {"a among allowed": (1, 1)}, code=1
    ),
    "emoji are one character each": of(
        "a,b\n😀,1\n", "columns: {a: {type: string, length: [1, 1]}}\n", {"a length": (1, 0)}
    ),
    # JSON lines and Parquet
    "nested values in Parquet": stored(
        "SELECT {'x': 1} AS a, [1, 2] AS l",
        "columns: {a: {type: string}, l: {type: integer}}\n",
        {"a is text": (1, 1), "l is a whole number": (1, 1)},
        code=1,
        told="a is text",
    ),
    "nested values in JSON lines": lines(
        '{"a": {"x": 1}, "l": [1]}\n',
        "columns: {a: {type: string}, l: {type: integer}}\n",
        {"a is text": (1, 1), "l is a whole number": (1, 1)},
        code=1,
    ),
    "lists a thousand deep": lines(
        f'{{"a": {"[" * 1000}{"]" * 1000}}}\n', "columns: {a: {}}\n", {"rows at least": (1, 1)}
    ),
    "NaN and infinity in JSON lines": lines(
        '{"a": NaN}\n{"a": Infinity}\n{"a": 1e400}\n{"a": 1}\n',
        "columns: {a: {type: number}}\n",
        {"a is a number": (3, 2)},
        code=1,
    ),
    "leading zeros and NA in JSON lines": lines(
        '{"a": "007"}\n{"a": "7"}\n{"a": "NA"}\n',
        "columns: {a: {type: string, unique: true, nullable: false}}\n",
        {"a has no nulls": (3, 0), "a values unique": (3, 0)},
    ),
    "a NUL within a JSON text": lines(
        '{"a": "\\u0000"}\n{"a": "x"}\n', "columns: {a: {type: string, length: [1, 1]}}\n", {"a length": (2, 0)}
    ),
    "NaN and infinity in Parquet": stored(
        "SELECT unnest([1.5, 'nan'::DOUBLE, 'inf'::DOUBLE]) AS a",
        "columns: {a: {type: number, nullable: false}}\n",
        {"a has no nulls": (3, 1), "a is a number": (2, 1)},
        code=1,
    ),
    "64 and 128 bits in Parquet": stored(
        "SELECT unnest([18446744073709551615::HUGEINT, 18446744073709551614, 170141183460469231731687303715884105727]) AS a",
        "columns: {a: {type: number, range: [0, 2e19]}}\n",
        {"a in range": (3, 1)},
        code=1,
    ),
    "unsigned 64 bits in Parquet": stored(
        "SELECT unnest([18446744073709551615::UBIGINT, 18446744073709551614]) AS a",
        "columns: {a: {type: integer, unique: true, range: [0, null]}}\n",
        {"a in range": (2, 0), "a values unique": (2, 0)},
    ),
}
