"""The matrices of a module, made into the updates of its targets: checked, scaled, split, and measured.

Nothing is multiplied out to the size of a layer here.
"""

from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.names.sorting import Module
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.biases import bias_updates, with_biases
from kilnmark.keymaps.updates.dora import with_magnitudes
from kilnmark.keymaps.updates.fit import check_widths
from kilnmark.keymaps.updates.full import full_updates
from kilnmark.keymaps.updates.fused import split_rows
from kilnmark.keymaps.updates.loha import hadamard_updates
from kilnmark.keymaps.updates.lokr import kronecker_updates
from kilnmark.keymaps.updates.norm_scales import check_layer, norm_updates
from kilnmark.keymaps.updates.norms import check_range, gram, product_norm
from kilnmark.keymaps.updates.parts import Kind, check_parts, kind_of, matrix
from kilnmark.keymaps.updates.update import AnyUpdate, Update, WeightUpdate

__all__ = ["updates_of"]


def updates_of(file: AdapterFile, module: Module, shapes: Shapes, multipliers: Multipliers) -> tuple[AnyUpdate, ...]:
    """The updates of a module, one a target, in row order.

    Raises:
        UnfitAdapter: A tensor is missing, sizes do not fit, or a number is not finite.
    """
    check_parts(file, module)
    check_layer(file, module, shapes)
    check_widths(file, module, shapes)
    match kind_of(module):
        case Kind.NORM:
            return norm_updates(file, module, shapes)
        case Kind.BIAS:
            return bias_updates(file, module, shapes)
        case _:
            updates = _weight_updates(file, module, shapes, multipliers)
            return with_biases(file, module, shapes, with_magnitudes(file, module, shapes, updates))


def _weight_updates(
    file: AdapterFile, module: Module, shapes: Shapes, multipliers: Multipliers
) -> tuple[WeightUpdate, ...]:
    match kind_of(module):
        case Kind.FULL:
            return full_updates(file, module, shapes)
        case Kind.LOKR:
            return kronecker_updates(file, module, shapes, multipliers)
        case Kind.LOHA:
            return hadamard_updates(file, module, shapes, multipliers)
        case _:
            return _pair_updates(file, module, shapes, multipliers)


def _pair_updates(
    file: AdapterFile, module: Module, shapes: Shapes, multipliers: Multipliers
) -> tuple[WeightUpdate, ...]:
    down, up = matrix(file, module, Role.DOWN), matrix(file, module, Role.UP)
    down_key, up_key = module.keys[Role.DOWN], module.keys[Role.UP]
    multiplier = multipliers.of(module, len(down))
    down_gram = gram(file, down_key, down.T)
    updates = []
    for target, part in zip(module.targets, split_rows(up, module.rows, shapes), strict=True):
        norm = abs(multiplier) * product_norm(gram(file, up_key, part), down_gram)
        updates.append(Update(target, down, part, multiplier, check_range(file, up_key, norm)))
    return tuple(updates)
