"""What a stage's checks found in the formats that CI systems show, beside its report: SARIF and GitLab's code quality with the
file and line that asked for what was not found, and every check as a case of JUnit's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelway import ci
from modelway.config import strict_yaml
from modelway.config.document import Document
from modelway.report import code_quality, junit, sarif
from modelway.report.findings import CheckFinding
from modelway.report.junit import JUnitCase
from modelway.stages.steps import workspace


def config_document(job: ci.Job) -> Document:
    """modelway.yml with its lines; without any where there is none."""
    if not job.config_path.is_file():
        return Document(job.config, {})
    return strict_yaml.read(job.config_path, job.config)


def write(
    job: ci.Job,
    cases: Mapping[str, Sequence[JUnitCase]],
    findings: Sequence[CheckFinding],
    about: Sequence[str],
    file: str,
    lines: Document,
) -> Path:
    """Write `<action>.sarif`, `.codequality.json` and `.xml`; the path of the first. about: what tells this analysis from
    others of the same commit, such as the model's name. file: as it was given, below the working directory."""
    if len(findings) > sarif.MOST_RESULTS:
        kept = sarif.MOST_RESULTS
        job.warn(job.action, f"of {len(findings)} findings the SARIF file has the first {kept}: GitHub keeps no more")
    category, path = "/".join(filter(None, ("modelway", job.action, *about))), _below_root(job, file)
    job.attach("xml", junit.document_of(cases))
    job.attach("codequality.json", code_quality.document_of(findings, path, lines))
    return job.attach("sarif", sarif.document_of(findings, category, path, lines))


def _below_root(job: ci.Job, file: str) -> str:
    """The file's path from the root of the repository, as code scanning looks for it."""
    named = file if (job.folder / file).exists() else file.partition("#")[0]  # one of the tables in a contract
    path = Path(os.path.normpath(job.folder / named))
    toplevel = workspace.git_says(job.folder, "rev-parse", "--show-toplevel")
    for root in (job.environ.get("GITHUB_WORKSPACE"), toplevel, str(job.folder)):
        if root and path.is_relative_to(Path(root).resolve()):
            return path.relative_to(Path(root).resolve()).as_posix()
    return path.name
