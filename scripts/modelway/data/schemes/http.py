"""http://host/path: as https, for a server in the team's own network."""

from modelway.data.schemes.https import brought

__all__ = ["brought"]
