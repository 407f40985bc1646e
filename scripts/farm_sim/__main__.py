"""`make farm-sim`: the stated load under the product's placement, and its figures beside perfect packing.

It fails where less than 0.9 of perfect packing is reached, or a job has no result.
"""

import argparse
import gc
import sys
import time
from dataclasses import replace
from pathlib import Path

import msgspec

from scripts.farm_sim.load import draw_load, draw_nodes
from scripts.farm_sim.model import SMALL, STATED, statement
from scripts.farm_sim.run import Run
from scripts.farm_sim.told import figures_of

LEAST = 0.9


def main() -> None:
    """Run, show, write, and leave with 1 where it is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where one JSON object is written")
    parser.add_argument("--small", action="store_true", help="10 nodes and 5,000 jobs")
    parser.add_argument("--seed", type=int, default=1, help="of everything drawn")
    asked = parser.parse_args()
    model = replace(SMALL if asked.small else STATED, seed=asked.seed)
    print("\n".join(statement(model)))
    begun = time.process_time()
    gc.disable()
    run = Run(model, draw_load(model), draw_nodes(model))
    run.run()
    figures = figures_of(run)
    for name, value in msgspec.to_builtins(figures).items():
        if name != "model":
            print(f"{name:20} {value}")
    print(f"took {time.process_time() - begun:.1f} s of CPU")
    if asked.json:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    sys.exit(figures.of_perfect_packing < LEAST or figures.lost > 0 or figures.dead > 0)


if __name__ == "__main__":
    main()
