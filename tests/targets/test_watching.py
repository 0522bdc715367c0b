"""What is read beside errors and times, where it cannot be read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from modelway.errors import InvalidInput
from modelway.targets.watching import ShareWatch


def test_a_role_that_lets_nobody_read_the_servers_ends_no_release_that_has_all_traffic() -> None:
    def servers(state: object) -> Any:
        raise InvalidInput("may not get pods/proxy", fix="add the line to the Role")

    claim: Any = SimpleNamespace(place=SimpleNamespace(servers=servers), state=None)
    plan: Any = SimpleNamespace(settings=SimpleNamespace(shares=()), stable=object(), new=SimpleNamespace(slot="b"))
    assert ShareWatch(claim, plan).sent() == (0, 0)
