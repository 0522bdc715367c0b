"""Every benchmark, one after the other; each prints its ratios beside a peer or a floor of the same run.

Usage: make bench
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = (
    ("overhead.py",),
    ("validate_data.py",),
    ("validate_data.py", "--wide"),
    ("quality.py",),
    ("quality.py", "--wide"),
    ("quality_outliers.py",),
    ("drift.py",),
    ("read_rows.py",),
    ("postgresql_engine.py",),
    ("spark_engine.py",),
    ("interval_coverage.py", "--quick"),
    ("judge.py", "--rollouts", "200"),
    ("ab_interval.py", "--runs", "200"),
    ("shadow_rows.py",),
    ("build_image.py",),
    ("serving.py",),
    ("server_start.py",),
    ("serving_attacks.py", "--seconds", "3"),
    ("load.py",),
    ("deploy_model.py",),
    ("watching.py", "--years", "10"),
    ("performance_watching.py", "--years", "50"),
    ("performance_estimates.py",),
    ("service_watching.py", "--years", "20"),
    ("kubernetes_target.py", "simulation", "times", "guardian"),
)


def main() -> int:
    for name, *flags in BENCHMARKS:
        print(f"\n== {name} {' '.join(flags)}", flush=True)
        subprocess.run([sys.executable, Path(__file__).with_name(name), *flags], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
