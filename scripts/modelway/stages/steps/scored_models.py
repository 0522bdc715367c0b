"""The models of one judgement, each scored in its own environment, and begun before its rows are there."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from modelway import ci, isolation
from modelway.config import Gate
from modelway.environments import locks
from modelway.errors import InvalidInput
from modelway.gate import Scored
from modelway.records import Candidate
from modelway.registry.protocol import ModelRegistry
from modelway.scoring import Columns, Worker, WorkerLimits, types_of
from modelway.stages.steps.candidate import read_mlmodel
from modelway.stages.steps.carried import bring_wheels
from modelway.stages.steps.verdicts import download_model

REPETITIONS = 9
"""Of the whole batch, where latency is judged: the 95 % interval of a median by order statistics needs six."""
SIDE_BY_SIDE = 256 << 20
"""Bytes of models' files and their rows; in memory they take a few times as much."""


@dataclass(frozen=True)
class ScoredModel:
    """One of the two models, scored."""

    candidate: Candidate
    inputs: Columns
    scored: Scored


@dataclass(frozen=True)
class Begun:
    """A worker that is to load the model in `folder`, by MLflow's module `loader`."""

    worker: Worker
    folder: Path
    loader: str
    python: str


class Scoring:
    """A context, at whose end none of its models runs. timed: their latency is judged."""

    def __init__(self, client: ModelRegistry, job: ci.Job, policy: Gate, *, timed: bool) -> None:
        self.client, self.job, self.policy, self.timed = client, job, policy, timed
        self._ending = ExitStack()
        self._begun: dict[int, Begun] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def begin(self, candidate: Candidate, production: Candidate | None) -> None:
        """Let what loads them be imported while their rows are fetched and read: that takes as long. Not where their packages
        could look into the team's command, which knows secrets; and not production's beside a candidate that is timed."""
        if isolation.missing():
            return
        self._begun[candidate.version] = self._begin(candidate)
        if production is not None and not self.timed:
            self._begun[production.version] = self._begin(production)

    def score(self, *asked: tuple[Candidate, Columns]) -> list[ScoredModel]:
        """What each predicts for its inputs: one after the other where their latency is judged, or where both at once may be
        too much for a small machine."""
        size = sum(file.size for side, _ in asked for file in side.files)
        size += sum(8 * inputs.count * len(inputs.columns) for _, inputs in asked)
        begun = (self._ask(side, inputs) for side, inputs in asked)
        workers = begun if self.timed or size > SIDE_BY_SIDE else list(begun)
        return [self._scored(side, inputs, one) for (side, inputs), one in zip(asked, workers, strict=True)]

    def _ask(self, side: Candidate, inputs: Columns) -> Begun:
        begun = self._begun.get(side.version) or self._begin(side)
        begun.worker.ask(begun.folder, inputs, types_asked(side), REPETITIONS if self.timed else 2)
        return begun

    def _scored(self, side: Candidate, inputs: Columns, begun: Begun) -> ScoredModel:
        scored = begun.worker.answer()
        self.job.say(f"scored {side.model} version {side.version} in its own environment: Python {begun.python}")
        size = sum(file.size for file in side.files)
        return ScoredModel(side, inputs, replace(scored, size_bytes=size, loader=begun.loader))

    def _begin(self, side: Candidate) -> Begun:
        bring_wheels(self.client, side)
        interpreter = locks.model_environment(side.environment.requirements, side.environment.python)
        folder = Path(self._ending.enter_context(tempfile.TemporaryDirectory(prefix="modelway-model-")))
        download_model(self.client, side, folder)
        loader = str(read_mlmodel(folder)["flavors"]["python_function"].get("loader_module", ""))
        limits = WorkerLimits(self.policy.scoring_timeout_seconds, self.policy.scoring_memory_mb)
        worker = self._ending.enter_context(Worker(interpreter, loader, limits))
        return Begun(worker, folder, loader, interpreter.version)


def types_asked(side: Candidate) -> dict[str, str]:
    """The types of its signature."""
    types = types_of(side.signature)
    if types is None:
        raise InvalidInput(
            f"version {side.version} has no signature, so nobody knows which columns it takes",
            where="evaluate-gate",
            fix="log it with input_example or signature",
        )
    return types
