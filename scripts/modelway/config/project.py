"""modelway.yml resolved for one environment: the file, the environment's overlay, then the inputs that were given."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from modelway.config import lookup, strict_yaml
from modelway.config.alarm_policy import refuse_contradictions
from modelway.config.document import Document, check, convert, suggestion
from modelway.config.drift import Drift
from modelway.config.keys import Section
from modelway.config.monitor import Monitor
from modelway.config.notify import Notify
from modelway.config.quality import Quality
from modelway.config.sections import Build, Data, Deploy, Gate, Project, Registry, Sections, Train
from modelway.config.service_levels import PROMISES
from modelway.errors import InvalidInput
from modelway.records import digest_of_json


class Resolved(Section, frozen=True, kw_only=True):
    """What holds for one environment (or for none, in training)."""

    source: str
    """The file's name, for messages."""
    model: str
    environment: str
    registry: Registry
    data: Data
    train: Train
    quality: Quality
    gate: Gate
    build: Build
    drift: Drift
    monitor: Monitor
    notify: Notify
    deploy: Deploy | None
    """None: nothing is deployed in this environment, and promote-model moves its alias."""
    promises: bool = False
    """Whether monitor.service itself says what is promised: its defaults are for alerts alone."""

    @property
    def alias(self) -> str:
        """The alias that says what runs in this environment."""
        return self.registry.alias or self.environment

    @property
    def policy_digest(self) -> str:
        """Over the resolved gate section as canonical JSON, so that comments and other sections do not matter."""
        return digest_of_json(msgspec.to_builtins(self.gate))


def load_project(
    path: Path, environment: str = "", overrides: Mapping[str, tuple[str, Any]] | None = None, name: str = ""
) -> Resolved:
    """Resolve modelway.yml. overrides: key -> (the input's name, its value), see `ci.Job.overrides`.

    An unknown key or environment, or a value of the wrong type, is InvalidInput with file, line, key and fix.
    """
    if not path.exists():
        raise InvalidInput(
            "cannot be read: No such file or directory",
            where=name or path.name,
            fix="name another one by config, or let `modelway init` write a first one",
        )
    document = strict_yaml.read(path, name or path.name)
    project = convert(document, Project)
    for known, overlay in project.environments.items():
        if overlay and overlay.registry.tracking_uri and overlay.registry.tracking_uri != project.registry.tracking_uri:
            where = document.at(("environments", known, "registry", "tracking-uri"))
            raise InvalidInput(
                "one model has one registry", where=where, fix="set registry.tracking-uri at the top level"
            )
    if environment and environment not in project.environments:
        raise InvalidInput(
            f"unknown environment {environment[:200]!r}",
            where=document.at(("environments",)),
            fix=suggestion(environment, project.environments),
        )
    sections = {key: value for key, value in document.value.items() if key not in ("model", "environments")}
    if environment:
        sections = merged(sections, document.value["environments"][environment] or {})
    resolved = _resolved(sections, overrides or {}, document.name, project.model, environment)
    of_all = ("monitor", "policy")
    own = ("environments", environment, *of_all)
    place = own if environment and document.has(own) else of_all
    refuse_contradictions(resolved.monitor.policy, lambda keys: document.at((*place, *keys)))
    return resolved


def without_file(overrides: Mapping[str, tuple[str, Any]]) -> Resolved:
    """What holds where there is no modelway.yml: the defaults, and what was given."""
    return _resolved({}, overrides, "the inputs", "", "")


def _resolved(
    sections: dict[str, Any], overrides: Mapping[str, tuple[str, Any]], source: str, model: str, environment: str
) -> Resolved:
    for key, (given_by, value) in overrides.items():
        _override(sections, key, given_by, value)
    resolved = msgspec.convert(sections, Sections)
    return Resolved(
        source=source,
        model=model,
        environment=environment,
        registry=resolved.registry,
        data=resolved.data,
        train=resolved.train,
        quality=resolved.quality,
        gate=resolved.gate,
        build=resolved.build,
        drift=resolved.drift,
        monitor=resolved.monitor,
        notify=resolved.notify,
        deploy=resolved.deploy,
        promises=not PROMISES.isdisjoint((sections.get("monitor") or {}).get("service") or {}),
    )


def required(resolved: Resolved, key: str) -> Any:
    """The value of a dotted key that a stage cannot do without; InvalidInput where it is not set."""
    value: Any = resolved
    for part in key.split("."):
        value = getattr(value, part.replace("-", "_"))
    if value is None or value == "":
        raise InvalidInput(f"the key {key} is not set", where=resolved.source, fix=f"set {key}, or the input for it")
    return value


def merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """`upper` laid over `lower`: mappings merge key by key, anything else is replaced."""
    result = copy.deepcopy(dict(lower))
    for key, value in upper.items():
        below = result.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        result[key] = merged(below, value) if both and below is not None else copy.deepcopy(value)
    return result


def _override(sections: dict[str, Any], key: str, given_by: str, value: Any) -> None:
    *folders, last = key.split(".")
    place = sections
    for depth, part in enumerate(folders):
        if isinstance(lookup.kind_of(".".join(folders[: depth + 1])), inspect.UnionType) and not isinstance(
            place.get(part), dict
        ):  # a section that is there or not: an input does not make one
            raise InvalidInput(
                f"the environment has no {part} section", where=f"input {given_by}", fix=f"add `{part}:` to it"
            )
        place = place.setdefault(part, {})
    check(Document(f"input {given_by}", value), lookup.kind_of(key), value, ())
    below = place.get(last)
    place[last] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
