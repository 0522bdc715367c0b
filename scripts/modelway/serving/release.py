"""Which release this is: the file that build-image puts beside the model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class ServedRelease:
    """trained_at is ISO 8601; digest and content are the model's (sha256); environment is the one it was built for."""

    model: str
    version: int
    run_id: str
    digest: str
    content: str
    trained_at: str
    environment: str

    def as_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @property
    def labels(self) -> dict[str, str]:
        """What every metric carries."""
        return {"model": self.model, "version": str(self.version), "digest": self.digest}


def read(path: Path) -> ServedRelease:
    """ValueError, in one line, where the file is not a release."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise ValueError(f"{path}: is not JSON") from None
    if not isinstance(said, dict):
        raise ValueError(f"{path}: must be an object")
    for field in fields(ServedRelease):
        kind = int if field.name == "version" else str
        if type(said.get(field.name)) is not kind:
            raise ValueError(f"{path}: {field.name} must be {'a whole number' if kind is int else 'text'}")
    return ServedRelease(**{field.name: said[field.name] for field in fields(ServedRelease)})
