"""The server's settings: a flag for each, and an environment variable for each, which is what an image uses."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from modelway.serving.request_log import RequestLogSettings

MOST_WORKERS = 64


@dataclass(frozen=True)
class ServerSettings:
    """Times are in seconds. The defaults are the image's."""

    model: Path = Path("/opt/modelway/model")
    release: Path = Path("/opt/modelway/release.json")
    environment: str = ""
    host: str = "0.0.0.0"  # noqa: S104  in an image the way in is the container's port
    port: int = 8080
    workers: int = 1
    batching: bool = True
    max_batch_rows: int = 256
    max_waiting: int = 256
    max_body_bytes: int = 4 << 20
    max_held_bytes: int = 64 << 20
    max_rows: int = 10_000
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    keep_alive_seconds: float = 75.0
    stop_seconds: float = 10.0
    access_log: bool = False
    sample_token_sha256: str = ""
    sketch: str = ""
    sketches_token_sha256: str = ""
    features: str = ""
    request_log: str = ""
    request_log_share: float = 1.0
    request_log_masked: str = ""
    request_log_days: float = 7.0
    request_log_bytes: int = 1 << 30

    @property
    def logging(self) -> RequestLogSettings | None:
        if not self.request_log:
            return None
        masked = frozenset(name.strip() for name in self.request_log_masked.split(",") if name.strip())
        keep = self.request_log_days * 86400
        return RequestLogSettings(self.request_log, self.request_log_share, masked, keep, self.request_log_bytes)


HELP = {
    "model": "the folder of the MLflow model",
    "release": "the JSON file that says which release this is",
    "environment": "a folder of installed packages, put first on sys.path; left out: the interpreter's own",
    "host": "the address to listen on",
    "port": "the port to listen on; 0: a free one, which the log names",
    "workers": "processes that share the port, each with a copy of the model",
    "batching": "each request goes to the model alone",
    "max_batch_rows": "rows that go to the model together, at most; a larger request goes alone",
    "max_waiting": "requests of one worker that may wait for the model; the next one is answered 503",
    "max_body_bytes": "a larger request is answered 413",
    "max_held_bytes": "of all bodies of one worker that are not answered yet; a large one more is answered 503",
    "max_rows": "a request with more rows is answered 413",
    "header_seconds": "how long a client may take to send the head of a request",
    "body_seconds": "how long it may take to send the body, or to take the answer",
    "keep_alive_seconds": "how long a connection may be idle between two requests",
    "stop_seconds": "how long what was begun may take after SIGTERM",
    "sample_token_sha256": "remember some of the rows that are asked, for whoever has the token with this digest",
    "sketch": "count the rows that are asked in the cells of this sketch of the training data, minute by minute; left out: the"
    " one that build-image puts beside the model, and no columns where there is none",
    "sketches_token_sha256": "count these rows and how requests are answered, and tell that to whoever has the token with this"
    " digest",
    "features": "a file of JSON that says which columns are looked up in Redis, whose address is $MODELWAY_FEATURES_URL",
    "request_log": "a folder for the rows that clients ask and what is predicted for them, as JSON lines; -: standard output",
    "request_log_share": "of the requests, drawn at random",
    "request_log_masked": "columns that are never written there, with commas between them",
    "request_log_days": "how long its files are kept",
    "request_log_bytes": "of all its files; of more, the oldest are deleted",
    "access_log": "a line of JSON on standard output for each answer",
}
ALSO: Mapping[str, str] = {"port": "PORT", "workers": "WEB_CONCURRENCY"}
"""Variables that platforms set, heeded where modelway's own is not there."""
LEAST: Mapping[str, float] = {
    "port": 0,
    "workers": 1,
    "max_batch_rows": 1,
    "max_waiting": 1,
    "max_body_bytes": 1,
    "max_held_bytes": 1,
    "max_rows": 1,
    "request_log_share": 0.000001,
    "request_log_bytes": 1 << 20,
}
MOST: Mapping[str, float] = {"port": 65535, "workers": MOST_WORKERS, "request_log_share": 1}


def read(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> ServerSettings:
    """Flags first, then MODELWAY_<NAME>, then the platform's variable, then the default; an empty variable is unset. A wrong
    one ends the program, 2."""
    parser = argparse.ArgumentParser(
        prog="start.py", description="Serve one MLflow model over HTTP.", allow_abbrev=False
    )
    parser.add_argument("serve", nargs="?", choices=["serve"], help="the word that SageMaker starts a container with")
    for field in fields(ServerSettings):
        name, default = field.name, field.default
        given = environ.get(f"MODELWAY_{name.upper()}", "") or environ.get(ALSO.get(name, ""), "")
        dashed = name.replace("_", "-")
        if isinstance(default, bool):
            on = _switch(parser, name, given) if given else default
            flag, action = (f"--no-{dashed}", "store_false") if default else (f"--{dashed}", "store_true")
            parser.add_argument(flag, dest=name, action=action, default=on, help=HELP[name])
            continue
        # argparse converts a default that is text as it does a flag's value, and names the flag where it cannot
        kind: Any = Path if isinstance(default, Path) else type(default)
        parser.add_argument(
            f"--{dashed}", type=_within(name, kind), default=given or default, help=f"{HELP[name]} (default: {default})"
        )
    values = vars(parser.parse_args(arguments))
    del values["serve"]
    chosen = ServerSettings(**values)
    for name in ("sample_token_sha256", "sketches_token_sha256"):
        if not re.fullmatch(r"(?:[0-9a-f]{64})?", getattr(chosen, name)):
            flag = f"--{name.replace('_', '-')}"
            parser.error(f"{flag} must be the SHA-256 of a token, 64 hexadecimal digits in lower case")
    if chosen.sketch and not chosen.sketches_token_sha256:
        parser.error("--sketch needs --sketches-token-sha256: who may read what is counted")
    if chosen.request_log_masked and not chosen.request_log:
        parser.error("--request-log-masked needs --request-log")
    return chosen


def _switch(parser: argparse.ArgumentParser, name: str, given: str) -> bool:
    if given.lower() not in ("true", "false", "1", "0"):
        parser.error(f"MODELWAY_{name.upper()} is {given!r}; it must be true or false")
    return given.lower() in ("true", "1")


def _within(name: str, kind: Any) -> Any:
    def convert(text: str) -> Any:
        value = kind(text)
        if kind in (int, float) and not LEAST.get(name, 0.1) <= value <= MOST.get(name, 2**40):
            raise ValueError(text)
        return value

    convert.__name__ = {int: "whole number", float: "number"}.get(kind, "value")
    return convert
