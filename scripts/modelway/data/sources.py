"""The files of a data set: one file, a folder or a pattern of them. Whoever reads or digests data asks here which they are."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Literal
from urllib.parse import unquote

from modelway.config.document import LFS_POINTER
from modelway.data import lake
from modelway.data.lake import LakeTable
from modelway.data.queries import StoredColumn
from modelway.errors import InvalidInput
from modelway.records import sha256_of_file
from modelway.records.digests import digest_of_listing

Format = Literal["csv", "parquet", "jsonl", "arrow"]

CALLED: dict[Format, str] = {"csv": "CSV", "parquet": "Parquet", "jsonl": "JSON lines", "arrow": "Arrow"}
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson.gz": "jsonl",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
"""Of the files of a folder that are its data."""
NAMED_SUFFIXES: dict[str, Format] = {**SUFFIXES, ".json": "jsonl", ".json.gz": "jsonl"}
"""Of a file that is named itself: beside data, .json is more often about it."""
OTHER_SUFFIXES = (
    *(".xls", ".xlsx", ".orc", ".avro", ".pkl", ".npy", ".npz"),
    *(".zip", ".zst", ".bz2", ".xz", ".tar", ".db", ".sqlite"),
)
"""Of files that would only be taken for strange CSV."""
ABOUT = {"", ".txt", ".md", ".json", ".yml", ".yaml"}
"""Of files that are about data, where these are JSON lines."""
PARQUET_MAGIC = b"PAR1"
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Source:
    """Files of one format that are one table. `name` is what messages call it."""

    name: str
    path: Path
    format: Format
    files: tuple[Path, ...]
    root: Path
    """What the files' names in reports are relative to."""
    table: LakeTable | None = None
    """Where a table format's log says which files these are."""

    def short(self, file: Path) -> str:
        """A file's name in a report; empty where the source is that one file."""
        return "" if file == self.root else _relative(file, self.root.resolve() if self.table else self.root)

    @property
    def partitions(self) -> dict[str, tuple[str | None, ...]]:
        """The columns that the folders' names hold (year=2026, as Hive, Spark and pandas write them): each its value for
        every file. InvalidInput where the files are not all in folders of the same ones."""
        if self.table is not None:
            return self.table.partitions
        found = [_partitions_of(self.short(file)) for file in self.files]
        for file, parts in zip(self.files, found, strict=True):
            if list(parts) != list(found[0]):
                raise InvalidInput(
                    f"is in folders of {_keys_in_words(parts)}, and {self.short(self.files[0])} of {_keys_in_words(found[0])}",
                    where=self.label(file),
                    fix="put every file below folders of the same keys, or name those that are one table by a pattern",
                )
        return {key: tuple(parts[key] for parts in found) for key in found[0]}

    def label(self, file: Path) -> str:
        """A file's name in a message."""
        return self.name if file == self.root else f"{self.short(file)} in {self.name}"


def find_source(path: Path, name: str = "") -> Source:
    """The data at a path: a file, a folder with files of one format anywhere below it, or a pattern with `*`.

    InvalidInput where there is nothing, an empty file, a dangling link, or two formats. Hidden files, and those whose name
    or folder starts with `_`, are not data.
    """
    name = name or str(path)
    with _readable(name):
        return _found(path, name)


def _found(path: Path, name: str) -> Source:
    if table := _lake_table(path, name):
        return Source(name, path, "parquet", table.files, path, table)
    _refuse_part_of_table(path, name)
    root, files = _visible(path, name)
    if root != path or path.is_dir():
        files = [file for file in files if _format_by_name(file, SUFFIXES if path.is_dir() else NAMED_SUFFIXES)]
    if not files:
        fix = "put .csv, .parquet or .jsonl files there, or name another place"
        raise InvalidInput("no data in it", where=name, fix=fix)
    by_label = {file: name if file == root else f"{file.relative_to(root).as_posix()} in {name}" for file in files}
    formats = {_format_of(file, label) for file, label in by_label.items()}
    if len(formats) > 1:
        mixed = " and ".join(sorted(CALLED[kind] for kind in formats))
        raise InvalidInput(f"{mixed} files are mixed", where=name, fix="name one kind, such as folder/*.parquet")
    return Source(name, path, formats.pop(), tuple(files), root)


def digest_of_source(source: Source) -> str:
    """Of the data that was found; of a table with a log the very version of it."""
    if source.table:
        return _digest_of_files(source.path.resolve(), source.table.files)
    return digest_of_data(source.path, source.name)


