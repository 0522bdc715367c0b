"""Start an MLflow server on this machine: for checks of pull requests, a laptop, a try. It outlives the step.

Inputs: a folder for its store, and a port. Run again with the same folder, it finds the server that runs already.
Outputs: the server's address. `stop-registry` ends it.
Exit codes: 0 it answers; 2 wrong input; 4 it did not start.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway import ci
from modelway.registry import local_server
from modelway.stages.steps.workspace import LOCAL_REGISTRY

INPUTS = (
    ci.Input(
        "folder", "Where the store is kept. Left out: mlflow below the runner's temporary folder, or the current one."
    ),
    ci.Input("port", "The port on 127.0.0.1. Left out: a free one.", kind="integer"),
    ci.Input("timeout-seconds", "How long it may take to answer. Left out: 120.", kind="number"),
)

OUTPUTS = {"tracking-uri": "the server's address", "folder": "where the store is kept"}


def work(values: ci.Values, job: ci.Job) -> int:
    folder = local_server.folder_of(values.get("folder", ""), job.environ)
    uri = local_server.start(folder, int(values.get("port", "0")), float(values.get("timeout-seconds", "120")))
    job.runner.export(LOCAL_REGISTRY, uri)
    job.set_output("tracking-uri", uri)
    job.set_output("folder", str(folder))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
