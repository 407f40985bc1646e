"""Models of all the names and blocks of the true ones, whose layers are an eighth as wide.

What a convention calls a layer and which rows of a module are its own do not depend on widths; files, and the time that
each number in them costs, do.
"""

from functools import cache

from kilnmark.keymaps.names.shapes import Shapes, encoders, load_shapes
from tests.keymaps.lines.line import Line

__all__ = ["line_in", "narrow_shapes"]

_PART = 8


@cache
def narrow_shapes(variant: str) -> Shapes:
    """Of the layers that paint; those of text encoders stay as wide as they are, and so do the few of under 64."""
    return {target: _narrow(target, shape) for target, shape in load_shapes(variant).items()}


def line_in(shapes: Shapes, line: Line, variant: str) -> Line:
    """A line of an oracle, whose rows are as many as the model's own layer has, in such shapes of that model."""
    module, target, begin, end = line
    assert end - begin == load_shapes(variant)[target][0], target
    return module, target, begin * shapes[target][0] // (end - begin), end * shapes[target][0] // (end - begin)


def _narrow(target: str, shape: tuple[int, int]) -> tuple[int, int]:
    if target.partition(".")[0] in encoders():
        return shape
    rows, columns = (size // _PART if size >= _PART * _PART else size for size in shape)
    return rows, columns
