"""Days of a service out of scrapes: by hand, whatever begins anew or is missing, and from a real Prometheus with a past."""

from __future__ import annotations

import random
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.config.service_levels import ServiceLevels
from modelway.errors import InvalidInput
from modelway.monitoring.prometheus_rules import ServedModel, bound_of
from modelway.observe.served_minutes import (
    DAY,
    CounterSample,
    ServedDay,
    ServiceQueries,
    counted_day,
    served_days,
)
from observe.real_prometheus import real_prometheus

TODAY = date(2026, 3, 2)
START = datetime(2026, 3, 2, tzinfo=UTC).timestamp()


def scrapes(every: int = 60, per_scrape: int = 5, first: int = -60, last: int = DAY) -> list[CounterSample]:
    """Of a process that answers evenly: one of five fails, two are slow."""
    times = range(first, last + 1, every)
    return [CounterSample(START + at, n * per_scrape, n, n * per_scrape, 2 * n) for n, at in enumerate(times)]


def test_a_whole_day() -> None:
    """The scrape before midnight is where the day begins."""
    assert counted_day(TODAY, [scrapes(first=0)]) == ServedDay(TODAY, 7200, 1440, 2880, 7200, 1440)
    assert counted_day(TODAY, [scrapes(first=-13)])[1:] == (7200, 1440, 2880, 7200, 1440)
    assert counted_day(TODAY, [scrapes(first=0), scrapes(first=0)])[1] == 14_400


def test_minutes_without_a_scrape_are_not_known_and_not_counted() -> None:
    day = scrapes(first=0)
    assert counted_day(TODAY, [[*day[:600], *day[660:]]]) == ServedDay(
        TODAY, 7200 - 61 * 5, 1440 - 61, 2880 - 122, 7200 - 305, 1440 - 61
    )
    assert counted_day(TODAY, [[*day[:600], *day[603:]]]).minutes == 1440, "three scrapes in a row may fail"
    assert counted_day(TODAY, []) == ServedDay(TODAY, 0, 0, 0, 0, 0)


def test_a_scrape_every_four_minutes_knows_every_minute() -> None:
    assert counted_day(TODAY, [scrapes(every=240, first=0)]).minutes == 1440


def test_one_of_three_that_cannot_be_scraped_does_not_hide_the_others() -> None:
    whole, part = scrapes(first=0), scrapes(first=0)
    gap = [*part[:300], *part[900:]]
    assert counted_day(TODAY, [whole, whole, gap]).minutes == 1440
    assert counted_day(TODAY, [whole, gap, gap]).minutes == 1440 - 601
    assert counted_day(TODAY, [part[:300], part[900:]]).minutes == 299 + 540, "one that went, and one that came"


def test_a_process_that_began_anew_counts_from_nothing() -> None:
    before = [CounterSample(START + 60 * at, 100 * at, 10 * at, 0, 0) for at in range(5)]
    after = [CounterSample(START + 300 + 60 * at, 7 + at, 1, 0, 0) for at in range(3)]
    assert counted_day(TODAY, [[*before, *after]])[1:3] == (400 + 7 + 2, 40 + 1)


minutes = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans(), st.booleans()), max_size=40)


@given(minutes, st.randoms(use_true_random=False))
def test_no_reset_and_no_gap_makes_a_request_appear(
    world: list[tuple[int, int, bool, bool]], chance: random.Random
) -> None:
    """Each minute: requests that went well and that failed; whether the process begins anew before; whether it is scraped."""
    good = bad = 0
    samples = [CounterSample(START, 0, 0, 0, 0)]
    for at, (well, failed, anew, scraped) in enumerate(world, 1):
        if anew:
            good = bad = 0
        good, bad = good + well, bad + failed
        if scraped:
            samples.append(CounterSample(START + 60 * at, good + bad, bad, good + bad, bad))
    found = counted_day(TODAY, [samples])
    assert found.requests <= sum(well + failed for well, failed, _, _ in world)
    assert found.failed <= sum(failed for _, failed, _, _ in world)
    assert found.failed <= found.requests and found.slow <= found.timed
    if all(scraped and not anew for _, _, anew, scraped in world):
        assert found.failed == sum(failed for _, failed, _, _ in world) and found.minutes == len(world)


