"""What may stand below `quality` of modelway.yml: the keys of every kind of check, each of which declares its own."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, UnsetType

from modelway import extensions
from modelway.config.keys import Name, Section


@cache
def kinds_of_quality() -> tuple[Any, ...]:
    """Each kind of check of the data's quality, in the order of a report. Of a kind this package knows `field`, `keys`,
    `level`, `about` and `order`."""
    return tuple(
        sorted(
            extensions.found("modelway.data.quality.kinds", "KIND", "modelway.quality"),
            key=lambda kind: int(kind.order),
        )
    )


class AnyQuality(Section, frozen=True):
    """What check-quality looks for (docs/quality.md). Each kind is on: `false` switches it off, a mapping changes its keys."""

    masked: tuple[Name, ...] = ()
    """Columns whose values no report ever shows."""


class AnyQualityColumn(Section, frozen=True):
    """What differs for one column: `false` switches a kind off there, a mapping changes its keys."""


@cache
def _part_of(keys: Any) -> Any:
    """The same keys, each of which may be left out: what is laid over others names only what it changes. WHOLE: the class of
    all of them, with their defaults."""
    fields = [(field.name, field.type | UnsetType, UNSET) for field in msgspec.structs.fields(keys)]
    more = {"__doc__": keys.__doc__, "WHOLE": keys}
    return msgspec.defstruct(
        keys.__name__, fields, bases=(Section,), frozen=True, module=keys.__module__, namespace=more
    )


if TYPE_CHECKING:
    Quality = AnyQuality
else:

    def _with_kinds(name: str, base: type[Section], *levels: str, **more: Any) -> Any:
        fields = [(kind.field, _part_of(kind.keys) | bool, True) for kind in kinds_of_quality() if kind.level in levels]
        if not more:
            fields = [(field, kind | UnsetType, UNSET) for field, kind, _ in fields]
        fields += [(key, kind, msgspec.field(default_factory=dict)) for key, kind in more.items()]
        return msgspec.defstruct(
            name, fields, bases=(base,), frozen=True, module=__name__, namespace={"__doc__": base.__doc__}
        )

    QualityColumn = _with_kinds("QualityColumn", AnyQualityColumn, "column")
    Quality = _with_kinds("Quality", AnyQuality, "column", "table", "pair", columns=dict[str, QualityColumn])
