"""Run it all, print what was found, and leave with 1 where a promise is broken. `make farm-faults` calls it."""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import msgspec

from scripts.farm_faults.disturbed import JOBS, LEASE, STACKS, Disturbed, disturbed
from scripts.farm_faults.full import FULL_JOBS, FullDisk, full_disk
from scripts.farm_faults.plain import MANY, Plain, plain

MOST_SWITCHES = 1.5
"""Times the stacks that there are, of each node."""

MOST_OVERHEAD_MS = 30.0
MOST_GROWTH_MIB = 32.0
MOST_SUBMITTER_KIB = 8.0
"""Of each job that is handed in with many others."""


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where one JSON object is written")
    parser.add_argument("--logs", type=Path, help="a folder for what the nodes wrote")
    parser.add_argument("--only", choices=["disturbed", "full", "plain"], help="a part of it")
    asked = parser.parse_args()
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("cc"):
        sys.exit("make farm-faults wants Linux, ip, cc, and root's rights: every machine has a network of its own")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends, too
    found, cost, full = Disturbed(), Plain(), FullDisk()
    with tempfile.TemporaryDirectory(prefix="kiln-farm-") as folder:
        if asked.only in (None, "full"):
            full = asyncio.run(full_disk(Path(folder) / "full", _tell))
        if asked.only in (None, "plain"):
            cost = asyncio.run(plain(Path(folder) / "plain", _tell))
        if asked.only in (None, "disturbed"):
            found = asyncio.run(disturbed(Path(folder) / "disturbed", _tell, asked.logs))
    figures = figures_of(found, cost)
    for fault in found.faults:
        print(f"{fault.what}: {fault.told}")
    print("  ".join(f"{name} {value}" for name, value in figures.items()))
    wrong = [*broken(found, cost, asked.only), *(broken_by_full(full) if asked.only in (None, "full") else [])]
    for line in [*found.lost, *found.problems, *wrong]:
        print(line, file=sys.stderr)
    if asked.json:
        document = {
            **figures,
            "lease_s": LEASE,
            "by_node": found.by_node,
            "faults": found.faults,
            "plain": cost,
            "full": full,
        }
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    sys.exit(bool(wrong))


def _tell(words: str) -> None:
    print(f"  {words}", flush=True)


def figures_of(found: Disturbed, cost: Plain) -> dict[str, float]:
    """The figures that are promised."""
    return {
        "jobs": JOBS,
        "results": found.results,
        "lost": len(found.lost),
        "twice": found.twice,
        "switches_per_stack": round(max(found.switches.values(), default=0) / STACKS, 2),
        "overhead_ms": round(cost.overhead_ms, 1),
        "submitter_mb": round(cost.submitter_mib[1] * 1.048576, 1),
    }


def broken(found: Disturbed, cost: Plain, only: str | None) -> list[str]:
    """The promises that were not kept."""
    figures = figures_of(found, cost)
    disturbed = [
        *(["not every job has its result"] if figures["results"] != JOBS or figures["lost"] else []),
        *(["a job ended twice"] if figures["twice"] else []),
        *(["too many switches"] if figures["switches_per_stack"] > MOST_SWITCHES else []),
        *(["a picture is not the one of its result"] if found.problems else []),
        *(f"nobody told: {fault.what}" for fault in found.faults if not fault.told),
    ]
    undisturbed = [
        *(["the farm costs a job too much"] if cost.overhead_ms > MOST_OVERHEAD_MS else []),
        *(["not every small job has one result"] if (cost.results, cost.twice) != (MANY, 0) else []),
        *(["a submitter's memory grows"] if cost.submitter_kib_each > MOST_SUBMITTER_KIB else []),
        *(["a node's memory grows"] if cost.node_mib[1] > cost.node_mib[0] + MOST_GROWTH_MIB else []),
    ]
    return [
        *(disturbed if only in (None, "disturbed") else []),
        *(undisturbed if only in (None, "plain") else []),
    ]


def broken_by_full(full: FullDisk) -> list[str]:
    """The same of a broker whose disk was full."""
    return [
        *(["not every job has one result"] if (full.results, full.twice) != (FULL_JOBS, 0) else []),
        *(["nobody told that the broker's disk is full"] if "no room left on its disk" not in full.told else []),
        *(["status does not say when the broker's disk is full"] if full.status != (True, False) else []),
    ]


main()
