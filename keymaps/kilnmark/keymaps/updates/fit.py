"""Whether the matrices of a file have the sizes of a model's layers, and if not, which known model has them.

From the header alone: no tensor is read.
"""

import math

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import Shapes, load_shapes, painters
from kilnmark.keymaps.names.sorting import Module, Sorting, sort_keys
from kilnmark.keymaps.updates.parts import Kind, chains, kind_of, stored_shape

__all__ = ["check_model", "check_widths"]

_TRAINED_FOR = "use it with the model that it was trained for"


def check_widths(file: AdapterFile, module: Module, shapes: Shapes) -> None:
    """Raise unless a whole module's inputs and rows are those of its targets.

    Raises:
        UnfitAdapter: With the model that the file looks made for, where one is known.
    """
    if found := _misfit(file, module, shapes):
        role, problem = found
        raise UnfitAdapter(file.path, problem, _made_for(file), key=module.keys[role])


def check_model(file: AdapterFile, sorting: Sorting) -> None:
    """Raise when most of a file names layers that only another known model has.

    Raises:
        UnfitAdapter: With that model.
    """
    matched = sum(len(module.keys) for module in sorting.modules)
    if len(sorting.foreign) <= matched or not (models := _models(file)):
        return
    problem = f"names a layer that this model does not have, as do {len(sorting.foreign)} of {len(file.tensors)} keys"
    raise UnfitAdapter(file.path, problem, _advice(models), key=sorting.foreign[0])


def _misfit(file: AdapterFile, module: Module, shapes: Shapes) -> tuple[Role, str] | None:
    if not chains(module):
        return None
    height, width = _size(file, module)
    product = kind_of(module) is Kind.LOKR
    factor = chains(module)[-1 if product else 0]
    for target in module.targets:
        if width != shapes[target][1]:
            found = f"makes an update {width} wide" if product else f"is {width} wide"
            return factor[-1], f"{found}, but {target} takes {shapes[target][1]} inputs"
    wanted = [shapes[target][0] for target in module.targets]
    if height != sum(wanted):
        found = f"makes an update of {height} rows" if product else f"has {height} rows"
        parts = " + ".join(f"{target} {count}" for target, count in zip(module.targets, wanted, strict=True))
        return factor[0], f"{found}, but the model needs {sum(wanted)} ({parts})"
    return None


def _size(file: AdapterFile, module: Module) -> tuple[int, int]:
    """(out, in) of a whole module's update."""
    heights = [stored_shape(file, module, chain[0])[0] for chain in chains(module)]
    widths = [stored_shape(file, module, chain[-1])[1] for chain in chains(module)]
    if kind_of(module) is Kind.LOKR:
        return math.prod(heights), math.prod(widths)
    return heights[0], widths[0]


def _made_for(file: AdapterFile) -> str:
    models = _models(file)
    return _advice(models) if models else _TRAINED_FOR


def _advice(models: list[str]) -> str:
    return f"it looks made for {' or '.join(models)}; {_TRAINED_FOR}"


def _models(file: AdapterFile) -> list[str]:
    """The known models that every pair of matrices of the file fits."""
    return [name for name in painters() if _fits(file, load_shapes(name))]


def _fits(file: AdapterFile, shapes: Shapes) -> bool:
    try:
        sorting = sort_keys(file.path, tuple(file.tensors), shapes)
    except UnfitAdapter:
        return False
    return bool(sorting.modules) and not sorting.foreign and all(_fitting(file, m, shapes) for m in sorting.modules)


def _fitting(file: AdapterFile, module: Module, shapes: Shapes) -> bool:
    needed = [role for chain in chains(module) for role in chain]
    whole = all(role in module.keys and len(stored_shape(file, module, role)) == 2 for role in needed)  # noqa: PLR2004
    return whole and _misfit(file, module, shapes) is None
