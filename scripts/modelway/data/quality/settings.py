"""What modelway.yml says of quality, for each kind and column: on or off, and with which keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from modelway.config.quality import kinds_of_quality
from modelway.data.quality.kind import QualityKeys, QualityKind


def keys_of(quality: Any, kind: QualityKind[Any]) -> QualityKeys | None:
    """The keys of a kind for the whole data set; None where it is off."""
    return _laid_over(kind.keys(), getattr(quality, kind.field))


def keys_of_column(quality: Any, kind: QualityKind[Any], column: str) -> QualityKeys | None:
    """The keys of a kind for one column; None where it is off there. A column's own keys are laid over the data set's."""
    whole = keys_of(quality, kind)
    own = quality.columns.get(column)
    given = getattr(own, kind.field) if own is not None else UNSET
    return _laid_over(whole or kind.keys(), given) if given is not UNSET else whole


def _laid_over(keys: QualityKeys, given: Any) -> QualityKeys | None:
    if given is False:
        return None
    if given is True or given is UNSET:
        return keys
    more = {name: value for name in keys.__struct_fields__ if (value := getattr(given, name)) is not UNSET}
    return msgspec.structs.replace(keys, **more)


def columns_on(quality: Any, kind: QualityKind[Any], columns: Mapping[str, Any]) -> dict[str, QualityKeys]:
    """The columns that a kind is on for, with its keys for each."""
    return {name: keys for name in columns if (keys := keys_of_column(quality, kind, name)) is not None}


def kinds() -> tuple[QualityKind[Any], ...]:
    """Every kind of check, in the order of a report."""
    return kinds_of_quality()
