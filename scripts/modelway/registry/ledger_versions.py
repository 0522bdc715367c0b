"""A ledger kept as versions of a registered model: an entry is one version of `<name>.ledger`, its text a tag of that version.

The registry numbers versions atomically and makes a version and its tags in one transaction. MLflow wants a version's
source to lie below the artifact root of its run; the entry names a folder there that need not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from modelway.errors import InvalidInput
from modelway.registry.entities import RegisteredModel, Run, Version
from modelway.registry.ledger_entries import MARK, StoredEntry
from modelway.registry.ledger_history import older_heads, window
from modelway.registry.ledger_steps import CHECKPOINT_EVERY

ENTRY_TAG = "modelway.ledger"
SUFFIX = ".ledger"


class NumberedVersions(Protocol):
    """What such a ledger needs of its registry."""

    def get_run(self, run_id: str) -> Run: ...

    def get_model(self, name: str) -> RegisteredModel | None: ...

    def get_version(self, name: str, version: int) -> Version | None: ...

    def search_versions(self, name: str) -> tuple[Version, ...]: ...

    def newest_versions(self, name: str, page: int) -> Iterator[Version]:
        """Every version, newest first, asked for page by page as they are taken."""

    def post_version(self, name: str, source: str, run_id: str, *, tags: Mapping[str, str]) -> Version:
        """One attempt, of a registered model that is made if it is missing; AmbiguousAnswer where nobody can say whether the
        version was made."""

    def set_version_tag(self, name: str, version: int, key: str, value: str) -> None: ...

    def set_alias(self, name: str, alias: str, version: int, *, once: bool = False) -> None:
        """once: one attempt; AmbiguousAnswer where nobody can say whether the alias was set."""

    def delete_alias(self, name: str, alias: str) -> None: ...


@dataclass(frozen=True)
class VersionLedger:
    """The ledger of one registered model. run_id: of an existing run, that new entries are tied to; empty for reading."""

    registry: NumberedVersions
    model: str
    run_id: str = ""

    @property
    def name(self) -> str:
        return self.model + SUFFIX

    @cached_property
    def source(self) -> str:
        return f"{self.registry.get_run(self.run_id).artifact_uri.rstrip('/')}/modelway/ledger"

    def entries(self) -> tuple[StoredEntry, ...]:
        return tuple(map(_stored, self.registry.search_versions(self.name)))

    def recent(self) -> tuple[tuple[StoredEntry, ...], int]:
        newest = self.registry.newest_versions(self.name, 2 * CHECKPOINT_EVERY + 10)
        seen: dict[int, StoredEntry] = {}
        # an entry that is made meanwhile shifts the pages: one may come twice, none is left out
        rows, checkpoint = window(
            seen.setdefault(row.number, row) for row in map(_stored, newest) if row.number not in seen
        )
        if checkpoint is None:
            return rows, 1
        older = (self.registry.get_version(self.name, item.number) for item in older_heads(rows, checkpoint))
        return (*(_stored(version) for version in older if version), *rows), rows[0].number

    def append(self, text: str) -> None:
        if not self.run_id:
            raise ValueError("this ledger was opened for reading")
        self.registry.post_version(self.name, self.source, self.run_id, tags={ENTRY_TAG: text})

    def mark(self, number: int, key: str, value: str) -> None:
        self.registry.set_version_tag(self.name, number, key, value)

    def alias(self, name: str) -> int | None:
        model = self.registry.get_model(self.model)
        if model is None:
            raise InvalidInput(f"there is no registered model {self.model}", fix="name one that exists, or train it")
        return model.aliases.get(name)

    def set_alias(self, name: str, version: int | None) -> None:
        if version is None:
            self.registry.delete_alias(self.model, name)
        else:
            self.registry.set_alias(self.model, name, version, once=True)


def _stored(version: Version) -> StoredEntry:
    return StoredEntry(
        number=version.version,
        text=version.tags.get(ENTRY_TAG, ""),
        marks={key: value for key, value in version.tags.items() if key.startswith(MARK)},
    )