def digest_meanwhile(source: Source) -> Callable[[], str]:
    """The digest of a source is worked out in a thread of its own from now on; what is given back waits for it. It takes as
    long as a quarter of all checks, on one processor."""
    found: Future[str] = Future()

    def work() -> None:
        try:
            found.set_result(digest_of_source(source))
        except Exception as error:  # noqa: BLE001 - who waits for it gets it
            found.set_exception(error)

    Thread(target=work, name="digest", daemon=True).start()  # one that nobody waits for ends with the process
    return found.result


def digest_of_data(path: Path, name: str = "") -> str:
    """The digest of a data set: of the whole file, or of every file of a folder or pattern that `find_source` would read.
    Where a folder has no such file, or JSON lines beside what they tell of (pictures), all its files that are not hidden are
    the data. MLflow's own dataset digest is 8 hexadecimal digits over the first 10,000 rows, and collides."""
    name = name or str(path)
    if table := _lake_table(path, name):
        return _digest_of_files(path.resolve(), table.files)
    root, files = _visible(path, name)
    if path == root and path.is_file():
        return sha256_of_file(path)
    tables = [file for file in files if _format_by_name(file)]
    if tables and not (path.is_dir() and _tell_of_others(tables, files)):
        files = tables
    if not files:
        raise InvalidInput("no such data", where=name, fix="name an existing file, or a folder with files in it")
    return _digest_of_files(root, files)


def _tell_of_others(tables: Sequence[Path], files: Sequence[Path]) -> bool:
    others = {file.suffix.lower() for file in files} - {file.suffix.lower() for file in tables}
    return all(_format_by_name(file) == "jsonl" for file in tables) and not others <= ABOUT


def _digest_of_files(root: Path, files: Iterable[Path]) -> str:
    return digest_of_listing((_relative(file, root), file.stat().st_size, sha256_of_file(file)) for file in files)


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _lake_table(path: Path, name: str) -> LakeTable | None:
    kind = lake.kind_of(path) if path.is_dir() else None
    return lake.read_table(path, kind, name) if kind else None


def _refuse_part_of_table(path: Path, name: str) -> None:
    """A folder or pattern within a table: its files alone would also be those that the table's log has left behind."""
    if path.is_file():
        return
    for folder in path.absolute().parents:
        if (folder / lake.DELTA_LOG).is_dir():
            raise InvalidInput(
                "is a part of a Delta table, whose log says which of its files are the table now",
                where=name,
                fix=f"name the table, {folder.name}, or the files one by one",
            )


def refuse_twins(names: Iterable[str], label: str) -> tuple[str, ...]:
    """The names, if each is there once."""
    names = tuple(names)
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise InvalidInput(
            f"two columns are named {twice[:100]!r}", where=label, fix="give each column a name of its own"
        )
    return names


def refuse_other_columns(
    first: tuple[StoredColumn, ...], other: tuple[StoredColumn, ...], label: str, first_label: str
) -> None:
    if first != other:
        raise InvalidInput(
            f"has other columns than {first_label}: {_difference(first, other)}",
            where=label,
            fix="give all files the same columns, types and order",
        )


def _difference(first: tuple[StoredColumn, ...], other: tuple[StoredColumn, ...]) -> str:
    """The first thing that is different."""
    old, new = ({column.name: column.physical for column in columns} for columns in (first, other))
    for name in [*old, *new]:
        if name not in new:
            return f"{name[:100]!r} is not there"
        if name not in old:
            return f"{name[:100]!r} is only there"
        if old[name] != new[name]:
            return f"{name[:100]!r} is stored as {new[name][:100]}, and there as {old[name][:100]}"
    return "they are in another order"


def _visible(path: Path, name: str) -> tuple[Path, list[Path]]:
    """What names are relative to, and the files that are not hidden, sorted."""
    if path.is_file():
        _check_content(path, name)
        return path, [path]
    found: Iterable[Path]
    if path.is_dir():
        root, found = path, _below(path, name)
    elif PATTERN.search(str(path)):
        root, found = _matches(path, name)
    else:
        what = "is neither a file nor a folder" if path.exists() else "no such file"
        fix = "name an existing file of CSV, Parquet or JSON lines, or a folder of them"
        raise InvalidInput(what, where=name, fix=fix)
    files = sorted(file for file in found if not _is_hidden(file.relative_to(root)))
    for file in files:
        _check_content(file, f"{file.relative_to(root).as_posix()} in {name}")
    return root, files


