"""Evidence day by day, as a line of bars."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def bars(parts: Sequence[float]) -> str:
    """One bar a day, of its part of the threshold; the highest one is an alarm. As powers: evidence grows by factors."""
    shown = "".join(BARS[min(len(BARS) - 1, int(part**0.25 * len(BARS)))] for part in parts)
    return f"`{shown}`"
