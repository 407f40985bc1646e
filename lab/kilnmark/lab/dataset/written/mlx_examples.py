"""mlx-examples' list of pictures and prompts, `train.jsonl`, as its `flux/flux/datasets.py` reads it.

One line of JSON a picture, none empty, in ASCII since the file is opened in whatever encoding the system has; pictures
are named from the folder that the list lies in, which is what its `dreambooth.py` is given.
"""

import json
from pathlib import Path

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.dataset.errors import LayoutUnwritable
from kilnmark.lab.dataset.layouts import LINES
from kilnmark.lab.dataset.written.copies import PICTURES
from kilnmark.lab.dataset.written.order import TrainerOrder

__all__ = ["write_lines"]


def write_lines(order: TrainerOrder) -> Path:
    """Write `pictures/train.jsonl`.

    Raises:
        LayoutUnwritable: mlx-examples has nothing for the base.
    """
    path = order.folder / PICTURES / LINES
    if "mlx-examples" not in order.base.trained_as:
        raise LayoutUnwritable(str(path), f"mlx-examples does not train {order.base.name}", "choose another trainer")
    with written_whole(path) as file:
        for pair in order.copies.pairs:
            file.write(json.dumps({"image": pair.file, "prompt": pair.caption}).encode() + b"\n")
    return path
