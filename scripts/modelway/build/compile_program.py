"""Run by the Python that bytecode is for, with -I -S: the .py files below a folder become .pyc files in another one.

argv: the folder of the sources, the folder for what is compiled, the sources' folder in the image. A file is compiled with the
path that it has in the image, and its bytecode is never held against its source ("unchecked hash": no time is in it). What
does not compile is left out, and fails where it is imported.
"""

import importlib.util
import marshal
import os
import sys
import warnings
from pathlib import Path

UNCHECKED = (0b01).to_bytes(4, "little")
FILES_A_PROCESS = 50


def compiled(source: bytes, path: str) -> bytes:
    """The content of the .pyc file; empty where the source does not compile."""
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return b""
    return importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(source) + marshal.dumps(code)


def compile_all(names: list[Path], sources: Path, target: Path, inside: str) -> None:
    for name in names:
        data = compiled((sources / name).read_bytes(), f"{inside}/{name.as_posix()}")
        if data:
            place = target / name.with_suffix(".pyc")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)


def main(sources: Path, target: Path, inside: str) -> int:
    warnings.simplefilter("ignore")
    names = sorted(path.relative_to(sources) for path in sources.rglob("*.py"))
    jobs = max(1, min(os.cpu_count() or 1, len(names) // FILES_A_PROCESS + 1))
    children = []
    for job in range(jobs):
        pid = os.fork()
        if pid:
            children.append(pid)
            continue
        code = 1
        try:
            compile_all(names[job::jobs], sources, target, inside)
            code = 0
        finally:
            os._exit(code)
    ended = [os.waitpid(pid, 0)[1] for pid in children]  # all of them, before anything is said
    return int(any(ended))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
