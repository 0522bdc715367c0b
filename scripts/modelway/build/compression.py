"""gzip by ISA-L, many times as fast as zlib; where it is not installed, reading falls back to the standard library."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from typing import IO, Any, cast

try:
    import isal
    from isal import igzip, isal_zlib

    VERSION: str = isal.__version__
    _open: Any = igzip.open
    _errors: tuple[type[Exception], ...] = (cast("Any", isal_zlib).error,)
except ImportError:
    VERSION, _open, _errors = "", gzip.open, ()

DAMAGE: tuple[type[Exception], ...] = (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, *_errors)
TWICE: tuple[type[Exception], ...] = (FileExistsError, NotADirectoryError, IsADirectoryError)
UNREADABLE = DAMAGE + TWICE
"""What reading or unpacking a file raises that is no whole compressed tar, or one that holds a path twice."""


def reading(file: IO[bytes]) -> IO[bytes]:
    """What is compressed in a file."""
    return cast("IO[bytes]", _open(file, "rb"))


def writing(file: Any) -> IO[bytes]:
    """A stream whose gzip form goes to `file`: no name and no time in it, so that the same bytes give the same blob with
    the same version of ISA-L on the same kind of processor."""
    return cast(
        "IO[bytes]", cast("Any", igzip).IGzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0)
    )
