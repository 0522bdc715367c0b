"""A script's own process, with what it asks of the API server written down as a Role names it.

Usage: scripts/run --in deploy python verbs_used.py FILE SCRIPT [flags]: adds lines such as `patch apps/deployments` to FILE.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "scripts")]

from modelway.targets.kubernetes.cluster import Cluster  # noqa: E402 - after the path is known

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def verbs(method: str, path: str, content: str) -> set[str]:
    """An apply may make the object, and needs both. What is no object of a namespace, such as which groups are served, needs
    no Role."""
    if "namespaces" not in path.split("/"):
        return set()
    said = verb(method, path)
    return {said, said.replace("patch ", "create ", 1)} if "apply-patch" in content else {said}


def verb(method: str, path: str) -> str:
    parts = path.strip("/").split("/")
    group = "" if parts[0] == "api" else f"{parts[1]}/"
    resource, *rest = parts[parts.index("namespaces") + 2 :]
    below = f"/{rest[1]}" if len(rest) > 1 else ""
    said = VERBS.get(method) or ("get" if rest else "list")
    return f"{said} {group}{resource}{below}"


def main() -> int:
    file, script, *flags = sys.argv[1:]
    used, once = set[str](), Cluster._once

    def recorded(cluster: Cluster, method: str, path: str, *more: Any) -> bytes:
        used.update(verbs(method, path, str(more[2])))
        return once(cluster, method, path, *more)

    Cluster._once = recorded  # type: ignore[method-assign, assignment]
    try:
        return int(importlib.import_module(script).main(flags))
    finally:
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.writelines(f"{said}\n" for said in sorted(used))


if __name__ == "__main__":
    sys.exit(main())
