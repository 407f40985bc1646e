"""How a picture will roughly look, from its latents: a linear map to colours, fitted to the base's own autoencoder.

A chart of colours is made here, encoded by the base, and its colours are regressed on its latents. Nothing is painted
here, and nothing is known of when that is wanted.
"""

import itertools
from typing import Self

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kilnmark.engine.families.family import Pixels, Previewable
from kilnmark.protocol.picture.spec import PictureSize

__all__ = ["CELL", "ColourMap", "colour_chart"]

CELL = 8
"""Pixels of a picture that become one of what is shown, each way."""

SIDE = 160
"""Pixels of the chart, each way: 400 cells, for 16 to 64 channels."""

RIDGE = 0.01
"""How far weights are held to be small, as a share of the latents' variance: what keeps an estimate from the first
steps, which is like nothing in the chart, from flying off."""

_Numbers = NDArray[np.float64]


def colour_chart(side: int = SIDE) -> Pixels:
    """A picture of all colours, in spots of all sizes, the same each time: `(side, side, 3)`.

    As in photographs, the larger a spot is, the more it differs from its neighbours. Above them stand eight
    colours, none of them saturated: an autoencoder bends those, and a map that is straight would tint all others.
    """
    random = np.random.default_rng(0)
    chart: _Numbers = np.full((side, side, 3), 127.5)
    cells = 2
    while cells <= side // 2:
        spots = random.uniform(-1, 1, (3, cells, cells)).astype(np.float32)
        layers = [Image.fromarray(each).resize((side, side), Image.Resampling.BICUBIC) for each in spots]
        chart += np.stack([np.asarray(layer) for layer in layers], axis=-1) * (153 * (2 / cells) ** 0.5)
        cells *= 2
    width = side // 8
    for corner, primaries in enumerate(itertools.product((64, 192), repeat=3)):
        chart[: 2 * width, corner * width :][:, :width] = primaries
    return np.clip(chart, 0, 255).round().astype(np.uint8)


class ColourMap:
    """Shows roughly what pictures of one base will look like.

    Args:
        model: That base's.
        weights: `(channels + 1, 3 x cells)`: what each channel adds to red, green and blue, 0 to 1, of each cell that a
            place of the latents stands for, row by row; the last row is what is there without any.
    """

    def __init__(self, model: Previewable, weights: _Numbers) -> None:
        self._model = model
        self._weights = weights.astype(np.float32)

    @classmethod
    def fitted(cls, model: Previewable) -> Self:
        """By least squares, over the cells of the chart."""
        chart = colour_chart()
        latents = _rows(model.grid(model.clean_latents(chart), PictureSize(SIDE, SIDE)))
        count, places = SIDE // CELL, round(len(latents) ** 0.5)
        cells = chart.reshape(count, CELL, count, CELL, 3).mean((1, 3)) / 255
        each = count // places
        wanted = cells.reshape(places, each, places, each, 3).transpose(0, 2, 1, 3, 4).reshape(len(latents), -1)
        known = np.c_[latents, np.ones(len(latents))].astype(np.float64)
        ridge = RIDGE * len(latents) * latents.var(axis=0).mean() * np.diag([1.0] * latents.shape[1] + [0.0])
        return cls(model, np.linalg.solve(known.T @ known + ridge, known.T @ wanted))

    def picture(self, latents: mx.array, size: PictureSize) -> Image.Image:
        """What latents look like; a pixel for each cell of a picture of that size."""
        grid = self._model.grid(latents, size)
        rows, columns, _ = grid.shape
        colours = _rows(grid) @ self._weights[:-1] + self._weights[-1]
        each = round((colours.shape[1] // 3) ** 0.5)
        cells = colours.reshape(rows, columns, each, each, 3).transpose(0, 2, 1, 3, 4)
        shown = np.clip(cells.reshape(rows * each, columns * each, 3), 0, 1) * 255
        return Image.fromarray(shown.round().astype(np.uint8))


def _rows(grid: mx.array) -> NDArray[np.float32]:
    """The channels of each place, row by row."""
    return np.array(grid.reshape(-1, grid.shape[-1]).astype(mx.float32))
