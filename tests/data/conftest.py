"""A contract and data as text, and the checks or the one line that come of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from modelway.data import CheckResult, ContractReport, load_contract, validate
from modelway.errors import ModelwayError


@dataclass(frozen=True)
class Judged:
    """A report, and its checks by name."""

    report: ContractReport

    def __getitem__(self, name: str) -> CheckResult:
        return {check.name: check for check in self.report.checks}[name]

    @property
    def failing(self) -> list[str]:
        return [check.name for check in self.report.checks if check.outcome == "fail"]


Judge = Callable[..., Judged]
Refusal = Callable[[Callable[[], Any]], str]
Parquet = Callable[..., Path]
Mistake = Callable[[Callable[[list[str]], int], list[str]], str]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """judge(contract, data): the contract as text; data as CSV text or bytes, or a path."""

    def judge(contract: str, data: str | bytes | Path, name: str = "contract.yml", **options: Any) -> Judged:
        contract_path = tmp_path / name
        contract_path.write_text(contract, encoding="utf-8")
        if not isinstance(data, Path):
            path = tmp_path / "rows.csv"
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
            data = path
        now = options.pop("now", datetime(2026, 11, 21, 12, tzinfo=UTC))
        return Judged(validate(load_contract(contract_path, name), data, now, **options))

    return judge


@pytest.fixture
def refusal() -> Refusal:
    """refusal(work): the one line, with its exit code, that `work` must end in."""

    def refusal(work: Callable[[], Any]) -> str:
        with pytest.raises(ModelwayError) as raised:
            work()
        line = raised.value.line()
        assert "\n" not in line
        assert len(line) < 700
        return f"{raised.value.exit_code}: {line}"

    return refusal


@pytest.fixture
def mistake(capsys: pytest.CaptureFixture[str]) -> Mistake:
    """mistake(main, arguments): the one line that the script ends with, and exit code 2."""

    def mistake(main: Callable[[list[str]], int], arguments: list[str]) -> str:
        assert main(arguments) == 2
        printed = capsys.readouterr()
        errors = [line for line in printed.out.splitlines() if line.startswith("::error")]
        assert len(errors) == 1
        assert "Traceback" not in printed.out + printed.err
        return errors[0]

    return mistake


@pytest.fixture
def wrong_contract(tmp_path: Path, refusal: Refusal) -> Callable[[str], str]:
    """wrong_contract(text): the one line, with file and fix, that loading it ends in."""

    def wrong_contract(text: str) -> str:
        path = tmp_path / "c.yml"
        path.write_text(text)
        line = refusal(lambda: load_contract(path, "c.yml"))
        assert line.startswith("2: c.yml")
        assert ". Fix: " in line
        return line

    return wrong_contract


@pytest.fixture
def parquet(tmp_path: Path) -> Parquet:
    """parquet(query, name): the query's rows as a Parquet file."""

    def write(query: str, name: str = "rows.parquet") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        return path

    return write
