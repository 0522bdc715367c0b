"""A workflow of GitHub's started from outside: `workflow_dispatch` by the workflow's file, `repository_dispatch` by a type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from modelway.config.alarm_policy import DispatchTarget
from modelway.errors import InvalidInput
from modelway.notices.github_api import api_address, call, checked_token, from_its_own, repository_address

LONGEST_VALUE = 1000
"""Characters: what an event carries may have 64 KiB in all."""
DECLARED = ("claim", "reason")
"""Inputs that a workflow has to declare, beside `details`: GitHub refuses one that it does not."""
MOST_PROPERTIES = 10
"""At the top of what an event carries, by GitHub."""


@dataclass(frozen=True)
class GithubDispatch:
    """api: such as https://api.github.com. Exactly one of workflow and event_type is not empty."""

    api: str
    repository: str
    token: str = field(repr=False)
    token_variable: str
    workflow: str = ""
    ref: str = "main"
    event_type: str = ""

    @property
    def sentence(self) -> str:
        what = f"{self.workflow} at {self.ref}" if self.workflow else f"the event {self.event_type}"
        return f"{what} of {self.repository}"

    def send(self, values: Mapping[str, str], until: float) -> None:
        """Once: a run more is worse than one that is late. values: what the event carries; a workflow has those of DECLARED
        as inputs, and the others as a JSON object in the input `details`. until: by time.monotonic.

        AmbiguousDelivery: nobody can say whether it was taken; it was not, after any other failure."""
        given = {name: value[:LONGEST_VALUE] for name, value in values.items()}
        assert len(given) <= MOST_PROPERTIES
        body: dict[str, Any] = {"event_type": self.event_type, "client_payload": given}
        path = "/dispatches"
        if self.workflow:
            inputs = {name: given.pop(name) for name in DECLARED if name in given}
            body = {"ref": self.ref, "inputs": inputs | {"details": json.dumps(given)}}
            path = f"/actions/workflows/{quote(self.workflow, safe='')}/dispatches"
        url = repository_address(self.api, self.repository) + path
        call("POST", url, self.token, until, self._fixes(), body, again=False)

    def _fixes(self) -> dict[int, str]:
        """What each status means there: 403 of a token that sees the repository and may not do this, 404 of one that does not
        see it, or of a workflow that is not there, 422 of a ref or of inputs that the workflow does not have."""
        power = "actions: write" if self.workflow else "contents: write"
        what = f"that it has {self.workflow} on its default branch, and " if self.workflow else ""
        unknown = "it has the inputs claim, reason and details" if self.workflow else "see what it says"
        return {
            401: f"the token in ${self.token_variable} is wrong or has expired: set it anew",
            403: f"the token in ${self.token_variable} may not do this: it needs {power} in {self.repository}",
            404: f"check the repository {self.repository}, {what}that the token in ${self.token_variable} may read it",
            422: f"check that {self.ref} exists, that {self.workflow} has `on: workflow_dispatch`, and that {unknown}"
            if self.workflow
            else unknown,
        }


def dispatch_of(target: DispatchTarget, environ: Mapping[str, str], where: str) -> GithubDispatch:
    """InvalidInput where the repository or the token is not known. where: the section, for messages."""
    repository = target.repository or environ.get("GITHUB_REPOSITORY", "")
    if not repository:
        raise InvalidInput("no repository is named", where=where, fix="set `repository: OWNER/NAME`")
    variable, power = target.token_variable, "actions: write" if target.workflow else "contents: write"
    fix = from_its_own(variable, power)
    if repository != environ.get("GITHUB_REPOSITORY", repository):
        fix = f"set it from a secret: a token with {power} in {repository}, which github.token has in its own alone"
    token, api = checked_token(environ, variable, fix), api_address(environ)
    return GithubDispatch(api, repository, token, variable, target.workflow or "", target.ref, target.event_type or "")
