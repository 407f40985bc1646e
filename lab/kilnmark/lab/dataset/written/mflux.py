"""mflux-train's configuration, as `TrainingSpec.from_conf` of mflux 0.24 reads it; mflux itself is not imported.

Its folder of pictures is the copies'. It knows epochs where others know steps.
"""

import json
import math
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.lab.dataset.errors import LayoutUnwritable
from kilnmark.lab.dataset.written.copies import PICTURES
from kilnmark.lab.dataset.written.order import TrainerOrder
from kilnmark.lab.dataset.written.own import with_own
from kilnmark.protocol.picture.catalog import family_of

__all__ = ["CONFIGURATION", "mflux_configuration", "mflux_steps", "write_mflux"]

CONFIGURATION: Final = "mflux.json"

_GRID = 40
"""Noise levels that are trained at: as many as in mflux's example for undistilled models, and more than are painted."""
_NOISE = {"style": "style", "subject": "sigmoid"}
"""Which of them more often, by mflux's names: a style lives in the coarse ones, a subject in the middle."""
_BLOCK = re.compile(r"(?P<run>.+?\.)(?P<block>\d+)(?P<rest>\..+)")


def write_mflux(order: TrainerOrder) -> Path:
    """Write `mflux.json`.

    Raises:
        LayoutUnwritable: mflux-train has nothing for the base.
    """
    path = order.folder / CONFIGURATION
    if "mflux" not in order.base.trained_as:
        raise LayoutUnwritable(str(path), f"mflux-train does not train {order.base.name}", "choose another trainer")
    with written_whole(path) as file:
        file.write(json.dumps(mflux_configuration(order), indent=2).encode() + b"\n")
    return path


def mflux_configuration(order: TrainerOrder) -> dict[str, object]:
    """The configuration as mflux-train's JSON has it."""
    numbers = order.numbers
    written = {
        "model": order.base.trained_as["mflux"],
        "data": f"{PICTURES}/",
        "seed": numbers.seed,
        "steps": _GRID,
        "max_resolution": order.size,
        "training_loop": {
            "num_epochs": _passes(numbers.steps, len(order.copies.pairs)),
            "batch_size": 1,
            "timestep_low": 0,
            "timestep_high": _GRID,
            "timestep_type": _NOISE[order.kind],
        },
        "optimizer": {"name": "AdamW", "learning_rate": numbers.learning_rate},
        "checkpoint": {"save_frequency": numbers.save_every, "output_path": os.fspath(order.output)},
        "lora_layers": {"targets": list(_targets(order))},
    }
    return with_own(written, numbers.own)


def mflux_steps(steps: int, pairs: int) -> int:
    """How many steps mflux-train takes where so many are asked of it: it ends after a whole pass over the pictures."""
    return _passes(steps, pairs) * pairs


def _passes(steps: int, pairs: int) -> int:
    return math.ceil(steps / pairs)


def _targets(order: TrainerOrder) -> Iterator[dict[str, object]]:
    """Every linear layer of the repeated blocks, but for those that only modulate."""
    for pattern, blocks in _patterns(order).items():
        yield {
            "module_path": pattern,
            "blocks": {"start": min(blocks), "end": max(blocks) + 1},
            "rank": order.numbers.rank,
        }


def _patterns(order: TrainerOrder) -> dict[str, list[int]]:
    """Paths with `{block}` where they have the block's number, and these numbers: without a gap in every family."""
    runs = {run.path for run in family_of(order.base).runs}
    found: defaultdict[str, list[int]] = defaultdict(list)
    for path, (_, width) in load_shapes(order.base.shapes).items():
        match = _BLOCK.fullmatch(path)
        if match and match["run"] in runs and width > 1 and "modulation" not in path.casefold():
            found[f"{match['run']}{{block}}{match['rest']}"].append(int(match["block"]))
    return found
