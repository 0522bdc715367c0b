"""A contract over a PostgreSQL table: counted in its server, beside bringing the table here and holding the file against it.

Usage: python benchmarks/postgresql_engine.py [ROWS]     (needs requirements/test.txt and Debian's postgresql)
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import servers  # noqa: E402
from modelway.data.contract import load_contract  # noqa: E402
from modelway.data.schemes import path_of  # noqa: E402
from modelway.data.validation import validate  # noqa: E402

RUNS = 3
CONTRACT = (
    "columns:\n  id: {type: integer, nullable: false, unique: true}\n"
    + "".join(f"  x{at}: {{type: number, nullable: false, range: [0, 1000]}}\n" for at in range(12))
    + "".join(f"  s{at}: {{type: string, length: [1, 40]}}\n" for at in range(5))
)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    numbers = [f"(i * {at + 31} % 1000003) / 1000.5::float8 AS x{at}" for at in range(12)]
    columns = ", ".join(["i::bigint AS id", *numbers, *(f"'value-' || (i + {at}) % 50 AS s{at}" for at in range(5))])
    programs = servers.postgresql_programs()
    with servers.postgresql() as uri, tempfile.TemporaryDirectory() as folder:
        psql = [str(programs / "psql"), "-q", "-h", uri.partition("?host=")[2], "-U", "mlflow", "postgres", "-c"]
        subprocess.run(
            [*psql, f"CREATE TABLE t AS SELECT {columns} FROM generate_series(1, {rows}) AS g(i)"], check=True
        )
        Path(folder, "contract.yml").write_text(CONTRACT)
        contract, now = load_contract(Path(folder, "contract.yml")), datetime.now(UTC)
        address = f"{uri.replace('+psycopg2', '')}&table=t"
        times: dict[str, list[float]] = {"counted in the server": [], "brought": [], "brought and checked": []}
        for _ in range(RUNS):
            began = time.perf_counter()
            there = validate(contract, address, now, name="t", by="postgresql")
            times["counted in the server"].append(time.perf_counter() - began)
            began = time.perf_counter()
            file = path_of(address, Path(folder), "data")
            times["brought"].append(time.perf_counter() - began)
            here = validate(contract, file, now, name="t")
            times["brought and checked"].append(time.perf_counter() - began)
            assert there.outcome == here.outcome == "pass"
            assert there.rows == here.rows == rows
    print(f"{rows:,} rows of 18 columns, {len(there.checks)} checks, medians of {RUNS}")
    for what, seconds in times.items():
        print(f"{what:24} {statistics.median(seconds):6.1f} s")


if __name__ == "__main__":
    main()
