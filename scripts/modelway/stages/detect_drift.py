"""detect-drift: hold current data against a reference."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.config import Resolved, required
from modelway.data import schemes
from modelway.data.drift.detection import detect
from modelway.data.drift.report import DriftReport
from modelway.data.drift.sides import open_side
from modelway.data.drift.sketch import DataSketch, begins_as_sketch, written
from modelway.data.drift.sketching import DataReading
from modelway.errors import Inconclusive, InvalidInput, ModelwayError, Refused
from modelway.files import write_whole
from modelway.report.drift import in_words, markdown
from modelway.stages.steps import workspace


@dataclass(frozen=True, kw_only=True)
class DriftDetected(ci.Result):
    outcome: Annotated[
        Literal["drift", "no drift", "inconclusive"], Output("drift, no drift or inconclusive, as the figures say")
    ]
    drifted_columns: Annotated[list[str], Output("the columns that drifted, as a JSON list")]
    inconclusive_columns: Annotated[list[str], Output("the columns of which it is not known, as a JSON list")]
    reference_digest: Annotated[str, Output("sha256 of the reference data")]
    current_digest: Annotated[str, Output("sha256 of the current data")]
    report: Annotated[str, Output("the path of detect-drift.json")]
    drift: DriftReport
    """Every column, slice and window, with its values."""


@ci.use_case
def detect_drift(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: ci.Overlay = None,
    reference: Annotated[ci.Rows | None, ci.key("drift.reference")] = None,
    current: Annotated[ci.Rows | None, ci.key("drift.current", left_out="an error")] = None,
    contract: Annotated[str | None, ci.key("data.contract")] = None,
    columns: Annotated[
        tuple[str, ...] | None, Input("The columns that are compared.", left_out="all of the reference")
    ] = None,
    leave_out: Annotated[tuple[str, ...] | None, ci.key("drift.leave-out")] = None,
    label: Annotated[str | None, ci.key("drift.label")] = None,
    prediction: Annotated[str | None, ci.key("drift.prediction")] = None,
    slices: Annotated[tuple[str, ...] | None, ci.key("drift.slices")] = None,
    time_column: Annotated[str | None, ci.key("drift.time-column")] = None,
    window_hours: Annotated[float | None, ci.key("drift.window-hours")] = None,
    cluster: Annotated[str | None, ci.key("drift.cluster")] = None,
    margin: Annotated[float | None, ci.key("drift.margin")] = None,
    missing_margin: Annotated[float | None, ci.key("drift.missing-margin")] = None,
    error_rate: Annotated[float | None, ci.key("drift.error-rate")] = None,
    inconclusive: Annotated[Literal["stop", "fail", "pass"] | None, ci.key("drift.inconclusive")] = None,
    reference_sketch: Annotated[
        str, Input("A file, below working-directory, for the sketch of the reference.", left_out="it is not written")
    ] = "",
    current_sketch: Annotated[
        str, Input("A file, below working-directory, for the sketch of the current data.", left_out="it is not written")
    ] = "",
    memory_mb: Annotated[
        int, Meta(ge=64, le=1 << 24), Input("How much memory DuckDB may use before it works on disk.")
    ] = 1024,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> DriftDetected:
    """Hold current data against a reference: distributions, missing and unseen values, columns, slices, windows of time.

    Inputs: two data sets (CSV, Parquet, or sketches of them), named here or in modelway.yml (section drift).
    Outputs: the outcome, the columns that drifted; the report as JSON and Markdown; sketches of both data sets.
    Exit codes: 0 no drift; 1 drift; 2 wrong input, or data that cannot be read; 3 inconclusive; 4 the disk is full.
    """
    project = workspace.project_of(job, environment, reference and current and not environment)
    named = _named(project)
    _require_sketch_names(job.folder, reference_sketch, current_sketch)
    workspace.fetch_data(project, job)
    settings = project.drift
    reading = DataReading(
        contract=workspace.contract_of(project, job),
        columns=columns,
        leave_out=settings.leave_out,
        memory_mb=memory_mb,
        engine=project.data.engine,
    )
    paths = {key: schemes.path_of(name, job.folder, f"{project.source}: {key}", job.say) for key, name in named.items()}
    (key_of_old, old_name), (key_of_new, new_name) = named.items()
    with (
        open_side(paths[key_of_old], schemes.name_of(old_name), reading) as before,
        open_side(paths[key_of_new], schemes.name_of(new_name), reading) as after,
    ):
        found = detect(before, after, settings, job.say, project.gate.label)
    for name, sketch in ((reference_sketch, found.reference), (current_sketch, found.current)):
        if name:
            _write(job.folder / name, sketch)
    report = found.report
    path = job.report(report, markdown(report))
    job.say(in_words(report))
    return DriftDetected(
        outcome=report.outcome,
        drifted_columns=[column.name for column in report.of("drift")],
        inconclusive_columns=[column.name for column in report.of("inconclusive")],
        reference_digest=report.reference.digest,
        current_digest=report.current.digest,
        report=str(path),
        drift=report,
        failures=_failures(report, settings.inconclusive, path),
    )


def _named(project: Resolved) -> dict[str, str]:
    """The key of each of the two data sets, and what stands there."""
    key = "drift.reference" if project.drift.reference else "data.train"
    return {key: str(required(project, key)), "drift.current": str(required(project, "drift.current"))}


def _require_sketch_names(folder: Path, reference_sketch: str, current_sketch: str) -> None:
    """A sketch replaces what is there: that must not be data."""
    for key, name in (("reference-sketch", reference_sketch), ("current-sketch", current_sketch)):
        if name and not name.lower().endswith(".json"):
            raise InvalidInput(f"{name[:100]!r} does not end in .json", where=f"input {key}", fix="end it so")
        if name and (folder / name).is_file() and not begins_as_sketch(folder / name):
            what = f"{name[:100]!r} is there, and no sketch"
            raise InvalidInput(what, where=f"input {key}", fix="name another file, or remove this one")
    if reference_sketch and reference_sketch == current_sketch:
        what = "names the file of reference-sketch, too"
        raise InvalidInput(what, where="input current-sketch", fix="give each sketch a file of its own")


def _write(path: Path, sketch: DataSketch) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"cannot be made: {error.strerror}", where=str(path.parent), fix="name another file"
        ) from None
    write_whole(path, written(sketch).encode(), shared=True)


def _failures(report: DriftReport, inconclusive: str, path: Path) -> tuple[ModelwayError, ...]:
    said, fix = in_words(report), f"see {path.with_suffix('.md')} for the values"
    if report.outcome == "drift":
        return (Refused(said, fix=fix, title="drift"),)
    if report.outcome == "no drift" or inconclusive == "pass":
        return ()
    fix = f"{fix}; give more rows, wider margins, or say how it is treated in drift.inconclusive"
    return (Refused(said, fix=fix) if inconclusive == "fail" else Inconclusive(said, fix=fix),)
