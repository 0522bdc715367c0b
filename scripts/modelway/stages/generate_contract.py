"""generate-contract: a first contract from data, what newer data adds to it, or the same contract in another form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from modelway import ci
from modelway.ci import Input, Output
from modelway.config import strict_yaml
from modelway.config.document import Document
from modelway.data import forms, schemes
from modelway.data.contract import contract_of, read_contract
from modelway.data.contract_edits import difference, first_text, with_new_columns
from modelway.data.contract_text import text_of
from modelway.data.dialect import USUAL
from modelway.data.drafting import DraftedContract, drafted
from modelway.errors import InvalidInput
from modelway.files import write_whole
from modelway.report.drafting import draft_markdown
from modelway.stages.steps import workspace

CONTRACT = "contract.yml"


class GeneratedContract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The record of generate-contract."""

    schema: str = "modelway/generated-contract/1"
    contract: str
    form: str
    made_from: str
    """The data, or the contract that it was converted from."""
    rows: int | None
    """Of the data; None where none was read."""
    new_columns: tuple[str, ...]
    gone_columns: tuple[str, ...]
    """Of the contract that was there, which the data has no more."""
    lost: tuple[str, ...]
    """What the form cannot say."""
    not_held: tuple[str, ...]
    """What a contract that is converted asks beside, which no check holds, and which is not written."""
    contract_digest: str
    difference: str
    """To the file that was there, as `diff` shows it."""


@dataclass(frozen=True, kw_only=True)
class ContractGenerated(ci.Result):
    contract: Annotated[str, Output("the path of the contract")]
    new_columns: Annotated[tuple[str, ...], Output("the columns that were added, as a JSON list")] = ()
    gone_columns: Annotated[
        tuple[str, ...], Output("columns of the contract that the data has no more, as a JSON list")
    ] = ()
    lost: Annotated[tuple[str, ...], Output("what the form cannot say, as a JSON list")] = ()
    report: Annotated[str, Output("the path of generate-contract.json")] = ""
    generated: GeneratedContract | None = None


@ci.use_case
def generate_contract(
    job: ci.Job,
    *,
    config: ci.Config = "modelway.yml",
    working_directory: ci.WorkingDirectory = ".",
    environment: ci.Overlay = None,
    data: Annotated[ci.Rows | None, Input(ci.ROWS, left_out="data.train")] = None,
    convert: Annotated[
        str | None,
        Input(
            "A contract of any form that is written in another; no data is read.", left_out="one is drafted from data"
        ),
    ] = None,
    contract: Annotated[
        str | None,
        Input(
            "The file to write. A drafted one that is there is kept as it is, and gets a line for each column that is new.",
            left_out=CONTRACT,
        ),
    ] = None,
    form: Annotated[
        Literal["modelway", "odcs", "json-schema", "schema-json"], Input("The form that the contract is written in.")
    ] = "modelway",
    most_values: Annotated[
        int, Meta(ge=0, le=1000), Input("A column with at most so many different values gets them as a closed list.")
    ] = 20,
    memory_mb: Annotated[
        int, Meta(ge=32, le=1 << 24), Input("How much memory the reading may use before it works on disk.")
    ] = 1024,
    report_directory: ci.ReportDirectory = "out/modelway",
) -> ContractGenerated:
    """Draft a first data contract from data, for a person to edit; or write a contract in another form.

    Inputs: CSV or Parquet data, named here or in modelway.yml (section data); or a contract (docs/contract-formats.md).
    Outputs: the contract, what is new and what is lost; the same as JSON and Markdown.
    Exit codes: 0 written; 2 wrong input, or data that cannot be read; 4 the disk is full.
    """
    name = contract or CONTRACT
    file = job.folder / name
    if convert and data:
        raise InvalidInput("given together with convert", where="input data", fix="give one of the two")
    if convert:
        found = _converted(job, convert, file, name, form)
    else:
        kept = _kept(file, name, form)
        source, path, engine = _data(job, environment, ci.address_of(data))
        said = contract_of(kept, may_ask_nothing=True).dialect if kept else USUAL
        draft = drafted(path, source, most_values=most_values, memory_mb=memory_mb, by=engine, said=said)
        found = _drafted(draft, source, kept, file, name, form)
    record, text = found
    file.parent.mkdir(parents=True, exist_ok=True)
    if text != _there(file):
        write_whole(file, text.encode(), shared=True)
    job.say(f"{name}: {len(record.new_columns)} new columns, {len(record.gone_columns)} gone, {len(record.lost)} lost")
    report = job.report(record, draft_markdown(record, text))
    if record.lost or record.not_held:
        job.warn(f"{name}: not all of it is said there", "; ".join((*record.lost, *record.not_held)))
    return ContractGenerated(
        contract=name,
        new_columns=record.new_columns,
        gone_columns=record.gone_columns,
        lost=(*record.lost, *record.not_held),
        report=str(report),
        generated=record,
    )


