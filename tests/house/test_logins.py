"""The logins of docs/logins.md: whom a cloud trusts is one repository and its environments, and its steps work."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

import permissions
import servers

ROOT = Path(__file__).resolve().parents[2]
LOGINS = ROOT / "examples" / "logins"
ISSUER = "token.actions.githubusercontent.com"
REPOSITORY = "repo:acme/flight-delay:"
BUILDER = {f"{REPOSITORY}ref:refs/heads/main"}
"""Train, gate and build run in no environment."""
RECORD = """#!/usr/bin/env bash
printf '%s\\0' "${0##*/}" "$@" >> "$RECORD"
printf '\\n' >> "$RECORD"
echo answer-of-"${0##*/}"
"""


def deploying() -> set[str]:
    """The subjects of what runs in the environment `production`, from the workflows themselves."""
    found = set()
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        if path.stem == "release":  # our own: its site is no deployment of a team's
            continue
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            if environment := permissions.environment_of(job):
                named = environment.replace("${{ inputs.environment }}", "production")
                assert "${{" not in named, path.name
                found.add(f"{REPOSITORY}environment:{named}")
    return found


def steps_of(cloud: str) -> list[dict[str, Any]]:
    action = yaml.safe_load((LOGINS / cloud / "action.yml").read_text(encoding="utf-8"))
    assert (action["name"], action["runs"]["using"]) == ("modelway-setup", "composite")
    return list(action["runs"]["steps"])


def bash(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """As a runner runs a step."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    return subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, check=True)


def recorded(script: Path, folder: Path, program: str) -> list[dict[str, str]]:
    """The options of each call of a program in a script that is run: what an administrator would have sent."""
    shim, record = folder / "bin" / program, folder / "record"
    shim.parent.mkdir()
    shim.write_text(RECORD)
    shim.chmod(0o755)
    environ = {**os.environ, "PATH": f"{shim.parent}:{os.environ['PATH']}", "RECORD": str(record)}
    subprocess.run([script], cwd=script.parent, env=environ, check=True, capture_output=True)
    calls = [line.rstrip("\0").split("\0") for line in record.read_text().splitlines()]
    return [
        {"": " ".join(words[: words.index(next((w for w in words if w.startswith("--")), words[-1]))])}
        | {name: value for name, value in pairwise(words) if name.startswith("--")}
        for words in calls
    ]


def test_the_subjects_are_those_of_all_that_deploys() -> None:
    names = {subject.rpartition(":")[2] for subject in deploying()}
    assert names == {"production", "production-rollback", "production-advance", "production-continue"}


@pytest.mark.parametrize(("who", "subjects"), [("deployer", deploying()), ("builder", BUILDER)])
def test_aws_trusts_this_repository_and_these_environments_alone(who: str, subjects: set[str]) -> None:
    policy = json.loads((LOGINS / "aws" / f"trust-of-{who}.json").read_text())
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRoleWithWebIdentity")
    assert set(statement["Condition"]) == {"StringEquals"}, "StringLike would read a wildcard"
    asked = statement["Condition"]["StringEquals"]
    assert set(asked) == {f"{ISSUER}:aud", f"{ISSUER}:sub"}
    assert asked[f"{ISSUER}:aud"] == "sts.amazonaws.com"
    assert set(asked[f"{ISSUER}:sub"]) == subjects
    assert "*" not in json.dumps(policy)


