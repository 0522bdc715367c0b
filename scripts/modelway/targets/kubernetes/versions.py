"""What an older Kubernetes does not take, as it takes it. The oldest that is tested is 1.29."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

SLEEP = 30
"""The first minor version in which lifecycle.preStop.sleep is there unless somebody has switched it off."""


def minor_of(said: Mapping[str, Any]) -> int | None:
    """Of what /version answers: 29 of "29", and of "29+", as some clouds write it. None of anything else."""
    found = re.match(r"\d+", str(said.get("minor", "")))
    return int(found[0]) if found and str(said.get("major")) == "1" else None


def fitted(body: dict[str, Any], minor: Callable[[], int | None]) -> dict[str, Any]:
    """A Deployment's preStop.sleep becomes a `sleep` in the container, before 1.30: the API server would drop it, and refuse
    what is left, a hook that does nothing. An image without that program ends its pods at once, with an event
    FailedPreStopHook. minor: asked only where there is such a hook."""
    if body.get("kind") != "Deployment" or not any(map(_seconds, _containers(body))):
        return body
    version = minor()
    if version is None or version >= SLEEP:
        return body
    body = copy.deepcopy(body)
    for container in _containers(body):
        if seconds := _seconds(container):
            container["lifecycle"]["preStop"] = {"exec": {"command": ["sleep", str(seconds)]}}
    return body


def _containers(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(((body["spec"].get("template") or {}).get("spec") or {}).get("containers") or ())


def _seconds(container: Mapping[str, Any]) -> int:
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    return int((hook.get("sleep") or {}).get("seconds", 0))
