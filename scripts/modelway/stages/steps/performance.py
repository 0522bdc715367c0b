"""What monitor-model does about a model's performance: predictions and labels joined, held against the limits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from modelway import ci
from modelway.config import Resolved
from modelway.config.document import suggestion
from modelway.config.label_meaning import KEY, class_text, meaning_of
from modelway.config.monitor import LiveMetric
from modelway.config.sections import Gate
from modelway.data import engines, schemes
from modelway.data.contract import Contract
from modelway.data.labelled import (
    DayErrors,
    DayOutcomes,
    Deciding,
    JoinedRows,
    LabelledRows,
    LabelSource,
    LabelTable,
)
from modelway.data.sources import digest_of_source, find_source
from modelway.data.values import few
from modelway.errors import Inconclusive, InvalidInput
from modelway.monitoring.falling import LimitsHeld, held
from modelway.monitoring.live_days import EPOCH, OF_CLASSES, OF_NUMBERS, live_days, ripened
from modelway.monitoring.performance import (
    PerformanceReport,
    alarm_record,
    day_records,
    gate_limits,
    label_counts,
    limit_records,
    stopped,
    watched_metrics,
)
from modelway.stages.steps.estimated_performance import estimates

WHERE = "monitor.performance"


@dataclass(frozen=True)
class WatchedLabels:
    """What is joined, with the data's path and what messages call it. labels_name: of labels apart; empty where there are
    none."""

    path: Path
    name: str
    asked: LabelledRows
    labels_name: str
    digest: str


def not_columns(project: Resolved) -> tuple[str, ...]:
    """Columns of the data that are about labels: none of them is watched for drift."""
    of = project.monitor.performance
    if not of.prediction:
        return ()
    return tuple(filter(None, [of.id, *([] if of.labels else [of.label or project.gate.label, of.label_time_column])]))


def labels_in(project: Resolved, job: ci.Job, contract: Contract, path: Path, name: str) -> WatchedLabels | None:
    """What monitor.performance asks for; None where it asks for nothing. path, name: of monitor.data."""
    of = project.monitor.performance
    label = of.label or project.gate.label
    if not of.prediction:
        given = next((key for key in ("label", "labels", "id", "metrics") if getattr(of, key)), None)
        if given:
            what = f"has {given}, but no prediction, so nothing would be watched"
            raise InvalidInput(what, where=f"{project.source}: {WHERE}", fix="name the column of the predictions")
        return None
    time = project.monitor.time_column
    if not time or not label:
        key = f"{WHERE}.label" if time else "monitor.time-column"
        raise InvalidInput(f"the key {key} is not set", where=project.source, fix=f"set {key}, or the input for it")
    if bool(of.labels) != bool(of.id):
        has, lacks = ("labels", "id") if of.labels else ("id", "labels")
        fix = f"name {lacks} too" if of.labels else "name the labels that it joins, or leave id out"
        raise InvalidInput(f"has {has}, but no {lacks}", where=f"{project.source}: {WHERE}", fix=fix)
    source = None
    if of.labels and of.id:
        where = f"{project.source}: {WHERE}.labels"
        found = find_source(schemes.path_of(of.labels, job.folder, where, job.say), schemes.name_of(of.labels))
        source = LabelSource(found, contract.dialect, of.id)
    numbers = project.gate.task == "regression"
    meaning = meaning_of(project.gate) if label == project.gate.label else None
    asked = LabelledRows(time, of.prediction, label, of.label_time_column, source, numbers, meaning)
    digest = digest_of_source(source.source) if source else ""
    return WatchedLabels(path, name, asked, source.source.name if source else "", digest)


def performance_of(
    project: Resolved,
    labels: WatchedLabels,
    contract: Contract,
    memory_mb: int,
    first_look: date,
    since: str,
    false_alarms_per_year: float,
) -> PerformanceReport:
    """since: alarms that could be told from this ISO date on are new. false_alarms_per_year: of the metrics alone."""
    of, gate = project.monitor.performance, project.gate
    timed = labels.asked.arrived is not None
    with _opened(labels, contract, memory_mb, project.data.engine) as table:
        _require(table, labels)
        joined = table.join(labels.asked)
        _refuse(joined, labels)
        _refuse_values(joined, gate, labels)
        threshold = gate.decision_threshold if of.threshold is None else of.threshold
        deciding = Deciding(_positive(gate, joined), threshold, joined.scored and gate.task == "binary")
        limits = gate_limits(gate)
        metrics = watched_metrics(of.metrics, limits, gate.task, deciding.scored)
        _refuse_metrics(metrics, deciding, joined, gate)
        arrivals = table.arrivals()
        last = _last_day(arrivals, timed)
        arrivals = {day: one for day, one in arrivals.items() if day <= last}
        ripening = ripened(arrivals, last, of.mature_days, timed=timed)
        outcomes: Mapping[int, DayOutcomes] | Mapping[int, DayErrors] = {}
        if ripening.cutoffs:
            numbers = labels.asked.numbers
            outcomes = table.errors(ripening.cutoffs) if numbers else table.outcomes(ripening.cutoffs, deciding)
        mature = live_days(arrivals, ripening, outcomes, _shown_metrics(metrics, deciding, gate), gate.confidence)
        weeks = estimates(table, arrivals, ripening, mature, deciding, gate.confidence)
    found: LimitsHeld | None = None
    try:
        held_to = limits if of.fall is None else {}
        found = held(mature, first_look, metrics, held_to, of.fall, false_alarms_per_year)
        reason = stopped(found, mature, first_look)
    except Inconclusive as error:
        reason = error.what
    known = limit_records(found) if found else {}
    alarms = tuple(alarm_record(alarm, known) for alarm in found.alarms) if found else ()
    opened = {str(name): day.isoformat() for name, day in sorted(found.open.items())} if found else {}
    new = any(alarm.told >= since for alarm in alarms)
    unpredicted = set(joined.classes) - set(joined.predicted) if not joined.scored else set()
    return PerformanceReport(
        outcome="alarm" if new else "inconclusive" if reason else "fallen" if opened else "held",
        reason=reason,
        prediction=labels.asked.prediction,
        label=labels.asked.label,
        mature_days=of.mature_days,
        counts=label_counts(joined, labels.labels_name, labels.digest),
        limits=known,
        usual_share_labelled=found.usual_share if found else None,
        days=day_records({_date(day): one for day, one in arrivals.items()}, mature, found, first_look),
        alarms=alarms,
        open=opened,
        back=tuple((day.isoformat(), name) for day, name in found.back) if found else (),
        since=since,
        never_predicted=tuple(sorted(unpredicted)[:100]),
        estimates=weeks,
    )


@contextmanager
def _opened(labels: WatchedLabels, contract: Contract, memory_mb: int, name: str) -> Iterator[LabelTable]:
    engine = engines.label_engine(name)
    source = find_source(labels.path, labels.name)
    with (
        tempfile.TemporaryDirectory(prefix="modelway-labels-") as folder,
        engine.open_table(source, contract.dialect, Path(folder), memory_mb) as table,
    ):
        yield engine.labels_of(table)


def _require(table: LabelTable, labels: WatchedLabels) -> None:
    """The columns of the data; those of labels apart are asked for where they are joined."""
    names, asked = [column.name for column in table.columns], labels.asked
    wanted = {"prediction": asked.prediction}
    if asked.labels:
        wanted["id"] = asked.labels.id
    else:
        wanted |= {"label": asked.label} | ({"label-time-column": asked.arrived} if asked.arrived else {})
    for key, name in wanted.items():
        if name not in names:
            what = f"has no column {name[:100]!r}, which {WHERE}.{key} names"
            raise InvalidInput(what, where=labels.name, fix=suggestion(name, names))


def _refuse(joined: JoinedRows, labels: WatchedLabels) -> None:
    where = labels.labels_name or labels.name
    if joined.conflicting:
        first = (joined.first_conflict or "")[:100]
        what = f"{joined.conflicting:,} identifiers have two different labels, the first is {first!r}"
        raise InvalidInput(what, where=where, fix="keep the label that is true of each")
    if joined.labels and joined.unknown == joined.labels:
        what = f"none of its {joined.labels:,} identifiers is one of {labels.name}"
        raise InvalidInput(what, where=where, fix=f"name the column that joins them as {WHERE}.id")
    if joined.without_arrival:
        what = f"{joined.without_arrival:,} labels have no time in column {(labels.asked.arrived or '')[:100]!r}"
        raise InvalidInput(
            what, where=where, fix=f"write it as ISO 8601 in UTC, or leave out {WHERE}.label-time-column"
        )
    if joined.rows and joined.without_prediction + joined.without_time == joined.rows:
        what = f"no row has a prediction in column {labels.asked.prediction[:100]!r} and a time"
        raise InvalidInput(what, where=labels.name, fix=f"name the column of the predictions as {WHERE}.prediction")


def _positive(gate: Gate, joined: JoinedRows) -> str | None:
    """The class that a probability speaks of, as the gate has it: the one that the policy names, else 1 beside 0 or -1."""
    classes = set(joined.classes)
    if gate.task != "binary":
        return None
    if gate.positive_class is not None:
        positive = class_text(gate.positive_class)
        if len(classes) == 2 and positive not in classes:
            what = f"the labels are {few(sorted(classes))}, and {positive[:100]!r} is none of them"
            raise InvalidInput(what, where="gate.positive-class", fix="write the one that the probability speaks of")
        return positive
    if joined.scored and not (classes <= {"0", "1"} or classes <= {"-1", "1"}):
        what = f"the labels are {few(sorted(classes))}, and nothing says which of them the probability speaks of"
        raise InvalidInput(what, where="gate.positive-class", fix="write it")
    return "1"


def _refuse_values(joined: JoinedRows, gate: Gate, labels: WatchedLabels) -> None:
    """Of a regression: what is no number. Of a binary task: a third label, and a prediction that is none of the classes."""
    where = labels.labels_name or labels.name
    if gate.task == "regression":
        own = (labels.name, labels.asked.prediction, joined.worst)
        for file, column, worst in (own, (where, labels.asked.label, joined.worst_label)):
            if worst is not None:
                place, what = f"{file}, column {column[:100]!r}", f"{worst[:60]!r} is no finite number"
                raise InvalidInput(what, where=place, fix="mend it, or write the task that it is of as gate.task")
    if labels.asked.meaning is not None:
        known = {class_text(one) for one in labels.asked.meaning.classes}
        if other := next((name for name in joined.classes if name not in known), None):
            what = f"says nothing of {other[:60]!r}, of {where}, column {labels.asked.label[:100]!r}"
            raise InvalidInput(what, where=KEY, fix="name it too, or mend the labels")
    if gate.task != "binary":
        return
    classes = sorted(joined.classes)
    if len(classes) > 2:
        rare = list(joined.classes)[-1]
        column = f"column {labels.asked.label[:100]!r}"
        what = f"{column} has {len(classes)} labels, the rarest is {rare[:60]!r}, and a binary task has 2"
        raise InvalidInput(what, where=where, fix="mend the labels, or write gate.task: multiclass")
    strangers = [name for name in joined.predicted if classes and name not in classes]
    stranger = min(strangers, key=_is_probability, default=None)
    if stranger is not None and (len(classes) == 2 or len(joined.predicted) > 2):
        what = f"{stranger[:60]!r} is neither a probability from 0 to 1 nor one of the labels {few(classes)}"
        raise InvalidInput(
            what, where=f"{labels.name}, column {labels.asked.prediction[:100]!r}", fix="mend the predictions"
        )


def _is_probability(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _refuse_metrics(metrics: Sequence[LiveMetric], deciding: Deciding, joined: JoinedRows, gate: Gate) -> None:
    known = OF_NUMBERS if gate.task == "regression" else OF_CLASSES
    if other := next((name for name in metrics if name not in known), None):
        what, fix = f"{other} is no metric of task {gate.task}", f"name {few(known)}"
        raise InvalidInput(what, where=f"{WHERE}.metrics", fix=fix)
    if "roc_auc_score" not in metrics or deciding.scored:
        return
    why = (
        f"gate.task is {gate.task}"
        if gate.task != "binary"
        else f"the predictions are classes, such as {(joined.worst or '')[:60]!r}"
    )
    raise InvalidInput(f"roc_auc_score needs probabilities, and {why}", where=f"{WHERE}.metrics", fix="leave it out")


def _shown_metrics(metrics: Sequence[LiveMetric], deciding: Deciding, gate: Gate) -> tuple[LiveMetric, ...]:
    """All that can be told; of classes without scores those that are watched."""
    if gate.task == "regression":
        return OF_NUMBERS
    return OF_CLASSES if deciding.scored else tuple(metrics)


def _last_day(arrivals: Mapping[int, object], timed: bool) -> int:
    """The last whole day of the data, since 1970 in UTC; or, where it is known when labels came, of their arrivals."""
    today = (datetime.now(UTC).date() - EPOCH).days
    days = [day for day in arrivals if day < today]
    if timed:
        days += [came for one in arrivals.values() for came in one.labels if came < today]  # type: ignore[attr-defined]
    return max(days, default=today - 1)


def _date(day: int) -> date:
    return EPOCH + timedelta(days=day)
