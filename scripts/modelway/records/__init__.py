"""The versioned JSON records that stages hand each other, and the digests that name what they speak of."""

from modelway.records.candidate import Candidate, Environment, ModelFile
from modelway.records.digests import canonical_json, digest_of_json, sha256_of_file
from modelway.records.release import Layer, Release
from modelway.records.verdict import Check, Group, Measured, Sample, Verdict

__all__ = [
    "Candidate",
    "Check",
    "Environment",
    "Group",
    "Layer",
    "Measured",
    "ModelFile",
    "Release",
    "Sample",
    "Verdict",
    "canonical_json",
    "digest_of_json",
    "sha256_of_file",
]
