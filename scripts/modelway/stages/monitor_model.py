"""monitor-model: watch what a model is asked with, day by day, and tell what has changed for good."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.config import Resolved, required
from modelway.config.monitor import Monitor
from modelway.data import schemes
from modelway.data.drift.report import DriftSource
from modelway.data.drift.sides import DriftSide, open_side
from modelway.data.drift.sketching import DataReading
from modelway.errors import Inconclusive, InvalidInput, ModelwayError, OutsideFailure, Refused
from modelway.monitoring.report import MonitorReport, of_service_alone, report_of
from modelway.monitoring.watching import watch
from modelway.report.monitoring import in_words, markdown
from modelway.stages.steps import counted_days, freshness, performance, watched_days, workspace
from modelway.stages.steps import service as service_step


@dataclass(frozen=True, kw_only=True)
class ModelMonitored(ci.Result):
    outcome: Annotated[
        Literal["alarm", "inconclusive", "changed", "quiet"],
        Output(
            "alarm where there is a new one; else inconclusive where too little is known of the performance; else"
            " or the service, or the data are stale; else changed where an old one still holds; else quiet"
        ),
    ]
    broken_promises: Annotated[
        list[str], Output("the promises that new alarms name: failed, slow or requests, as a JSON list")
    ]
    fallen_metrics: Annotated[list[str], Output("the metrics that new alarms name, as a JSON list")]
    changed_columns: Annotated[list[str], Output("the columns that new alarms name, as a JSON list")]
    open_columns: Annotated[list[str], Output("all columns that have changed and are not back, as a JSON list")]
    report: Annotated[str, Output("the path of monitor-model.json; empty where too little is known for one")]
    service_days: Annotated[
        str,
        Output("the path of monitor-model.service.csv: the service's days, to be kept; empty where it is not watched"),
    ]
    monitoring: MonitorReport | None
    """Every look, alarm and column; None where too little is known for one, and monitor.inconclusive lets that pass."""


@ci.use_case
def monitor_model(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: ci.Overlay = None,
    data: Annotated[
        ci.Rows | None, ci.key("monitor.data", left_out="what the servers of the environment have counted")
    ] = None,
    reference: Annotated[ci.Rows | None, ci.key("monitor.reference")] = None,
    contract: Annotated[str | None, ci.key("data.contract")] = None,
    time_column: Annotated[
        str | None, ci.key("monitor.time-column", left_out="an error, unless the data are sketches of days")
    ] = None,
    leave_out: Annotated[tuple[str, ...] | None, ci.key("monitor.leave-out")] = None,
    history_days: Annotated[int | None, ci.key("monitor.history-days")] = None,
    false_alarms_per_year: Annotated[float | None, ci.key("monitor.false-alarms-per-year")] = None,
    inconclusive: Annotated[Literal["stop", "fail", "pass"] | None, ci.key("monitor.inconclusive")] = None,
    hourly: Annotated[bool | None, ci.key("monitor.hourly")] = None,
    prediction: Annotated[str | None, ci.key("monitor.performance.prediction")] = None,
    label: Annotated[str | None, ci.key("monitor.performance.label")] = None,
    labels: Annotated[ci.Rows | None, ci.key("monitor.performance.labels")] = None,
    label_id: Annotated[str | None, ci.key("monitor.performance.id")] = None,
    service: Annotated[ci.Rows | None, ci.key("monitor.service.data")] = None,
    prometheus_url: Annotated[str | None, ci.key("monitor.service.prometheus")] = None,
    since: Annotated[
        str, Input("An ISO date: alarms from this day on are new, and fail.", left_out="the last day that is looked at")
    ] = "",
    memory_mb: Annotated[
        int, Meta(ge=64, le=1 << 24), Input("How much memory DuckDB may use before it works on disk.")
    ] = 1024,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ModelMonitored:
    """Watch the rows that a model is asked with, what it predicts, and its service, day by day, and tell once what has
    changed.

    Inputs: an environment whose servers count what they are asked; or rows with a column of times, or sketches of days, and
    the data that the model was trained with, or a sketch of it; labels that come later; who has counted the service's
    requests (section monitor of modelway.yml).
    Outputs: the outcome, the columns that changed, the metrics that fell, the promises that are broken; the report as JSON and
    Markdown.
    Exit codes: 0 nothing new; 1 an alarm; 2 wrong input; 3 too few days to tell what is usual, too few labels, a day that
    nobody counted, or stale data; 4 the disk is full, no server can be reached, or Prometheus did not answer.
    """
    alone = bool(service or prometheus_url) and not data
    project = workspace.project_of(job, environment, (alone or (data and reference)) and not environment)
    settings, named_service = project.monitor, service_step.is_named(project)
    budget, first_new = settings.false_alarms_per_year, _since(since)
    with tempfile.TemporaryDirectory(prefix="modelway-days-") as folder:
        counted, untold = _counted(project, job, Path(folder), lenient=named_service)
        by_servers = counted.service if counted else ()
        watched = named_service or bool(by_servers)
        untold = untold or (counted.too_few if counted else None)
        if untold and not watched:
            return _nothing_yet(job, settings, untold)
        key = "monitor.reference" if settings.reference or counted else "data.train"
        if not counted:
            workspace.fetch_data(project, job)
        has_rows = counted or settings.data or settings.time_column or settings.performance.prediction
        if watched and (untold or not has_rows):
            by_itself = service_step.service_of(project, job, first_new, budget, by_servers)
            report = of_service_alone(by_itself, budget, counted.report if counted else None)
            return _told(job, settings, report, untold)
        named = counted.named if counted else {name: str(required(project, name)) for name in ("monitor.data", key)}
        names = counted.names if counted else {name: schemes.name_of(address) for name, address in named.items()}
        rules = workspace.contract_of(project, job)
        reading = DataReading(
            contract=rules,
            leave_out=(*settings.leave_out, *filter(None, [settings.time_column]), *performance.not_columns(project)),
            memory_mb=memory_mb,
            engine=project.data.engine,
        )
        paths = {
            name: schemes.path_of(address, job.folder, f"{project.source}: {name}", job.say)
            for name, address in named.items()
        }
        data_name = names["monitor.data"]
        joined = performance.labels_in(project, job, rules, paths["monitor.data"], data_name)
        with (
            open_side(paths[key], names[key], reading) as before,
            open_side(paths["monitor.data"], data_name, reading) as after,
        ):
            if after.sketch is not None:
                if joined:
                    fix = "name the rows themselves, or leave monitor.performance out"
                    raise InvalidInput("are sketches, which hold no single prediction", where=after.name, fix=fix)
                found = watched_days.kept(before, after, after.sketch, hourly=settings.hourly)
            else:
                time_column = str(required(project, "monitor.time-column"))
                found = watched_days.sketched(before, after, time_column, hourly=settings.hourly)
        if counted and settings.hourly:
            found = watched_days.with_hours(found, counted.hours)
    days = found.days
    job.say(f"{after.name}: {len(days)} days, of which {settings.history_days} tell what is usual")
    part = budget / (1 + bool(joined) + watched)
    served = service_step.service_of(project, job, first_new, part, by_servers) if watched else None
    try:
        if settings.history_days >= len(days):
            what = f"all of its {len(days)} whole days are history, and none is left to look at"
            fix = "give later days too, or set monitor.history-days lower"
            raise Inconclusive(what, where=after.name, fix=fix)
        told = watch(found.reference, days, settings.history_days, part, found.hours)
    except Inconclusive as error:
        if not served:
            return _nothing_yet(job, settings, error)
        return _told(
            job, settings, of_service_alone(served, budget), error
        )  # what the rows do not tell hides no outage
    since = first_new or (told.looks[-1].isoformat() if told.looks else "")
    live = None
    if joined:
        first_look = days[settings.history_days].day
        live = performance.performance_of(project, joined, rules, memory_mb, first_look, since, part)
    stale = ""
    if settings.freshness_hours and after.sketch is not None:
        stale = freshness.stale_day(days[-1].day, settings.freshness_hours)
    elif settings.freshness_hours:
        asked = str(required(project, "monitor.time-column")), settings.freshness_hours, project.data.engine
        stale = freshness.stale_rows(paths["monitor.data"], data_name, rules.dialect, *asked)
    rows = sum(day.sketch.rows for day in days if day.sketch)
    sides = _source(before, found.reference.rows), _source(after, rows)
    report = report_of(told, *sides, since, budget, found.shape, live, served, stale)
    return _told(job, settings, msgspec.structs.replace(report, counted=counted.report if counted else None))


def _nothing_yet(job: ci.Job, settings: Monitor, error: ModelwayError) -> ModelMonitored:
    """What comes of it where nobody can look. Raises the error, unless too little is known and that may pass."""
    if not isinstance(error, Inconclusive) or settings.inconclusive == "stop":
        raise error
    return ModelMonitored(
        outcome="inconclusive",
        broken_promises=[],
        fallen_metrics=[],
        changed_columns=[],
        open_columns=[],
        report="",
        service_days="",
        monitoring=None,
        failures=_decided(job, settings, (error,)),
    )


def _decided(job: ci.Job, settings: Monitor, failures: tuple[ModelwayError, ...]) -> tuple[ModelwayError, ...]:
    """As monitor.inconclusive has it, where too little is known."""
    if not failures or not isinstance(failures[0], Inconclusive) or settings.inconclusive == "stop":
        return failures
    if settings.inconclusive == "fail":
        return tuple(Refused(error.what, where=error.where, fix=error.fix) for error in failures)
    for error in failures:
        job.warn("monitor-model", error.line())
    return ()


def _counted(
    project: Resolved, job: ci.Job, folder: Path, *, lenient: bool
) -> tuple[counted_days.CountedDays | None, ModelwayError | None]:
    """What the servers have counted, as files of the folder. lenient: the service is watched beside, by whom it names, and is
    told whatever they say: where they count nothing that is said, and where they cannot tell, that is the second part."""
    if lenient and not project.monitor.sketches:
        return None, None
    try:
        return counted_days.fetched(project, job, folder, service=project.promises and not lenient), None
    except InvalidInput as error:
        if not lenient:
            raise
        job.say(f"the service alone is watched: {error.line()}")
        return None, None
    except (Inconclusive, OutsideFailure) as error:
        if not lenient:
            raise
        return None, error


def _told(job: ci.Job, settings: Monitor, report: MonitorReport, untold: ModelwayError | None = None) -> ModelMonitored:
    """untold: why there is nothing about what was asked; an alarm comes before it, and the service is told all the same."""
    path = job.report(report, markdown(report))
    job.say(in_words(report))
    live, served = report.performance, report.service
    kept = str(job.attach("service.csv", service_step.as_csv(served))) if served else ""
    changed = {change.column for alarm in report.new for change in alarm.changes}
    failures: tuple[ModelwayError, ...] = ()
    if report.outcome == "alarm":
        failures = (Refused(in_words(report), fix=f"see {path.with_suffix('.md')} for the days", title="alarm"),)
    elif live and live.outcome == "inconclusive":
        fix = "see that labels come, and monitor.performance.mature-days"
        failures = (Inconclusive(live.reason, where=performance.WHERE, fix=fix),)
    elif served and served.outcome == "inconclusive":
        fix = "see that what counts the requests is up all day, and keep days (docs/monitoring.md)"
        failures = (Inconclusive(served.reason, where=service_step.WHERE, fix=fix),)
    elif report.outcome == "inconclusive":
        fix = "see that what writes the rows runs"
        failures = (Inconclusive(report.stale, where=report.data, fix=fix),)
    if untold and failures:
        job.warn("monitor-model", untold.line())
    elif untold:
        failures = (untold,)
    return ModelMonitored(
        outcome=report.outcome,
        broken_promises=sorted({one.promise for alarm in served.new for one in alarm.breaks}) if served else [],
        fallen_metrics=sorted({fall.metric for alarm in live.new for fall in alarm.falls}) if live else [],
        changed_columns=sorted(changed),
        open_columns=list(report.open),
        report=str(path),
        service_days=kept,
        monitoring=report,
        failures=_decided(job, settings, failures),
    )


def _since(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise InvalidInput(f"{text[:40]!r} is no date", where="input since", fix="write it as 2026-11-27") from None


def _source(side: DriftSide, rows: int) -> DriftSource:
    return DriftSource(data=side.name, rows=rows, clusters=0, digest=side.digest(), from_sketch=side.rows is None)
