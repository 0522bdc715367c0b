"""Queries of Prometheus whose meaning is plain from their shape: a share of requests by their status, a percentile of times.

    sum(rate(requests_total{job="a",code!~"5.."}[1m])) / sum(rate(requests_total{job="a"}[1m])) * 100
    histogram_quantile(0.99, sum(rate(request_duration_seconds_bucket{job="a"}[1m])) by (le))

The numerator must be the denominator with one matcher more, on a status; anything else is not guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelway.peers import durations

TOKEN = re.compile(
    r"""(?P<blank>\s+|\#[^\n]*)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<word>[A-Za-z_:][A-Za-z0-9_:]*)|(?P<span>[0-9]+(?:ms|[smhdwy])(?:[0-9]+(?:ms|[smhdwy]))*)"""
    r"""|(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)|(?P<mark>=~|!~|!=|[-+*/(){}\[\],=])"""
)
LONGEST = 10_000
RATES = ("rate", "irate", "increase")
STATUS_LABELS = ("code", "status", "status_code", "response_code", "http_code", "http_status", "http_status_code",
    "http_response_status_code", "envoy_response_code")  # fmt: skip
FINE, BROKEN = ("200", "201", "204", "301", "302", "304"), ("500", "502", "503", "504")


@dataclass(frozen=True)
class RequestShare:
    """scale times the share of good (not failed), or of bad requests. window_seconds: None for irate, which takes the last two
    scrapes."""

    good: bool
    scale: float
    window_seconds: float | None


@dataclass(frozen=True)
class TimePercentile:
    quantile: float
    window_seconds: float | None


@dataclass(frozen=True)
class _Counter:
    """sum(FUNCTION(NAME{MATCHERS}[SPAN])), by what."""

    function: str
    name: str
    matchers: frozenset[tuple[str, str, str]]
    span: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Linear:
    """offset + factor * the share of good requests."""

    offset: float
    factor: float
    window_seconds: float | None


_Value = float | _Counter | _Linear | TimePercentile


class Unclear(Exception):
    """Why a query's meaning is not plain."""


def meaning(query: str) -> RequestShare | TimePercentile:
    """Unclear where it is not plain."""
    value = _Reader(query).whole()
    if isinstance(value, TimePercentile):
        return value
    if isinstance(value, _Linear) and value.offset == 0 and value.factor > 0:
        return RequestShare(True, value.factor, value.window_seconds)
    if isinstance(value, _Linear) and value.offset > 0 and value.offset == -value.factor:
        return RequestShare(False, value.offset, value.window_seconds)
    raise Unclear("it is no share of requests and no percentile of their times")


