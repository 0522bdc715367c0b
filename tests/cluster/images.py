"""The images that a cluster's registry has from the start: what holds a pod's namespaces, and the base of models' images."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from build import oci_programs

BUSYBOX = Path("/bin/busybox")
PAUSE = "tests/pause:1"


def push_pause(registry: str) -> None:
    """A program that sleeps, in an image of its own: Debian's static busybox."""
    section = {"Entrypoint": ["/busybox", "sleep", "infinity"]}
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    layer = oci_programs.layer({"busybox": BUSYBOX.read_bytes()}, mode=0o755)
    with tempfile.TemporaryDirectory(prefix="modelway-image-") as folder:
        oci_programs.write_layout(Path(folder, "pause"), [(architecture, [layer], section)])
        target = f"docker://{registry}/{PAUSE}"
        oci_programs.run("skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{folder}/pause:0", target)


def push_base(registry: str) -> str:
    """A Debian with this Python, by digest."""
    with tempfile.TemporaryDirectory(prefix="modelway-image-") as folder:
        return oci_programs.push_debian_base(registry, Path(folder))
