"""stop-registry: the end of the server that start-registry started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from modelway import ci
from modelway.ci import Output
from modelway.registry import local_server
from modelway.stages.start_registry import Folder, folder_of


@dataclass(frozen=True, kw_only=True)
class RegistryStopped(ci.Result):
    stopped: Annotated[bool, Output("true where a server was running, else false")]


@ci.use_case
def stop_registry(job: ci.Job, *, folder: Folder = None) -> RegistryStopped:
    """Stop the MLflow server that start-registry started; its store stays. Stopping what does not run changes nothing.

    Inputs: the folder that start-registry was given.
    Exit codes: 0 it does not run any more; 2 wrong input.
    """
    return RegistryStopped(stopped=local_server.stop(folder_of(folder, job)))
