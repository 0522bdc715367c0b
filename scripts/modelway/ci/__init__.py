"""Where modelway runs, and how its use cases take inputs and give outputs: GitHub, GitLab and a shell alike.

A use case is one function with types (`use_case`); its flags, variables, outputs and help follow from its signature. `job`
says, warns, hides and reports. An expected failure is raised as one of `modelway.errors`.
"""

from typing import Annotated

from msgspec import Meta

from modelway.ci.inputs import ROWS, InMemoryTable, Input, Output, Rows, address_of, build_parser, key, shown
from modelway.ci.job import Job
from modelway.ci.shell import Shell
from modelway.ci.use_case import Result, UseCase, nobody_reads, run, use_case, where_it_runs

Config = Annotated[str, Input("The project's configuration file, below working-directory.")]
WorkingDirectory = Annotated[str, Input("The project's folder.", left_out="the current folder")]
ReportDirectory = Annotated[str, Input("Where the reports are written, below working-directory.")]
Environment = Annotated[str, Input("The environment of modelway.yml that this is for.")]
Overlay = Annotated[str | None, Input("The environment of modelway.yml whose overlay holds.", left_out="none")]
TrackingUri = Annotated[str | None, key("registry.tracking-uri")]
Version = Annotated[int, Meta(ge=1), Input("The registered version of the model.")]

__all__ = [
    "ROWS",
    "Config",
    "Environment",
    "InMemoryTable",
    "Input",
    "Job",
    "Output",
    "Overlay",
    "ReportDirectory",
    "Result",
    "Rows",
    "Shell",
    "TrackingUri",
    "UseCase",
    "Version",
    "WorkingDirectory",
    "address_of",
    "build_parser",
    "key",
    "nobody_reads",
    "run",
    "shown",
    "use_case",
    "where_it_runs",
]
