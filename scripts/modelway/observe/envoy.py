"""A source of counts: the counters of an Envoy of our own, one cluster for each release. Its histograms are merged whenever
they are read, and their bounds are set when it starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import requests

from modelway.errors import OutsideFailure
from modelway.observe import recorder
from modelway.observe.counts import CountsSource, Snapshot
from modelway.observe.envoy_statistics import STATISTICS, parse

TIMEOUT_SECONDS = 3


@dataclass(frozen=True)
class EnvoyCounts(CountsSource):
    """admin: the address of Envoy's admin, such as http://127.0.0.1:9901. records: the folder that a recorder writes to."""

    admin: str
    records: Path

    def snapshot(self) -> Snapshot:
        try:
            answer = requests.get(f"{self.admin}{STATISTICS}", timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            found = parse(answer.text).clusters
        except (requests.RequestException, ValueError) as error:
            raise OutsideFailure(
                f"Envoy's counters could not be read: {type(error).__name__}",
                where=self.admin,
                fix="run the same command again: it starts what does not run",
            ) from None
        return Snapshot.now(found)

    def past(self, seconds: float) -> Iterable[Snapshot]:
        return recorder.read(self.records, seconds)
