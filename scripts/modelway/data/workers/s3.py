"""boto3: objects of a bucket as files below a folder."""

from __future__ import annotations

import fnmatch
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from modelway.data.workers import Described, message_of

KEPT = ".modelway-objects.json"
WORD_SECONDS = 10.0
AT_ONCE = 8
"""Objects: of small ones most of the time is waiting."""
LOGIN = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else boto3 takes"


def answer(asked: Mapping[str, str], say: Callable[[str], None]) -> str:
    """asked: bucket, key, folder. The path, relative to the folder."""
    import boto3

    bucket, key, folder = asked["bucket"], asked["key"], Path(asked["folder"])
    client = boto3.client("s3")
    objects, path = found(client, bucket, key)
    if not objects:
        raise LookupError("nothing is there")
    files, here = folder / "objects", _Fetched(folder / KEPT)
    for item in objects:
        safe(item["Key"])
    _refuse_both({item["Key"] for item in objects})
    missing = [item for item in objects if not here.has(item, files / item["Key"])]
    total, came, told = sum(item["Size"] for item in missing), Counter[str](), time.monotonic()

    def fetch(item: dict[str, Any]) -> None:
        target = files / item["Key"]
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        client.download_file(bucket, item["Key"], str(part), Callback=lambda count: came.update(bytes=count))
        part.replace(target)
        here.note(item)

    with ThreadPoolExecutor(AT_ONCE) as workers:
        waiting = {workers.submit(fetch, item) for item in missing}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=1, return_when=FIRST_EXCEPTION)
                for ended in done:
                    ended.result()
                if time.monotonic() - told > WORD_SECONDS:
                    told = time.monotonic()
                    here.write()
                    of = f"{len(missing) - len(waiting):,} of {len(missing):,} objects"
                    say(f"{of}, {came['bytes'] / 1e6:,.0f} of {total / 1e6:,.0f} MB")
        finally:
            workers.shutdown(cancel_futures=True)
            here.write()
    wanted = {str(files / item["Key"]) for item in objects}
    for file in files.rglob("*"):
        if file.is_file() and str(file) not in wanted:
            file.unlink()
    return f"objects/{path}"


class _Fetched:
    """Which objects are here, and which state of each: what a later call need not fetch."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            kept = json.loads(file.read_bytes())
        except (OSError, ValueError):  # none yet, or one that was cut off
            kept = {}
        self.marks: dict[str, str] = kept if isinstance(kept, dict) else {}

    def has(self, item: dict[str, Any], target: Path) -> bool:
        return self.marks.get(item["Key"]) == self._mark(item) and target.is_file()

    def note(self, item: dict[str, Any]) -> None:
        self.marks[item["Key"]] = self._mark(item)

    def write(self) -> None:
        unfinished = self.file.with_suffix(".new")
        unfinished.write_text(json.dumps(dict(self.marks)))
        unfinished.replace(self.file)

    @staticmethod
    def _mark(item: dict[str, Any]) -> str:
        return f"{item['ETag']} {item['Size']}"


def _refuse_both(keys: set[str]) -> None:
    """An object may be named as what others are in; a file may not."""
    for key in keys:
        parts = key.split("/")
        both = next((name for at in range(1, len(parts)) if (name := "/".join(parts[:at])) in keys), None)
        if both is not None:
            raise LookupError(f"{both[:100]!r} is an object, and a folder of others")


def found(client: Any, bucket: str, key: str) -> tuple[list[dict[str, Any]], str]:
    """The objects that the key names, and how they are called together: a file, a folder or a pattern."""
    fixed = key[: min((key.index(sign) for sign in "*?[" if sign in key), default=len(key))]
    listed = [
        item
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=fixed)
        for item in page.get("Contents", ())
        if not item["Key"].endswith("/")
    ]
    if any(item["Key"] == key for item in listed):  # also one whose name has a sign of a pattern in it
        return [item for item in listed if item["Key"] == key], safe(key)
    if fixed != key:
        parts = key.split("/")
        matching = [item for item in listed if matches(item["Key"].split("/"), parts)]
        return matching, key
    prefix = key if key.endswith("/") or not key else f"{key}/"
    return [item for item in listed if item["Key"].startswith(prefix)], prefix


def matches(name: list[str], pattern: list[str]) -> bool:
    """Part by part, as a pattern of paths is."""
    return len(name) == len(pattern) and all(map(fnmatch.fnmatchcase, name, pattern))


def safe(key: str) -> str:
    """InvalidKey where the object's name would be another place of this machine."""
    parts = key.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts) or any(
        len(part.encode()) > 240 for part in parts
    ):
        raise LookupError(f"the object {key[:100]!r} has no name that a file can have")
    return key


def described(error: Exception) -> Described:
    message = message_of(error)
    response = getattr(error, "response", None)
    code = str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) if isinstance(response, dict) else 0
    if isinstance(error, LookupError):
        return {"error": message, "user": True, "fix": "name an object, a prefix that ends in /, or a pattern"}
    if "Credentials" in type(error).__name__ or status in (400, 401, 403) or code in ("AccessDenied", "ExpiredToken"):
        return {"error": message, "user": True, "fix": LOGIN}
    if status == 404:
        return {"error": message, "user": True, "fix": "look at the bucket's name"}
    if isinstance(error, OSError) and not hasattr(error, "kwargs"):
        return {"error": f"cannot be written: {error.strerror}", "user": False}
    return {"error": message, "user": False}
