"""The whole contract, in the order in which it is asked."""

from __future__ import annotations

from modelway.endpoint import predicting, refusing, telling
from modelway.endpoint.checks import Check

CONTRACT: tuple[Check, ...] = (*telling.CHECKS, *predicting.CHECKS, *refusing.CHECKS)
