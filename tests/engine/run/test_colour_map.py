"""Latents as colours: the colours that a linear autoencoder hides are found again, wherever they stand."""

import mlx.core as mx
import numpy as np
import pytest

from kilnmark.engine.families.family import Pixels
from kilnmark.engine.run.colour_map import CELL, ColourMap, colour_chart
from kilnmark.protocol.picture.spec import PictureSize


class Linear:
    """An autoencoder whose latents are its colours, turned and packed: `packing` cells each way to one place."""

    sees = True

    def __init__(self, packing: int) -> None:
        self.packing = packing
        self.turn = np.random.default_rng(1).normal(size=(3 * packing**2, 24))

    def clean_latents(self, pixels: Pixels) -> mx.array:
        side = CELL * self.packing
        height, width = (extent // side for extent in pixels.shape[:2])
        places = pixels.reshape(height, self.packing, CELL, width, self.packing, CELL, 3).mean((2, 5)) / 255 - 0.5
        return mx.array(places.transpose(0, 2, 1, 3, 4).reshape(1, height * width, -1) @ self.turn)

    def grid(self, latents: mx.array, size: PictureSize) -> mx.array:
        side = CELL * self.packing
        return latents.reshape(size.height // side, size.width // side, -1)


@pytest.mark.parametrize("packing", [1, 2])
def test_colours_are_found_where_they_stand(packing: int) -> None:
    model = Linear(packing)
    pixels = np.full((64, 96, 3), 90, np.uint8)
    pixels[:16, 64:] = 200, 60, 30
    shown = np.asarray(ColourMap.fitted(model).picture(model.clean_latents(pixels), PictureSize(96, 64)), np.float64)
    assert np.abs(shown - pixels[4::CELL, 4::CELL]).max() < 12


def test_the_chart_has_every_colour_and_is_the_same_each_time() -> None:
    chart = colour_chart()
    assert (chart == colour_chart()).all()
    cells = chart.reshape(20, CELL, 20, CELL, 3).mean((1, 3)).reshape(-1, 3)
    dark, light = cells < 118, cells > 138
    corners = {tuple(lit) for dim, lit in zip(dark, light, strict=True) if (dim | lit).all()}
    assert len(corners) == 8
