"""An alarm as a person reads it."""

from __future__ import annotations

from typing import Any

from modelway.monitoring.report import ColumnChange
from modelway.report.monitoring import what


def change(column: str, **keys: Any) -> ColumnChange:
    usual: dict[str, Any] = {"of": "missing", "value": None, "before": 0.00001, "now": 0.0314, "since": "2026-10-25"}
    return ColumnChange(column=column, share_of_evidence=0.25, **usual | keys)


def test_columns_of_which_the_same_is_to_be_said_are_said_together() -> None:
    changes = [change("temp"), change("humid"), change("place", of="share", value="a|b", before=0.1, now=0.141)]
    assert what(changes) == [
        ("temp, humid: missing from under 0.01 to 3.14 % since 2026-10-25", 0.5),
        ("place: 'a|b' from 10 to 14.1 % since 2026-10-25", 0.25),
    ]


def test_each_kind_of_change_has_its_words() -> None:
    said = [
        what([change("x", **keys)])[0][0].removesuffix(" since 2026-10-25")
        for keys in (
            {"of": "level", "before": 0.02, "now": -0.48},
            {"of": "spread", "before": 0.0, "now": -0.25},
            {"of": "unseen", "before": 0.0, "now": 0.05},
            {"of": "share", "before": 0.2, "now": 0.4},
        )
    ]
    assert said == [
        "x: values 0.5 standard deviations lower",
        "x: values lie nearer, mean square 1 to 0.5",
        "x: unseen or unreadable from 0 to 5 %",
        "x: rare values together from 20 to 40 %",
    ]
