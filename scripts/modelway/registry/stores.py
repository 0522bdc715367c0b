"""Artifacts that the server does not hand through itself: in s3://, gs://, abfss:// and the like, by MLflow's own client."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelway.errors import InvalidInput, OutsideFailure
from modelway.registry.client_process import ENVIRONMENTS, FILES_SECONDS, PLAIN, ClientProcess, scheme_of


@dataclass(frozen=True)
class Stores:
    """The stores that one registry hands out addresses of. environ: their credentials. until: by time.monotonic."""

    tracking_uri: str = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)
    until: float
    clients: dict[str, ClientProcess] = field(default_factory=dict, repr=False)
    """By their environment's name; each is started when it is first needed."""

    def client(self, environment: str) -> ClientProcess:
        if environment not in self.clients:
            self.clients[environment] = ClientProcess(self.tracking_uri, environment, self.environ, self.until)
        return self.clients[environment]

    def end(self) -> None:
        for client in self.clients.values():
            client.end()

    def read_artifact(self, uri: str, path: str, limit: int) -> bytes:
        size = self._size(uri, path)
        if size > limit:
            raise InvalidInput(f"artifact {path} has {size} bytes, more than {limit}", where=uri)
        with tempfile.TemporaryDirectory(prefix="modelway-artifact-") as here:
            file = self._of(uri).call("read", seconds=FILES_SECONDS, uri=uri, path=path, folder=here)
            data = Path(file).read_bytes()
        if len(data) != size:
            raise OutsideFailure(f"artifact {path} has {len(data)} bytes instead of {size}", where=uri)
        return data

    def download(self, uri: str, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        if not self._of(uri).call("download", seconds=FILES_SECONDS, uri=uri, folder=str(folder)):
            fix = "check that the run or model still exists"
            raise InvalidInput("there are no artifacts", where=uri, fix=fix)
        return folder

    def download_file(self, uri: str, path: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".modelway-artifact-", dir=target.parent) as here:
            size = self._size(uri, path)
            file = Path(self._of(uri).call("read", seconds=FILES_SECONDS, uri=uri, path=path, folder=here))
            if (received := file.stat().st_size) != size:
                raise OutsideFailure(f"artifact {path} has {received} bytes instead of {size}", where=uri)
            file.replace(target)

    def upload(self, uri: str, path: str, data: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="modelway-artifact-") as here:
            file = Path(here, path.rpartition("/")[2])
            file.write_bytes(data)
            self._of(uri).call("upload", seconds=FILES_SECONDS, uri=uri, path=path, file=str(file))

    def _size(self, uri: str, path: str) -> int:
        """In bytes."""
        folder, _, name = path.rpartition("/")
        size = dict(self._of(uri).call("list_files", uri=uri, path=folder)).get(name)
        if size is None:
            fix = "check that the run still has its artifacts"
            raise InvalidInput(f"there is no artifact {path}", where=uri, fix=fix)
        return int(size)

    def _of(self, uri: str) -> ClientProcess:
        """The client that knows the address. One that is the server's own (mlflow-artifacts:, a path) any client knows."""
        return self.client(ENVIRONMENTS.get(scheme_of(uri)) or next(iter(self.clients), PLAIN))
