"""How a service's requests were answered, as its servers count them: whole numbers, added in any order to the same bytes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class AskedRequests(msgspec.Struct, frozen=True):
    """Requests of clients. failed: by a fault of the server. took: how many took so long, by the upper ends of bins, in
    seconds; of a request that was refused before it was whole nobody knows a time."""

    answered: int = 0
    refused: int = 0
    failed: int = 0
    took: dict[str, int] = {}

    @property
    def requests(self) -> int:
        return self.answered + self.refused + self.failed

    @property
    def timed(self) -> int:
        return sum(self.took.values())

    def slower_than(self, seconds: float) -> int:
        """Where no bin ends there, with all of the bin that it is in."""
        return sum(n for bound, n in self.took.items() if float(bound) > seconds)


def added_requests(parts: Sequence[AskedRequests]) -> AskedRequests:
    bounds = sorted({bound for part in parts for bound in part.took}, key=float)
    return AskedRequests(
        answered=sum(part.answered for part in parts),
        refused=sum(part.refused for part in parts),
        failed=sum(part.failed for part in parts),
        took={bound: sum(part.took.get(bound, 0) for part in parts) for bound in bounds},
    )
