"""CSV that is none, or not all of it."""

from __future__ import annotations

import gzip

from data.bad_input.case import READERS, BadInput, csv

LINES = "a,b\n1,2\n3,4\n"
WIDE = ",".join(f"k{at}" for at in range(600)) + "\n"
GZIP = gzip.compress(("a,b\n" + "1,2\n" * 5000).encode())

WITH_A_CONTRACT = tuple(name for name in READERS if name != "generate-contract")
"""What looks how the file is written is the drafting alone."""

CASES: dict[str, BadInput] = {
    "empty": csv(b"", "rows.csv", "is empty", fixed=LINES),
    "one line end": csv("\n", "rows.csv:1: has no header", fixed=LINES),
    "a blank first line": csv("\na,b\n1,2\n", "rows.csv:1: has no header", fixed=LINES),
    "a mark alone": csv(b"\xef\xbb\xbf", "rows.csv:1: has no header", fixed=LINES),
    "ragged, too few": csv("a,b\n1,2\n3\n", "rows.csv", "line 3 has 1 cell, the header 2", fixed=LINES),
    "ragged, too many": csv("a,b\n1,2\n3,4,5\n", "rows.csv", "line 3 has 3 cells, the header 2", fixed=LINES),
    "trailing commas": csv("a,b\n1,2,\n3,4,\n", "rows.csv:2: the first row has 3 cells, the header 2", fixed=LINES),
    "a comma at the end of one row": csv("a,b\n1,2\n3,4,\n", "line 3 has 3 cells, the header 2", fixed=LINES),
    "semicolons": csv(
        "a;b\n1,5;2\n3,5;4\n5,5;6\n",
        "rows.csv:1: has one column, 'a;b', and its cells seem to be parted by ';'",
        fixed=LINES,
        readers=WITH_A_CONTRACT,
    ),
    "NA after the last column": csv("a,b\n1,2\n3,4,NA\n5,6\n", "line 3 has 3 cells, the header 2", fixed=LINES),
    "empty cells after one column": csv("a\n1\n,,\n", "line 3 has 3 cells, the header 1", fixed=LINES),
    "a comma at the end of a row of 600": csv(
        WIDE + WIDE.replace("k", "") + WIDE.replace("k", "")[:-1] + ",\n",
        "rows.csv:3: the row has 601 cells",
        fixed=LINES,
    ),
    "cut inside a quoted cell": csv(
        'a,b\n1,2\n1,"it is cut he', "rows.csv", "line 3 opens a quote that is never closed", fixed='a,b\n1,2\n1,"it"\n'
    ),
    "an unclosed quote": csv(
        'a,b\n1,2\n1,"2\n3,4\n', "line 3 opens a quote that is never closed", fixed='a,b\n1,2\n1,"""2"\n3,4\n'
    ),
    "an unclosed quote in the header": csv('a,"b\n1,2\n', "rows.csv:1: the header is not CSV", fixed=LINES),
    "text after a quote": csv('a,b\n1,2\n1,"2"x\n', "line 3 is not CSV", fixed='a,b\n1,2\n1,"2x"\n'),
    "Latin-1": csv(
        "a,b\nJosé,2\n".encode("latin-1"),
        "rows.csv:2",
        "is not UTF-8: byte 0xe9 (in Latin-1 'é')",
        fixed="a,b\nJosé,2\n",
    ),
    "not UTF-8": csv(b"a,b\n1,2\n3,\xff\xfe\n", "rows.csv:3", "is not UTF-8: byte 0xff"),
    "not UTF-8, far down": csv(b"a,b\n" + b"1,2\n" * 400_000 + b"3,\xff\xfe\n", "line 400002 is not UTF-8"),
    "UTF-16": csv(LINES.encode("utf-16"), "is UTF-16", readers=WITH_A_CONTRACT),
    "UTF-16 without a mark": csv(LINES.encode("utf-16-le"), "is not CSV but binary"),
    "UTF-32": csv(LINES.encode("utf-32"), "is UTF-32", fixed=LINES),
    "NUL in the header": csv(b"a,\0b\n1,2\n", "is not CSV but binary"),
    "NUL far down": csv(b"a,b\n" + b"1,2\n" * 4000 + b"3,\0\n1,2\n", "rows.csv:4002: holds a NUL byte", fixed=LINES),
    "binary": csv(b"PK\x03\x04\0\0" + bytes(range(256)) * 10, "is not CSV but binary"),
    "gzip that is cut": csv(GZIP[:-9], "is damaged gzip", fixed=GZIP),
    "gzip that is damaged": csv(GZIP[:20] + b"\0\0\0\0" + GZIP[24:], "is damaged gzip", fixed=GZIP),
    "gzip of nothing": csv(gzip.compress(b""), "rows.csv:1: has no header"),
    "two columns of one name": csv("a,b,a\n1,2,3\n", "two columns are named 'a'", fixed="a,b,a2\n1,2,3\n"),
    "a line break in a column's name": csv('"a\nb",c\r\n1,2\r\n', "rows.csv:1: a column's name has a line break in it"),
    "mixed line ends": csv("a,b\n1,2\r\n3,4\n", "line 2 ends in CRLF, and those before it in LF", fixed=LINES),
    "CR among CRLF": csv("a,b\r\n1,2\r3,4\r\n", "line 2 ends in CR, and those before it in CRLF", fixed=LINES),
    "a row of 9 MiB": csv(b"a,b\n1,2\n1," + b"x" * (9 << 20) + b"\n", "rows.csv:3: the row is longer than 8 MiB"),
    "a line of 100 MB": csv(b"a,b\n1,2\n1," + b"x" * 100_000_000 + b"\n", "rows.csv:3: the row is longer than 8 MiB"),
    "a header of 2 MiB": csv(b"a" * (2 << 20) + b"\n1\n", "rows.csv:1: the header is longer than 1 MiB", fixed=LINES),
    "a page of HTML": csv(
        "<!DOCTYPE html>\n<html><body>404, not found</body></html>\n", "rows.csv:2: the first row has 2 cells"
    ),
    "a Git-LFS pointer": csv(
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n",
        "is a Git-LFS pointer",
        fixed=LINES,
    ),
    "other columns in a second file": BadInput(
        {"data/1.csv": LINES, "data/2.csv": "a,c\n1,2\n"},
        ("2.csv in data", "has other columns than 1.csv"),
        data="data",
    ),
}
