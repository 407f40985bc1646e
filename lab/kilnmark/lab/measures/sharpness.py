"""How sharp a picture is, by its edges."""

import numpy as np
from PIL import Image

__all__ = ["sharpness"]

_SIDE = 512
_STENCIL = 3
_FLAT = 0.25
"""Of the variance of grey levels: half a level of rounding."""


def sharpness(grey: Image.Image) -> float:
    """The variance of a picture's Laplacian (Pech-Pacheco et al., 2000) over that of its grey levels.

    It is measured at a longer side of at most 512 pixels, so that pictures of several sizes can be compared, and as a
    share of what there is to see, so that dark ones are not taken for blurred ones. 0 for a flat picture.

    Args:
        grey: In mode L.
    """
    factor = max(grey.size) / _SIDE
    if factor > 1:
        size = (max(1, round(grey.width / factor)), max(1, round(grey.height / factor)))
        grey = grey.resize(size, Image.Resampling.BOX)
    pixels = np.asarray(grey, dtype=np.float32)
    contrast = float(pixels.var())
    if min(pixels.shape) < _STENCIL or contrast < _FLAT:
        return 0.0
    centre = pixels[1:-1, 1:-1]
    edges = pixels[:-2, 1:-1] + pixels[2:, 1:-1] + pixels[1:-1, :-2] + pixels[1:-1, 2:] - 4 * centre
    return float(edges.var()) / contrast
