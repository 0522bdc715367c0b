"""The rows that the benchmarks of data read: 20 columns, and 2,000; and floors, which only read them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NUMBERS = [f"x{at}" for at in range(12)]
WORDS = [f"s{at}" for at in range(5)]
ALLOWED = [f"value-{at}" for at in range(50)]


def made(kind: str, path: Path, *numbers: int) -> None:
    """By a process of its own: the peak of memory of one that is started counts that of who starts it."""
    subprocess.run([sys.executable, __file__, kind, str(path), *map(str, numbers)], check=True)


def make(path: Path, rows: int) -> None:
    columns = ["range AS id"]
    columns += [f"((hash(range * 31 + {at}) % 1000000) / 1000.0)::DOUBLE AS {name}" for at, name in enumerate(NUMBERS)]
    columns += [f"'value-' || hash(range + {at}) % 50 AS {name}" for at, name in enumerate(WORDS)]
    columns += ["range % 2 = 0 AS flag", "TIMESTAMP '2026-01-01' + INTERVAL (range) SECOND AS seen"]
    written(path, columns, rows)


def make_wide(path: Path, rows: int = 10_000, columns: int = 2000) -> None:
    kinds = ("((hash(range * 31 + {0}) % 100000) / 100.0)::DOUBLE", "'v' || hash(range + {0}) % 50")
    asked = [f"{kinds[at % 4 == 0].format(at)} AS x{at}" for at in range(columns - 1)]
    written(path, [*asked, "range % 3 = 0 AS y"], rows)


def make_side(path: Path, rows: int, columns: int, seed: int) -> None:
    """Two thirds numbers, the rest text of 50 values."""
    asked = []
    for at in range(columns):
        number = f"hash(range * {2 * at + 31} + {seed}) % 1000000"
        asked.append(f"({number} / 1000.0)::DOUBLE AS x{at}" if at % 3 else f"'value-' || {number} % 50 AS s{at}")
    written(path, asked, rows)


def written(path: Path, columns: list[str], rows: int) -> None:
    import duckdb

    options = "(FORMAT parquet)" if path.suffix == ".parquet" else "(FORMAT csv, HEADER)"
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"COPY (SELECT {', '.join(columns)} FROM range({rows})) TO '{path}' {options}")


def duckdb_scan(path: Path) -> Callable[[], None]:
    """Every value of every column decoded by DuckDB, nothing asked of it; of CSV as text."""
    import duckdb

    def work() -> None:
        with duckdb.connect(config={"memory_limit": "1024MB"}) as connection:
            connection.execute("SET enable_progress_bar = false")
            for file in files_of(path):
                reader = (
                    f"read_parquet('{file}')"
                    if file.suffix == ".parquet"
                    else f"read_csv('{file}', all_varchar = true)"
                )
                names = [row[0] for row in connection.execute(f"DESCRIBE FROM {reader}").fetchall()]
                for first in range(0, len(names), 100):
                    hashes = ", ".join(f'bit_xor(hash("{name}"))' for name in names[first : first + 100])
                    connection.execute(f"SELECT {hashes} FROM {reader}").fetchall()

    return work


def pyarrow_stream(path: Path) -> Callable[[], None]:
    """The same by pyarrow, batch by batch."""
    import pyarrow.csv as arrow_csv
    import pyarrow.parquet as parquet

    def work() -> None:
        for file in files_of(path):
            batches = (
                parquet.ParquetFile(file).iter_batches(1 << 16)
                if file.suffix == ".parquet"
                else arrow_csv.open_csv(file)
            )
            assert sum(batch.num_rows for batch in batches)

    return work


def files_of(path: Path) -> list[Path]:
    return sorted(file for file in path.iterdir() if file.suffix in (".parquet", ".csv")) if path.is_dir() else [path]


if __name__ == "__main__":
    {"make": make, "make_wide": make_wide, "make_side": make_side}[sys.argv[1]](
        Path(sys.argv[2]), *map(int, sys.argv[3:])
    )
