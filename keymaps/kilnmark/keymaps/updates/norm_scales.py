"""Scales of the model's norms of queries and keys: whole ones that take the place of its own, and changes of them.

Control LoRAs hold whole ones, which diffusers (commit 58eb52c080, loaders/lora_pipeline.py,
`_load_norm_into_transformer`) and Black Forest Labs put into the model as they are; LyCORIS (commit 01eed776,
lycoris/modules/norms.py) holds changes, `w_norm`.
"""

import numpy as np

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import Shapes, is_norm
from kilnmark.keymaps.names.sorting import Module
from kilnmark.keymaps.updates.norms import check_finite
from kilnmark.keymaps.updates.parts import AGAIN, Kind, kind_of
from kilnmark.keymaps.updates.update import NormUpdate

__all__ = ["check_layer", "norm_updates"]


def check_layer(file: AdapterFile, module: Module, shapes: Shapes) -> None:
    """Raise unless scales are meant for a norm, and everything else for linear layers.

    Raises:
        UnfitAdapter: With what the layer is.
    """
    kind, target = kind_of(module), module.targets[0]
    key = next(iter(module.keys.values()))
    if is_norm(shapes[target]) and kind is not Kind.NORM:
        problem = f"is part of a {kind} update, but {target} is a norm, which has nothing but scales"
        raise UnfitAdapter(file.path, problem, "store what changes of its scales as w_norm", key=key)
    if kind is Kind.NORM and not is_norm(shapes[target]):
        problem = f"holds scales of a norm or a whole weight, but {target} is a linear layer"
        raise UnfitAdapter(file.path, problem, "give an adapter: pairs of matrices, or the change as diff", key=key)


def norm_updates(file: AdapterFile, module: Module, shapes: Shapes) -> tuple[NormUpdate, ...]:
    """The update of a norm.

    Raises:
        UnfitAdapter: It has another number of scales, or one is not finite.
    """
    replaces = Role.NORM_WEIGHT in module.keys
    key, target = module.keys[Role.NORM_WEIGHT if replaces else Role.W_NORM], module.targets[0]
    shape, width = file.tensors[key].shape, shapes[target][0]
    if shape != (width,):
        problem = f"must hold {width} scales, those of {target}, but has shape {list(shape)}"
        raise UnfitAdapter(file.path, problem, AGAIN, key=key)
    scales = file.array(key)
    check_finite(file, key, scales)
    norm = None if replaces else float(np.linalg.norm(scales.astype(np.float64)))
    return (NormUpdate(target, scales, replaces, norm),)
