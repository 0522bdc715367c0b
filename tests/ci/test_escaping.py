"""Values are data in every text protocol of the runner. Parsers here are written from the runner's source, not from ours."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from modelway import markdown
from modelway.ci import escaping

HOSTILE = [
    '"; rm -rf /',
    "$(id)",
    "a\nb",
    "::set-output name=x::y",
    "%0A::error::x",
    "##[command]x",
    "\r::stop",
    "é☃\u2028",
]


def parsed_outputs(text: str) -> dict[str, str]:
    """As FileCommandManager.cs reads $GITHUB_OUTPUT: NAME=VALUE lines, or NAME<<DELIMITER up to a line that equals it."""
    found: dict[str, str] = {}
    lines = text.split("\n")
    while lines and lines != [""]:
        line = lines.pop(0)
        name, marker, delimiter = line.partition("<<")
        if not marker or "=" in name:
            name, _, value = line.partition("=")
        else:
            end = lines.index(delimiter)
            value = "\n".join(lines[:end])
            lines = lines[end + 1 :]
        found[name] = value
    return found


@given(st.lists(st.text(), min_size=1, max_size=4))
@example(["x", "modelway-00\nmodelway-"])
@example(HOSTILE)
def test_outputs_come_back_as_they_went_in(values: list[str]) -> None:
    blocks = "".join(escaping.output_block(f"name{index}", value) for index, value in enumerate(values))
    assert parsed_outputs(blocks) == {f"name{index}": value for index, value in enumerate(values)}


def test_a_megabyte_is_one_output() -> None:
    value = "::set-output\n" * 80_000
    assert parsed_outputs(escaping.output_block("big", value)) == {"big": value}


def parsed_annotation(line: str) -> tuple[str, str]:
    """As ActionCommand.cs reads `::error title=T::MESSAGE`: (title, message), escapes undone."""
    match = re.fullmatch(r"::error title=([^:,]*)::(.*)", line, re.DOTALL)
    assert match
    title, message = match.groups()
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        title = title.replace(code, character)
        message = message.replace(code, character) if code not in ("%3A", "%2C") else message
    return title, message


@given(st.text(), st.text())
@example(*HOSTILE[2:4])
@example("100%", "%0A")
def test_annotations_are_one_line_and_come_back(title: str, message: str) -> None:
    line = f"::error title={escaping.annotation_property(title)}::{escaping.annotation_message(message)}"
    assert "\n" not in line
    assert "\r" not in line
    assert parsed_annotation(line) == (title, message)


@given(st.text())
@example("  ::error::planted")
@example("text ##[error]planted")
@example("a\r::add-mask::b")
def test_a_log_line_is_never_a_workflow_command(text: str) -> None:
    for line in re.split(r"\r\n|\r|\n", escaping.log_line(text)):
        assert not line.strip().startswith("::")
        assert "##[" not in line


@given(st.text())
@example("a|b\n|---|\n")
@example("<script>alert(1)</script> ![x](http://x) @everyone `code` <!-- ")
def test_a_cell_stays_one_cell(text: str) -> None:
    shown = markdown.cell(text)
    assert not set(shown) & set("|\n\r<>`*[]@!\\")
    assert len(re.sub(r"&#?\w+;", "x", shown)) <= markdown.CELL_LIMIT


@given(st.integers(2000, 60_000), st.text(min_size=1, max_size=50))
def test_a_long_summary_is_cut_honestly(limit: int, word: str) -> None:
    """At most the limit, what is left out is counted, and where all of it is is said."""
    text = f"```\n<details>\n{word}\n" * 10_000
    short = escaping.shortened(text, limit, "out/report.md")
    assert len(short.encode()) <= limit
    assert "left out" in short
    assert "out/report.md" in short
    kept = short[: short.index("**Shortened")]
    left_out = re.search(r"Shortened: (\d+) of (\d+) bytes", short)
    assert left_out
    assert int(left_out[2]) == len(text.encode())
    assert kept.count("```") % 2 == 0


def test_a_short_summary_is_not_touched() -> None:
    assert escaping.shortened("# all of it\n", 900, "x") == "# all of it\n"
