"""test-endpoint: what the registry knows of a version, held against what answers at an address."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from modelway import ci
from modelway.config import Resolved
from modelway.data import json_rows
from modelway.data.contract import Contract
from modelway.endpoint import checks, contract
from modelway.endpoint.asking import Endpoint, NoAnswerError, SilentError
from modelway.endpoint.dialects import Row
from modelway.errors import InvalidInput, OutsideFailure, Refused
from modelway.records import Candidate, Verdict
from modelway.registry.stored_records import read_candidate, read_verdict
from modelway.stages.steps import dialect, workspace
from modelway.targets import open_target

TOKEN = "MODELWAY_ENDPOINT_TOKEN"  # noqa: S105  the variable's name
FIX_URL = "give the server's address, such as http://127.0.0.1:8080"


def address_of(values: ci.Values, job: ci.Job, inputs: Sequence[ci.Input]) -> str:
    """The input url, or where the environment's deployment answers."""
    if "url" in values:
        return values["url"]
    if "environment" not in values:
        raise InvalidInput("is required without environment, and was not given", where="input url", fix=FIX_URL)
    project = workspace.resolve(values, job, inputs)
    if project.deploy is None:
        raise InvalidInput(
            f"is not given, and {project.environment} has no section deploy, so no address of its own",
            where="input url",
            fix=FIX_URL,
        )
    address = open_target(project.model, project.environment, project.deploy).address()
    if not address:
        said = f"is not given, and the target of {project.environment} does not know where it is reached"
        raise InvalidInput(said, where="input url", fix=FIX_URL)
    return address


def endpoint_of(url: str, timeout_seconds: float, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """InvalidInput where the URL is none, or holds what does not belong into it."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise InvalidInput(f"{ci.shown(url)} is no address of http or https", where="input url", fix=FIX_URL)
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("holds a user or a password", where="input url", fix=f"put a bearer token into ${TOKEN}")
    if parts.query or parts.fragment:
        raise InvalidInput(f"{ci.shown(url)} is more than an address", where="input url", fix=FIX_URL)
    return Endpoint(url.rstrip("/"), timeout_seconds, environ.get(TOKEN, ""))


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


def columns_of(signature: Mapping[str, Any] | None) -> tuple[checks.Column, ...]:
    """The columns of MLflow's signature; none where it is of tensors, or where there is none."""
    inputs = (signature or {}).get("inputs") or []
    named = [item for item in inputs if isinstance(item, dict) and isinstance(item.get("name"), str)]
    return tuple(checks.Column(item["name"], str(item.get("type")), bool(item.get("required", True))) for item in named)


def rows_of(values: ci.Values, job: ci.Job, inputs: Sequence[ci.Input]) -> tuple[Row, ...]:
    """The rows of the inputs rows and columns; none where they are left out. They are read by the contract of modelway.yml,
    where there is one."""
    if "rows" not in values:
        return ()
    contract = Contract()
    if ci.CONFIG.name in values or job.config_path.exists():
        contract = workspace.contract_of(workspace.resolve(values, job, inputs), job)
    columns = [name.strip() for name in values.get("columns", "").split(",") if name.strip()]
    return tuple(json_rows.rows_of(job.folder / values["rows"], values["rows"], contract, columns or None))


def check_endpoint(
    endpoint: Endpoint, expected: checks.Expected, values: ci.Values, job: ci.Job
) -> tuple[str, list[checks.Checked]]:
    """The name of what it speaks, and every check's outcome. OutsideFailure where nothing answers at all."""
    kinds = {column.name: column.kind for column in expected.columns}
    spoken = dialect.chosen(values, expected.model, expected.rows, kinds)
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


def not_negative(values: ci.Values, name: str, default: float) -> float:
    """The number of an input. InvalidInput where it is below 0, or not finite."""
    value = float(values.get(name, default))
    if not 0 <= value < float("inf"):
        raise InvalidInput(f"{value:g} is not a number of at least 0", where=f"input {name}", fix="give such a number")
    return value


def positive(values: ci.Values, name: str, default: float) -> float:
    """The number of an input. InvalidInput where it is not above 0, or not finite."""
    value = not_negative(values, name, default)
    if value == 0:
        raise InvalidInput("0 is not above 0", where=f"input {name}", fix="give a number above 0")
    return value
