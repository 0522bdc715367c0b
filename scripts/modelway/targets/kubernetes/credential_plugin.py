"""A kubeconfig's exec plugin, such as a cloud's login, run in a bounded time.

The official client waits for one for ever, and where one fails it goes on without credentials."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SECONDS = 30.0


@dataclass
class PluginFailures:
    said: list[str] = field(default_factory=list)


@contextlib.contextmanager
def installed(kube_config: Any) -> Iterator[PluginFailures]:
    """The client runs plugins as here from now on: it asks again where a token has expired. What failed meanwhile is in what
    is yielded, without what the plugin printed: that may be a secret."""
    failures = PluginFailures()

    class Plugin:
        def __init__(self, wanted: Any, folder: str, cluster: Any = None) -> None:
            self.wanted, self.folder, self.cluster = wanted.value, folder, cluster.value if cluster else {}

        def run(self) -> dict[str, Any]:
            try:
                return _status(self.wanted, self.folder, self.cluster)
            except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError) as error:
                failures.said.append(f"the plugin {self.wanted.get('command')} {_why(error)}")
                return {}

    kube_config.ExecProvider = Plugin
    kube_config.logging = _Silent
    yield failures


class _Silent:
    """The client logs that credentials are missing, which is told as one line."""

    @staticmethod
    def error(*said: object) -> None:
        return


def _status(wanted: dict[str, Any], folder: str, cluster: dict[str, Any]) -> dict[str, Any]:
    """What the plugin prints of itself."""
    spec: dict[str, Any] = {"interactive": False}
    if wanted.get("provideClusterInfo"):
        spec["cluster"] = _for_plugin(cluster)
    info = {"apiVersion": wanted["apiVersion"], "kind": "ExecCredential", "spec": spec}
    own = {str(item["name"]): str(item["value"]) for item in wanted.get("env") or ()}
    done = subprocess.run(
        [wanted["command"], *map(str, wanted.get("args") or ())],
        env={**os.environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(info)},
        cwd=folder or None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )
    status: dict[str, Any] = json.loads(done.stdout)["status"]
    if "token" not in status and not {"clientCertificateData", "clientKeyData"} <= set(status):
        raise KeyError("token")
    return status


def _for_plugin(cluster: dict[str, Any]) -> dict[str, Any]:
    """As a plugin is told of the cluster."""
    found = {key: said for key, said in cluster.items() if key != "extensions"}
    for item in cluster.get("extensions") or ():
        if item.get("name") == "client.authentication.k8s.io/exec":
            found["config"] = item.get("extension")
    return found


def _why(error: BaseException) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"ended with exit code {error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"gave no answer in {SECONDS:.0f} s"
    if isinstance(error, OSError):
        return f"cannot be run: {error.strerror}"
    return "printed no credentials"
