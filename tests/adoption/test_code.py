"""What code that trains says of itself."""

from __future__ import annotations

import pytest

from modelway.adoption.code import does_nothing, other_data

READS = 'import pandas as pd\nframe = pd.read_csv("../data/housing.csv")\n'


@pytest.mark.parametrize(
    ("code", "command", "found"),
    [
        (READS, "python train.py", ["../data/housing.csv"]),
        (f"%matplotlib inline\n{READS}", "papermill a.ipynb b.ipynb", ["../data/housing.csv"]),
        (READS.replace("housing", "train"), "python train.py", []),
        (f'{READS}test = pd.read_csv("data/train.csv")', "python train.py", []),
        (f'import os\n{READS}os.environ["MODELWAY_DATA"]', "python train.py", []),
        (READS, 'python train.py --data "$MODELWAY_DATA"', []),
        (READS, "python train.py --data data/train.csv", []),
        ('READ = "https://example.org/housing.csv"', "python train.py", []),
        ("this is no Python: 'a.csv'", "python train.py", []),
    ],
)
def test_data_that_the_code_names_though_its_data_are_elsewhere(code: str, command: str, found: list[str]) -> None:
    assert other_data(code, command, "data/train.csv") == found


@pytest.mark.parametrize(
    ("code", "nothing"),
    [
        ('"""A command."""\nimport typer\napp = 1\n\n\ndef train():\n    pass\n', True),
        ("def train():\n    pass\n\n\ntrain()\n", False),
        ('def train():\n    pass\n\n\nif __name__ == "__main__":\n    train()\n', False),
        ("import pandas\nmodel = pandas.DataFrame()\n", False),
        ("", False),
    ],
)
def test_a_module_that_only_defines_things(code: str, nothing: bool) -> None:
    assert does_nothing(code) is nothing
