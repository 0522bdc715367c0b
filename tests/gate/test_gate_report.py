"""The report: the answer first, what speaks against it next, and data never become markup."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from modelway.records.verdict import Check, Group, Measured, Verdict
from modelway.report.verdict import markdown


def check(name: str, outcome: str, **keys: object) -> Check:
    given = {"rule": "at least 0.85", "n": 57049, "value": 0.914213, "interval": (0.91153, 0.9169), "method": "DeLong"}
    return Check(name=name, outcome=outcome, **(given | keys))  # type: ignore[arg-type]


def verdict(*checks: Check, outcome: str = "fail", **keys: object) -> Verdict:
    given = {"model": "delay", "version": 3, "environment": "production", "rows": 57049}
    digests = {"model_digest": "a", "data_digest": "b", "policy_digest": "c"}
    return Verdict(outcome=outcome, checks=checks, **(given | digests | keys))  # type: ignore[arg-type]


def test_the_answer_comes_first_and_what_speaks_against_it_next() -> None:
    text = markdown(
        verdict(
            check("first", "pass"), check("second", "skipped"), check("third", "inconclusive"), check("fourth", "fail")
        )
    )
    assert text.startswith("**FAIL**: delay version 3 does not pass the gate for production.")
    places = [text.index(name) for name in ("fourth", "third", "first", "second")]
    assert places == sorted(places)


def test_a_row_has_n_value_interval_and_limit() -> None:
    text = markdown(verdict(check("accuracy", "pass", candidate=0.9, production=0.885, detail="a reason")))
    assert (
        "| accuracy | at least 0.85 | 57049 | 0.9142 (0.9, was 0.885) | 0.9115 to 0.9169 | DeLong; a reason |" in text
    )


def test_many_passes_are_folded_and_failures_never() -> None:
    many = markdown(verdict(*(check(f"c{i}", "pass") for i in range(11)), *(check(f"f{i}", "fail") for i in range(11))))
    assert many.count("<details>") == 1 and many.index("<details>") > many.index("f10")
    assert "<details>" not in markdown(verdict(*(check(f"c{i}", "pass") for i in range(10))))


HOSTILE = [
    "a|b",
    "`x`",
    "<script>alert(1)</script>",
    "@everyone",
    "a\nb\r\n| c |",
    "[x](http://y)",
    "</details>",
    "#1",
    "**b**",
    "\\|",
]


@settings(deadline=None)
@given(st.one_of(st.sampled_from(HOSTILE), st.text()))
def test_data_cannot_become_markup(text: str) -> None:
    row = check(f"m where c = {text}", "fail", rule=text, detail=text)
    lines = markdown(verdict(row, warnings=(text,))).splitlines()
    plain = markdown(verdict(check("m where c = x", "fail", rule="x", detail="x"), warnings=("x",))).splitlines()
    assert len(lines) == len(plain), "no new line, so no new block and no new row"
    cells = next(line for line in lines if line.startswith("| m where"))
    assert cells.count("|") == 7
    assert not re.search(r"[<>`@\[\]*\\]", cells)


def test_a_huge_value_is_shortened() -> None:
    assert len(markdown(verdict(check("x" * 100_000, "fail", detail="y" * 100_000)))) < 2000


def test_an_empty_verdict_is_still_a_report() -> None:
    assert "none" in markdown(verdict(outcome="inconclusive"))


def test_the_report_says_which_class_is_positive_and_how_many_rows_have_it() -> None:
    text = markdown(verdict(check("first", "pass"), positive_class="late|", positive_rows=1400, rows=7000))
    assert "The positive class is late&#124;: 1400 of 7000 rows have it." in text.splitlines()
    assert "positive class" not in markdown(verdict(check("first", "pass")))


def test_every_group_of_a_fairness_check_has_n_and_its_rates() -> None:
    groups = tuple(
        Group(
            column="carrier",
            name=name,
            values={"selection rate": Measured(n=800, value=0.41237), "true positive rate": Measured(n=0, value=None)},
        )
        for name in ("A|A", "UA")
    )
    lines = markdown(verdict(check("demographic_parity_difference by carrier", "fail"), groups=groups)).splitlines()
    assert lines[-5:] == [
        "",
        "| Group | selection rate | n | true positive rate | n |",
        "| --- | --: | --: | --: | --: |",
        "| A&#124;A | 0.4124 | 800 | — | 0 |",
        "| UA | 0.4124 | 800 | — | 0 |",
    ]
    assert "### Groups of carrier" in lines
