"""What a project declares in other files than requirements.txt, as the lines of one: pyproject.toml with the lock of uv or
Poetry beside it, and conda's environment.yml.

Of conda's packages those that PyPI has under the same name, or one of a few others, are taken from there; programs come from
conda's channels.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelway.environments import conda, home
from modelway.errors import InvalidInput
from modelway.files import write_whole

Export = Callable[[Path], str]
"""What `uv export` says of the project in a folder that has a uv.lock."""

PYPI_NAMES = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost-cpu",
    "msgpack-python": "msgpack",
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "python-graphviz": "graphviz",
    "py-opencv": "opencv-python",
    "opencv": "opencv-python",
    "python-build": "build",
    "tensorflow-base": "tensorflow",
    "lightgbm-cpu": "lightgbm",
    "tensorflow-gpu": "tensorflow",
    "keras-base": "keras",
    "keras-gpu": "keras",
    "seaborn-base": "seaborn",
    "pytables": "tables",
    "pyqt": "PyQt5",
    "ruamel_yaml": "ruamel.yaml",
    "python-tzdata": "tzdata",
}
"""Packages that conda has under another name."""
NOT_OF_PYPI = re.compile(
    r"pip|python|python_abi|python\.app|setuptools|wheel|_.*|backports|numpy-base|conda|conda-.*|anaconda|anaconda-.*|navigator-.*"
    r"|cudatoolkit.*|cuda-.*|cudnn|nccl|cpuonly|pytorch-(?:cuda|mutex)|magma-.*|mkl(?:[-_].*)?|blas|openblas.*|lapack|.*-openmp"
    # compilers and their libraries, also of Windows
    r"|perl-.*|pkg-config|(?:c|cxx|fortran)-compiler|(?:gcc|gxx|gfortran|binutils|sysroot|kernel-headers)_?.*|ld_impl_.*|vc|vs20\d\d_runtime"
    r"|ucrt|m2w64-.*|msys2-.*|winpty|pywinpty|pywin32(?:-ctypes)?|win_inet_pton|wincertstore|menuinst|icc_rt"
    # libraries of the system
    r"|lib(?!rosa|cst|sass).*|ca-certificates|openssl|ncurses|readline|sqlite|tk|xz|xz-.*|zlib|zlib-ng|bzip2|zstd|lz4-c|lzo|snappy"
    r"|brotli-bin|c-blosc2?|blosc|yaml|expat|icu|pcre2?|gmp|mpfr|mpc|gettext|glib|glib-tools|gstreamer|gst-.*|dbus|nss|nspr"
    r"|krb5|keyutils|c-ares|cyrus-sasl|attr|acl|unixodbc|mysql-(?:common|libs)|postgresql|zeromq|tzcode|double-conversion|utf8proc"
    r"|freetype|fontconfig|fonts?-.*|graphite2|harfbuzz|cairo|pixman|pango|jpeg|lcms2|lerc|openjpeg|giflib|openexr|imath|jxrlib"
    r"|qt|qt6?-(?:base|main|wayland|webengine)|xorg-.*|xcb-.*|pthread-stubs|wayland.*|alsa-lib|pulseaudio-.*|lame|aom|dav1d|rav1e|svt-av1|x26[45]|openh264"
    r"|gnutls|nettle|p11-kit|hdf[45]|fftw|fribidi|gdk-pixbuf|atk-1\.0|gts|jbig|jsoncpp|metis|mumps-.*|scotch|suitesparse|geos|cfitsio|charls|zfp|brunsli"
    r"|arrow-cpp|arrow-utils|aws-(?:c-.*|crt-cpp|sdk-cpp|checksums)|azure-.*-cpp|orc|re2|gflags|glog|thrift-cpp|grpc-cpp"
    r"|boost|boost-cpp|nlohmann_json|fmt|spdlog|s2n|ucx|rdma-core"
    # programs that every runner has
    r"|perl|git|git-lfs|make|wget|curl"
)
"""What a wheel brings itself, or nobody imports: `conda env export` names all of it."""
PROGRAMS = re.compile(r"ffmpeg|nodejs|pandoc|quarto|graphviz|imagemagick|openjdk|r-.*|tectonic|texlive-.*")
"""What nobody imports, and a training may start. PyPI has other packages under some of these names; `conda env export` names
some though nothing asks for them."""
CONDA = re.compile(
    r"(?:(?P<channel>[^\s\[\]]+)::)?(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?P<version>(?:[<>=!~]=?|\d)[^\s\[\]]*)?(?:\s+(?P<build>\S+))?"
)
PYTHON = re.compile(r"={0,2}\s*(3\.\d+)(?:\.[\d*]+)*(?:=.*)?")
CARET = re.compile(r"\^\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?\S*")
TILDE = re.compile(r"~\s*(\d+)(?:\.(\d+))?(?:\.\d+)?\S*")


@dataclass(frozen=True)
class Declared:
    """lines: as those of a requirements file, each with where it stands. python: the minor version that is asked for, such as
    3.11; empty where any will do. programs: what conda's channels are asked for. plain: what they would be asked for where
    PyPI lacks what the line at the same place names. channels: addresses, the first before the others."""

    lines: tuple[tuple[str, str], ...]
    python: str = ""
    programs: tuple[conda.CondaSpec, ...] = ()
    plain: tuple[conda.CondaSpec, ...] = ()
    channels: tuple[str, ...] = ()


def is_manifest(path: Path) -> bool:
    """Whether the file declares packages in another form than a requirements file."""
    return path.name in ("pyproject.toml", "uv.lock", "poetry.lock") or is_conda(path)


def is_conda(path: Path) -> bool:
    return path.suffix in (".yml", ".yaml")


def declared(path: Path, export: Export) -> Declared:
    """What the file declares. InvalidInput where it cannot be read, or says something that no line of requirements says."""
    if is_conda(path):
        return _of_conda(path)
    folder = path.parent
    project = folder / "pyproject.toml"
    said = _toml(project)
    if (folder / "uv.lock").is_file():
        joined = export(folder).replace("\\\n", " ").splitlines()
        exported = tuple((line, "uv.lock") for line in joined if line and not line.startswith("#"))
        lines = (*_indexes(said), *exported, *_itself(said))
        return Declared(lines)
    if "project" in said and not (said["project"].get("dependencies") is None and _poetry(said)):
        dependencies = said["project"].get("dependencies", [])
        lines = tuple((str(line), "pyproject.toml: project.dependencies") for line in dependencies)
    elif _poetry(said):
        lines = tuple(_of_poetry(_poetry(said)))
    else:
        fix = "add [project] with its dependencies, or name a requirements file"
        raise InvalidInput("declares no dependencies", where=str(project), fix=fix)
    locked = folder / "poetry.lock"
    if locked.is_file():
        held = _constraints(locked)
        lines = (*lines, (f"--constraint {held}", "poetry.lock"))
    return Declared((*_indexes(said), *lines, *_itself(said)))


def _poetry(said: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(said.get("tool", {}).get("poetry", {}))


def _indexes(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Those that uv or Poetry is told of."""
    for index in said.get("tool", {}).get("uv", {}).get("index", []):
        option = "--index-url" if index.get("default") else "--extra-index-url"
        yield f"{option} {index.get('url', '')}", "pyproject.toml: tool.uv.index"
    for source in _poetry(said).get("source", []):
        if "url" in source:
            yield f"--extra-index-url {source['url']}", "pyproject.toml: tool.poetry.source"


