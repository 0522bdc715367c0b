"""What GitHub, GitLab and a shell say of themselves: who runs it, and whether the machine ends with the job."""

from __future__ import annotations

import pytest

from modelway.ci import Shell, where_it_runs

GITHUB = {"GITHUB_ACTIONS": "true"}
GITLAB = {"GITLAB_CI": "true"}


@pytest.mark.parametrize(
    ("environ", "author"),
    [
        (
            {
                **GITHUB,
                "GITHUB_ACTOR": "ana",
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_REPOSITORY": "o/r",
                "GITHUB_RUN_ID": "7",
            },
            "ana, https://github.com/o/r/actions/runs/7",
        ),
        (
            {**GITLAB, "GITLAB_USER_LOGIN": "ben", "CI_JOB_URL": "https://gitlab.com/o/r/-/jobs/7"},
            "ben, https://gitlab",
        ),
        (GITHUB, Shell({}).author),
        (GITLAB, Shell({}).author),
    ],
)
def test_the_author_is_whom_the_runner_names_or_the_user_of_the_machine(environ: dict[str, str], author: str) -> None:
    assert where_it_runs(environ).author.startswith(author)


@pytest.mark.parametrize(
    ("environ", "ends"),
    [
        ({**GITLAB, "CI_RUNNER_TAGS": '["docker", "saas-linux-small-amd64"]'}, True),
        ({**GITLAB, "CI_RUNNER_TAGS": '["not-saas-linux"]'}, False),
        ({**GITLAB, "CI_RUNNER_TAGS": "[]"}, False),
        ({**GITLAB, "CI_RUNNER_TAGS": "saas-"}, False),
        (GITLAB, False),
        ({**GITHUB, "RUNNER_ENVIRONMENT": "github-hosted"}, True),
        ({**GITHUB, "RUNNER_ENVIRONMENT": "self-hosted"}, False),
        (GITHUB, False),
        ({"RUNNER_ENVIRONMENT": "github-hosted"}, False),
    ],
)
def test_only_a_hosted_machine_ends_with_its_job(environ: dict[str, str], ends: bool) -> None:
    assert where_it_runs(environ).ends_with_job is ends