def _check_content(file: Path, label: str) -> None:
    """A checkout without Git LFS has small texts in the place of the data: a model would be judged on nothing."""
    try:
        with file.open("rb") as stream:
            pointer = stream.read(len(LFS_POINTER)) == LFS_POINTER.encode()
    except OSError:
        return  # whoever reads it says why it cannot be read
    if pointer:
        raise InvalidInput(
            "is a Git-LFS pointer, not the data",
            where=label,
            fix="fetch it: `lfs: true` of actions/checkout, or `git lfs pull` in data.command",
        )


def _below(root: Path, name: str) -> Iterator[Path]:
    """Every file below a folder. A link to a file is that file; one to a folder is refused, since it could lead round in
    circles, and rows that are left out in silence are worse."""
    for folder, folders, files in os.walk(root, onerror=_raise):
        here = Path(folder)
        if here != root and lake.DELTA_LOG in folders:
            raise InvalidInput(
                "is a Delta table among other files",
                where=f"{here.relative_to(root).as_posix()} in {name}",
                fix="name the table itself",
            )
        if _is_hidden(here.relative_to(root)):
            folders.clear()
            continue
        for entry in folders:
            if (here / entry).is_symlink() and not _is_hidden(Path(entry)):
                raise InvalidInput(
                    "is a link to a folder",
                    where=f"{(here / entry).relative_to(root).as_posix()} in {name}",
                    fix="name the folder that it leads to, or put the files themselves there",
                )
        yield from (_there(here / entry, root, name) for entry in files if not _is_hidden(Path(entry)))


def _matches(path: Path, name: str) -> tuple[Path, list[Path]]:
    """The fixed folder at the start of a pattern, and the files that match it."""
    fixed = Path(path.anchor)
    parts = path.parts[1:] if path.anchor else path.parts
    for index, part in enumerate(parts):
        if PATTERN.search(part):
            found = fixed.glob("/".join(parts[index:]))
            return fixed, [_there(file, fixed, name) for file in found if not file.is_dir()]
        fixed = fixed / part
    return fixed, []


def _there(file: Path, root: Path, name: str) -> Path:
    if file.is_symlink() and not file.exists():
        raise InvalidInput(
            "is a link to nothing",
            where=f"{file.relative_to(root).as_posix()} in {name}",
            fix="fetch the file that it leads to, or remove the link",
        )
    return file


def _raise(error: OSError) -> None:
    raise _unreadable(error, str(error.filename)) from None


@contextmanager
def _readable(label: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unreadable(error, label) from None


def _unreadable(error: OSError, label: str) -> InvalidInput:
    fix = "let this user read it" if isinstance(error, PermissionError) else "name data that this machine can read"
    return InvalidInput(f"cannot be read: {error.strerror}", where=label, fix=fix)


def _format_by_name(file: Path, suffixes: Mapping[str, Format] = SUFFIXES) -> Format | None:
    return next((kind for suffix, kind in suffixes.items() if file.name.lower().endswith(suffix)), None)


def _partitions_of(short: str) -> dict[str, str | None]:
    """The keys and values of the folders that a file is in, of its name below the root."""
    found: dict[str, str | None] = {}
    for part in short.split("/")[:-1]:
        key, equals, value = part.partition("=")
        if key and equals:
            found[unquote(key)] = None if value == HIVE_NULL else unquote(value)
    return found


def _keys_in_words(parts: Mapping[str, object]) -> str:
    return ", ".join(f"{key}=" for key in parts) or "no key"


def _format_of(file: Path, label: str) -> Format:
    with _readable(label), file.open("rb") as stream:
        start = stream.read(len(PARQUET_MAGIC))
    if start == PARQUET_MAGIC:
        return "parquet"
    if file.suffix.lower() in OTHER_SUFFIXES:
        raise InvalidInput(
            f"is neither CSV, Parquet, JSON lines nor Arrow but {file.suffix.lower()}",
            where=label,
            fix="write it as one of these",
        )
    if not start:
        raise InvalidInput("is empty", where=label, fix="give a file with rows")
    named = _format_by_name(file, NAMED_SUFFIXES)
    if named == "parquet":
        raise InvalidInput("is not Parquet", where=label, fix="write it again; a Parquet file starts with PAR1")
    return named or "csv"


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith((".", "_")) for part in relative.parts)
