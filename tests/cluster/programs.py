"""The programs of the tests' cluster: found where they are installed, else built from Go modules, once for each lock."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.namespaces import KILLED_WITH_PARENT
from modelway.environments import home, store
from modelway.errors import InvalidInput, OutsideFailure
from modelway.files import last_line, locked, sync_folder

HERE = Path(__file__).resolve().parent
GO_LOCK = HERE.parents[1] / "requirements" / "go.txt"
LOCKS = {"1.34": "go.mod", "1.29": "1.29.mod"}
"""Of each version of Kubernetes that is built here, the newest first: the file that pins its modules."""
VERSION = "MODELWAY_E2E_KUBERNETES"
"""The variable that names one of LOCKS; without it, what is installed, else the newest."""
HELM_LOCKS = {"4": "go.mod", "3": "3.mod"}
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl")
BUILD_SECONDS = 5400
"""Kubernetes takes 8 minutes on two cores that do nothing else, and 40 where CI's other goals leave it a tenth of them."""


@dataclass(frozen=True)
class Programs:
    """kubernetes: each of PROGRAMS by its name. crds: the folder with the definitions of Gateway API and of Contour."""

    kubernetes: Mapping[str, Path]
    contour: Path
    crds: Path


def programs() -> Programs:
    """What a cluster of our own needs. OutsideFailure where a build fails."""
    contour = built(HERE / "contour", build_contour)
    return Programs(kubernetes(), contour / "contour", contour)


def kubernetes(environ: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Each of PROGRAMS by its name. InvalidInput where VERSION is none of LOCKS."""
    wanted = environ.get(VERSION)
    if wanted and wanted not in LOCKS:
        raise InvalidInput(f"{VERSION} is {wanted}", fix=f"one of {', '.join(LOCKS)}, or add its go.mod to LOCKS")
    if not wanted and (found := installed(environ)):
        return found
    folder = built(HERE / "kubernetes", build_kubernetes, LOCKS[wanted or next(iter(LOCKS))])
    return {name: folder / name for name in PROGRAMS}


def minor_of(program: Path) -> int:
    """34 of Kubernetes v1.34.4. OutsideFailure where it does not say."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=60).stdout
    found = re.match(r"Kubernetes v1\.(\d+)\.", said)
    if found is None:
        raise OutsideFailure("which version it is, it does not say", where=str(program), fix="install another one")
    return int(found[1])


def installed(environ: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Kubernetes from KUBEBUILDER_ASSETS or PATH: all of it, or nothing; half of one version would not fit the other."""
    path = os.pathsep.join(part for part in (environ.get("KUBEBUILDER_ASSETS"), environ.get("PATH")) if part)
    found = {name: shutil.which(name, path=path) for name in PROGRAMS}
    return {name: Path(place) for name, place in found.items() if place} if all(found.values()) else {}


def built(source: Path, build: Callable[[Path, Path, str, str], None], lock: str = "go.mod") -> Path:
    """The folder with what `build` makes of `source`, from the cache where it was made before by the same lock (a file of
    `source`, with its sums beside it) and Go. One builds, others wait; a build that is killed leaves nothing under the
    folder's name."""
    go = find_go()
    version = run_go([go, "version"], source).strip()
    digest = hashlib.sha256(version.encode())
    for name in (lock, Path(lock).with_suffix(".sum"), "main.go"):
        if (source / name).exists():
            digest.update((source / name).read_bytes())
    digest.update(Path(__file__).read_bytes())
    cache = home.made(home.cache_folder() / "cluster")
    folder = cache / f"{source.name}-{digest.hexdigest()[:16]}"
    if not folder.is_dir():
        with locked(cache / f"{source.name}.lock", BUILD_SECONDS):
            for unfinished in cache.glob(f".{source.name}-*"):
                shutil.rmtree(unfinished, ignore_errors=True)
            if not folder.is_dir():
                print(f"building {source.name} with {version} (minutes, once)", file=sys.stderr, flush=True)
                place = Path(tempfile.mkdtemp(prefix=f".{source.name}-", dir=cache))
                try:
                    place.chmod(0o755)
                    build(source, place, go, lock)
                    place.rename(folder)
                except BaseException:
                    shutil.rmtree(place, ignore_errors=True)
                    raise
                sync_folder(cache)
    return folder


def build_kubernetes(source: Path, place: Path, go: str, lock: str) -> None:
    modules = f"-modfile={lock}"
    version = run_go([go, "list", modules, "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"], source).strip()
    major, minor, _ = version.removeprefix("v").split(".")
    says = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    flags = " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{key}={value}" for key, value in says.items())])
    options = [modules, "-trimpath", "-buildvcs=false", "-ldflags", flags]
    run_go([go, "build", *options, "-o", str(place / "all"), "."], source)
    for name in PROGRAMS:
        (place / name).symlink_to("all")


def build_contour(source: Path, place: Path, go: str, _: str) -> None:
    package = "github.com/projectcontour/contour"
    build = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", str(place / "contour")]
    run_go([*build, f"{package}/cmd/contour"], source)
    for module, below in (
        ("sigs.k8s.io/gateway-api", "config/crd/standard/*.yaml"),
        (package, "examples/contour/01-crds.yaml"),
    ):
        folder = Path(run_go([go, "list", "-m", "-f", "{{.Dir}}", module], source).strip())
        for file in sorted(folder.glob(below)):
            shutil.copyfile(file, place / file.name)


def helm(version: str) -> Path:
    """Helm's program, of one of HELM_LOCKS."""
    return built(HERE / "helm", build_helm, HELM_LOCKS[version]) / "helm"


def build_helm(source: Path, place: Path, go: str, lock: str) -> None:
    modules = f"-modfile={lock}"
    (package,) = run_go([go, "list", modules, "-f", "{{.ImportPath}}", "tool"], source).split()
    build = [go, "build", modules, "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", str(place / "helm")]
    run_go([*build, package], source)


def find_go() -> str:
    """The machine's Go (one from 1.21 on fetches the version that go.mod asks for), else that of requirements/go.txt."""
    if found := shutil.which("go"):
        return found
    environment = Path(store.interpreter(GO_LOCK, sys.executable)).parents[1]
    return str(next(environment.glob("lib/python*/site-packages/go/bin/go")))


def run_go(command: list[str], folder: Path) -> str:
    """What it printed. OutsideFailure where it fails, with its last line."""
    # Half of the processors' time: nobody debugs these programs, they mostly wait, and there is memory for garbage.
    environ = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOFLAGS": "'-gcflags=all=-dwarf=false -l' -tags=providerless,selinux_off",
        "GOWORK": "off",
        "GOGC": "off",
        "GOMEMLIMIT": "4GiB",
    }
    with tempfile.NamedTemporaryFile("r", prefix="modelway-go-", suffix=".log") as log:
        try:
            with Path(log.name).open("w") as errors:
                done = subprocess.run(
                    [*KILLED_WITH_PARENT, *command],
                    cwd=folder,
                    env=environ,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    timeout=BUILD_SECONDS,
                )
        except subprocess.TimeoutExpired:
            raise OutsideFailure(
                f"go {command[1]} took over {BUILD_SECONDS} s", where=str(folder), fix="try again"
            ) from None
        except OSError as error:
            raise InvalidInput(f"Go cannot be started: {error.strerror}", where=command[0], fix="install Go") from None
        if done.returncode:
            raise OutsideFailure(
                f"go {command[1]} failed: {last_line(Path(log.name))}", where=str(folder), fix="try again"
            )
    return done.stdout
