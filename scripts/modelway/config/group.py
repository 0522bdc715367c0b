"""The file of a group: services that go together, in the order in which they are deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from modelway.config import strict_yaml
from modelway.config.document import Document, convert
from modelway.config.keys import Name, Section


class GroupMember(Section, frozen=True, kw_only=True):
    """A service of the group."""

    config: Name
    """Its modelway.yml, below the folder of the group's file."""
    name: Annotated[str, Meta(pattern="^[^=,]*$")] = ""
    """Of the member within the group; empty: its model's."""
    environment: str = ""
    """Of its modelway.yml; empty: the one that was asked for."""
    built_for: str = ""
    """The environment whose gate its version passed and was built for; empty: the one that it is deployed to."""


class GroupFile(Section, frozen=True, kw_only=True):
    """The whole file."""

    group: Annotated[str, Meta(min_length=1, max_length=100, pattern="^[A-Za-z0-9._-]+$")]
    """Its name, for the record."""
    members: Annotated[tuple[GroupMember, ...], Meta(min_length=2)]
    """Deployed in this order, taken back in the opposite one."""


def load_group(path: Path, name: str) -> tuple[GroupFile, Document]:
    """The group, and the file with its lines. InvalidInput with file, line, key and fix where something is wrong with it."""
    document = strict_yaml.read(path, name)
    return convert(document, GroupFile), document
