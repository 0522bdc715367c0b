"""Both errors of analyses as their own documentation shows them first, whole: with their steps and their end; and of ours.

    scripts/run --in test python benchmarks/judge_documented.py [--rollouts 2000] [--ours 500]

benchmarks/peers/ holds the manifests, each with the page and the lines that it is from. They are read as judge-plan reads
them, and carried out by modelway.peers.simulation; ours is the product's own engine with the defaults of modelway.yml's deploy
section. Requests fail by themselves, which is the world that a fixed limit is made for.
Takes about 15 minutes, most of it ours.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from modelway.config import Deploy
from modelway.peers import reading
from modelway.peers.queried import Assumed
from modelway.peers.simulation import BothErrors, Service, both_errors, fate_of, our_fate, our_numbers

MANIFESTS = Path(__file__).parent / "peers"
TRAFFIC = (0.33, 5.0, 50.0, 200.0)
RATES = (0.001, 0.005, 0.009)
"""Stable's errors: a tenth, half and nine tenths of what Flagger's pages allow."""
TIMES = 4
SLOW = (0.005, 0.009)
"""Shares of requests above the 500 ms of Flagger's second check, which allows 0.01."""


def shown(found: BothErrors) -> str:
    times = (found.bad.median_seconds, found.bad.ninety_percent_seconds)
    after = "/".join("-" if at is None else f"{at:.0f}" for at in times)
    open_ = f" ({found.healthy.undecided.percent:.1f})" if found.healthy.undecided.percent else ""
    return f"{found.healthy.taken_back.percent:.1f}{open_}, {found.bad.taken_back.percent:.1f}, {after}"


def of_a_peer(name: str, service: Service, rollouts: int, seed: list[int], *, slow_known: bool = False) -> str:
    analysis, _ = reading.read([(name, MANIFESTS / name)], Assumed(slow_known=slow_known))
    return shown(both_errors(partial(fate_of, analysis), service, rollouts, seed))


def of_ours(service: Service, rollouts: int, seed: list[int]) -> str:
    deploy = Deploy()
    if our_numbers(deploy, service).refusal:
        return "refused before the start"
    return shown(both_errors(partial(our_fate, deploy), service, rollouts, seed))


def errors_table(rollouts: int, ours: int) -> None:
    print(
        f"\n## Whole analyses as documented, by their errors alone; {rollouts} healthy and {rollouts} bad canaries a cell, "
        f"{ours} of ours\n"
    )
    print(
        "Each cell: % of healthy canaries taken back (in brackets: left undecided at the end of its time), % of bad ones\n"
        "(errors times 4), seconds until half and 90 % of the bad ones were.\n"
    )
    print("| errors, % | requests/s | ours | Flagger, threshold 5 | Flagger, threshold 10 | Argo's first example |")
    print("|---|--:|--:|--:|--:|--:|")
    peers = ("flagger-threshold-5.yml", "flagger-threshold-10.yml", "argo-first-example.yml")
    for number, (rate, traffic) in enumerate(itertools.product(RATES, TRAFFIC)):
        service = Service(requests_per_second=traffic, stable_errors=rate, canary_errors=TIMES * rate)
        cells = [of_ours(service, ours, [7, number])]
        cells += [of_a_peer(name, service, rollouts, [8, number, place]) for place, name in enumerate(peers)]
        print(f"| {100 * rate:g} -> {100 * TIMES * rate:g} | {traffic:g} | " + " | ".join(cells) + " |", flush=True)


def duration_table(rollouts: int) -> None:
    print("\n## The same with Flagger's second check: the 99th percentile at most 500 ms; errors 0.5 -> 2 %\n")
    print("| slower than 500 ms, %, both releases | requests/s | Flagger, threshold 5 | Flagger, threshold 10 |")
    print("|--:|--:|--:|--:|")
    for number, (slow, traffic) in enumerate(itertools.product(SLOW, TRAFFIC)):
        service = Service(requests_per_second=traffic, stable_errors=0.005, canary_errors=0.02, slow=slow)
        cells = [
            of_a_peer(f"flagger-threshold-{threshold}.yml", service, rollouts, [9, number, threshold], slow_known=True)
            for threshold in (5, 10)
        ]
        print(f"| {100 * slow:g} | {traffic:g} | " + " | ".join(cells) + " |", flush=True)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rollouts", type=int, default=2000, help="simulated rollouts a cell")
    parser.add_argument("--ours", type=int, default=500, help="the same under our engine, which takes most of the time")
    given = parser.parse_args(argv)
    duration_table(given.rollouts)
    errors_table(given.rollouts, given.ours)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
