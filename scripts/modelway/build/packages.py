"""What a wheel says of itself: its name, version and licence; and of a package of conda's what its address says."""

from __future__ import annotations

import re
import zipfile
from email.message import Message
from email.parser import HeaderParser

import msgspec

from modelway.build.wheels import Wheel
from modelway.environments.conda import CondaPackage

MOST_LETTERS = 120
CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?(.+)")


class Package(msgspec.Struct, frozen=True, order=True):
    """expression: the licence in SPDX's terms, as the wheel states it; licence: what else it calls it; empty where it says
    nothing. address: where one of conda's channels comes from; empty for a wheel."""

    name: str
    version: str
    sha256: str
    expression: str = ""
    licence: str = ""
    address: str = ""


def package_of(wheel: Wheel) -> Package:
    with zipfile.ZipFile(wheel.path) as archive:
        found = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
        text = archive.read(found[0]).decode("utf-8", "replace") if found else ""
    said = HeaderParser().parsestr(text)
    expression = " ".join(str(said.get("License-Expression") or "").split())
    return Package(wheel.name, wheel.version, wheel.sha256, expression, "" if expression else _named(said))


def package_of_conda(package: CondaPackage) -> Package:
    return Package(package.name, package.version, package.sha256, address=package.address)


def _named(said: Message) -> str:
    """The licence by its classifiers, else by the first line of the old field, where that is a name and not a text."""
    values = said.get_all("Classifier") or []
    classifiers = sorted({found[1] for value in values if (found := CLASSIFIER.fullmatch(str(value).strip()))})
    if classifiers:
        return " and ".join(classifiers)
    lines = str(said.get("License") or "").strip().splitlines()
    return lines[0].strip() if lines and len(lines[0]) <= MOST_LETTERS else ""
