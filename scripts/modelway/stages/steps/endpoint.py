"""test-endpoint: what the registry knows of a version, held against what answers at an address."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlsplit

from modelway import ci
from modelway.ci import Input
from modelway.config import Resolved
from modelway.data import json_rows, schemes
from modelway.data.contract import Contract
from modelway.endpoint import checks, contract
from modelway.endpoint.client import Endpoint, NoAnswerError, SilentError
from modelway.endpoint.dialects import Row
from modelway.errors import InvalidInput, OutsideFailure, Refused
from modelway.records import Candidate, Verdict
from modelway.registry.stored_records import read_candidate, read_verdict
from modelway.stages.steps import dialect, workspace

Url = Annotated[str, Input("The server's address, such as http://127.0.0.1:8080.", left_out="the environment's own")]
BuiltFor = Annotated[
    str | None, Input("The environment whose Verdict counts.", left_out="the one that environment names")
]
Token = Annotated[str, Input("The bearer token that is sent to the endpoint.", left_out="none is sent", secret=True)]
FIX_URL = "give the server's address, such as http://127.0.0.1:8080"


def address_of(job: ci.Job, url: str, environment: str | None) -> str:
    """The input url, or where the environment's deployment answers."""
    if url:
        return url
    if not environment:
        raise InvalidInput("is required without environment, and was not given", where="input url", fix=FIX_URL)
    project = workspace.resolve(job, environment)
    if project.deploy is None:
        raise InvalidInput(
            f"is not given, and {project.environment} has no section deploy, so no address of its own",
            where="input url",
            fix=FIX_URL,
        )
    from modelway.targets import open_target  # a step that is given the address needs none of it

    address = open_target(project.model, project.environment, project.deploy).address()
    if not address:
        said = f"is not given, and the target of {project.environment} does not know where it is reached"
        raise InvalidInput(said, where="input url", fix=FIX_URL)
    return address


def endpoint_of(url: str, timeout_seconds: float, token: str) -> Endpoint:
    """InvalidInput where the URL, or the token, is none, or holds what does not belong into it."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise InvalidInput(f"{ci.shown(url)} is no address of http or https", where="input url", fix=FIX_URL)
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            "holds a user or a password", where="input url", fix="put a bearer token into $MODELWAY_ENDPOINT_TOKEN"
        )
    if parts.query or parts.fragment:
        raise InvalidInput(f"{ci.shown(url)} is more than an address", where="input url", fix=FIX_URL)
    token = token.strip()  # a secret that was read from a file ends with a line break
    if not re.fullmatch(r"[\x21-\x7e]*", token):
        what = "holds a character that no bearer token may hold (a blank, a line break, or none of ASCII)"
        raise InvalidInput(what, where="input endpoint-token", fix="give the token alone")
    return Endpoint(url.rstrip("/"), timeout_seconds, token)


def expected_of(project: Resolved, job: ci.Job, version: int, built_for: str) -> checks.Expected:
    """What the Candidate says of a version and the gate's predictions of the Verdict's sample rows.

    built_for: the environment whose Verdict counts; empty: the project's. Refused where it was never judged for it, or where
    the Verdict speaks of other files."""
    client = workspace.connect_registry(project, job)
    candidate = read_candidate(client, project.model, version)
    judged = built_for or project.environment
    stored = read_verdict(client, project.model, version, judged)
    if stored is None:
        raise Refused(
            f"there is no verdict on version {version} for {judged}, so nothing says what it should predict",
            fix="run evaluate-gate, or name in built-for the environment that it was judged for",
        )
    if stored.record.model_digest != candidate.digest:
        raise Refused(f"the verdict on version {version} for {judged} is on other files", fix="run evaluate-gate again")
    return expectation(candidate, stored.record)


def expectation(candidate: Candidate, verdict: Verdict) -> checks.Expected:
    return checks.Expected(
        model=candidate.model,
        version=candidate.version,
        run_id=candidate.run_id,
        digest=candidate.digest,
        content=candidate.content,
        columns=columns_of(candidate.signature),
        rows=tuple(sample.features for sample in verdict.samples),
        predictions=tuple(sample.candidate for sample in verdict.samples),
    )


def columns_of(signature: Mapping[str, Any] | None) -> tuple[checks.InputColumn, ...]:
    """The columns of MLflow's signature; none where it is of tensors, or where there is none."""
    inputs = (signature or {}).get("inputs") or []
    named = [item for item in inputs if isinstance(item, dict) and isinstance(item.get("name"), str)]
    return tuple(
        checks.InputColumn(item["name"], str(item.get("type")), bool(item.get("required", True))) for item in named
    )


def rows_of(job: ci.Job, rows: str | None, columns: Sequence[str], environment: str | None) -> tuple[Row, ...]:
    """The rows of the inputs rows and columns; none where they are left out. They are read by the contract of modelway.yml,
    where there is one."""
    if not rows:
        return ()
    contract = Contract()
    if workspace.has_file(job):
        contract = workspace.contract_of(workspace.resolve(job, environment), job)
    path = schemes.path_of(rows, job.folder, "input rows", job.say)
    return tuple(json_rows.rows_of(path, schemes.name_of(rows), contract, list(columns) or None))


def check_endpoint(
    endpoint: Endpoint, expected: checks.Expected, asked: dialect.Language, job: ci.Job
) -> tuple[str, list[checks.EndpointCheckResult]]:
    """The name of what it speaks, and every check's outcome. OutsideFailure where nothing answers at all."""
    kinds = {column.name: column.kind for column in expected.columns}
    spoken = dialect.chosen(asked, expected.model, expected.rows, kinds)
    try:
        endpoint.get("/health")
    except SilentError as error:  # what answers, but not in HTTP, fails the checks
        raise _nobody(endpoint, error) from None
    except NoAnswerError:
        pass
    spoken = spoken or dialect.found(endpoint, expected.model, expected.rows, kinds)
    if spoken.name != "modelway":
        job.say(
            f"it speaks {spoken.name}: predictions at {spoken.path}; what only modelway's server promises is not asked"
        )
    done = []
    for item in checks.run(contract.of(spoken), endpoint, replace(expected, dialect=spoken)):
        done.append(item)
        job.say(f"{item.outcome:7} {item.about}: {item.name}: {item.detail}"[:400])
    return spoken.name, done


def _nobody(endpoint: Endpoint, error: NoAnswerError) -> OutsideFailure:
    return OutsideFailure(
        str(error), where=endpoint.url, fix="start the server, or name the address that it answers at"
    )
