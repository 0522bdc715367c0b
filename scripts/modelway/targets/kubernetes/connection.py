"""Which cluster, and as whom: $KUBECONFIG (paths, or the file's content from a secret), ~/.kube/config, or the pod that this
runs in."""

from __future__ import annotations

import os
import shutil
import ssl
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from modelway.errors import InvalidInput
from modelway.targets.kubernetes.credential_plugin import PluginFailures, installed

WHERE = "KUBECONFIG"
CONTEXT = "deploy.kubernetes.context"
CONNECTIONS = 16
"""Kept open at once: every pod's /metrics is read at the same time."""
PATH_LENGTH = 200
"""What is longer, and is no file, may be a secret: it is not said again."""
GIVEN_UP = ("gcp", "azure")
"""Of the auth-providers: kubectl knows them no more since 1.26."""
Document = Mapping[str, Any]


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
        with installed(config.kube_config) as failures:
            namespace = _load(config, settings, context, failures)
        _check_token(settings)
    except (config.ConfigException, yaml.YAMLError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unusable(_one_line(error), "try the same file with `kubectl get pods`") from None
    made = client.ApiClient(settings)
    made.rest_client.pool_manager.connection_pool_kw["ssl_context"] = _context(settings.verify_ssl)
    return made, namespace or "default"


def _context(verify: bool) -> ssl.SSLContext:
    """From Python 3.13 on the default refuses certificates that many a cluster has made for itself, and kubectl takes."""
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = verify  # urllib3 cannot take it back where insecure-skip-tls-verify says so
    return context


def _load(config: Any, settings: Any, context: str | None, failures: PluginFailures) -> str | None:
    """The settings get what was found. The namespace that it names."""
    said = os.environ.get("KUBECONFIG", "").strip()
    if _is_content(said):
        document = _parsed(said)
        user = _user(document, context, Path())
        config.load_kube_config_from_dict(document, context, settings, persist_config=False)
    elif said or _default_file().exists():
        paths = _files(said or str(_default_file()))
        document = _merged([_read(path) for path in paths])
        user = _user(document, context, paths[0].parent)
        joined = os.pathsep.join(map(str, paths))
        config.load_kube_config(joined, context, settings, persist_config=False)
    elif "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config(settings)
        return _mounted_namespace()
    else:
        fix = "set it to a kubeconfig's path, or to its content from a secret"
        raise InvalidInput("no cluster is named", where=WHERE, fix=fix)
    if "exec" in user and failures.said:
        fix = f"run it by hand: {user['exec'].get('command')}; it may need a login first"
        raise _unusable(failures.said[-1], fix)
    return _chosen(document, context).get("namespace")


def _user(document: Document, context: str | None, folder: Path) -> Document:
    """Of the context; InvalidInput where anything that it names is not there. folder: that a plugin's path may begin at."""
    chosen = _chosen(document, context)
    cluster = _named(document, "clusters", chosen.get("cluster")).get("cluster") or {}
    server = str(cluster.get("server") or "")
    if not server.startswith(("https://", "http://")):
        raise _unusable(
            f"cluster {chosen.get('cluster')} has {f'the server {server}' if server else 'no server'}",
            "give its whole address, such as https://cluster.example.org:6443",
        )
    if not chosen.get("user"):
        return {}
    user: Document = _named(document, "users", chosen["user"]).get("user") or {}
    kind = (user.get("auth-provider") or {}).get("name")
    if kind in GIVEN_UP:
        raise _unusable(
            f"user {chosen['user']} logs in by auth-provider {kind}, which Kubernetes has given up",
            "let your cloud's login write the file anew, with an exec plugin, or use a service account's token",
        )
    if "exec" in user:
        command = str((user["exec"] or {}).get("command") or "")
        if shutil.which(str(folder / command) if os.sep in command else command) is None:
            raise _unusable(
                f"user {chosen['user']} logs in by the plugin {command}, which is not installed here",
                "install it in .github/actions/modelway-setup, or use a service account's token",
            )
    return user


def _chosen(document: Document, context: str | None) -> Document:
    """The context."""
    name = context or document.get("current-context")
    if not name:
        known = _names(document, "contexts")
        raise InvalidInput(
            "it names no current-context", where=WHERE, fix=f"say {CONTEXT} in modelway.yml; it has {known}"
        )
    found: Document = _named(document, "contexts", name, CONTEXT if context else WHERE).get("context") or {}
    return found


def _named(document: Document, kind: str, name: object, where: str = WHERE) -> Document:
    for item in document.get(kind) or ():
        if item.get("name") == name:
            found: Document = item
            return found
    known = _names(document, kind)
    what = f"the kubeconfig has no {kind.removesuffix('s')} {name}"
    raise InvalidInput(what, where=where, fix=f"use one that it has ({known}), or log in to the cluster again")


def _names(document: Document, kind: str) -> str:
    return ", ".join(str(item.get("name")) for item in document.get(kind) or ()) or "none"


def _default_file() -> Path:
    return Path.home() / ".kube" / "config"


def _is_content(said: str) -> bool:
    """A secret holds the file itself: a path has no line breaks, and begins no mapping."""
    return "\n" in said or said.startswith("{")


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:  # its text would be in the message, and with it a token
        raise _unusable(f"its content is no YAML{_line_of(error)}", "does the secret hold the whole file?") from None
    if not isinstance(document, dict) or "clusters" not in document:
        raise _unusable("its content names no clusters", "does the secret hold the whole file?")
    return document


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1})" if mark else ""


def _files(said: str) -> list[Path]:
    """Those that are there."""
    named = [path for path in said.split(os.pathsep) if path]
    found = [path for path in (Path(item).expanduser() for item in named) if len(str(path)) < 4096 and _is_file(path)]
    if not found:
        shown = named[0] if named and len(said) <= PATH_LENGTH else "of that name; nor is it a kubeconfig's content"
        fix = "set it to a path that is there, or to the file's content (as it is, not in base64)"
        raise InvalidInput(f"there is no file {shown}", where=WHERE, fix=fix)
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # too long for a name
        return False


def _read(path: Path) -> Document:
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise _unusable(f"{path} is no text", "name a kubeconfig") from None


def _merged(documents: Sequence[Document]) -> dict[str, Any]:
    """As kubectl does: the first that says something is right."""
    lists = {
        kind: [item for one in documents for item in one.get(kind) or ()] for kind in ("clusters", "contexts", "users")
    }
    current = next((one["current-context"] for one in documents if one.get("current-context")), None)
    return {**lists, "current-context": current}


def _check_token(settings: Any) -> None:
    said = str(settings.api_key.get("BearerToken") or "")
    if not (said.isascii() and said.isprintable()):
        raise _unusable("its token holds a line break, or a character that no token has", "copy it again")


def _mounted_namespace() -> str | None:
    path = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return path.read_text(encoding="utf-8").strip() if path.exists() else None


def _unusable(what: str, fix: str) -> InvalidInput:
    return InvalidInput(f"is no kubeconfig that can be used: {what}", where=WHERE, fix=fix)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