@pytest.mark.parametrize("who", ["deployer", "builder"])
def test_aws_rights_are_named_one_by_one(who: str) -> None:
    for statement in json.loads((LOGINS / "aws" / f"rights-of-{who}.json").read_text())["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not any("*" in action for action in actions)
        assert "*" not in statement["Resource"] or actions == ["ecr:GetAuthorizationToken"], "it has no resource"


def test_iam_takes_the_policies(tmp_path: Path) -> None:
    """moto holds a policy against the grammar of IAM, as the service does."""
    code = """
import json, pathlib, sys
import boto3, botocore.exceptions, moto
folder = pathlib.Path(sys.argv[1])
with moto.mock_aws():
    iam = boto3.client("iam", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    for who in ("builder", "deployer"):
        trust = (folder / f"trust-of-{who}.json").read_text()
        iam.create_role(RoleName=who, AssumeRolePolicyDocument=trust, MaxSessionDuration=7200)
        iam.update_assume_role_policy(RoleName=who, PolicyDocument=trust)
        rights = (folder / f"rights-of-{who}.json").read_text()
        iam.put_role_policy(RoleName=who, PolicyName="modelway", PolicyDocument=rights)
        assert iam.get_role_policy(RoleName=who, PolicyName="modelway")["PolicyDocument"] == json.loads(rights)
        assert iam.get_role(RoleName=who)["Role"]["AssumeRolePolicyDocument"] == json.loads(trust)
        for wrong in (rights.replace("Allow", "Alow"), rights.replace("ecr:", "ecr").replace("eks:", "eks")):
            try:
                iam.put_role_policy(RoleName=who, PolicyName="wrong", PolicyDocument=wrong)
            except botocore.exceptions.ClientError as error:
                assert "MalformedPolicyDocument" in str(error)
            else:
                sys.exit("a wrong policy was taken")
"""
    done = subprocess.run(
        [servers.stores_python(), "-c", code, str(LOGINS / "aws")], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_google_trusts_this_repository_and_these_environments_alone(tmp_path: Path) -> None:
    calls = recorded(LOGINS / "google" / "trust.sh", tmp_path, "gcloud")
    (provider,) = [call for call in calls if "providers create-oidc" in call[""]]
    assert provider["--attribute-condition"] == "assertion.repository == 'acme/flight-delay'"
    assert provider["--issuer-uri"] == f"https://{ISSUER}"
    assert "google.subject=assertion.sub" in provider["--attribute-mapping"].split(",")
    trusted: dict[str, set[str]] = {}
    for call in calls:
        if call.get("--role") == "roles/iam.workloadIdentityUser":
            account = re.search(r"modelway-(\w+)@", call[""])
            assert account
            kind, _, subject = call["--member"].partition("/subject/")
            assert kind.startswith("principal://iam.googleapis.com/projects/"), "principalSet: would be many"
            trusted.setdefault(account[1], set()).add(subject)
    assert trusted == {"builder": BUILDER, "deployer": deploying()}


def test_azure_trusts_this_repository_and_these_environments_alone(tmp_path: Path) -> None:
    trusted: dict[str, set[str]] = {}
    for call in recorded(LOGINS / "azure" / "trust.sh", tmp_path, "az"):
        if "federated-credential create" in call[""]:
            assert call["--issuer"] == f"https://{ISSUER}"
            assert call["--audiences"] == "api://AzureADTokenExchange"
            trusted.setdefault(call["--identity-name"].removeprefix("modelway-"), set()).add(call["--subject"])
    assert trusted == {"builder": BUILDER, "deployer": deploying()}


CASES = {
    "aws": {"AWS_ROLE": "arn:aws:iam::111122223333:role/modelway-builder", "AWS_REGION": "eu-central-1"},
    "google": {
        "GOOGLE_PROVIDER": "projects/1/locations/global/workloadIdentityPools/a/providers/b",
        "GAR": "x.pkg.dev",
    },
    "azure": {"AZURE_CLIENT": "0-1", "AZURE_TENANT": "2-3", "ACR": "team"},
}


@pytest.mark.parametrize("cloud", CASES)
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_the_setup_reads_its_lines_of_the_secret(cloud: str, ending: str, tmp_path: Path) -> None:
    lines = [*(f"{name}={value}" for name, value in CASES[cloud].items()), "OTHER=x=y $(touch planted)"]
    secret = (ending or "\n").join(lines) + ending
    bash(steps_of(cloud)[0]["run"], tmp_path, MODELWAY_ENV=secret, GITHUB_OUTPUT=str(tmp_path / "out"))
    read = dict(line.split("=", 1) for line in (tmp_path / "out").read_text().splitlines())
    assert {name: value for name, value in read.items() if value} == CASES[cloud]
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("cloud", CASES)
def test_without_the_secret_nobody_logs_in(cloud: str, tmp_path: Path) -> None:
    """A pull request from a fork: every other step asks for a name that is empty then."""
    named, *others = steps_of(cloud)
    bash(named["run"], tmp_path, GITHUB_OUTPUT=str(tmp_path / "out"))
    read = dict(line.split("=", 1) for line in (tmp_path / "out").read_text().splitlines())
    assert set(read.values()) == {""}
    for step in others:
        asked = re.findall(r"steps\.named\.outputs\.(\w+) != ''", step["if"])
        assert asked and set(asked) <= set(read)


@pytest.mark.parametrize("cloud", ["ghcr", "aws", "google", "azure", "kubeconfig"])
def test_every_value_reaches_a_shell_as_a_variable(cloud: str) -> None:
    for step in steps_of(cloud):
        assert "${{" not in step.get("run", "")
        if "run" in step:
            given = {*step.get("env", {}), "MODELWAY_ENV", "GITHUB_OUTPUT", "HOME", "name", "content"}
            assert set(re.findall(r"\$\{?(\w+)", step["run"])) <= given


def test_the_kubeconfig_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    (step,) = steps_of("kubeconfig")
    content = b"apiVersion: v1\nclusters: []\n"
    secret = f"A=1\nKUBECONFIG_BASE64={base64.b64encode(content).decode()}\n"
    bash(step["run"], tmp_path, MODELWAY_ENV=secret)
    written = tmp_path / ".kube" / "config"
    assert written.read_bytes() == content
    assert written.stat().st_mode & 0o777 == 0o600


def test_a_secret_without_a_kubeconfig_writes_none(tmp_path: Path) -> None:
    (step,) = steps_of("kubeconfig")
    bash(step["run"], tmp_path, MODELWAY_ENV="A=1")
    assert not (tmp_path / ".kube").exists()
