"""Outages of the API server. What watches it, as a gateway's controller does, is back later than the API server itself."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST_SECONDS = 60.0
"""client-go's longest pause between two tries, with its jitter (tools/cache/reflector.go)."""


class Outages:
    """Those that the calls of one command went through."""

    def __init__(self) -> None:
        self._over = 0.0

    def seen(self, seconds: float) -> None:
        """One that ends now. A controller's pauses double, and each may be twice as long: the last one may have begun shortly
        before, and is about as long as the outage."""
        self._over = max(self._over, time.monotonic() + min(1.5 * seconds, MOST_SECONDS))

    def wait(self, say: Callable[[str], None]) -> None:
        """Until who watches the API server has what was changed meanwhile."""
        if (left := self._over - time.monotonic()) > 0:
            say(f"waiting {left:.0f} s: the API server was away, and who watches it comes back later")
            time.sleep(left)