TIMES = "modelway_request_duration_seconds"
MODEL = ServedModel("m")
QUERIES = ServiceQueries(
    MODEL.asked(),
    MODEL.asked(',status=~"5.."'),
    MODEL.timed(part="count"),
    MODEL.timed(f',le=~"{bound_of(ServiceLevels())}"'),
)


def history(begin: datetime, days: int) -> str:
    """In OpenMetrics: a scrape a minute of two servers. Each minute one answers 3 requests, one of them slowly; from noon to
    one of the second day it answers one in three with 500, a status that it has not said before. The other one restarts at
    noon each day, and is gone on the last day. Nobody scrapes on the second day from 20:00 to 21:00."""
    lines: dict[str, list[str]] = {"modelway_requests": [], TIMES: []}
    counts = {"a": [0, 0], "b": [0, 0]}
    for minute in range(days * 1440 + 1):
        at = int((begin + timedelta(minutes=minute)).timestamp())
        day, of_day = divmod(minute, 1440)
        for name, own in counts.items():
            if name == "b" and of_day == 720:
                own[:] = [0, 0]
            failing = name == "a" and day == 1 and 720 <= of_day < 780
            own[1] += failing
            own[0] += 3 - failing
            if (name == "b" and day == days - 1) or (day == 1 and 1200 <= of_day < 1260):
                continue
            where = f'model="m",instance="{name}",job="scraped",path="/predict"'
            asked = lines["modelway_requests"]
            asked.append(f'modelway_requests_total{{{where},status="200"}} {own[0]} {at}')
            if own[1]:
                asked.append(f'modelway_requests_total{{{where},status="500"}} {own[1]} {at}')
            total = sum(own)
            lines[TIMES] += [
                f'{TIMES}_bucket{{{where},le="0.25"}} {total * 2 // 3} {at}',
                f'{TIMES}_bucket{{{where},le="+Inf"}} {total} {at}',
                f"{TIMES}_count{{{where}}} {total} {at}",
                f"{TIMES}_sum{{{where}}} {total} {at}",
            ]
    ordered = [f"# TYPE {TIMES} histogram", *_by_series(lines[TIMES])]
    return "\n".join(["# TYPE modelway_requests counter", *_by_series(lines["modelway_requests"]), *ordered, "# EOF\n"])


def _by_series(lines: list[str]) -> list[str]:
    """OpenMetrics wants the samples of a series, and the series of a label set, together."""
    return sorted(lines, key=lambda line: (line.split('instance="')[1][:1], int(line.rsplit(" ", 1)[1])))


def test_a_real_prometheus_tells_whole_days(tmp_path: Path) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = today - timedelta(days=3)
    (tmp_path / "past.txt").write_text(history(begin, 3))
    made = subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "past.txt", "prometheus/data"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    with real_prometheus(tmp_path / "prometheus", []) as prometheus:
        found = list(served_days(prometheus.get, QUERIES, 5, "a query"))
        with pytest.raises(InvalidInput, match="is refused by Prometheus"):
            list(served_days(prometheus.get, ServiceQueries("a[", "b"), 1, "a query"))
    days = [(day.requests, day.failed, day.slow, day.timed, day.minutes) for day in found]
    assert days[:2] == [(0, 0, 0, 0, 0)] * 2, "before its history"
    first, second, third = days[2:]
    assert first == (8640, 0, 2880, 8640, 1440)
    assert second[1] == 60 and second[4] == 1440 - 61, "the first failure of a status counts, and an hour is not known"
    assert second[0] == second[3] == 2 * 3 * (1440 - 61) - 3, (
        "of the one that went at midnight the last scrape is missing"
    )
    assert third == (4320, 0, 1440, 4320, 1440), "of the one that is left"
    assert [day.day for day in found][-1] == (today - timedelta(days=1)).date()
