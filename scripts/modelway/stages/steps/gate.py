"""evaluate-gate: score a Candidate and the version in production on the same held-out rows, and write the Verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace as replace_fields

from modelway import ci, isolation
from modelway.config import Resolved, required
from modelway.data import schemes
from modelway.data.sources import digest_of_data
from modelway.gate import HeldOut, decide, needs_of, validate_policy
from modelway.records import Candidate, Sample, Verdict
from modelway.registry.protocol import ModelRegistry
from modelway.registry.stored_records import read_candidate, read_verdict, write_verdict
from modelway.scoring import Columns, failed
from modelway.scoring.rows import plain
from modelway.stages.steps import leakage, workspace
from modelway.stages.steps.history import standing
from modelway.stages.steps.judge import judge_policy
from modelway.stages.steps.rows import contradictions, read_held_out, refuse_broken_inputs
from modelway.stages.steps.scored_models import ScoredModel, Scoring, types_asked

SAMPLES = 100


def evaluate(project: Resolved, job: ci.Job, version: int) -> Verdict:
    """Judge `version` for the project's environment; the Verdict is stored next to it, and a pass sets the candidate
    alias."""
    client = workspace.connect_registry(project, job)
    candidate = read_candidate(client, project.model, version)
    production = _production(client, project, version)
    judged = verdict_on(project, job, client, candidate, production)
    verdict = replace_fields(
        judged, warnings=(*judged.warnings, *_of_production(client, project, production, judged.data_digest))
    )
    write_verdict(client, candidate, verdict)
    if verdict.outcome == "pass":
        client.set_alias(project.model, project.registry.candidate_alias, version)
    return verdict


def verdict_on(
    project: Resolved, job: ci.Job, client: ModelRegistry, candidate: Candidate, production: Candidate | None
) -> Verdict:
    """By the project's policy, on its held-out rows. production: what the policy's comparisons are with. Nothing is stored."""
    policy = project.gate
    label = str(required(project, "gate.label"))
    validate_policy(policy, first_version=production is None)
    types = types_asked(candidate)
    leakage.refuse_the_label_as_input(candidate, label)
    contract = workspace.contract_of(project, job)
    if policy.contract == "refuse":
        refuse_broken_inputs(contract, types, str(required(project, "data.contract")), candidate.version)
    needs = needs_of(policy)
    with Scoring(client, job, policy, timed=needs.timings) as scoring:
        scoring.begin(candidate, production)
        workspace.fetch_data(project, job)
        data = workspace.data_path(project, job, "data.test")
        name = schemes.name_of(str(project.data.test))
        data_digest = digest_of_data(data, name)
        leakage.refuse_the_training_data(candidate, data_digest, name)
        wanted = dict.fromkeys((label, *needs.columns))
        read = read_held_out(data, name, contract, wanted, types, types_asked(production) if production else None)
        rows = read.candidate.count
        job.say(f"{rows} held-out rows of {name}, sha256 {data_digest[:12]}")
        asked = [(candidate, read.candidate)]
        if production is not None and read.production is not None:
            asked.append((production, read.production))
        challenger, *others = scoring.score(*asked)
    champion = others[0] if others else _without_rows(production, read.fault)
    judgement = judge_policy(
        policy,
        HeldOut(read.columns[label], read.columns),
        challenger.scored,
        champion.scored if champion else None,
        challenger.inputs.columns,
    )
    if why := isolation.missing():
        job.say(f"the model's code could look at the other processes of this user, since it got no namespace: {why}")
    warnings = [
        *judgement.warnings,
        *contradictions(contract, types),
        *_unrepeatable([side for side in (challenger, champion) if side]),
        *leakage.warnings_of_training(project, job, candidate, data, data_digest, production),
    ]
    return Verdict(
        model=project.model,
        version=candidate.version,
        environment=project.environment,
        outcome=decide(policy, judgement.outcome),
        checks=judgement.checks,
        model_digest=candidate.digest,
        data_digest=data_digest,
        policy_digest=project.policy_digest,
        production_version=production.version if production else None,
        production_digest=production.digest if production else "",
        rows=rows,
        positive_class=judgement.positive_class,
        positive_rows=judgement.positive_rows,
        groups=judgement.groups,
        warnings=tuple(warnings),
        samples=_samples(read.columns[label], challenger, champion),
    )


def _production(client: ModelRegistry, project: Resolved, version: int) -> Candidate | None:
    """What runs in the environment now; None where nothing does, or where it is the version that is judged."""
    current = standing(client, project)
    return None if current in (None, version) else read_candidate(client, project.model, int(current))


def _without_rows(production: Candidate | None, fault: str) -> ScoredModel | None:
    if production is None:
        return None
    return ScoredModel(production, Columns({}, 0), failed(f"it does not take these rows: {fault}"))


def _unrepeatable(sides: Sequence[ScoredModel]) -> list[str]:
    return [
        f"version {side.candidate.version} gave other predictions for the same rows the second time"
        for side in sides
        if not side.scored.repeatable
    ]


def _of_production(
    client: ModelRegistry, project: Resolved, production: Candidate | None, data_digest: str
) -> list[str]:
    """What is odd about the verdict that let the version in production in."""
    if production is None:
        return []
    stored = read_verdict(client, project.model, production.version, project.environment)
    if stored is None:
        return [f"version {production.version} in {project.environment} was never judged by this gate"]
    before = stored.record
    if before.data_digest == data_digest:
        return []
    digests = f"{data_digest[:12]}, then {before.data_digest[:12]}"
    then = f"version {before.version} in {project.environment} was judged on ({digests})"
    return [f"the test data is not what {then}: its rows may have been chosen, or cleaned"]


def _samples(labels: np.ndarray, challenger: ScoredModel, champion: ScoredModel | None) -> tuple[Sample, ...]:
    """Rows spread evenly over the data, with what each model said of them."""
    count = challenger.inputs.count
    if count == 0 or len(challenger.scored.predictions) != count:
        return ()
    picked = np.unique(np.linspace(0, count - 1, min(SAMPLES, count)).astype(int))
    return tuple(
        Sample(
            row=int(index),
            features=challenger.inputs.row(index),
            label=plain(labels[index]),
            candidate=_prediction(challenger, index),
            production=_prediction(champion, index) if champion else None,
        )
        for index in picked
    )


def _prediction(side: ScoredModel, index: int) -> Any:
    said = side.scored.predictions
    if len(said) <= index:
        return None
    return [plain(value) for value in said[index]] if said.ndim == 2 else plain(said[index])
