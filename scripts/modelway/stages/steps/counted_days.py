"""monitor-model without data: the counts of the servers of an environment, fetched and kept with its target.

They are fetched in the environment of what deploys, which knows the target; a monitoring over files needs none of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from modelway import ci
from modelway.config import Resolved
from modelway.data.drift.sketch import DataSketch
from modelway.errors import Inconclusive, InvalidInput
from modelway.monitoring.kept_days import DaysPart
from modelway.monitoring.prometheus_rules import counted_bound
from modelway.monitoring.report import CountedReport
from modelway.monitoring.service_days import CountedDay
from modelway.stages.steps.elsewhere import answered

REFERENCE = "monitor.reference"
HOURS = "hours.json"
SAID_GAPS = 5


@dataclass(frozen=True)
class CountedDays:
    """named: where days and reference are, by the keys that stand for them. names: what messages call them. service: days of
    the requests. too_few: why the days of the rows tell nothing yet. hours: those that are over, by when they began."""

    named: Mapping[str, str]
    names: Mapping[str, str]
    report: CountedReport
    service: Sequence[CountedDay]
    too_few: Inconclusive | None
    hours: Mapping[str, DataSketch]


def fetched(project: Resolved, job: ci.Job, folder: Path, *, service: bool) -> CountedDays | None:
    """As files of the folder. None where modelway.yml, or an input, names data, or the environment has no target. service: its
    days are asked for, too."""
    if project.monitor.data or not project.environment or project.deploy is None:
        return None
    settings = project.monitor
    given = {
        "reference": settings.reference,
        "time-column": settings.time_column,
        "performance": settings.performance.prediction,
    }
    for key in [key for key, value in given.items() if value]:
        raise InvalidInput(
            f"is given, and monitor.data is not: what the servers of {project.environment} have counted holds no single row,"
            " and is held against their own training data",
            where=f"{project.source}: monitor.{key}",
            fix="name monitor.data, or leave the key out",
        )
    asked = {
        "config": str(job.config_path.absolute()),
        "name": job.config,
        "environment": project.environment,
        "folder": str(folder),
        "leave-out": settings.leave_out,
        "history-days": settings.history_days,
        "hourly": settings.hourly,
        "faster-than": counted_bound(settings.service) if service else None,
    }
    said = answered("deploy", "counted_days", asked, job.say)
    report, days = msgspec.convert(said, tuple[CountedReport, list[CountedDay]])
    for line in report.gaps[-SAID_GAPS:]:
        job.say(f"not counted: {line}")
    too_few = _too_few(settings.history_days, sorted((folder / "days").glob("*.json")))
    named = {"monitor.data": f"{folder}/days/*.json", REFERENCE: f"{folder}/reference.json"}
    whose = f"version {report.version} in {project.environment}"
    names = {"monitor.data": f"what {whose} was asked", REFERENCE: f"training data of {whose}"}
    by_hour = folder / HOURS
    hours = msgspec.json.decode(by_hour.read_bytes(), type=DaysPart).hours if by_hour.is_file() else {}
    return CountedDays(named, names, report, days, too_few, hours)


def _too_few(history_days: int, files: list[Path]) -> Inconclusive | None:
    days = [date.fromisoformat(file.stem) for file in files]
    whole = (days[-1] - days[0]).days + 1 if days else 0
    if whole > history_days:
        return None
    since = f" since {days[0]}" if days else ""
    first = days[0] + timedelta(days=history_days + 1) if days else None
    return Inconclusive(
        f"{whole} whole days are counted{since}, and {history_days} tell what is usual",
        where="monitor.history-days",
        fix=f"go on: the first look is on {first}" if first else "go on: no day is over yet",
    )


def answer(asked: Mapping[str, Any], say: Callable[[str], None]) -> Any:
    """Files below `folder`: reference.json, days/2026-11-27.json of every day that is over, and hours.json where hours are
    kept; what the report says of them; and, where `faster-than` says what is fast, in seconds, the days of the service."""
    from modelway.config import load_project
    from modelway.data.drift.sketch import written
    from modelway.monitoring import kept_days
    from modelway.monitoring.collecting import Collecting
    from modelway.monitoring.predicted import with_predictions
    from modelway.stages.rollouts import deployment
    from modelway.targets.counting_servers import servers_of

    project = load_project(Path(asked["config"]), asked["environment"], name=asked["name"])
    target, state = deployment.existing(project)
    counting, stable = target.place.counting(), state.current
    if counting is None or not counting.token or stable is None:
        raise InvalidInput(
            f"the servers of {project.environment} count nothing that they are asked",
            where="monitor.sketches",
            fix="train, build and deploy a version with this release of modelway, or name monitor.data",
        )
    left = target.unfinished()
    copied = left.plan.new.slot if left is not None and left.plan.mirror else ""  # stable was asked the same
    slots = {name: slot for name, slot in state.slots.items() if name != copied}
    servers = servers_of(target.place, counting.token, slots)
    found = Collecting(counting.parts, say, asked["hourly"]).look(servers, stable.side.slot)

    known, days = with_predictions(found.reference, found.days, asked["history-days"])

    def kept(sketch: DataSketch) -> str:
        columns = tuple(one for one in sketch.columns if one.name not in asked["leave-out"])
        return written(msgspec.structs.replace(sketch, columns=columns))

    folder = Path(asked["folder"])
    (folder / "days").mkdir()
    (folder / "reference.json").write_text(kept(known), encoding="utf-8")
    for day, sketch in days.items():
        (folder / "days" / f"{day}.json").write_text(kept(sketch), encoding="utf-8")
    if asked["hourly"] and found.hours:
        (folder / HOURS).write_bytes(msgspec.json.encode(found.hours))
    fast = asked["faster-than"]
    report = CountedReport(
        version=stable.side.version,
        servers=found.servers,
        silent=found.silent,
        gaps=found.gaps,
        partial=dict(found.partial),
        untold=found.untold if fast else (),
    )
    return msgspec.to_builtins((report, kept_days.service_days(found.kept, found.today, fast) if fast else ()))
