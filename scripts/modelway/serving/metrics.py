"""Counters and histograms in memory that all workers share, written as Prometheus' text (version 0.0.4).

Each worker writes its own part alone, so nothing is locked; whichever worker is asked adds all parts up. A worker that is
restarted goes on with the part of the one before it, so that a counter never falls.
"""

from __future__ import annotations

import mmap
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

PATHS = (
    "/predict", "/invocations", "/health", "/ready", "/ping", "/version", "/model/version", "/metrics", "other", "testers",
)  # fmt: skip
OTHER, TESTERS = PATHS.index("other"), PATHS.index("testers")
"""No paths: what has no place of its own, and what a rollout's testers ask, which is counted nowhere else."""
PLACES = {path: place for place, path in enumerate(PATHS[:OTHER])}
ASKED = PATHS[:2]
SEEN_FROM_THE_START = (200, 400, 500, 503)
"""Of ASKED: a counter that is first seen at 1 has not grown, to Prometheus."""
STATUSES = (200, 400, 403, 404, 405, 408, 413, 415, 422, 431, 500, 501, 503, 505)
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0, 4096.0, 16384.0)
_LARGE = tuple(float(digit * 10**power) for power in range(7) for digit in (1, 2, 5))
SCORES = (
    *(-bound for bound in reversed(_LARGE)),
    *(round(step / 20, 2) for step in range(20)),
    *_LARGE,
)
"""Fine between 0 and 1, where probabilities are; coarse and wide beyond, for a regression."""
STARTED = time.time()
MOST_CLASSES = 50
CLASS_BYTES = 128
"""Of a class's name as it is kept: one for its length, the rest for its UTF-8, cut."""


class Histogram:
    """Counts by upper bound (inclusive), and a sum. Its place in a part is [at, at + size)."""

    def __init__(self, at: int, bounds: Sequence[float]) -> None:
        self.at, self.bounds = at, bounds
        self.size = len(bounds) + 2

    def observe(self, part: memoryview[float], value: float) -> None:
        part[self.at + bisect_left(self.bounds, value)] += 1
        part[self.at + self.size - 1] += value

    def lines(self, part: Sequence[float], name: str, labels: str) -> Iterator[str]:
        total = 0.0
        for number, bound in enumerate(ends_of(self.bounds)):
            total += part[self.at + number]
            yield f'{name}_bucket{{{labels},le="{bound}"}} {_number(total)}'
        yield f"{name}_sum{{{labels}}} {part[self.at + self.size - 1]!r}"
        yield f"{name}_count{{{labels}}} {_number(total)}"


READY, WAS_READY, RESTARTS = 0, 1, 2
GAUGES: dict[str, tuple[int, str]] = {
    "modelway_requests_waiting": (3, "Requests that are with the model, or on their way to it."),
    "modelway_connections_open": (4, "Connections of clients."),
    "modelway_body_bytes_held": (5, "Bytes of bodies that are not answered yet."),
    "process_resident_memory_bytes": (6, "Resident memory of all workers; what they share counts for each."),
    "process_virtual_memory_bytes": (7, "Virtual memory of all workers."),
    "process_open_fds": (8, "Open file descriptors of all workers."),
    "process_max_fds": (9, "The most file descriptors that all workers together may open."),
    "process_threads": (10, "Threads of all workers."),
}
CPU = 11
REQUESTS = 12
_after = REQUESTS + len(PATHS) * len(STATUSES)
LATENCY: dict[str, Histogram] = {}
for _path in PATHS:
    LATENCY[_path] = Histogram(_after, SECONDS)
    _after += LATENCY[_path].size
BATCH_REQUESTS = Histogram(_after, SIZES)
BATCH_ROWS = Histogram(BATCH_REQUESTS.at + BATCH_REQUESTS.size, SIZES)
SCORE = Histogram(BATCH_ROWS.at + BATCH_ROWS.size, SCORES)
NULLS = SCORE.at + SCORE.size
SAMPLED, LOGGED, UNLOGGED, FEATURES = range(NULLS + 1, NULLS + 5)
LOOKED_UP = ("found", "missing", "unreadable", "failed")
"""What became of values that were looked up (features.py)."""
CLASSES = FEATURES + len(LOOKED_UP)
PART = CLASSES + MOST_CLASSES + 1
"""Numbers of 8 bytes in a part; the last one counts the classes that have no place of their own."""
NAMES = MOST_CLASSES * CLASS_BYTES


def memory(workers: int) -> mmap.mmap:
    """Zeroed memory that forked workers share."""
    return mmap.mmap(-1, workers * (8 * PART + NAMES))