def _data(job: ci.Job, environment: str | None, data: str) -> tuple[str, Path, str]:
    """What the data is called, where it is, and the engine that reads it."""
    project = workspace.project_of(job, environment, data)
    if not data and not project.data.train:
        raise InvalidInput("data.train is not set", where=project.source, fix="set it, or the input data")
    workspace.fetch_data(project, job)
    if data:
        path = schemes.path_of(data, job.folder, "input data", job.say)
    else:
        path = workspace.data_path(project, job, "data.train")
    return schemes.name_of(data or str(project.data.train)), path, project.data.engine


def _converted(job: ci.Job, source: str, file: Path, name: str, form: str) -> tuple[GeneratedContract, str]:
    old = read_contract(job.folder / source, source)
    if file.exists() and file.resolve() == (job.folder / source).resolve():
        raise InvalidInput("is the contract that is converted", where="input contract", fix="name another file")
    text, lost = text_of(old.contract, form, _title(source))
    record = GeneratedContract(
        contract=name,
        form=form,
        made_from=source,
        rows=None,
        new_columns=(),
        gone_columns=(),
        lost=lost,
        not_held=old.not_held,
        contract_digest=old.contract.digest,
        difference=difference(_there(file) or "", text, name),
    )
    return record, text


def _kept(file: Path, name: str, form: str) -> Document | None:
    """The contract that is there, and is added to; None where there is none, or an empty file."""
    if not (_there(file) or "").strip():
        return None
    document = strict_yaml.read(file, name)
    if form != forms.OWN or forms.form_of(document.value) != forms.OWN:
        what, fix = "is there already", "name another file: only a contract of our own form is kept and added to"
        raise InvalidInput(what, where=name, fix=fix)
    return document


def _drafted(
    draft: DraftedContract, source: str, kept: Document | None, file: Path, name: str, form: str
) -> tuple[GeneratedContract, str]:
    before = _there(file)
    known: tuple[str, ...] = ()
    if kept is not None:
        known = tuple(kept.value.get("columns", {}))
        text, lost = with_new_columns(before or "", kept, draft), ()
    elif form == forms.OWN:
        text, lost = first_text(draft, source), ()
    else:
        text, lost = text_of(contract_of(Document(name, draft.value)), form, _title(source))  # type: ignore[assignment]
    now = (
        contract_of(Document(name, draft.value))
        if form != forms.OWN
        else contract_of(strict_yaml.read_text(text, name))
    )
    record = GeneratedContract(
        contract=name,
        form=form,
        made_from=source,
        rows=draft.rows,
        new_columns=tuple(column for column in draft.columns if column not in known),
        gone_columns=tuple(column for column in known if column not in draft.columns),
        lost=lost,
        not_held=(),
        contract_digest=now.digest,
        difference=difference(before or "", text, name),
    )
    return record, text


def _there(file: Path) -> str | None:
    """The text of the file; None where there is none."""
    try:
        return file.read_bytes().decode("utf-8", "replace") if file.exists() else None
    except IsADirectoryError:
        raise InvalidInput("is a folder", where="input contract", fix="name a file") from None


def _title(source: str) -> str:
    """A name for the table, from that of a file."""
    return Path(source.partition("#")[2] or source).name.partition(".")[0] or "data"
