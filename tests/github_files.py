"""What a step on GitHub hands on: the file that its outputs are appended to."""

from __future__ import annotations

from pathlib import Path


def outputs_in(file: Path) -> dict[str, str]:
    """Of one line each, by name; of those that were written twice the last."""
    lines = file.read_text().splitlines()
    return {line.split("<<")[0]: lines[at + 1] for at, line in enumerate(lines) if "<<modelway-" in line}
