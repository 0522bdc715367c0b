"""Numbers as the verdict records them."""

from __future__ import annotations

DIGITS = 10


def significant(value: float) -> float:
    """Rounded to 10 significant digits: the last bits of a sum depend on the processor, and a verdict must not."""
    return float(f"{value:.{DIGITS - 1}e}") + 0.0
