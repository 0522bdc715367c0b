"""What a cluster of the tests stands on: packages, programs that are found or built, a cluster that is given."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import described, programs, run
from modelway.errors import InvalidInput, OutsideFailure

ROOT = Path(__file__).resolve().parents[2]


def test_ci_installs_every_package() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert [package for package in run.DEBIAN.values() if package not in script] == []


def test_kubernetes_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    assets, others = tmp_path / "assets", tmp_path / "others"
    for folder, names in ((assets, programs.PROGRAMS[:3]), (others, programs.PROGRAMS[3:])):
        folder.mkdir()
        for name in names:
            (folder / name).touch(mode=0o755)
    assert programs.installed({"KUBEBUILDER_ASSETS": str(assets), "PATH": ""}) == {}
    found = programs.installed({"KUBEBUILDER_ASSETS": str(assets), "PATH": str(others)})
    assert found["etcd"] == assets / "etcd" and found["kubectl"] == others / "kubectl"


def test_what_kubernetes_and_contour_both_need_is_compiled_once() -> None:
    """Of one version in both locks: two minutes less of a first build."""

    def versions(program: str) -> dict[str, str]:
        text = (programs.HERE / program / "go.mod").read_text()
        replaced = re.findall(r"=> (\S+) (v\S+)", text)
        return dict(re.findall(r"^\t(\S+) (v\S+)", text, re.MULTILINE)) | dict(replaced)

    kubernetes, contour = versions("kubernetes"), versions("contour")
    both = kubernetes.keys() & contour
    assert {"k8s.io/client-go", "google.golang.org/grpc"} < both
    assert {name: kubernetes[name] for name in both} == {name: contour[name] for name in both}


def test_the_version_that_is_named_is_built_whatever_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    locks: list[str] = []

    def built(source: Path, build: object, lock: str) -> Path:
        locks.append(lock)
        return source

    monkeypatch.setattr(programs, "built", built)
    monkeypatch.setattr(programs, "installed", lambda environ: {} if environ else {"kubelet": Path("/usr/bin/kubelet")})
    assert programs.kubernetes({}) == {"kubelet": Path("/usr/bin/kubelet")}
    for version, lock in programs.LOCKS.items():
        programs.kubernetes({programs.VERSION: version})
        named = [
            line.split()[1]
            for line in (programs.HERE / "kubernetes" / lock).read_text().splitlines()
            if "s.io/kubernetes v" in line
        ]
        assert locks.pop() == lock and named[0].startswith(f"v{version}.")
    with pytest.raises(InvalidInput, match="1.12"):
        programs.kubernetes({programs.VERSION: "1.12"})


def test_a_killed_build_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that is killed nor one that fails; the next one is made anew, and the one after that is only looked up."""
    monkeypatch.setenv("MODELWAY_HOME", str(tmp_path))
    source = tmp_path / "thing"
    source.mkdir()
    (source / "go.mod").write_text("module thing\n")
    killed = "import os; from cluster import programs; from pathlib import Path\n"
    killed += "build = lambda _, place, *__: ((place / 'half').touch(), os.kill(os.getpid(), 9))\n"
    killed += f"programs.built(Path({str(source)!r}), build)"
    path = os.pathsep.join(str(ROOT / name) for name in ("scripts", "tests"))
    done = subprocess.run([sys.executable, "-c", killed], env={**os.environ, "PYTHONPATH": path}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [place.name for place in (tmp_path / "cluster").glob(".thing-*/*")] == ["half"]

    def fails(source: Path, place: Path, go: str, lock: str) -> None:
        raise OutsideFailure("no")

    with pytest.raises(OutsideFailure):
        programs.built(source, fails)
    assert [place.name for place in (tmp_path / "cluster").iterdir()] == ["thing.lock"]
    calls: list[Path] = []
    folders = {programs.built(source, lambda _, place, *__: calls.append(place)) for _ in range(2)}
    assert len(folders) == len(calls) == 1
    assert sorted(place.name for place in (tmp_path / "cluster").iterdir()) == sorted(
        [folders.pop().name, "thing.lock"]
    )


@pytest.mark.parametrize("name", described.SETTINGS)
def test_a_given_cluster_lacks_a_setting(name: str) -> None:
    environ = {**dict.fromkeys(described.SETTINGS, "x"), "KUBECONFIG": "/x", name: ""}
    with pytest.raises(InvalidInput, match=name) as told:
        described.given(environ)
    assert described.SETTINGS[name] in told.value.fix
