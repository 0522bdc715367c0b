"""https://host/path/train.parquet: one file, downloaded once and again when it has changed. A download that breaks off goes on
where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import SplitResult, unquote

import requests

from modelway.data.downloads import place_of
from modelway.data.schemes import Say, name_of
from modelway.environments import home
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.files import write_whole

CONNECT_SECONDS, READ_SECONDS = 10, 60
ATTEMPTS, PAUSE_SECONDS = 5, 0.5
CHUNK = 1 << 16
"""What is lost of a download that breaks off, at most."""
WORD_SECONDS = 10.0
PAGES = ("text/html", "application/xhtml+xml")
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_NAME = 200
"""Bytes; a file's name may have 255, and the unfinished one's is longer."""
KEPT = "downloaded.json"
"""What the server said of the file that is here."""


NO_ADDRESS: Mapping[type[Exception], str] = {
    requests.exceptions.InvalidURL: "it is no address of a server",
    requests.exceptions.MissingSchema: "it leads to no address",
    requests.exceptions.InvalidSchema: "it leads to another kind of address, which is not followed",
    requests.exceptions.TooManyRedirects: "it leads from one address to the next without an end",
    ValueError: "it leads to no address",
}


class _Broken(Exception):
    """Worth another attempt."""


def brought(address: SplitResult, say: Say) -> Path:
    name = unquote(address.path).replace("\0", "").rstrip("/").rpartition("/")[2]
    shown = name_of(address.geturl())
    if name in ("", ".", "..", KEPT):
        raise InvalidInput("names no file", where=shown, fix="name a file of CSV, Parquet or JSON lines")
    name = name.encode()[-LONGEST_NAME:].decode(errors="ignore")  # its end says what it holds
    with place_of(address.geturl()) as folder, requests.Session() as session:
        for attempt in range(ATTEMPTS):
            try:
                return _downloaded(session, address.geturl(), shown, folder / name, say)
            except (ValueError, requests.TooManyRedirects) as error:  # no attempt mends it
                said = next(said for kind, said in NO_ADDRESS.items() if isinstance(error, kind))
                raise InvalidInput(f"cannot be fetched: {said}", where=shown, fix="look at the address") from None
            except (_Broken, requests.RequestException, OSError) as error:
                if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
                    raise home.cannot_write(folder, error) from None
                failure = _failure(error, shown)
            if attempt + 1 < ATTEMPTS:
                say(f"{failure.line()}; once more")
                time.sleep(PAUSE_SECONDS * 2**attempt)
        raise failure


def _downloaded(session: requests.Session, url: str, shown: str, file: Path, say: Say) -> Path:
    """The file, whole, as the server has it now."""
    part, record = file.with_name(f"{file.name}.part"), file.with_name(KEPT)
    known = _known(record)
    ask = {"Accept-Encoding": "identity"}  # of a file that a server packs on the way, no part could be asked for
    unfinished = known.get("unfinished") == "yes" and part.exists() and part.stat().st_size > 0
    if unfinished and known.get("etag"):
        ask |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": known["etag"]}
    elif file.exists() and known.get("unfinished") == "no":
        ask |= {
            **({"If-None-Match": known["etag"]} if known.get("etag") else {}),
            **({"If-Modified-Since": known["modified"]} if known.get("modified") else {}),
        }
    with session.get(url, headers=ask, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as answer:
        if answer.status_code == HTTPStatus.NOT_MODIFIED:
            return file
        if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)
            raise _Broken("the file has changed meanwhile")
        if answer.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            raise _refusal(answer, shown)
        begun = part.stat().st_size if answer.status_code == HTTPStatus.PARTIAL_CONTENT else 0
        _refuse_page(answer, shown)
        length = answer.headers.get("Content-Length", "")
        packed = answer.headers.get("Content-Encoding", "").lower() not in ("", "identity")  # though none was asked for
        whole = begun + int(length) if length.isdigit() and not packed else None
        said = {"etag": answer.headers.get("ETag", ""), "modified": answer.headers.get("Last-Modified", "")}
        if said["etag"].startswith("W/") or packed:
            said["etag"] = ""  # parts of it need not fit
        write_whole(record, json.dumps({**said, "unfinished": "yes"}).encode())
        _receive(answer, part, begun, whole, shown, say)
    if whole is not None and part.stat().st_size != whole:
        raise _Broken(f"{part.stat().st_size:,} of {whole:,} bytes came")
    part.replace(file)
    write_whole(record, json.dumps({**said, "unfinished": "no"}).encode())
    return file


def _receive(answer: requests.Response, part: Path, begun: int, whole: int | None, shown: str, say: Say) -> None:
    told, done = time.monotonic(), begun
    with part.open("ab" if begun else "wb") as stream:
        for chunk in answer.iter_content(CHUNK):
            stream.write(chunk)
            done += len(chunk)
            if time.monotonic() - told > WORD_SECONDS:
                told = time.monotonic()
                say(f"fetching {shown}: {done / 1e6:,.0f}{f' of {whole / 1e6:,.0f}' if whole else ''} MB")


def _refuse_page(answer: requests.Response, shown: str) -> None:
    """A page to log in, a listing of a folder: it would be taken for strange CSV."""
    if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() in PAGES:
        raise InvalidInput(
            "cannot be fetched: the server answers with a page (HTML), not with data",
            where=shown,
            fix="give the address of the file itself; a page to log in needs a signed address, or data.command",
        )


def _known(record: Path) -> Mapping[str, str]:
    try:
        known = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _refusal(answer: requests.Response, shown: str) -> ModelwayError | _Broken:
    status = f"{answer.status_code} {answer.reason or ''}".strip()
    if answer.status_code in TRANSIENT:
        return _Broken(f"the server answers {status}")
    fix = "look at the address"
    if answer.status_code in (401, 403):
        fix = "give an address that may be read (a signed one), or fetch it with data.command, which has the team's secrets"
    return InvalidInput(f"cannot be fetched: the server answers {status}", where=shown, fix=fix)


def _failure(error: Exception, shown: str) -> OutsideFailure:
    """(A message of requests names the address with its signature.)"""
    words = {
        requests.exceptions.SSLError: "its certificate is not trusted",
        requests.exceptions.ConnectTimeout: f"no connection within {CONNECT_SECONDS} s",
        requests.exceptions.ReadTimeout: f"nothing came for {READ_SECONDS} s",
        requests.exceptions.ConnectionError: "it cannot be reached, or broke off",
        requests.exceptions.ChunkedEncodingError: "it broke off",
        requests.exceptions.RequestException: type(error).__name__,
    }
    said = next((said for kind, said in words.items() if isinstance(error, kind)), "")
    what = said or str(error)
    return OutsideFailure(f"cannot be fetched: {what}", where=shown, fix="try again, or look at the address")