@dataclass(slots=True)
class Tally:
    """What was predicted, counted. scores: by the number of its bucket."""

    scores: dict[int, int] = field(default_factory=dict)
    total: float = 0.0
    classes: dict[str, int] = field(default_factory=dict)
    nulls: int = 0

    def score(self, value: float) -> None:
        bucket = bisect_left(SCORES, value)
        self.scores[bucket] = self.scores.get(bucket, 0) + 1
        self.total += value

    def predicted(self, name: str) -> None:
        self.classes[name] = self.classes.get(name, 0) + 1


class Metrics:
    """The part of one worker (`slot`), and the sum over all. refresh: told that the part is read, to bring it up to date."""

    def __init__(self, shared: mmap.mmap, slot: int, labels: Mapping[str, str]) -> None:
        self.refresh: Callable[[], None] = lambda: None
        self.labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
        whole = memoryview(shared)
        workers = len(whole) // (8 * PART + NAMES)
        numbers = whole[: workers * 8 * PART].cast("d")
        self.parts = [numbers[at * PART : (at + 1) * PART] for at in range(workers)]
        names = whole[workers * 8 * PART :]
        self.names = [names[at * NAMES : (at + 1) * NAMES] for at in range(workers)]
        self.part, self.own_names = self.parts[slot], self.names[slot]
        self.known = {name: number for number, name in enumerate(_names(self.own_names))}

    def request(self, path: str, status: int, seconds: float, *, tested: bool = False, sampled: bool = False) -> None:
        place = TESTERS if tested else PLACES.get(path, OTHER)
        if sampled and not tested and path in ASKED:
            self.part[SAMPLED] += 1
        self.part[REQUESTS + place * len(STATUSES) + STATUSES.index(status)] += 1
        LATENCY[PATHS[place]].observe(self.part, seconds)

    def logged(self, rows: int) -> None:
        self.part[LOGGED] += rows

    def unlogged(self, rows: int) -> None:
        self.part[UNLOGGED] += rows

    def looked_up(self, outcome: str, values: int) -> None:
        self.part[FEATURES + LOOKED_UP.index(outcome)] += values

    def batch(self, requests: int, rows: int) -> None:
        BATCH_REQUESTS.observe(self.part, requests)
        BATCH_ROWS.observe(self.part, rows)

    def predicted(self, tally: Tally) -> None:
        for bucket, count in tally.scores.items():
            self.part[SCORE.at + bucket] += count
        self.part[SCORE.at + SCORE.size - 1] += tally.total
        self.part[NULLS] += tally.nulls
        for name, count in tally.classes.items():
            number = self.known.get(name)
            if number is None:
                number = self._new_class(name)
            self.part[CLASSES + number] += count

    def set_gauges(self, values: Mapping[str, float]) -> None:
        """Each by its name in GAUGES."""
        for name, value in values.items():
            self.part[GAUGES[name][0]] = value

    def set_ended(self) -> None:
        """The worker whose part this is has ended: it holds nothing any more, and what it counted stays."""
        self.set_ready(False)
        self.set_gauges(dict.fromkeys(GAUGES, 0.0))

    def set_ready(self, ready: bool) -> None:
        self.part[READY] = ready
        if ready:
            self.part[WAS_READY] = 1

    def all_were_ready(self) -> bool:
        return all(part[WAS_READY] for part in self.parts)

    def any_ready(self) -> bool:
        return any(part[READY] for part in self.parts)

    def text(self) -> bytes:
        self.refresh()
        return ("\n".join(self._lines()) + "\n").encode()

    def _new_class(self, value: str) -> int:
        """Its place; a class with the same cut name shares it, and one beyond the last goes under `other`."""
        cut = value.encode("utf-8", "replace")[: CLASS_BYTES - 1].decode("utf-8", "ignore")
        number = self.known.get(cut, len(set(self.known.values())))
        if number >= MOST_CLASSES:
            return MOST_CLASSES
        if cut not in self.known:
            data = cut.encode()
            at = number * CLASS_BYTES
            self.own_names[at + 1 : at + 1 + len(data)] = data
            self.own_names[at] = len(data) + 1  # last: a reader takes a name that has a length
        if len(self.known) < 10 * MOST_CLASSES:  # long names that share a place are remembered, up to a point
            self.known[value] = number
        self.known[cut] = number
        return number

    def _lines(self) -> Iterator[str]:
        total = [sum(column) for column in zip(*self.parts, strict=True)]
        labels = self.labels
        yield from _head("modelway_requests_total", "counter", "Requests answered, by path and status.")
        for number, count in enumerate(total[REQUESTS : REQUESTS + len(PATHS) * len(STATUSES)]):
            path, status = PATHS[number // len(STATUSES)], STATUSES[number % len(STATUSES)]
            if count or (path in ASKED and status in SEEN_FROM_THE_START):
                yield f'modelway_requests_total{{{labels},path="{path}",status="{status}"}} {_number(count)}'
        yield from _head(
            "modelway_sample_requests_total", "counter", "Of them to /predict and /invocations, sample traffic's."
        )
        yield f"modelway_sample_requests_total{{{labels}}} {_number(total[SAMPLED])}"
        name = "modelway_request_duration_seconds"
        yield from _head(name, "histogram", "From when a request was whole to its answer, by path.")
        for path in PATHS:
            yield from LATENCY[path].lines(total, name, f'{labels},path="{path}"')
        yield from _head("modelway_batch_requests", "histogram", "Requests in one call of the model.")
        yield from BATCH_REQUESTS.lines(total, "modelway_batch_requests", labels)
        yield from _head("modelway_batch_rows", "histogram", "Rows in one call of the model.")
        yield from BATCH_ROWS.lines(total, "modelway_batch_rows", labels)
        yield from _head(
            "modelway_prediction_score", "histogram", "Predicted numbers, or probabilities of the second class."
        )
        yield from SCORE.lines(total, "modelway_prediction_score", labels)
        yield from _head("modelway_prediction_classes_total", "counter", "Predicted classes.")
        for value, count in sorted(self._classes().items()):
            yield f'modelway_prediction_classes_total{{{labels},class="{_escaped(value)}"}} {_number(count)}'
        yield from _head("modelway_prediction_nulls_total", "counter", "Predictions that are null.")
        yield f"modelway_prediction_nulls_total{{{labels}}} {_number(total[NULLS])}"
        yield from _head(
            "modelway_feature_values_total", "counter", "Values that were looked up, by what became of them."
        )
        for number, outcome in enumerate(LOOKED_UP):
            yield f'modelway_feature_values_total{{{labels},outcome="{outcome}"}} {_number(total[FEATURES + number])}'
        yield from _head("modelway_request_log_rows_total", "counter", "Rows in the request log.")
        yield f"modelway_request_log_rows_total{{{labels}}} {_number(total[LOGGED])}"
        yield from _head("modelway_request_log_lost_rows_total", "counter", "Rows that could not be written there.")
        yield f"modelway_request_log_lost_rows_total{{{labels}}} {_number(total[UNLOGGED])}"
        yield from _head("modelway_workers_ready", "gauge", "Workers that are ready.")
        yield f"modelway_workers_ready{{{labels}}} {_number(total[READY])}"
        for name, (at, help_) in GAUGES.items():
            yield from _head(name, "gauge", help_)
            yield f"{name}{{{labels}}} {_number(total[at])}"
        yield from _head("process_start_time_seconds", "gauge", "When the server was started, in seconds since 1970.")
        yield f"process_start_time_seconds{{{labels}}} {STARTED:.2f}"
        yield from _head("process_cpu_seconds_total", "counter", "Seconds of processor time of all workers.")
        yield f"process_cpu_seconds_total{{{labels}}} {total[CPU]:.2f}"
        yield from _head("modelway_worker_restarts_total", "counter", "Workers that died and were started again.")
        yield f"modelway_worker_restarts_total{{{labels}}} {_number(total[RESTARTS])}"

    def _classes(self) -> dict[str, float]:
        counts: dict[str, float] = {}
        for part, names in zip(self.parts, self.names, strict=True):
            for number, value in enumerate(_names(names)):
                counts[value] = counts.get(value, 0) + part[CLASSES + number]
            if part[CLASSES + MOST_CLASSES]:
                counts["other"] = counts.get("other", 0) + part[CLASSES + MOST_CLASSES]
        return counts


def _names(area: memoryview) -> list[str]:
    found = []
    for at in range(0, NAMES, CLASS_BYTES):
        length = area[at]
        if not length:
            break
        found.append(bytes(area[at + 1 : at + length]).decode())
    return found


def _head(name: str, kind: str, help_: str) -> tuple[str, str]:
    return f"# HELP {name} {help_}", f"# TYPE {name} {kind}"


def ends_of(bounds: Sequence[float]) -> tuple[str, ...]:
    """The upper ends of a histogram's bins, inclusive, as Prometheus writes them."""
    return (*map(_number, bounds), "+Inf")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
