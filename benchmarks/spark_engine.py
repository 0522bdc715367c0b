"""A contract over Parquet in Spark on this machine, beside DuckDB over the same files, and beside pyspark that counts the same
by hand in one pass.

Usage: python benchmarks/spark_engine.py [ROWS]     (needs requirements/test.txt and Java 17)
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "benchmarks")]

import duckdb  # noqa: E402
from postgresql_engine import CONTRACT  # noqa: E402

from modelway.data.contract import load_contract  # noqa: E402
from modelway.data.validation import validate  # noqa: E402
from modelway.environments import locks, store  # noqa: E402
from modelway.environments.tools import requirements_file  # noqa: E402

FILES = 8
BY_HAND = """
import json, sys, time
from pyspark.sql import SparkSession, functions as F
began = time.perf_counter()
spark = SparkSession.builder.master("local[*]").config("spark.ui.enabled", "false").getOrCreate()
started = time.perf_counter() - began
rows = spark.read.parquet(sys.argv[1])
wanted = [F.count("*"), F.count_if(F.col("id").isNull())]
for at in range(12):
    x = F.col(f"x{at}")
    wanted += [F.count_if(x.isNull() | F.isnan(x)), F.count_if((x < 0) | (x > 1000))]
wanted += [F.count_if((F.length(f"s{at}") < 1) | (F.length(f"s{at}") > 40)) for at in range(5)]
found = list(rows.agg(*[one.alias(f"v{at}") for at, one in enumerate(wanted)]).first())
twice = rows.groupBy("id").count().where("count > 1").count()
print(json.dumps([started, time.perf_counter() - began, found[0], sum(found[1:]), twice]))
"""


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000_000
    numbers = [f"(i * {at + 31} % 1000003) / 1000.5::DOUBLE AS x{at}" for at in range(12)]
    columns = ", ".join(["i AS id", *numbers, *(f"'value-' || (i + {at}) % 50 AS s{at}" for at in range(5))])
    python = store.interpreter(requirements_file("spark"), locks.base_python())
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        data.mkdir()
        for at in range(FILES):
            part = f"FROM range({rows * at // FILES}, {rows * (at + 1) // FILES}) AS t(i)"
            duckdb.execute(f"COPY (SELECT {columns} {part}) TO '{data}/{at}.parquet'")
        Path(folder, "contract.yml").write_text(CONTRACT)
        contract, now = load_contract(Path(folder, "contract.yml")), datetime.now(UTC)
        print(f"{rows:,} rows of 18 columns in {FILES} files")
        reports = {}
        for by in ("duckdb", "spark"):
            began = time.perf_counter()
            reports[by] = validate(contract, data, now, name="t", by=by)
            seconds = time.perf_counter() - began
            print(f"{by:24} {seconds:6.1f} s, {len(reports[by].checks)} checks", flush=True)
        assert reports["spark"] == reports["duckdb"]
        assert reports["spark"].outcome == "pass"
        done = subprocess.run(
            [python, "-c", BY_HAND, str(data)], capture_output=True, text=True, check=True, cwd=folder
        )
        started, seconds, counted, broken, twice = json.loads(done.stdout.splitlines()[-1])
        assert (counted, broken, twice) == (rows, 0, 0)
        print(f"{'pyspark by hand':24} {seconds:6.1f} s, of which {started:.1f} s start Spark")


if __name__ == "__main__":
    main()
