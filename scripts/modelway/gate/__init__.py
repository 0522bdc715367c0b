"""The gate: is this model version good enough, is it better than what is in production, and how sure is that?

Arrays in, checks out: no files, no registry, no processes. Names are loaded on first use, because a script that only
prints its help should not wait for numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelway.lazy import names_of

if TYPE_CHECKING:
    from modelway.gate.judging import Judgement, decide, judge
    from modelway.gate.policy import needs_of, validate_policy
    from modelway.gate.predictions import HeldOut, Predictions, Scored, normalise

__all__ = [
    "HeldOut",
    "Judgement",
    "Predictions",
    "Scored",
    "decide",
    "judge",
    "needs_of",
    "normalise",
    "validate_policy",
]

_HOME = {
    "HeldOut": "predictions",
    "Judgement": "judging",
    "Predictions": "predictions",
    "Scored": "predictions",
    "decide": "judging",
    "judge": "judging",
    "needs_of": "policy",
    "normalise": "predictions",
    "validate_policy": "policy",
}
__getattr__ = names_of(__name__, _HOME)
