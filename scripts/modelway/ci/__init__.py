"""The runner: inputs, outputs, annotations, summaries, masking and escaping; the same on GitHub and in a shell.

A script is a table of inputs and outputs and one function:

    INPUTS = (ci.CONFIG, ci.WORKING_DIRECTORY, ci.ENVIRONMENT, ci.Input("version", "...", kind="integer"))
    OUTPUTS = {"outcome": "pass, fail or inconclusive"}

    def work(values: ci.Values, job: ci.Job) -> int: ...

    def main(argv=None) -> int:
        return ci.run_script(__file__, __doc__, INPUTS, OUTPUTS, work, argv)

`values` holds what was given, as text ("" and left out are the same: the name is missing). `job` says, warns, sets outputs
and writes the report. An expected failure is raised as one of `modelway.errors`.
"""

from modelway.ci.inputs import (
    CONFIG,
    ENVIRONMENT,
    REPORT_DIRECTORY,
    TRACKING_URI,
    VERSION,
    WORKING_DIRECTORY,
    Input,
    Values,
    build_parser,
    overrides,
    shown,
)
from modelway.ci.job import Job, run_script, write_atomically

__all__ = [
    "CONFIG",
    "ENVIRONMENT",
    "REPORT_DIRECTORY",
    "TRACKING_URI",
    "VERSION",
    "WORKING_DIRECTORY",
    "Input",
    "Job",
    "Values",
    "build_parser",
    "overrides",
    "run_script",
    "shown",
    "write_atomically",
]
