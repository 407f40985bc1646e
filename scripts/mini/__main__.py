"""Trains `mini` in a folder, from where it was stopped: `python -m scripts.mini FOLDER --torch PYTHON`.

It draws, trains the classifier, the text encoder, the VAE, the transformer and the adapters, and writes the directory.
What computes for long does so in PyTorch, in an environment of its own (`make mini-train` makes it). Whoever stops it
(Ctrl-C, SIGTERM, a cut of power) loses a minute at most and starts it again with the same words.
"""

import argparse
import os
from pathlib import Path

import msgspec

from scripts.mini.plan import FULL, QUICK
from scripts.mini.stages import STAGES, Workshop


def main() -> None:
    """Go through the stages, those that are done in no time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where everything is kept, some gigabytes of it")
    parser.add_argument("--torch", type=Path, default=Path(".mini/bin/python"), help="a Python that has PyTorch")
    parser.add_argument("--device", default="cpu", help="where PyTorch computes: cpu, cuda or mps")
    parser.add_argument("--until", choices=STAGES, default=STAGES[-1], help="the last stage to go through")
    parser.add_argument("--quick", action="store_true", help="two steps of each, which make no model")
    parser.add_argument("--nice", type=int, default=5, help="how far to stand back behind other programs, 0 to 19")
    asked = parser.parse_args()
    os.nice(asked.nice)
    asked.folder.mkdir(parents=True, exist_ok=True)
    workshop = Workshop(asked.folder, QUICK if asked.quick else FULL, asked.torch, asked.device)
    for stage in STAGES[: STAGES.index(asked.until) + 1]:
        done = getattr(workshop, stage)()
        spent = {name: round(seconds) for name, seconds in workshop.ledger.stages().items()}
        said = {"stage": stage, "done": done, "cpu_s": spent, "total_cpu_s": round(workshop.ledger.seconds())}
        print(msgspec.json.encode(said).decode(), flush=True)


if __name__ == "__main__":
    main()
