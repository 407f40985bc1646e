"""DoRA: an update with a magnitude for every row of the layer, in kohya's spelling (out, 1) and in PEFT's (out,).

Liu et al., 2024, arXiv 2402.09353; huggingface/peft, commit 0a6cd5a4, tuners/lora/dora.py; and for LoHa and
LoKr KohakuBlueleaf/LyCORIS, commit 01eed776, lycoris/modules/loha.py and lokr.py, `apply_weight_decompose`.
"""

from collections.abc import Iterable
from dataclasses import replace

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.names.sorting import Module
from kilnmark.keymaps.updates.fused import Matrix, split_rows
from kilnmark.keymaps.updates.norms import check_finite
from kilnmark.keymaps.updates.parts import AGAIN
from kilnmark.keymaps.updates.update import WeightUpdate

__all__ = ["with_magnitudes"]


def with_magnitudes(
    file: AdapterFile, module: Module, shapes: Shapes, updates: tuple[WeightUpdate, ...]
) -> tuple[WeightUpdate, ...]:
    """The updates of a module with the magnitudes (out,) of each one's rows, if it has any.

    Raises:
        UnfitAdapter: They are not one for every row, or not finite.
    """
    key = module.keys.get(Role.MAGNITUDE)
    if key is None:
        return updates
    parts = _magnitudes(file, module, shapes, key)
    return tuple(replace(update, magnitude=part) for update, part in zip(updates, parts, strict=True))


def _magnitudes(file: AdapterFile, module: Module, shapes: Shapes, key: str) -> Iterable[Matrix]:
    shape = file.tensors[key].shape
    height, width = sum(shapes[target][0] for target in module.targets), shapes[module.targets[0]][1]
    if shape == (1, width):
        problem = f"holds a magnitude for each of {width} inputs, and only magnitudes of rows can be applied"
        raise UnfitAdapter(file.path, problem, "train with weight decomposition on the output axis", key=key)
    if shape not in {(height,), (height, 1)}:
        problem = f"must hold a magnitude for each of {height} rows, but has shape {list(shape)}"
        raise UnfitAdapter(file.path, problem, AGAIN, key=key)
    numbers = file.array(key).reshape(-1)
    check_finite(file, key, numbers)
    return split_rows(numbers, module.rows, shapes)
