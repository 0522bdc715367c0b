"""Predictions of a stored model, made in the model's own environment: the only place where a model is deserialised.

This is hygiene, not a sandbox: the worker has no secrets, a home and a folder of its own, and limits on time and memory, but
it is the same user on the same machine. Judge only models that you would run.
"""

from modelway.scoring.rows import Columns, types_of
from modelway.scoring.score import Worker, WorkerLimits, environment, failed

__all__ = ["Columns", "Worker", "WorkerLimits", "environment", "failed", "types_of"]
