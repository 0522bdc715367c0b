"""Prometheus' HTTP API: the raw samples of a selector, and what a query said until now, at a moment of the server's clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import msgspec

from modelway.errors import InvalidInput, OutsideFailure

QUERY, QUERY_RANGE = "/api/v1/query", "/api/v1/query_range"
ALL_SECONDS = 15.0
"""For all queries of one reading together."""


class SampledSeries(msgspec.Struct):
    """values: (the server's seconds, the value as text), oldest first; what ended has no more of them."""

    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Matrix(msgspec.Struct, tag_field="resultType", tag="matrix"):
    result: list[SampledSeries]


class _Scalar(msgspec.Struct, tag_field="resultType", tag="scalar"):
    result: tuple[float, str]


class _Answer(msgspec.Struct, rename="camel"):
    status: str
    error_type: str = ""
    data: _Matrix | _Scalar | None = None
    error: str = ""
    warnings: tuple[str, ...] = ()


class PrometheusMoment:
    """All that is asked is of one moment. now: the server's seconds; ticks: this machine's, then. OutsideFailure where
    something cannot be had, or only a part of it, or not in time."""

    def __init__(self, get: Callable[[str, Mapping[str, str]], bytes], seconds: float) -> None:
        """seconds: how far back samples go."""
        self._get, self._range = get, f"[{math.ceil(1000 * seconds)}ms]"
        self.ticks = time.monotonic()
        said = self._asked({"query": "time()"})
        if not isinstance(said, _Scalar):
            raise _failed("answers what no Prometheus says")
        self.now = said.result[0]

    def series(self, selector: str) -> list[SampledSeries]:
        found = self._asked({"query": selector + self._range, "time": f"{self.now:.3f}"})
        if not isinstance(found, _Matrix):
            raise _failed("answers what no Prometheus says")
        return [one for one in found.result if one.values]

    def over(self, query: str, since: float, step: int, where: str, until: float | None = None) -> list[SampledSeries]:
        """What a query says every `step` seconds from `since` on, until this moment, or an earlier one. where: of the query,
        for InvalidInput where it is none."""
        times = {"start": f"{since:.3f}", "end": f"{self.now if until is None else until:.3f}", "step": f"{step}"}
        found = self._asked({"query": query, **times}, QUERY_RANGE, where)
        if not isinstance(found, _Matrix):
            raise _failed("answers what no Prometheus says")
        return [one for one in found.result if one.values]

    def of_job(self, name: str, job: str) -> list[SampledSeries]:
        """The series of this name, of one job."""
        text = job.replace("\\", "\\\\").replace('"', '\\"')
        return self.series(f'{name}{{job="{text}"}}')

    def _asked(self, parameters: Mapping[str, str], path: str = QUERY, where: str = "") -> _Matrix | _Scalar | None:
        if time.monotonic() > self.ticks + ALL_SECONDS:
            raise _failed(f"needs more than {ALL_SECONDS:.0f} s for what is asked")
        try:
            said = msgspec.json.decode(self._get(path, parameters), type=_Answer)
        except msgspec.DecodeError:
            raise _failed("answers what no Prometheus says") from None
        if where and said.error_type == "bad_data":
            raise InvalidInput(
                f"is refused by Prometheus: {said.error[:200]}", where=where, fix="try it in Prometheus' own page"
            )
        if said.status != "success":
            raise _failed(f"refuses {parameters['query']}: {said.error[:200]}")
        if said.warnings:  # Thanos and its like: a part could not be asked
            raise _failed(f"answers in part: {said.warnings[0][:200]}")
        return said.data


def _failed(what: str) -> OutsideFailure:
    return OutsideFailure(f"Prometheus {what}", fix="see that the address is Prometheus' own, and that it is well")
