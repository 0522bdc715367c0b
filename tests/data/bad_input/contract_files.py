"""Contracts that contradict themselves, or are none, beside data that are sound."""

from __future__ import annotations

from data.bad_input.case import READERS, BadInput

LINES = "a,b\n1,2\n3,4\n"
WHO_READS_A_CONTRACT = tuple(name for name in READERS if name != "generate-contract")
SOUND = {"contract.yml": "columns: {a: {}}\n"}


def contract(text: str, *told: str) -> BadInput:
    """Whose mending makes the data pass."""
    return BadInput(
        {"rows.csv": LINES}, ("contract.yml", *told), contract=text, readers=WHO_READS_A_CONTRACT, mended=SOUND
    )


def column(text: str, *told: str) -> BadInput:
    return contract(f"columns:\n  a: {{{text}}}\n", "contract.yml:2: columns.a", *told)


def checked(text: str, *told: str, column: str = "{}") -> BadInput:
    """What only the engine can tell, when data are held against it."""
    asked = f"{text}\ncolumns: {{a: {column}}}\n"
    return BadInput({"rows.csv": LINES}, told, contract=asked, readers=("validate-data",), mended=SOUND)


CASES: dict[str, BadInput] = {
    "a contract of nothing": contract("", "is empty, not a mapping"),
    "a contract that asks for nothing": BadInput(  # the others take it for how the data is written
        {"rows.csv": LINES},
        ("asks for nothing",),
        contract="delimiter: ','\n",
        readers=("validate-data",),
        mended=SOUND,
    ),
    "a contract that is no YAML": contract("columns: [\n", "is not YAML"),
    "a contract with a key twice": contract("columns: {a: {}, a: {}}\n", "given twice"),
    "a contract that is a Git-LFS pointer": contract(
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "is a Git-LFS pointer"
    ),
    "a range that ends before it begins": column("type: number, range: [2, 1]", "lowest value above its highest"),
    "a length that ends before it begins": column("type: string, length: [3, 1]", "length"),
    "a range of text": column("type: string, range: [a, b]", "does not go with the type string"),
    "a range of what has no type": column("range: [0, 1]", "needs the column's type"),
    "a limit that is not of the type": column(
        "type: integer, range: [0, 1.5]", "is a number (1.5), not a whole number"
    ),
    "a limit that is NaN": column("type: number, range: [0, .nan]", "range[1]"),
    "an allowed value that is not of the type": column("type: date, allowed: [2026-02-30]", "not a date"),
    "no value allowed": column("type: string, allowed: []", "is empty"),
    "no allowed value within the range": column("type: integer, range: [0, 5], allowed: [7]", "lets through"),
    "no allowed value of the length": column("type: string, length: [1, 2], allowed: [abc]", "lets through"),
    "nulls that are allowed and are not": column("nullable: false, max-null-percent: 1", "allows nulls that"),
    "more than all may be missing": column("max-null-percent: 101", "max-null-percent"),
    "a pattern that is none": column("type: string, pattern: '('", "pattern"),
    "a pattern that looks ahead": column("type: string, pattern: '(?=a)'", "look-around"),
    "fewer rows at most than at least": contract("rows: {at-least: 5, at-most: 4}\n", "is below at-least"),
    "limits that no number keeps": contract(
        "counts:\n- {of: missing, columns: [a], at-least: 2, below: 2}\ncolumns: {a: {}}\n",
        "has limits that no number keeps",
    ),
    "no column may be there": contract("unlisted-columns: refuse\n", "refuses every column"),
    "a key of one column twice": contract("unique: [[a, a]]\n", "is not a list of different columns"),
    "freshness of text": contract(
        "columns: {a: {type: string}}\nfreshness: {column: a, at-most-hours: 1}\n", "freshness.column"
    ),
    "a rule of a column that is not listed": contract("rules: [a < c]\ncolumns: {a: {type: integer}}\n", "rules[0]"),
    "a rule of text and a number": contract("rules: [a < 'x']\ncolumns: {a: {type: integer}}\n", "rules[0]"),
    "a rule that is SQL": contract("rules: ['a = 1; DROP TABLE data']\ncolumns: {a: {type: integer}}\n", "rules[0]"),
    "two statements of SQL": checked("sql: [{name: x, violations: 'SELECT 1; DROP TABLE data'}]", "is not one SELECT"),
    "SQL that reads a file": checked(
        """sql: [{name: x, violations: "SELECT * FROM read_csv('rows.csv')"}]""", "read_csv", "are disabled"
    ),
    "other data that is not there": checked("references: [{columns: [a], data: gone.csv}]", "gone.csv: no such file"),
    "a pattern with a million repetitions": checked(
        "counts: [{of: missing, columns: [a], at-most: 9}]",
        "the pattern of column 'a': is no regular expression of RE2: invalid repetition size",
        column="{type: string, pattern: '((a{100}){100}){100}'}",
    ),
}