def _itself(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The project's own package, where it is one: uv's rule, and Poetry's."""
    packaged = said.get("tool", {}).get("uv", {}).get("package", "build-system" in said)
    if packaged and _poetry(said).get("package-mode", True):
        yield ".", "pyproject.toml: build-system"


def _of_poetry(poetry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, asked in poetry.get("dependencies", {}).items():
        where = f"pyproject.toml: tool.poetry.dependencies.{name}"
        if name == "python":
            continue
        details = {"version": asked} if isinstance(asked, str) else asked
        if not isinstance(details, dict):
            raise InvalidInput("says several versions", where=where, fix="name one, or a requirements file")
        if details.get("optional"):
            continue
        extras = f"[{','.join(details['extras'])}]" if details.get("extras") else ""
        marker = f" ; {details['markers']}" if details.get("markers") else ""
        if "path" in details:
            yield f"{name}{extras} @ file:{details['path']}{marker}", where
        elif "url" in details or "git" in details:
            address = details.get("url") or f"git+{details['git']}"
            yield f"{name}{extras} @ {address}{marker}", where
        else:
            yield f"{name}{extras}{_of_caret(str(details.get('version', '*')))}{marker}", where


def _of_caret(version: str) -> str:
    """Poetry's `^1.2`, `~1.2`, `*`, `1.2` as pip's."""
    return ",".join(filter(None, (_one(part.strip()) for part in version.split(","))))


def _one(version: str) -> str:
    if version in ("", "*"):
        return ""
    if match := CARET.fullmatch(version):
        parts = [int(part) for part in match.groups() if part is not None]
        first = next((place for place, part in enumerate(parts) if part), len(parts) - 1)
        return f">={version[1:].strip()},<{'.'.join(map(str, [*parts[:first], parts[first] + 1]))}"
    if match := TILDE.fullmatch(version):
        major, minor = int(match[1]), match[2]
        below = f"{major}.{int(minor) + 1}" if minor is not None else str(major + 1)
        return f">={version[1:].strip()},<{below}"
    return f"=={version}" if version[0].isdigit() else version.replace(" ", "")


def _constraints(locked: Path) -> Path:
    """A file with every version of poetry.lock. Which of them are for development alone, older locks do not say: they hold
    what is asked for, and ask for nothing."""
    packages = _toml(locked).get("package", [])
    versions: dict[str, list[str]] = {}
    for package in packages:
        if package.get("source", {}).get("type") not in ("git", "url", "directory", "file"):
            versions.setdefault(str(package.get("name")), []).append(str(package.get("version")))
    # a package with several versions has one for each of some platforms: the resolver takes the one that fits
    text = "".join(f"{name}=={found[0]}\n" for name, found in sorted(versions.items()) if len(found) == 1)
    folder = home.made(home.cache_folder() / "constraints")
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.txt"
    write_whole(path, text.encode(), shared=True)
    return path


def _of_conda(path: Path) -> Declared:
    """By name: what is there under another one, PyPI's table says; what a wheel brings itself is left out."""
    import yaml  # the launcher, which needs none of this, has no packages

    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not YAML"
        raise InvalidInput(f"cannot be read: {reason}", where=str(path), fix="name an environment.yml") from None
    dependencies = said.get("dependencies") if isinstance(said, dict) else None
    if not isinstance(dependencies, list):
        raise InvalidInput("has no list of dependencies", where=str(path), fix="name conda's environment.yml")
    lines, programs, plain, python = list[tuple[str, str]](), list[conda.CondaSpec](), list[conda.CondaSpec](), ""
    for number, item in enumerate(dependencies):
        where = f"{path.name}: dependencies[{number}]"
        if isinstance(item, dict):
            if set(item) != {"pip"} or not isinstance(item["pip"], list):
                raise InvalidInput("is neither a package nor pip's list", where=where, fix="write `pip: [...]`")
            lines += [(str(line), f"{where}.pip") for line in item["pip"]]
            continue
        match = CONDA.fullmatch(re.sub(r"\s*([,|])\s*", r"\1", str(item).strip()))
        if match is None:
            what = f"{str(item)[:100]!r} is a form that no line of requirements has"
            raise InvalidInput(what, where=where, fix="write such as `pandas=2.2`, or `pandas>=2,<3`")
        name, version = match["name"].lower(), match["version"] or ""
        if name == "python":
            found = PYTHON.fullmatch(version)
            python = found[1] if found else ""
            continue
        if NOT_OF_PYPI.fullmatch(name):
            continue
        channel = conda.addresses([match["channel"]], path.parent, where)[0] if match["channel"] else ""
        spec = conda.CondaSpec(name, _without_build(version), channel, where)
        if PROGRAMS.fullmatch(name):
            programs.append(spec)
        else:
            plain.append(spec)
            lines.append((f"{PYPI_NAMES.get(name, name)}{_of_conda_version(version)}", where))
    named = said.get("channels") or []
    channels = conda.addresses([named] if isinstance(named, str) else named, path.parent, f"{path.name}: channels")
    return Declared(tuple(lines), python, tuple(programs), tuple(plain), channels)


def _of_conda_version(version: str) -> str:
    """`=1.2` begins with 1.2, and ` 1.2` is it; what follows a second `=` names a build, of which PyPI has none."""
    match = re.fullmatch(r"(=?)(\d[^=<>!~,]*)(?:=.*)?", version)
    if match is None:
        return version
    number = match[2].rstrip("*").rstrip(".")
    return f"=={number}.*" if match[1] or match[2].endswith("*") else f"=={number}"


def _without_build(version: str) -> str:
    """In conda's own words. A build is of one time and one platform: `conda env export` names all of them."""
    match = re.fullmatch(r"(={0,2})([^=<>!~,|]+)(?:=.*)?", version)
    if match is None:
        return version
    begins = match[1] == "=" or "*" in match[2]
    return f"{'=' if begins else '=='}{match[2].rstrip('*').rstrip('.')}"


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not TOML"
        raise InvalidInput(f"cannot be read: {reason}", where=str(path), fix="name a requirements file") from None
