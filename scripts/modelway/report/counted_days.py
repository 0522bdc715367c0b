"""What is missing of the counts that servers have told, as a person reads it."""

from __future__ import annotations

from modelway.data.values import few
from modelway.markdown import cell
from modelway.monitoring.report import CountedReport

SHOWN_GAPS = 10


def counted_lines(counted: CountedReport | None) -> list[str]:
    if counted is None:
        return []
    servers = "1 server" if counted.servers == 1 else f"{counted.servers} servers"
    lines = ["", f"Counted by {servers} of version {counted.version}, without a row being kept."]
    if counted.silent:
        lines += ["", f"Did not answer, and are asked again next time: {cell(few(counted.silent, 5))}."]
    if counted.untold:
        names = cell(few(counted.untold, 5))
        lines += ["", f"Count no requests until they are deployed again, so their service is unknown: {names}."]
    if counted.partial:
        days = [f"{day} ({100 * share:.0f} %)" for day, share in counted.partial.items()]
        lines += ["", f"Not looked at, with too few of their minutes counted: {few(days, 10)}."]
    if counted.gaps:
        lines += ["", "Minutes that are not counted:", ""]
        lines += [f"- {cell(gap)}" for gap in counted.gaps[-SHOWN_GAPS:]]
    return lines
