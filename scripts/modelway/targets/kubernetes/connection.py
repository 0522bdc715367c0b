"""Which cluster, and as whom: $KUBECONFIG (paths, or the file's content from a secret), ~/.kube/config, or the pod that this
runs in."""

from __future__ import annotations

import os
import ssl
import warnings
from pathlib import Path
from typing import Any

import yaml

from modelway.errors import InvalidInput

WHERE = "KUBECONFIG"
CONNECTIONS = 16
"""Kept open at once: every pod's /metrics is read at the same time."""


def connect(context: str | None) -> tuple[Any, str]:
    """The official client's ApiClient, and the namespace that the context names, or `default`. Asks no server. context: of the
    kubeconfig; None: its current one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from kubernetes import client
        from kubernetes import config as untyped
    config: Any = untyped
    settings = client.Configuration()  # a copied default keeps another kubeconfig's token
    settings.retries = False  # cluster.py tries again, within a time of its own
    settings.connection_pool_maxsize = CONNECTIONS
    try:
        said = os.environ.get("KUBECONFIG", "")
        if _is_content(said):
            document = _parsed(said)
            config.load_kube_config_from_dict(document, context, settings, persist_config=False)
            namespace = _namespace(document, context)
        elif said or _default_file().exists():
            path = said or str(_default_file())
            _check_files(path)
            config.load_kube_config(path, context, settings, persist_config=False)
            active = config.list_kube_config_contexts(path)
            chosen = next((item for item in active[0] if item["name"] == context), None) if context else active[1]
            namespace = ((chosen or {}).get("context") or {}).get("namespace")
        elif "KUBERNETES_SERVICE_HOST" in os.environ:
            config.load_incluster_config(settings)
            namespace = _mounted_namespace()
        else:
            raise InvalidInput(
                "no cluster is named", where=WHERE, fix="set it to a kubeconfig's path, or to its content from a secret"
            )
    except (config.ConfigException, yaml.YAMLError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(
            f"is no kubeconfig that can be used: {_one_line(error)}",
            where=WHERE,
            fix="try the same file with `kubectl get pods`",
        ) from None
    made = client.ApiClient(settings)
    made.rest_client.pool_manager.connection_pool_kw["ssl_context"] = _context()
    return made, namespace or "default"


def _context() -> ssl.SSLContext:
    """From Python 3.13 on the default refuses certificates that many a cluster has made for itself, and kubectl takes."""
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _default_file() -> Path:
    return Path.home() / ".kube" / "config"


def _is_content(said: str) -> bool:
    """A secret holds the file itself: a path has no line breaks, and begins no mapping."""
    return "\n" in said.strip() or said.lstrip().startswith("{")


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:  # its text would be in the message, and with it a token
        raise ValueError(f"its content is no YAML{_line_of(error)}") from None
    if not isinstance(document, dict) or "clusters" not in document:
        raise ValueError("its content names no clusters")
    return document


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1})" if mark else ""


def _check_files(paths: str) -> None:
    named = [Path(path).expanduser() for path in paths.split(os.pathsep) if path]
    found = [path for path in named if path.exists()]
    if not found:
        raise ValueError(f"there is no file {named[0] if named else ''}")
    for path in found:
        _parsed(path.read_text(encoding="utf-8"))


def _namespace(document: dict[str, Any], context: str | None) -> str | None:
    name = context or document.get("current-context")
    found: list[dict[str, Any]] = [item for item in document.get("contexts") or () if item.get("name") == name]
    return (found[0].get("context") or {}).get("namespace") if found else None


def _mounted_namespace() -> str | None:
    path = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return path.read_text(encoding="utf-8").strip() if path.exists() else None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
