"""A file of text as plain UTF-8, and a place in it that is wrong."""

from __future__ import annotations

import codecs
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

from modelway.errors import InvalidInput, OutsideFailure
from modelway.files import NO_ROOM

GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 1 << 20


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file of text. line: counted from 1; of CSV the header's is 1."""

    line: int
    what: str
    fix: str


def as_plain_text(file: Path, target: Path, encoding: str, label: str) -> bool:
    """Write a compressed file, or one in another encoding, as plain UTF-8 to `target`; False where the file is plain already.

    InvalidInput where it is cut, or not in that encoding: an engine may read a cut file as far as it goes. OutsideFailure
    where the disk is full.
    """
    with file.open("rb") as stream:
        packed = stream.read(2) == GZIP_MAGIC
    if not packed and encoding == "utf-8":
        return False
    try:
        with gzip.open(file) if packed else file.open("rb") as source, target.open("wb") as plain:
            if encoding == "utf-8":
                while chunk := source.read(CHUNK):
                    plain.write(chunk)
            else:
                decoder = codecs.getincrementaldecoder(encoding)()
                while chunk := source.read(CHUNK):
                    plain.write(decoder.decode(chunk).encode())
                plain.write(decoder.decode(b"", final=True).encode())
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidInput(f"is damaged gzip: {error}", where=label, fix="write it again, and copy it whole") from None
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        fix = "free some space in the temporary folder"
        raise OutsideFailure("the disk is full", where=label, fix=fix) from None
    except UnicodeError:  # UTF-16 without a mark at its start is one of them
        raise InvalidInput(
            f"is not {encoding}, as the contract says", where=label, fix="correct `encoding:` in the contract"
        ) from None
    return True
