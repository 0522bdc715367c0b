"""What a cluster has of its own of the machine: mounts, kernel settings, network. Done once by the first process inside of new
namespaces; all of it ends with the last process of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cluster.plan import NODE_ADDRESS, RUN, Plan
from cluster.settings import OUTER_NETWORK

NEW = ("unshare", "--pid", "--fork", "--kill-child", "--mount", "--net")
KILLED_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
"""Each before a command."""
KERNEL = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What kubelet wants of the machine, and would set for every process on it: here it reads that it is so already."""


def enter(plan: Plan, outside: int) -> None:
    """Make the namespaces a machine. Needs: new mount, PID and network namespaces, and the outer /proc. outside: the number of
    a process that is not in them."""
    _mount("--make-rprivate", "/")
    for place in (RUN, Path("/var/log")):
        _mount("-t", "tmpfs", "tmpfs", str(place))
    OUTER_NETWORK.touch()
    _mount("--bind", f"/proc/{outside}/ns/net", str(OUTER_NETWORK))
    for name in ("lib", "lib.work"):
        (plan.state / name).mkdir()
    layers = f"lowerdir=/var/lib,upperdir={plan.state}/lib,workdir={plan.state}/lib.work"
    _mount("-t", "overlay", "overlay", "-o", layers, "/var/lib")
    _mount("-t", "proc", "proc", "/proc")
    for name, value in KERNEL.items():
        path = RUN / "kernel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
        _mount("--bind", str(path), f"/proc/sys/{name}")
    network()


def network() -> None:
    """A loopback, and a cable that ends here on both sides: the node has an address and a default route, and no way out."""
    for command in (
        "link set lo up",
        "link add node type veth peer name nowhere",
        f"address add {NODE_ADDRESS}/24 dev node",
        "link set node up",
        "link set nowhere up",
        f"route add default via {NODE_ADDRESS}",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
