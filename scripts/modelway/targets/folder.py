"""Records in a folder of this machine: target.json (what runs, and what ran), lease.json (who may act), journal/ (every
rollout).

For targets whose releases run here, or are reached from one machine alone."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from modelway.environments import home
from modelway.errors import InvalidInput
from modelway.files import sync_folder, write_whole
from modelway.rollout import engine, journal
from modelway.rollout.plan import Plan
from modelway.targets import folder_lease
from modelway.targets.state import TargetState

STATE, JOURNALS = "target.json", "journal"
T = TypeVar("T", bound=TargetState[Any])


class FolderRecords(Generic[T]):
    """kind: the target's own state."""

    def __init__(self, folder: Path, kind: type[T]) -> None:
        self.folder, self.kind, self.where = folder, kind, str(folder)

    def exist(self) -> bool:
        return self.folder.is_dir()

    def read(self) -> T | None:
        path = self.folder / STATE
        try:
            state: T = msgspec.json.decode(path.read_bytes(), type=self.kind)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise InvalidInput(
                f"is not what deploy-model writes: {error}",
                where=str(path),
                fix="put the file back from a backup; or run stop-deployment, move the file away, and deploy again",
            ) from None
        return state

    def empty(self, model: str, environment: str) -> T:
        return self.kind(model=model, environment=environment)

    def write(self, state: T) -> None:
        write_whole(self.folder / STATE, msgspec.json.format(msgspec.json.encode(state), indent=1))

    def take(
        self, who: str, what: str, *, always: bool, say: Callable[[str], None] = lambda said: None
    ) -> folder_lease.FolderLease:
        home.made(self.folder / JOURNALS)
        return folder_lease.take(self.folder, who, what, always=always)

    def begin(self, plan: Plan) -> None:
        journal.begin(self._journal(plan.number), plan)

    def append(self, number: int, line: journal.Line) -> None:
        journal.append(self._journal(number), line)

    def story(self, number: int) -> journal.Story | None:
        path = self._journal(number)
        return journal.read(path) if path.exists() else None

    def numbers(self) -> list[int]:
        names = (path.stem for path in (self.folder / JOURNALS).glob("*.jsonl"))
        return sorted(int(name) for name in names if name.isdecimal())

    def leave_word(self, number: int, word: engine.Continued) -> engine.Continued:
        path = self._word(number, word.weight)
        whole = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        try:
            write_whole(whole, msgspec.json.encode(word))
            with contextlib.suppress(FileExistsError):
                os.link(whole, path)
        finally:
            whole.unlink(missing_ok=True)
        sync_folder(path.parent)
        found = self.word(number, word.weight)
        assert found is not None, "it is there, whoever left it"
        return found

    def word(self, number: int, weight: float) -> engine.Continued | None:
        path = self._word(number, weight)
        try:
            return msgspec.json.decode(path.read_bytes(), type=engine.Continued)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise InvalidInput(
                f"is not what continue-rollout writes: {error}", where=str(path), fix="delete it, and continue again"
            ) from None

    def _word(self, number: int, weight: float) -> Path:
        return self.folder / JOURNALS / f"{number:06d}.continued-at-{weight:.0%}".rstrip("%")

    def _journal(self, number: int) -> Path:
        return self.folder / JOURNALS / f"{number:06d}.jsonl"
