"""A contract over a million rows of 20 columns: beside a bare scan of the same file (the floor) and pandera (a peer).

Usage: python benchmarks/validate_data.py [ROWS]     (needs requirements/data.txt, pandas, pyarrow and pandera[pandas])
       python benchmarks/validate_data.py --wide     1,000 rows of 400, 2,300 and 10,000 columns, beside the narrowest

Each runs in a process of its own, in turn, five times; printed are medians of wall time, ratios and peak memory. All
ask the same of the same data: 20 types, 20 null checks, 12 ranges, 2 sets of allowed values, one key unique. pandera's
time is without `import pandera` but with reading the file, which the others do too.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
RUNS = 5
NUMBERS = [f"x{at}" for at in range(12)]
WORDS = [f"s{at}" for at in range(5)]
ALLOWED = [f"value-{at}" for at in range(50)]


def make(path: Path, rows: int) -> None:
    import duckdb

    columns = ["range AS id"]
    columns += [f"((hash(range * 31 + {at}) % 1000000) / 1000.0)::DOUBLE AS {name}" for at, name in enumerate(NUMBERS)]
    columns += [f"'value-' || hash(range + {at}) % 50 AS {name}" for at, name in enumerate(WORDS)]
    columns += ["range % 2 = 0 AS flag", "TIMESTAMP '2026-01-01' + INTERVAL (range) SECOND AS seen"]
    duckdb.execute("SELECT setseed(0.5)")
    options = "(FORMAT parquet)" if path.suffix == ".parquet" else "(FORMAT csv, HEADER)"
    duckdb.execute(f"COPY (SELECT {', '.join(columns)} FROM range({rows})) TO '{path}' {options}")


def floor(path: Path) -> None:
    """Every value of every column decoded, nothing asked of it."""
    import duckdb

    reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
    extra = "" if path.suffix == ".parquet" else ", all_varchar = true"
    with duckdb.connect(config={"memory_limit": "1024MB"}) as connection:
        names = [row[0] for row in connection.execute(f"DESCRIBE FROM {reader}('{path}'{extra})").fetchall()]
        hashes = ", ".join(f'bit_xor(hash("{name}"))' for name in names)
        connection.execute(f"SELECT {hashes} FROM {reader}('{path}'{extra})").fetchall()


def modelway(path: Path) -> None:
    sys.path.insert(0, str(SCRIPTS))
    from datetime import UTC, datetime

    from modelway.data import load_contract, validate

    contract = path.parent / "contract.yml"
    contract.write_text(json.dumps(contract_of()))
    report = validate(load_contract(contract), path, datetime.now(UTC))
    assert report.outcome == "pass", report.failing


def contract_of() -> dict[str, object]:
    columns: dict[str, object] = {"id": {"type": "integer", "nullable": False}}
    columns |= {name: {"type": "number", "nullable": False, "range": [0, 1000]} for name in NUMBERS}
    columns |= {name: {"type": "string", "nullable": False} for name in WORDS}
    columns |= {name: {"type": "string", "nullable": False, "allowed": ALLOWED} for name in WORDS[:2]}
    columns |= {"flag": {"type": "boolean", "nullable": False}, "seen": {"type": "timestamp", "nullable": False}}
    return {"unique": [["id"]], "unlisted-columns": "refuse", "columns": columns}


def pandera(path: Path) -> None:
    import pandas as pd
    import pandera.pandas as pa

    global began
    began = time.perf_counter()
    checks = {"id": pa.Column("int64", unique=True)}
    checks |= {name: pa.Column("float64", pa.Check.in_range(0, 1000)) for name in NUMBERS}
    checks |= {name: pa.Column(str, pa.Check.isin(ALLOWED) if name in WORDS[:2] else None) for name in WORDS}
    checks |= {"flag": pa.Column(bool), "seen": pa.Column("datetime64[us]")}
    rows = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, parse_dates=["seen"])
    pa.DataFrameSchema(checks, strict=True).validate(rows, lazy=True)


def wide() -> None:
    """Seconds of three checks of each column, and how many times those of the narrowest they are for each column."""
    sys.path.insert(0, str(SCRIPTS))
    from datetime import UTC, datetime

    import duckdb

    from modelway.data import load_contract, validate

    for suffix, options in (("parquet", "(FORMAT parquet)"), ("csv", "(FORMAT csv, HEADER)")):
        narrowest = 0.0
        for columns in (400, 2300, 10_000):
            with tempfile.TemporaryDirectory() as folder:
                path, contract = Path(folder) / f"rows.{suffix}", Path(folder) / "contract.yml"
                cells = ", ".join(f"((range * 31 + {at * 7}) % 1000 / 10)::DOUBLE AS col{at}" for at in range(columns))
                duckdb.execute(f"COPY (SELECT {cells} FROM range(1000)) TO '{path}' {options}")
                asked = {"type": "number", "nullable": False, "range": [0, 100]}
                contract.write_text(json.dumps({"columns": {f"col{at}": asked for at in range(columns)}}))
                loaded = load_contract(contract)
                started = time.perf_counter()
                assert validate(loaded, path, datetime.now(UTC)).outcome == "pass"
                took = time.perf_counter() - started
            narrowest = narrowest or took / columns
            print(f"{suffix:8} {columns:6,} columns {took:6.1f} s  {took / columns / narrowest:4.1f} x 400's a column")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("parquet", "csv"):
            path = Path(folder) / f"rows.{suffix}"
            make(path, rows)
            print(f"\n{rows:,} rows x 20 columns, {suffix}, {path.stat().st_size >> 20} MB; medians of {RUNS} runs")
            seconds: dict[str, list[float]] = {}
            peaks: dict[str, int] = {}
            for _ in range(RUNS):
                for name in ("floor", "modelway", "pandera"):
                    one = subprocess.run([sys.executable, __file__, name, str(path)], capture_output=True, text=True)
                    if one.returncode:
                        print(f"{name}: left out: {one.stderr.strip().splitlines()[-1]}")
                        continue
                    took, peak = json.loads(one.stdout)
                    seconds.setdefault(name, []).append(took)
                    peaks[name] = max(peaks.get(name, 0), peak)
            base = statistics.median(seconds["floor"])
            for name, times in seconds.items():
                middle = statistics.median(times)
                print(f"{name:10} {middle:6.2f} s  {middle / base:5.2f} x floor  peak {peaks[name]} MB")


began = 0.0

if __name__ == "__main__":
    if sys.argv[1:] == ["--wide"]:
        wide()
    elif len(sys.argv) == 3:
        began = time.perf_counter()
        {"floor": floor, "modelway": modelway, "pandera": pandera}[sys.argv[1]](Path(sys.argv[2]))
        took = time.perf_counter() - began
        print(json.dumps([took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10]))
    else:
        main()
