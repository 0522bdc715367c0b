"""A Candidate as a person reads it."""

from __future__ import annotations

from modelway.markdown import cell, number, table
from modelway.records import Candidate

NO_SIGNATURE = "evaluate-gate will refuse it: log the model with a DataFrame as input_example="


def markdown(candidate: Candidate) -> str:
    environment = candidate.environment
    packages = sum("==" in line for line in environment.requirements.splitlines())
    rows = [
        ("version", _version(candidate)),
        ("trained by", f"run {candidate.run_id}" if candidate.run_id else "somebody else: adopted here"),
        ("commit", candidate.commit),
        ("data", candidate.data_digest or "not known"),
        ("digest", candidate.digest),
        ("content", candidate.content),
        (
            "environment",
            f"Python {environment.python}, {environment.platform}, {packages} packages locked at {environment.locked_at}",
        ),
    ]
    if not candidate.signature:
        rows.append(("signature", f"none: {NO_SIGNATURE}"))
    if candidate.seed is not None:
        rows.append(("seed", str(candidate.seed)))
    rows += [(f"parameter {name}", str(value)) for name, value in sorted(candidate.parameters.items())]
    rows += [(f"metric {name}", number(value)) for name, value in candidate.metrics.items()]
    if candidate.repeats:
        rows.append(("trained again", candidate.repeats))
    return f"### {cell(candidate.model)} version {candidate.version}\n\n{table(('', ''), rows)}"


def _version(candidate: Candidate) -> str:
    given = f" ({candidate.semantic_version})" if candidate.semantic_version else ""
    return f"{candidate.readable_version}{given}"
