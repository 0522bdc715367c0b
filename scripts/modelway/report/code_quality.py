"""What checks found, as GitLab's code quality report: shown in a merge request, beside the line that asked for it.

Source: GitLab's documentation of the code quality report's format, a part of Code Climate's.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from modelway.config.document import Document
from modelway.report.findings import CheckFinding, line_of

SEVERITIES = {"error": "major", "warning": "minor"}


def document_of(findings: Sequence[CheckFinding], file: str, lines: Document | None) -> str:
    """file: what the findings are in, below the repository's root. lines: of it."""
    found = [
        {
            "description": " ".join(one.message.split()),
            "check_name": one.rule,
            "fingerprint": one.fingerprint,
            "severity": SEVERITIES[one.level],
            "location": {"path": file, "lines": {"begin": line_of(one, lines)}},
        }
        for one in findings
    ]
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
