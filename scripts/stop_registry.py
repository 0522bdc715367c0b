"""Stop the MLflow server that start-registry started; its store stays. Stopping what does not run changes nothing.

Inputs: the folder that start-registry was given.
Exit codes: 0 it does not run any more; 2 wrong input.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelway import ci
from modelway.registry import local_server

INPUTS = (
    ci.Input(
        "folder", "Where the store is kept. Left out: mlflow below the runner's temporary folder, or the current one."
    ),
)

OUTPUTS = {"stopped": "true where a server was running, else false"}


def work(values: ci.Values, job: ci.Job) -> int:
    stopped = local_server.stop(local_server.folder_of(values.get("folder", ""), job.environ))
    job.set_output("stopped", "true" if stopped else "false")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return ci.run_script(__file__, __doc__ or "", INPUTS, OUTPUTS, work, argv)
