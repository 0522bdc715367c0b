"""profile-data: show what data look like, on one page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.data.profile.profiling import profile
from modelway.data.profile.record import ProfileReport
from modelway.report.profile_page import page, summary
from modelway.stages.steps.quality import FutureFrom, QualityManner, asked_of


@dataclass(frozen=True, kw_only=True)
class DataProfiled(ci.Result):
    page: Annotated[str, Output("the path of profile-data.html, which needs nothing beside it")] = ""
    report: Annotated[str, Output("the path of profile-data.json")] = ""
    failing_checks: Annotated[int, Output("how many checks of check-quality fail; this action itself does not")] = 0
    warnings: Annotated[int, Output("how many checks of check-quality warn")] = 0
    data_digests: Annotated[dict[str, str] | None, Output("the sha256 of each data set, as a JSON object")] = None
    profile: ProfileReport


@ci.use_case
def profile_data(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: ci.Overlay = None,
    data: Annotated[ci.Rows | None, Input(ci.ROWS, left_out="data.train and data.test, side by side")] = None,
    contract: Annotated[str | None, ci.key("data.contract")] = None,
    label: Annotated[str | None, ci.key("gate.label")] = None,
    masked: Annotated[tuple[str, ...] | None, ci.key("quality.masked")] = None,
    now: FutureFrom = None,
    examples: Annotated[
        int, Meta(ge=0, le=1000), Input("First rows, and values of each broken check, that are shown; 0 shows none.")
    ] = 8,
    memory_mb: Annotated[
        int, Meta(ge=64, le=1 << 24), Input("How much memory may be used before it works on disk.")
    ] = 1024,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> DataProfiled:
    """Show what data look like on one HTML page: what to know first, distributions, train over test, what goes together.

    Inputs: CSV or Parquet data, named here or in modelway.yml (section data); columns that are masked (quality.masked).
    Outputs: the page, and all that it shows as JSON. Checks of check-quality stand on it, and do not fail this action.
    Exit codes: 0 done; 2 wrong input, or data that cannot be read; 4 the disk is full.
    """
    manner = QualityManner(now or datetime.now(UTC), memory_mb, examples)
    asked = asked_of(job, environment, ci.address_of(data), manner)
    found = profile(asked.asked, asked.paths, asked.source)
    drawn = job.attach("html", page(found))
    path = job.report(found, summary(found, f"{job.action}.html"))
    for one in found.profiles:
        job.say(f"{one.data}: {one.rows:,} rows, {len(one.columns):,} columns")
    job.say(f"the page: {drawn}")
    return DataProfiled(
        page=str(drawn),
        report=str(path),
        failing_checks=sum(len(part.failing) for part in found.quality),
        warnings=sum(len(part.warnings) for part in found.quality),
        data_digests={one.data: one.data_digest for one in found.profiles},
        profile=found,
    )
