"""Manifests as they stand in files, and the one analysis in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelway.config import strict_yaml
from modelway.errors import InvalidInput
from modelway.peers import flagger_manifest
from modelway.peers.argo_manifest import TEMPLATES, ArgoReader
from modelway.peers.manifest import ManifestPlace
from modelway.peers.queried import Assumed
from modelway.peers.simulation import PeerAnalysis


def read(paths: Sequence[tuple[str, Path]], assumed: Assumed) -> tuple[PeerAnalysis, tuple[str, ...]]:
    """The analysis, and what of it was left out, a line each with file, line and key. paths: (what messages call it, where).

    One Canary of Flagger, or one Rollout of Argo with its AnalysisTemplates, or such templates alone; other kinds of object
    stand beside them unread. Anything that is not understood is InvalidInput.
    """
    documents = [document for name, path in paths for document in strict_yaml.read_all(path, name)]
    tops = [ManifestPlace(document, (), document.value) for document in documents if isinstance(document.value, dict)]
    canaries, rollouts = ([top for top in tops if _is(top, group, kind)] for group, kind in
        (("flagger.app", "Canary"), ("argoproj.io", "Rollout")))  # fmt: skip
    templates = [top for top in tops if any(_is(top, "argoproj.io", kind) for kind in TEMPLATES)]
    found = canaries + rollouts
    if len(found) > 1 or (canaries and templates):
        places = " and ".join(place.at for place in (*found, *templates)[:3])
        raise InvalidInput(f"there is more than one analysis: {places}", where=found[0].at, fix="give one at a time")
    if canaries:
        return flagger_manifest.read(canaries[0], documents, assumed)
    if not rollouts and not templates:
        raise InvalidInput(
            "no Canary of Flagger and no Rollout or AnalysisTemplate of Argo is in it",
            where=", ".join(name for name, _ in paths),
            fix="give the file that holds one",
        )
    reader = ArgoReader(templates, assumed)
    analysis = reader.rollout(rollouts[0]) if rollouts else reader.alone()
    return analysis, tuple(reader.notes)


def _is(place: ManifestPlace, group: str, kind: str) -> bool:
    version, said = place.value.get("apiVersion"), place.value.get("kind")
    return said == kind and isinstance(version, str) and version.startswith(f"{group}/")
