"""A contract is read strictly: what it asks is what is checked, and a mistake in it is told with line, key and fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelway.data import load_contract

MISTAKES = {
    "colums: {a: {}}": "2: c.yml:1: colums: unknown key 'colums'. Fix: did you mean 'columns'?",
    "columns:\n  a: {tpye: string}": "2: c.yml:2: columns.a.tpye: unknown key 'tpye'. Fix: did you mean 'type'?",
    "columns:\n  a: {type: int}": "c.yml:2: columns.a.type: is text ('int'), not one of boolean, date, integer",
    "columns:\n  a: {range: [0, 1]}": "columns.a.range: needs the column's type",
    "columns:\n  a: {type: string, range: [a, b]}": "columns.a.range: does not go with the type string",
    "columns:\n  a: {type: number, range: [0]}": "columns.a.range: is not [lowest, highest]",
    "columns:\n  a: {type: number, range: [null, null]}": "columns.a.range: is not [lowest, highest]",
    "columns:\n  a: {type: number, range: [2, 1]}": "columns.a.range: has its lowest value above its highest",
    "columns:\n  a: {type: number, range: [0, .nan]}": "columns.a.range[1]: ",
    "columns:\n  a: {type: number, range: [0, .inf]}": "columns.a.range[1]: ",
    "columns:\n  a: {type: number, range: [low, 1]}": "columns.a.range[0]: is text ('low'), not a number",
    "columns:\n  a: {type: integer, range: [0, 1.5]}": "columns.a.range[1]: is a number (1.5), not a whole number",
    "columns:\n  a: {type: date, range: [2013-02-30, null]}": "columns.a.range[0]: is text ('2013-02-30'), not a date",
    "columns:\n  a: {type: timestamp, range: [1, null]}": "columns.a.range[0]: is a whole number (1), not a time",
    "columns:\n  a: {type: string, allowed: [NO, 1]}": "columns.a.allowed[1]: is a whole number (1), not text, in quotes",
    "columns:\n  a: {type: boolean, allowed: [1]}": "columns.a.allowed[0]: is a whole number (1), not true or false",
    "columns:\n  a: {type: string, allowed: []}": "columns.a.allowed: is empty",
    "columns:\n  a: {type: number, range: []}": "columns.a.range: is empty",
    "columns:\n  a: {nullable: false, max-null-percent: 1}": "columns.a.max-null-percent: allows nulls that",
    "columns:\n  a: {max-null-percent: 101}": "columns.a.max-null-percent: is a whole number (101), not a number",
    "columns:\n  a:\n": "columns.a: is empty, not a mapping",
    "columns: {}": "asks for nothing",
    "": "is empty, not a mapping",
    "delimiter: ';'": "asks for nothing",
    "unique: []": "asks for nothing",
    "rows: {at-least: 5}\nunique: []": "c.yml:2: unique: is empty, and would check nothing",
    "unique: [[a, a]]": "unique[0]: is not a list of different columns",
    "unique: [a]": "unique[0]: is text ('a'), not a list",
    "unlisted-columns: refuse": "refuses every column",
    "rows: {at-least: 0}": "rows.at-least: is a whole number (0), not a whole number at least 1",
    "rows: {at-least: 5, at-most: 4}": "rows.at-most: is below at-least",
    "freshness: {column: t, at-most-hours: 1}": "freshness.column: the column 't' is not listed under columns",
    "columns: {t: {type: string}}\nfreshness: {column: t, at-most-hours: 1}": "c.yml:2: freshness.column: the column",
    "columns: {a: {}}\ndelimiter: ab": "c.yml:2: delimiter: cannot part",
    "columns: {a: {}}\ndelimiter: '\"'": "delimiter: cannot part",
    "columns: {a: {}, a: {}}": "given twice",
    "columns: [": "is not YAML",
    "- a": "is a list, not a mapping",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_line_key_and_fix(text: str, wrong_contract: Any) -> None:
    assert MISTAKES[text] in wrong_contract(text)


def test_a_contract_that_is_not_there(tmp_path: Path, refusal: Any) -> None:
    line = refusal(lambda: load_contract(tmp_path / "none.yml", "none.yml"))
    assert line == "2: none.yml: cannot be read: No such file or directory. Fix: name an existing YAML file"


def test_the_digest_is_over_what_is_asked(tmp_path: Path) -> None:
    """Comments, spelling of the same wish and order of keys do not change it; a limit does."""
    texts = (
        "columns:\n  a: {type: number, range: [0, 1]}\n  b: {}\n",
        "# why\ncolumns: {b: {}, a: {range: [0, 1], type: number, nullable: true}}\nrows: {at-least: 1}\n",
        "columns:\n  a: {type: number, range: [0, 2]}\n  b: {}\n",
    )
    digests = []
    for text in texts:
        (tmp_path / "c.yml").write_text(text)
        digests.append(load_contract(tmp_path / "c.yml").digest)
    assert digests[0] == digests[1] != digests[2]


def test_the_example_s_contract_is_sound() -> None:
    contract = load_contract(Path(__file__).parents[2] / "examples" / "flight-delay" / "contract.yml")
    assert contract.columns["arrived_late"].allowed == (0, 1)
    assert "9E" in contract.columns["carrier"].allowed
