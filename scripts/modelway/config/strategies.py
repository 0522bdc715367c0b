"""What may stand below deploy of one strategy alone."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from modelway.config.keys import Section, Share

ReplicaPart = Annotated[int, Meta(ge=0, le=1000)] | Annotated[str, Meta(pattern=r"^(100|[0-9]{1,2})%$")]


class RequestMatch(Section, frozen=True, kw_only=True):
    """Requests that carry a header, or a cookie, of this value: exactly one of header and cookie."""

    header: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = None
    """The header's name, such as x-release. Left out: it is a cookie."""
    cookie: Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")] | None = None
    """The cookie's name, such as release. Left out: it is a header."""
    value: Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,256}$")]
    """Its value, as it is, such as next."""


class Shadow(Section, frozen=True):
    """How the predictions of `strategy: shadow` are compared with stable's, row by row (docs/strategies/shadow.md)."""

    differ_at_most: Share | None = None
    """The share of rows whose prediction may differ from stable's. Left out: it is told, and nothing is decided by it."""
    rows: Annotated[int, Meta(ge=0, le=1_000_000)] = 2000
    """How many rows are compared at most, each asked of both releases once more. 0: the shadow remembers no row."""
    tolerance: Annotated[float, Meta(ge=0)] = 0.01
    """Two predicted numbers differ where they are further apart than this times the larger one, or than this itself."""


class Rolling(Section, frozen=True):
    """How many replicas `strategy: rolling` replaces at a time (docs/strategies/rolling.md): a number, or a percentage of
    stable's."""

    max_surge: ReplicaPart = "25%"
    """So many replicas there may be beyond stable's own number; a percentage is rounded up."""
    max_unavailable: ReplicaPart = "25%"
    """So many fewer than that may carry the traffic meanwhile; a percentage is rounded down."""
