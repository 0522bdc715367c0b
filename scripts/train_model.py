"""Train a model by the team's command, or adopt one that was trained elsewhere, and register it as a Candidate.

Inputs: modelway.yml (sections registry, data, train), and the flags below, each of which overrides one key of it.
Outputs: the registered version and what names it (digests, commit, metrics).
Exit codes: 0 registered; 2 wrong input, or the command failed; 4 the registry, the package index or the time limit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from modelway import ci
from modelway.errors import InvalidInput
from modelway.records import Candidate
from modelway.report.candidate import markdown
from modelway.stages.steps import workspace
from modelway.stages.steps.adopt import adopt
from modelway.stages.steps.train import train

INPUTS = (
    ci.CONFIG,
    ci.WORKING_DIRECTORY,
    ci.Input("environment", "The environment of modelway.yml whose overlay holds. Left out: none."),
    ci.TRACKING_URI,
    ci.Input("data", "The training data's path. Left out: modelway.yml.", key="data.train"),
    ci.Input("command", "The training command, run by bash. Left out: modelway.yml.", key="train.command"),
    ci.Input("requirements", "The team's requirements file. Left out: modelway.yml.", key="train.requirements"),
    ci.Input("python", "An interpreter that has everything, instead. Left out: modelway.yml.", key="train.python"),
    ci.Input("parameters", "Hyperparameters as a JSON object. Left out: modelway.yml.", key="train.parameters"),
    ci.Input("parameters-file", "The same in a file, for more than 128 KiB.", file_of="parameters"),
    ci.Input("seed", "The random seed. Left out: modelway.yml, then 0.", key="train.seed", kind="integer"),
    ci.Input(
        "timeout-minutes", "How long the command may take. Left out: 60.", key="train.timeout-minutes", kind="number"
    ),
    ci.Input("model-uri", "A model trained elsewhere, such as models:/NAME/3, to adopt. Left out: train."),
    ci.Input("semantic-version", "A version that people gave it, such as 2.1.0. Left out: none."),
    ci.REPORT_DIRECTORY,
)

OUTPUTS = {
    "model": "the registered model's name",
    "version": "the registered version's number",
    "readable-version": "date and commit, such as 20261121-ab12cd3",
    "run-id": "the MLflow run that trained it; empty when adopted",
    "digest": "sha256 over the stored files: what a verdict holds for",
    "content": "sha256 that repeats when the same model is trained again",
    "data-digest": "sha256 of the training data",
    "commit": "the commit it was trained from",
    "metrics": "the run's metrics as a JSON object",
    "report": "the path of train-model.json",
}

SEMANTIC_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


def work(values: ci.Values, job: ci.Job) -> int:
    semantic_version = values.get("semantic-version", "")
    if semantic_version and not SEMANTIC_VERSION.fullmatch(semantic_version):
        raise InvalidInput(
            f"{ci.shown(semantic_version)} is not MAJOR.MINOR.PATCH",
            where="input semantic-version",
            fix="give e.g. 2.1.0",
        )
    project = workspace.resolve(values, job, INPUTS)
    uri = values.get("model-uri")
    candidate = adopt(project, job, uri, semantic_version) if uri else train(project, job, semantic_version)
    job.set_output("report", str(job.report(candidate, markdown(candidate))))
    for name, value in outputs_of(candidate).items():
        job.set_output(name, value)
    return 0


def outputs_of(candidate: Candidate) -> dict[str, object]:
    return {
        "model": candidate.model,
        "version": str(candidate.version),
        "readable-version": candidate.readable_version,
        "run-id": candidate.run_id,
        "digest": candidate.digest,
        "content": candidate.content,
        "data-digest": candidate.data_digest,
        "commit": candidate.commit,
        "metrics": candidate.metrics,
    }


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
