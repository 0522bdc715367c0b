"""postgres://: another name of postgresql://."""

from modelway.data.schemes.postgresql import brought

__all__ = ["brought"]
