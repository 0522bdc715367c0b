"""boto3 as a program, for an environment of its own: objects of a bucket as files below a folder.

It reads {"bucket": ..., "key": ..., "folder": ...} and writes lines of JSON: {"progress": ...}, and at the end {"answer": the
path, relative to the folder}, or {"error": ..., "user": whether the caller can mend it, "fix": ...}.
"""

from __future__ import annotations

import fnmatch
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

KEPT = ".modelway-objects.json"
WORD_SECONDS = 10.0
LOGIN = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else boto3 takes"


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print
    asked = json.load(sys.stdin)

    def answer(**said: object) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    try:
        answer(answer=bring(asked["bucket"], asked["key"], Path(asked["folder"]), lambda text: answer(progress=text)))
    except Exception as error:
        answer(**described(error))


def bring(bucket: str, key: str, folder: Path, say: Any) -> str:
    import boto3

    client = boto3.client("s3")
    objects, path = found(client, bucket, key)
    if not objects:
        raise LookupError("nothing is there")
    kept_file = folder / KEPT
    kept = json.loads(kept_file.read_text()) if kept_file.exists() else {}
    files = folder / "objects"
    total, done, told = sum(item["Size"] for item in objects), 0, time.monotonic()
    here: dict[str, str] = {}
    for item in objects:
        name, mark = item["Key"], f"{item['ETag']} {item['Size']}"
        target = files / safe(name)
        if kept.get(name) != mark or not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            client.download_file(bucket, name, str(part))
            part.replace(target)
        here[name] = mark
        kept_file.write_text(json.dumps({**{n: m for n, m in kept.items() if n in here or n > name}, **here}))
        done += item["Size"]
        if time.monotonic() - told > WORD_SECONDS:
            told = time.monotonic()
            say(f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB")
    wanted = {str(files / safe(name)) for name in here}
    for file in files.rglob("*"):
        if file.is_file() and str(file) not in wanted:
            file.unlink()
    return f"objects/{path}"


def found(client: Any, bucket: str, key: str) -> tuple[list[dict[str, Any]], str]:
    """The objects that the key names, and how they are called together: a file, a folder or a pattern."""
    fixed = key[: min((key.index(sign) for sign in "*?[" if sign in key), default=len(key))]
    listed = [
        item
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=fixed)
        for item in page.get("Contents", ())
        if not item["Key"].endswith("/")
    ]
    if fixed != key:
        parts = key.split("/")
        matching = [item for item in listed if matches(item["Key"].split("/"), parts)]
        return matching, key
    if any(item["Key"] == key for item in listed):
        return [item for item in listed if item["Key"] == key], safe(key)
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


def described(error: Exception) -> dict[str, Any]:
    message = " ".join(str(error).split())[:300] or type(error).__name__
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


if __name__ == "__main__":
    main()
