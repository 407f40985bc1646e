"""One stage of the training in PyTorch: `python -m scripts.mini.learn STAGE FOLDER`, in an environment that has it.

`python -m scripts.mini` calls it, stage by stage. Whoever stops it loses a minute at most.
"""

import argparse
from pathlib import Path

import torch

from scripts.mini.learn.studio import Studio
from scripts.mini.plan import FULL, QUICK

STAGES = ("classifier", "vae", "latents", "flow", "distil", "adapters", "probe")


def main() -> None:
    """Go through one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("folder", type=Path, help="where everything is kept")
    parser.add_argument("--quick", action="store_true", help="two steps of it")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU; two gain little on matrices so small")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    getattr(Studio(asked.folder, QUICK if asked.quick else FULL, asked.device), asked.stage)()


if __name__ == "__main__":
    main()
