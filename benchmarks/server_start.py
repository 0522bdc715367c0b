"""From a start to the first prediction: the model server beside FastAPI, `mlflow models serve` and BentoML.

Usage: scripts/run --in test python benchmarks/server_start.py [--rounds 6]

Model, row, environment and commands are those of serving.py, of which this takes all but --sketch. One at a time, each until
it has answered the row, in another order each round; the first round, which makes bytecode, does not count. Printed are
medians over rounds and their ratios to the model server's. The floor is no server: `import mlflow.pyfunc`, load, predict the
row once, and end. The model server alone has warmed the model up by then.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from serving import COUNTING, OURS, model_in, running, servers, wait_for

FLOOR = "pyfunc, no server"
PAUSE_SECONDS = 1.0
"""Between two: what the one before leaves behind ends in it."""
ONCE = """
import json, sys, mlflow.pyfunc, pandas
folder = sys.argv[1]
model = mlflow.pyfunc.load_model(f"{folder}/model")
with open(f"{folder}/row.json") as file:
    print(model.predict(pandas.DataFrame([json.load(file)])))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    rounds = parser.parse_args().rounds
    took: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="modelway-bench-") as name:
        folder = Path(name)
        python, _ = model_in(folder)
        known = servers(python, folder)
        order = [FLOOR, *(server for server in known if server != COUNTING)]
        for turn in range(rounds + 1):
            for server in (*order[turn % len(order) :], *order[: turn % len(order)]):
                time.sleep(PAUSE_SECONDS)
                began = time.monotonic()
                if server == FLOOR:
                    settings = os.environ | {"OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
                    subprocess.run([python, "-c", ONCE, name], env=settings, check=True, capture_output=True)
                    seconds = time.monotonic() - began
                else:
                    command, environ, path, body = known[server]
                    with running(list(command), environ, folder, server) as port:
                        wait_for(f"http://127.0.0.1:{port}{path}", body, folder, 0.01)
                        seconds = time.monotonic() - began
                took.setdefault(server, []).extend([seconds] if turn else [])
    ours = statistics.median(took[OURS])
    print(f"\n{'from its start to its first prediction':40} {'s':>7} {'ratio':>7}")
    for server, seconds in took.items():
        median = statistics.median(seconds)
        print(f"{server:40} {median:7.2f} {median / ours:7.2f}")
    print(json.dumps({server: [round(one, 2) for one in seconds] for server, seconds in took.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
