"""s3://bucket/key: an object, all below a prefix, or those that match a pattern; by boto3, in a process and an environment of
its own. Credentials, region and endpoint ($AWS_ENDPOINT_URL) are found as boto3 finds them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import SplitResult

from modelway import processes
from modelway.data.downloads import place_of
from modelway.data.schemes import Say, name_of
from modelway.environments import home, locks, store
from modelway.environments.tools import requirements_file
from modelway.errors import InvalidInput, OutsideFailure

WORKER = Path(__file__).parents[1] / "s3_worker.py"
SETTINGS = {"AWS_MAX_ATTEMPTS": "5", "AWS_RETRY_MODE": "standard"}


def brought(address: SplitResult, say: Say) -> Path:
    shown = name_of(address.geturl())
    key = address.geturl().partition("://")[2].partition("/")[2]  # `?` and `#` stand for themselves
    if not address.netloc:
        raise InvalidInput("names no bucket", where=shown, fix="write it as s3://bucket/key")
    python = store.interpreter(requirements_file("s3"), locks.base_python(), compiled=False)
    with place_of(address.geturl()) as folder, tempfile.TemporaryFile() as log:
        environ = {**SETTINGS, **home.without_python_settings(os.environ)}
        process = processes.start(
            [python, "-I", "-X", "utf8", str(WORKER)], "/", environ, subprocess.PIPE, subprocess.PIPE, log
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            with process.stdin as asked:
                asked.write(json.dumps({"bucket": address.netloc, "key": key, "folder": str(folder)}).encode())
            said = {}
            for line in process.stdout:
                said = json.loads(line)
                if "progress" in said:
                    say(f"fetching {shown}: {said['progress']}")
            code = process.wait()
        finally:
            processes.end_own(process)
            process.stdout.close()
        if "path" in said:
            return folder / str(said["path"])
        log.seek(0)
        what = str(said.get("error") or f"the client ended with {code}")
        if said.get("user"):
            raise InvalidInput(f"cannot be fetched: {what}", where=shown, fix=str(said["fix"]))
        raise OutsideFailure(f"cannot be fetched: {what}", where=shown, fix="try again, or look at $AWS_ENDPOINT_URL")
