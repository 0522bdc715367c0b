"""s3://bucket/key: an object, all below a prefix, or those that match a pattern; by boto3, in a process and an environment of
its own. Credentials, region and endpoint ($AWS_ENDPOINT_URL) are found as boto3 finds them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult

from modelway.data import workers
from modelway.data.downloads import place_of
from modelway.data.schemes import Say, name_of
from modelway.errors import InvalidInput

SETTINGS = {"AWS_MAX_ATTEMPTS": "5", "AWS_RETRY_MODE": "standard"}


def brought(address: SplitResult, say: Say) -> Path:
    shown = name_of(address.geturl())
    key = address.geturl().partition("://")[2].partition("/")[2]  # `?` and `#` stand for themselves
    if not address.netloc:
        raise InvalidInput("names no bucket", where=shown, fix="write it as s3://bucket/key")
    with place_of(address.geturl()) as folder:
        asked = {"bucket": address.netloc, "key": key, "folder": str(folder)}
        return folder / str(
            workers.fetched("s3", asked, shown, say, SETTINGS, "try again, or look at $AWS_ENDPOINT_URL")
        )
