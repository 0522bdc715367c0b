"""A Kubernetes for the tests, in namespaces of its own: real pods, Gateway API by Contour and Envoy, Prometheus, a registry.

It is reached by ports of 127.0.0.1 and reaches nothing itself. When it is ready, cluster.json in the folder says how to use
it; it ends with this process, however that ends, and leaves only its logs. Where KUBECONFIG names a cluster, that one is
described instead (see described.py).

Usage: scripts/run --in test python tests/cluster/run.py --folder DIR [--until-input-ends]
       scripts/run --in test python tests/cluster/run.py --build-only
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from cluster import certificates, contents, programs, settings  # noqa: E402
from cluster.described import Described, given  # noqa: E402
from cluster.plan import PORT_NAMES, Plan  # noqa: E402
from modelway.errors import InvalidInput, ModelwayError, OutsideFailure  # noqa: E402
from modelway.files import try_lock  # noqa: E402
from modelway.loopback import free_port  # noqa: E402

DEBIAN = {
    "containerd": "containerd",
    "runc": "runc",
    "docker-registry": "docker-registry",
    "prometheus": "prometheus",
    "nft": "nftables",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "busybox": "busybox-static",
    "debootstrap": "debootstrap",
    "skopeo": "skopeo",
    "openssl": "openssl",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
}
"""Each program beside Kubernetes' own, and Debian's package of it."""
END_SECONDS = 30.0
"""For one that is ending."""
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def main(arguments: Sequence[str] = sys.argv[1:]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--folder", type=Path)
    what.add_argument(
        "--build-only", action="store_true", help="compile what is not yet in the cache, and start nothing"
    )
    parser.add_argument("--until-input-ends", action="store_true", help="end when standard input does, too")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if chosen.build_only:
            if not os.environ.get("KUBECONFIG"):
                programs.programs()
            return 0
        folder = chosen.folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        if os.environ.get("KUBECONFIG"):
            given(os.environ).write(folder)
            return wait(chosen.until_input_ends)
        return run(folder, chosen.until_input_ends)
    except KeyboardInterrupt:
        return 0
    except ModelwayError as error:
        print(f"error: cluster: {error.line()}", file=sys.stderr, flush=True)
        return error.exit_code


def run(folder: Path, until_input_ends: bool) -> int:
    with alone(folder) as lock:
        return run_alone(folder, until_input_ends, lock)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[int]:
    """The descriptor of the folder's lock. InvalidInput where the folder is another cluster's and stays so."""
    with (folder / "lock").open("a") as file:
        deadline = time.monotonic() + END_SECONDS
        while not try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise InvalidInput("another cluster is running in this folder", where=str(folder), fix="name another")
            time.sleep(0.1)
        yield file.fileno()


def run_alone(folder: Path, until_input_ends: bool, lock: int) -> int:
    """lock: kept by the keeper too, so that the folder is free when all is gone."""
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"
    os.environ.update(without_proxies())
    check_machine()
    the_plan = make_plan(folder)
    keeper = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("keeper.py")), str(the_plan.file)],
        stdin=subprocess.PIPE,
        start_new_session=True,
        pass_fds=[lock],
    )
    assert keeper.stdin is not None
    try:
        base_image = contents.fill(the_plan, keeper)
        Described.of(the_plan, base_image).write(folder)
        return wait(until_input_ends, keeper)
    finally:
        keeper.stdin.close()
        keeper.wait()
        for name in ("cluster.json", "pids.json", "plan.json", "kubeconfig"):
            (folder / name).unlink(missing_ok=True)


def make_plan(folder: Path) -> Plan:
    """With the folder emptied of a cluster that was killed, and filled with what the components read."""
    for name in ("state", "held", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
    found = programs.programs()
    names = [name for name in DEBIAN if not name.startswith("/")]
    places = {name: Path(shutil.which(name) or name) for name in names}
    places |= {**found.kubernetes, "contour": found.contour, "crds": found.crds}
    places |= {"envoy": envoy(), "python": Path(sys.executable)}
    ports: dict[str, int] = {}
    for name in PORT_NAMES:
        while (port := free_port()) in ports.values():
            pass
        ports[name] = port
    the_plan = Plan(folder, places, ports, secrets.token_hex(16), programs.minor_of(places["kube-proxy"]))
    the_plan.write()
    authority = certificates.write(the_plan.state)
    the_plan.kubeconfig.touch(mode=0o600)
    the_plan.kubeconfig.write_text(json.dumps(settings.kubeconfig(the_plan, authority)))
    return the_plan


def envoy() -> Path:
    """The program of the wheel itself: what lies in bin would start it by a Python."""
    wheel = importlib.util.find_spec("envoy")
    assert wheel is not None and wheel.origin is not None
    return Path(wheel.origin).parent / "_bin" / "envoy"


def check_machine() -> None:
    if os.getuid():
        raise InvalidInput("only root can start a cluster here", fix="become root, or name a cluster in KUBECONFIG")
    missing = sorted({package for name, package in DEBIAN.items() if not shutil.which(name)})
    if missing:
        raise InvalidInput(f"not installed: {', '.join(missing)}", fix=f"apt-get install {' '.join(missing)}")


def without_proxies(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What keeps every client away from a proxy: nothing here is beyond one."""
    names = ("http_proxy", "https_proxy", "all_proxy")
    found = [name for name in environ if name.lower() in names]
    return {**dict.fromkeys(found, ""), "no_proxy": "*", "NO_PROXY": "*"}


def wait(until_input_ends: bool, keeper: subprocess.Popen[bytes] | None = None) -> int:
    """Until the input ends: 0. OutsideFailure where the cluster has ended by itself."""
    print("ready", flush=True)
    while keeper is None or keeper.poll() is None:
        if not until_input_ends:
            time.sleep(0.2)
        elif select.select([sys.stdin], [], [], 0.2)[0] and not os.read(0, 1024):
            return 0
    raise OutsideFailure("the cluster has ended by itself", fix="read logs/supervisor.log in its folder")


if __name__ == "__main__":
    sys.exit(main())
