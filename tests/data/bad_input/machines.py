"""Files that this user may not read or write, a disk that is full, and one that is broken."""

from __future__ import annotations

import gzip
import os
import resource
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from data.bad_input.case import THE_DATA_DOOR, BadInput

LINES = "a,b\n1,2\n3,4\n"
NOBODY = 65534
WIDE = 300
OF_WIDE = "columns:\n" + "".join(f"  k{at}: {{type: number, nullable: false, range: [0, 1]}}\n" for at in range(WIDE))
NAMES = [f"k{at}" for at in range(60)]
OF_SIXTY: dict[str, str | bytes] = {"rows.csv": ",".join(NAMES) + "\n" + ",".join(map(str, range(60))) + "\n"}
ASKED_OF_SIXTY = "columns:\n" + "".join(f"  {name}: {{type: number, unique: true}}\n" for name in NAMES)


def closed(*names: str) -> object:
    """Another user's files, which nobody else may read; where root runs the tests, they are run as nobody."""

    @contextmanager
    def around(folder: Path) -> Iterator[None]:
        modes = {path: path.stat().st_mode for path in (*(folder / name for name in names), folder, *folder.parents)}
        is_root = os.geteuid() == 0
        try:
            for path in (folder, folder.parent) if is_root else ():
                path.chmod(0o777)
            for path in folder.parent.parents if is_root else ():
                path.chmod(modes[path] | 0o011)
            for name in names:
                (folder / name).chmod(0o555 if name == "out" else 0)
            if is_root:
                os.seteuid(NOBODY)
            yield
        finally:
            if is_root:
                os.seteuid(0)
            for path, mode in modes.items():
                if is_root or path.owner() == folder.owner():
                    path.chmod(mode)

    return around


def files_of_at_most(size: int) -> object:
    """No file may grow larger, which a program sees as it does a full disk."""

    @contextmanager
    def around(folder: Path) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return around


def broken(folder: Path) -> None:
    """It can be opened, and reading it is an input/output error."""
    (folder / "rows.csv").symlink_to("/proc/self/mem")


def locked(data: str, *told: str, made: dict[str, str] | None = None, close: str = "", **options: object) -> BadInput:
    return BadInput(
        made or {"rows.csv": LINES},
        told,
        data=data,
        around=closed(close or data),  # type: ignore[arg-type]
        **options,  # type: ignore[arg-type]
    )


def full(made: dict[str, str | bytes], size: int, **options: object) -> BadInput:
    around: AbstractContextManager[object] = files_of_at_most(size)  # type: ignore[assignment]
    return BadInput(made, ("the disk is full", "free some space"), code=4, around=around, **options)  # type: ignore[arg-type]


CASES: dict[str, BadInput] = {
    "a file of another user": locked("rows.csv", "rows.csv", "ermission denied", mended={"rows.csv": LINES}),
    "JSON lines of another user": locked(
        "rows.jsonl", "rows.jsonl", "ermission denied", made={"rows.jsonl": '{"a": 1}\n'}
    ),
    "a folder of another user": locked("data", "data", "ermission denied", made={"data/1.csv": LINES}),
    "one file of another user": locked(
        "data", "2.csv in data", "ermission denied", made={"data/1.csv": LINES, "data/2.csv": LINES}, close="data/2.csv"
    ),
    "a contract of another user": locked(
        "rows.csv",
        "contract.yml",
        "ermission denied",
        close="contract.yml",
        readers=("validate-data", "check-quality", "detect-drift", "profile-data", "rows"),
    ),
    "no room for a file that is unpacked": full(
        {"rows.csv": gzip.compress(("a,b\n" + "1,2\n" * 50_000).encode())}, 100_000, mended={"rows.csv": LINES}
    ),
    "no room for a copy of wide text": full(
        {"rows.csv": ",".join(f"k{at}" for at in range(WIDE)) + "\n" + ",".join(["0.5"] * WIDE) + "\n"},
        20_000,
        contract=OF_WIDE,
        readers=("validate-data",),
    ),
    "no room for a report": full(
        OF_SIXTY, 3000, contract=ASKED_OF_SIXTY, readers=("validate-data", "check-quality", "profile-data")
    ),
}
if Path("/proc/self/mem").exists():
    CASES["a disk that is broken"] = BadInput(broken, ("rows.csv",), readers=THE_DATA_DOOR)
