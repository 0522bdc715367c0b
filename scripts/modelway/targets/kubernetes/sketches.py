"""Counts of what pods are asked: the token that opens them, and the days that are kept of them.

The token is in the one Secret of the namespace that our Role names; every target has a key of its own in it. Days are in
ConfigMaps, each compressed and below the size that one may have; each write carries the version that was read.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from modelway.errors import InvalidInput, ModelwayError, OutsideFailure
from modelway.monitoring.kept_days import StoredPart
from modelway.records import Release
from modelway.targets.counting_servers import CountingPlace, variables
from modelway.targets.kubernetes import names
from modelway.targets.kubernetes.cluster import Cluster, Object
from modelway.targets.kubernetes.refusals import ApiError
from modelway.targets.kubernetes.state import KubernetesSlot

DATA = "days"
LARGEST = 1_000_000
"""Of a ConfigMap's 1 MiB, which its names are part of."""
ATTEMPTS = 10
Say = Callable[[str], None]


@dataclass(frozen=True)
class PodSketches:
    """key: the target's name in its namespace. wanted: false: no pod counts anything. known: the token, once it was read."""

    cluster: Cluster
    key: str
    wanted: bool
    known: dict[str, str] = field(default_factory=dict)

    def prepared(self, slot: KubernetesSlot, release: Release, say: Say) -> KubernetesSlot:
        """Its pods will count, where the release has a sketch, and there is a token, which is made now. Nothing is refused
        where there is none: what is deployed matters more than what is counted."""
        if not (self.wanted and release.training_sketch):
            return slot
        try:
            self.known[self.key] = self._made()
        except ModelwayError as error:
            say(f"its pods count nothing of what they are asked: {error.line()}")
            return slot
        return msgspec.structs.replace(slot, sketch=True)

    def variables(self, slot: KubernetesSlot) -> dict[str, str]:
        """Of its pods."""
        return variables(self._token()) if slot.sketch and self.wanted else {}

    def place(self) -> CountingPlace:
        return CountingPlace(self._token(refuses=True), ConfigMapParts(self.cluster, self.key))

    def _token(self, *, refuses: bool = False) -> str:
        """Empty where there is none; refuses: what stands in the way is raised."""
        if self.key not in self.known:
            try:
                self.known[self.key] = self._read(self.cluster.get("Secret", names.SKETCHES))
            except ModelwayError:
                if refuses:
                    raise
                self.known[self.key] = ""
        return self.known[self.key]

    def _read(self, secret: Object | None) -> str:
        text = ((secret or {}).get("data") or {}).get(self.key, "")
        try:
            return base64.b64decode(text, validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            raise InvalidInput(
                f"its key {self.key} is no token", where=f"Secret {names.SKETCHES}", fix="delete it, and deploy again"
            ) from None

    def _made(self) -> str:
        metadata = {"name": names.SKETCHES, "labels": {"app.kubernetes.io/managed-by": "modelway"}}
        for _ in range(ATTEMPTS):
            found = self.cluster.get("Secret", names.SKETCHES)
            if found is not None and (token := self._read(found)):
                return token
            try:
                if found is None:
                    # applied and not created: a Role can allow it for this name alone
                    self.cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"})
                    continue
                text = base64.b64encode(secrets.token_hex(32).encode()).decode()
                version = {"resourceVersion": found["metadata"]["resourceVersion"]}
                written = self.cluster.merge("Secret", names.SKETCHES, {"metadata": version, "data": {self.key: text}})
                return self._read(written)
            except ApiError as error:
                if error.status != 409:  # another target's token was written meanwhile
                    raise self.cluster.told(error) from None
        raise OutsideFailure("is changed by somebody else all the time", where=f"Secret {names.SKETCHES}")


@dataclass(frozen=True)
class ConfigMapParts:
    """Parts as ConfigMaps of the target."""

    cluster: Cluster
    key: str
    most_bytes: int = 700_000
    """Of the 1 MiB that one may have: a day more goes in, of up to a thousand columns."""

    def read(self) -> Mapping[str, StoredPart]:
        found = self.cluster.list("ConfigMap", f"{names.TARGET}={self.key},{names.DAYS}")
        return {str(item["metadata"]["labels"][names.DAYS]): _stored(item) for item in found}

    def write(self, name: str, data: bytes, version: str | None) -> StoredPart | None:
        labels = {names.TARGET: self.key, names.DAYS: name, "app.kubernetes.io/managed-by": "modelway"}
        metadata: Object = {"name": f"{self.key}-{name}", "labels": labels}
        packed = zlib.compress(data, 9)
        if len(packed) > LARGEST:
            raise InvalidInput(
                f"a day of {len(packed):,} bytes does not go into a ConfigMap, which holds {LARGEST:,}",
                where=f"{self.cluster.where}, ConfigMap {self.key}-{name}",
                fix="name columns in monitor.leave-out, and train and deploy a version without them",
            )
        binary = {DATA: base64.b64encode(packed).decode()}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": binary}
        try:
            if version is None:
                return _stored(self.cluster.create(body))
            metadata["resourceVersion"] = version
            return _stored(self.cluster.replace(body))
        except ApiError as error:
            if error.status in (404, 409):
                return None
            raise self.cluster.told(error) from None

    def remove(self, name: str) -> None:
        self.cluster.delete("ConfigMap", f"{self.key}-{name}")


def _stored(found: Object) -> StoredPart:
    try:
        packed = base64.b64decode((found.get("binaryData") or {}).get(DATA, ""), validate=True)
        data = zlib.decompress(packed)
    except (zlib.error, binascii.Error):
        raise InvalidInput(
            "is not what monitor-model writes",
            where=f"ConfigMap {found['metadata']['name']}",
            fix="put it back from a backup, or delete it: its days are gone then",
        ) from None
    return StoredPart(data, str(found["metadata"]["resourceVersion"]), len(packed))
