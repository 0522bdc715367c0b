"""The contracts that docs/data-contracts.md shows are read, and judge data, as they stand there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from documented import examples
from modelway.data import load_contract


def test_the_page_s_first_contract_is_sound(tmp_path: Path) -> None:
    [text] = examples("data-contracts.md", "Data contracts", "yaml")
    (tmp_path / "contract.yml").write_text(text)
    contract = load_contract(tmp_path / "contract.yml")
    assert contract.columns["booking"].sensitive and contract.columns["tail"].length == (2, 6)


def test_the_page_s_rules_judge_as_it_says(judge: Any) -> None:
    [text] = examples("data-contracts.md", "Rules", "yaml")
    rows = "total,net,tax,status,dep_delay,refund,share\n0.3,0.1,0.2,open,5,0,0.5\n1,0.5,0.505,cancelled,NA,2,2\n"
    judged = judge(text, rows)
    assert judged.failing == ["total = net + tax", "share / 2 <= 0.5"]
    assert judged["the sum is right"].outcome == "pass"
    assert judged["dep_delay is null and refund > 0"].n == 1
