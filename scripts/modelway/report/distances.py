"""How far each check is from its limit, as a chart that GitHub and GitLab draw of text, since they show no other picture.

The unit is the half of the check's interval that points to the limit, so all checks have one scale, and what is beyond 1 is
decided: there the whole interval is on one side.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from modelway.records import Check

FARTHEST = 5.0
"""What is farther is drawn here."""
MOST_BARS = 15
LONGEST_NAME = 40
COLOURS = '{ xyChart: { plotColorPalette: "#8da0cb, #d73027, #1a9850" } }'
"""Of the bars, of where failing begins, and of where passing does."""
PLAIN = re.compile(r"[^\w .,=<>+/()-]")
"""All else could end a quoted text of the chart, or the chart itself."""


def distance(check: Check) -> float | None:
    """Positive on the side that the policy asks for: at least 1 where the check passes, below -1 where it fails. None where
    there is no interval, or the limit does not say which side is better."""
    better = _better(check)
    if better is None or check.value is None or check.limit is None or check.interval is None:
        return None
    beyond, (low, high) = check.value - check.limit, check.interval
    half = check.value - low if beyond >= 0 else high - check.value
    return better * beyond / half if half > 0 else None


def chart(checks: Sequence[Check]) -> str:
    """Of the first ones that have a distance; empty where fewer than two have."""
    found = [(check.name, far) for check in checks if (far := distance(check)) is not None][:MOST_BARS]
    if len(found) < 2:
        return ""
    names = ", ".join(f'"{PLAIN.sub(" ", name)[:LONGEST_NAME]}"' for name, _ in found)
    bars = ", ".join(f"{max(-FARTHEST, min(FARTHEST, far)):.2f}" for _, far in found)
    return "\n".join(
        [
            "```mermaid",
            "---",
            f"config: {{ xyChart: {{ width: 800, height: {100 + 30 * len(found)} }}, themeVariables: {COLOURS} }}",
            "---",
            "xychart-beta horizontal",
            f"  x-axis [{names}]",
            f'  y-axis "fails below -1, passes from 1 on" -{FARTHEST:g} --> {FARTHEST:g}',
            f"  bar [{bars}]",
            *(f"  line [{', '.join([end] * len(found))}]" for end in ("-1", "1")),
            "```",
        ]
    )


def _better(check: Check) -> int | None:
    """1 where greater is better, -1 where smaller is. A limit against production has the sign of what is better
    (`modelway.gate.limits`)."""
    if check.rule.startswith("at least "):
        return 1
    if check.rule.startswith("at most "):
        return -1
    told = check.limit or {"pass": check.value, "fail": -(check.value or 0)}.get(check.outcome)  # better by more than 0
    if not told:
        return None
    sign = int(math.copysign(1, told))
    return {"better by": sign, "not worse": -sign}.get(check.rule[:9])