class _Reader:
    def __init__(self, query: str) -> None:
        if len(query) > LONGEST:
            raise Unclear("it is too long")
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(query):
            match = TOKEN.match(query, at)
            if match is None:
                raise Unclear(f"{query[at : at + 12]!r} in it is not known")
            if match.lastgroup != "blank":
                self.tokens.append((match.lastgroup or "", match[0]))
            at = match.end()
        self.place = 0
        self.depth = 0

    def whole(self) -> _Value:
        value = self._sum()
        if self.place < len(self.tokens):
            raise Unclear(f"{self.tokens[self.place][1][:40]!r} in it is not known")
        return value

    def _next(self, *wanted: str) -> str:
        kind, text = self.tokens[self.place] if self.place < len(self.tokens) else ("", "its end")
        if kind not in wanted and text not in wanted:
            raise Unclear(f"{text[:40]!r} in it is not known")
        self.place += 1
        return text

    def _at(self, *marks: str) -> bool:
        return self.place < len(self.tokens) and self.tokens[self.place][1] in marks

    def _sum(self) -> _Value:
        value = self._product()
        while self._at("-"):
            self._next("-")
            value = _minus(value, self._product())
        return value

    def _product(self) -> _Value:
        value = self._operand()
        while self._at("*", "/"):
            operator = self._next("*", "/")
            value = (_times if operator == "*" else _over)(value, self._operand())
        return value

    def _operand(self) -> _Value:
        if self._at("("):
            self.depth += 1
            if self.depth > 20:
                raise Unclear("it is nested too deeply")
            self._next("(")
            value = self._sum()
            self._next(")")
            self.depth -= 1
            return value
        if self._at("sum"):
            return self._counter()
        if self._at("histogram_quantile"):
            return self._percentile()
        return float(self._next("number"))

    def _percentile(self) -> TimePercentile:
        self._next("histogram_quantile")
        self._next("(")
        quantile = float(self._next("number"))
        self._next(",")
        counter = self._counter()
        self._next(")")
        if counter.by != ("le",) or not counter.name.endswith("_bucket") or not 0 < quantile < 1:
            raise Unclear("its percentile is not one of all requests, by (le)")
        return TimePercentile(quantile, _window(counter))

    def _counter(self) -> _Counter:
        self._next("sum")
        by = self._by()
        self._next("(")
        if not self._at(*RATES):
            raise Unclear(f"it sums no {', '.join(RATES)}")
        function = self._next(*RATES)
        self._next("(")
        name = self._next("word")
        matchers = set()
        if self._at("{"):
            self._next("{")
            while not self._at("}"):
                label, operator = self._next("word"), self._next("=", "!=", "=~", "!~")
                matchers.add((label, operator, _unquoted(self._next("text"))))
                if not self._at("}"):
                    self._next(",")
            self._next("}")
        self._next("[")
        span = self._next("span")
        self._next("]")
        self._next(")")
        self._next(")")
        return _Counter(function, name, frozenset(matchers), span, by or self._by())

    def _by(self) -> tuple[str, ...]:
        if not self._at("by"):
            return ()
        self._next("by")
        self._next("(")
        label = self._next("word")
        self._next(")")
        return (label,)


def _minus(left: _Value, right: _Value) -> _Value:
    if isinstance(left, float) and isinstance(right, _Linear):
        return _Linear(left - right.offset, -right.factor, right.window_seconds)
    raise Unclear("it subtracts something else than a share")


def _times(left: _Value, right: _Value) -> _Value:
    if isinstance(left, float):
        left, right = right, left
    if isinstance(left, _Linear) and isinstance(right, float):
        return _Linear(left.offset * right, left.factor * right, left.window_seconds)
    raise Unclear("it multiplies something else than a share")


def _over(left: _Value, right: _Value) -> _Value:
    if not isinstance(left, _Counter) or not isinstance(right, _Counter):
        raise Unclear("it divides something else than two sums of requests")
    ways = [(one.function, one.name, one.span) for one in (left, right)]
    if ways[0] != ways[1] or left.by or right.by:
        raise Unclear("it divides sums of different counters, spans or groups")
    more = left.matchers - right.matchers
    if len(more) != 1 or right.matchers - left.matchers:
        raise Unclear("its numerator is not its denominator with one matcher more")
    good = _counts_good(*next(iter(more)))
    return _Linear(0.0 if good else 1.0, 1.0 if good else -1.0, _window(left))


def _counts_good(label: str, operator: str, value: str) -> bool:
    if label == "classification":  # of Linkerd
        good = {("=", "success"): True, ("!=", "failure"): True, ("=", "failure"): False, ("!=", "success"): False}
        if (operator, value) in good:
            return good[operator, value]
    if label not in STATUS_LABELS:
        raise Unclear(f"the label {label[:40]!r} is no status of a request")
    try:
        hit = [re.fullmatch(value, code) is not None if "~" in operator else code == value for code in (*FINE, *BROKEN)]
    except (re.error, RecursionError):
        raise Unclear(f"the pattern {value[:40]!r} is none") from None
    taken = [one != operator.startswith("!") for one in hit]
    if all(taken[: len(FINE)]) and not any(taken[len(FINE) :]):
        return True
    if all(taken[len(FINE) :]) and not any(taken[: len(FINE)]):
        return False
    raise Unclear(f"{label}{operator}{value[:40]!r} tells failed requests from good ones in no plain way")


def _window(counter: _Counter) -> float | None:
    return None if counter.function == "irate" else durations.seconds_of(counter.span, durations.PROMETHEUS_UNITS)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
