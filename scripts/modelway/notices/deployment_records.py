"""GitHub's record of which image runs where, which it shows beside an organization's artifacts (linked artifacts).

Source: GitHub's REST API, endpoints for artifact metadata: one record for each environment, cluster and name, which a
later one replaces.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

import msgspec

from modelway.notices.github_api import call


class DeploymentRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """digest: `sha256:` and 64 hexadecimal digits, of the image's manifest. deployment_name: unique in its environment and
    cluster. github_repository: OWNER/NAME, for an image without provenance."""

    name: str
    digest: str
    status: Literal["deployed", "decommissioned"]
    logical_environment: str
    deployment_name: str
    version: str = ""
    physical_environment: str = ""
    cluster: str = ""
    github_repository: str = ""


def put(api: str, organization: str, token: str, until: float, record: DeploymentRecord) -> None:
    """until: by time.monotonic. Sent again where no answer came: the same record is one record. Rejection where GitHub does
    not take it."""
    fixes = {
        401: "the token is wrong or has expired: set it anew",
        403: "give the job `permissions: { artifact-metadata: write }`",
        404: f"check that {organization} is an organization, not a user, and that the job has `artifact-metadata: write`",
    }
    url = f"{api.rstrip('/')}/orgs/{quote(organization, safe='')}/artifacts/metadata/deployment-record"
    call("POST", url, token, until, fixes, msgspec.to_builtins(record))
