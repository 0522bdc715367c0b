"""GitLab CI: a shell whose author is the job's, and whose hosted machines end with the job."""

from __future__ import annotations

import json

from modelway.ci.shell import Shell


class GitLab(Shell):
    """A job of GitLab's. Its outputs are lines of the log, as in a shell."""

    @property
    def author(self) -> str:
        return self.author_of("GITLAB_USER_LOGIN", self.environ.get("CI_JOB_URL", ""))

    @property
    def ends_with_job(self) -> bool:
        """Of gitlab.com's own runners, by their documented tags."""
        try:
            tags = json.loads(self.environ.get("CI_RUNNER_TAGS") or "[]")
        except ValueError:
            return False
        return isinstance(tags, list) and any(str(tag).startswith("saas-") for tag in tags)
