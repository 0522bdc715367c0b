"""What happens in a rollout, and what is done next: the lines of its journal."""

from __future__ import annotations

from typing import Literal

import msgspec

from modelway.rollout.comparison import RowCounts
from modelway.rollout.observations import Block

Outcome = Literal["", "deployed", "shadowed", "compared", "rolled-back", "failed"]


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Every replica of the new release answers."""

    at: float


class Routed(msgspec.Struct, frozen=True, tag="routed"):
    """The new release gets this share of the traffic, confirmed by what routes it. tested: and the testers'."""

    at: float
    weight: float
    tested: bool = False


class Sized(msgspec.Struct, frozen=True, tag="sized"):
    """So many replicas of each are ready, and no others run."""

    at: float
    new: int
    stable: int


class Observed(msgspec.Struct, frozen=True, tag="observed"):
    block: Block


class Compared(msgspec.Struct, frozen=True, tag="compared"):
    """Rows that both releases were asked to predict, since the last time."""

    at: float
    rows: RowCounts


class Adopted(msgspec.Struct, frozen=True, tag="adopted"):
    """The target calls the new release stable. sampled, asked: of the requests that its servers were sent by then, those of
    sample traffic; both 0 where nothing was compared, or they do not say."""

    at: float
    sampled: int = 0
    asked: int = 0


class Announced(msgspec.Struct, frozen=True, tag="announced"):
    """The alias was moved; or, with a `problem`, it could not be, and the next command does it."""

    at: float
    problem: str = ""


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    """The release before was kept for its time."""

    at: float


class GoneBack(msgspec.Struct, frozen=True, tag="gone-back"):
    """The release before, which runs still, is brought back by a rollout of its own: it is not to be retired here."""

    at: float


class Retired(msgspec.Struct, frozen=True, tag="retired"):
    """The release that lost is gone."""

    at: float


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """An act could not be carried out."""

    at: float
    why: str


class Cancelled(msgspec.Struct, frozen=True, tag="cancelled"):
    """Somebody wants no more of it."""

    at: float
    why: str


class Continued(msgspec.Struct, frozen=True, tag="continued"):
    """A person lets a rollout that is paused at this share go on. Their word alone moves nothing: what is counted after it
    does."""

    at: float
    weight: float
    who: str
    why: str


class Resumed(msgspec.Struct, frozen=True, tag="resumed"):
    """Another runner goes on: what the one before had set up is set up again."""

    at: float


Event = (
    Ready
    | Routed
    | Sized
    | Observed
    | Compared
    | Adopted
    | Announced
    | Kept
    | GoneBack
    | Retired
    | Failed
    | Cancelled
    | Continued
    | Resumed
)


class Start(msgspec.Struct, frozen=True, tag="start"):
    """Run the new release until it is ready."""


class Route(msgspec.Struct, frozen=True, tag="route"):
    """tested: the plan's testers reach the new release too."""

    weight: float
    tested: bool = False
    stable: int | None = None
    """So many replicas of stable will be there from now on, in a rolling rollout: what is prepared to go back gives it no more
    than these carry. None: all of them."""


class Inspect(msgspec.Struct, frozen=True, tag="inspect"):
    """How many replicas of each are ready."""


class Scale(msgspec.Struct, frozen=True, tag="scale"):
    """Both have so many replicas: those that leave go first, and those that come are ready and warm."""

    new: int
    stable: int


class Observe(msgspec.Struct, frozen=True, tag="observe"):
    """Wait for a block to pass, and count."""


class Compare(msgspec.Struct, frozen=True, tag="compare"):
    """Ask both releases to predict the same rows, so many at most."""

    most: int


class Adopt(msgspec.Struct, frozen=True, tag="adopt"):
    """Make the new release the target's stable one."""


class Announce(msgspec.Struct, frozen=True, tag="announce"):
    """Move the alias, and write the ledger."""


class Keep(msgspec.Struct, frozen=True, tag="keep"):
    """Let the release before run on: whoever wants it back has it at once. until: seconds of the epoch."""

    until: float


class Retire(msgspec.Struct, frozen=True, tag="retire"):
    """Let a release finish what it began, then end it."""

    which: Literal["new", "stable"]


class Finish(msgspec.Struct, frozen=True, tag="finish"):
    outcome: Outcome


Command = Start | Route | Inspect | Scale | Observe | Compare | Adopt | Announce | Keep | Retire | Finish
