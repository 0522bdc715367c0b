"""Rollouts: plans, the engine (a pure state machine), the judge (tests that may be looked at at any time), the journal. Which
target runs the releases, and where counts come from, is not known here."""
