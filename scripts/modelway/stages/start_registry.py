"""start-registry: an MLflow server of this machine's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.config.keys import Seconds
from modelway.registry import local_server
from modelway.stages.steps.workspace import LOCAL_REGISTRY

Folder = Annotated[
    str | None,
    Input("Where the store is kept.", left_out="mlflow below the runner's temporary folder, or the current one"),
]


@dataclass(frozen=True, kw_only=True)
class RegistryStarted(ci.Result):
    tracking_uri: Annotated[str, Output("the server's address")]
    folder: Annotated[str, Output("where the store is kept")]


@ci.use_case
def start_registry(
    job: ci.Job,
    *,
    folder: Folder = None,
    port: Annotated[int, Meta(ge=0, le=65535), Input("The port on 127.0.0.1.", left_out="a free one")] = 0,
    timeout_seconds: Annotated[Seconds, Input("How long it may take to answer.")] = 120,
) -> RegistryStarted:
    """Start an MLflow server on this machine: for checks of pull requests, a laptop, a try. It outlives the step.

    Inputs: a folder for its store, and a port. Run again with the same folder, it finds the server that runs already.
    Outputs: the server's address. `stop-registry` ends it.
    Exit codes: 0 it answers; 2 wrong input; 4 it did not start.
    """
    place = folder_of(folder, job)
    uri = local_server.start(place, port, timeout_seconds)
    job.runner.export(LOCAL_REGISTRY, uri)
    return RegistryStarted(tracking_uri=uri, folder=str(place))


def folder_of(named: str | None, job: ci.Job) -> Path:
    """Where the store of this machine's server is kept."""
    return (Path(named) if named else job.runner.temporary_folder / "mlflow").absolute()
