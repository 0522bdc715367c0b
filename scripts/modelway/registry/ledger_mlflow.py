"""The ledger on MLflow: an entry is one version of the registered model `<name>.ledger`, its text a tag of that version.

MLflow numbers versions atomically and makes a version and its tags in one transaction. It wants a version's source to
lie below the artifact root of its run; the entry names a folder there that need not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelway.errors import InvalidInput
from modelway.registry.entities import Run, Version
from modelway.registry.ledger_entries import MARK, StoredEntry, older_heads, window
from modelway.registry.ledger_steps import CHECKPOINT_EVERY
from modelway.registry.mlflow import ABSENT, MLflow
from modelway.registry.transport import Rejected

ENTRY_TAG = "modelway.ledger"
SUFFIX = ".ledger"


@dataclass(frozen=True)
class MLflowLedger:
    """The ledger of one registered model. run: an existing run, that new entries are tied to."""

    client: MLflow
    model: str
    run: Run | None = None

    @property
    def name(self) -> str:
        return self.model + SUFFIX

    def entries(self) -> tuple[StoredEntry, ...]:
        return tuple(map(_stored, self.client.search_versions(self.name)))

    def recent(self) -> tuple[tuple[StoredEntry, ...], int]:
        newest = self.client.newest_versions(self.name, 2 * CHECKPOINT_EVERY + 10)
        seen: dict[int, StoredEntry] = {}
        # an entry that is made meanwhile shifts the pages: one may come twice, none is left out
        rows, checkpoint = window(
            seen.setdefault(row.number, row) for row in map(_stored, newest) if row.number not in seen
        )
        if checkpoint is None:
            return rows, 1
        older = (self.client.get_version(self.name, item.number) for item in older_heads(rows, checkpoint))
        return (*(_stored(version) for version in older if version), *rows), rows[0].number

    def append(self, text: str) -> None:
        if self.run is None:
            raise ValueError("this ledger was opened for reading")
        source, tags = f"{self.run.artifact_uri.rstrip('/')}/modelway/ledger", {ENTRY_TAG: text}
        try:
            self.client.post_version(self.name, source, self.run.id, tags=tags)
        except Rejected as error:
            if error.code != ABSENT:
                raise
            self.client.ensure_model(self.name)
            self.client.post_version(self.name, source, self.run.id, tags=tags)

    def mark(self, number: int, key: str, value: str) -> None:
        self.client.set_version_tag(self.name, number, key, value)

    def alias(self, name: str) -> int | None:
        model = self.client.get_model(self.model)
        if model is None:
            raise InvalidInput(f"there is no registered model {self.model}", fix="name one that exists, or train it")
        return model.aliases.get(name)

    def set_alias(self, name: str, version: int | None) -> None:
        if version is None:
            self.client.delete_alias(self.model, name)
        else:
            self.client.set_alias(self.model, name, version, once=True)


def _stored(version: Version) -> StoredEntry:
    return StoredEntry(
        number=version.version,
        text=version.tags.get(ENTRY_TAG, ""),
        marks={key: value for key, value in version.tags.items() if key.startswith(MARK)},
    )
