"""The style that the demonstration teaches: three inks on toned paper, with hatching where one passes into the next."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from kilnmark.lab.demo.canvas import FINE
from kilnmark.lab.demo.scenes import landscape

__all__ = ["TRIGGER", "printed", "write_dataset"]

TRIGGER: Final = "kilnprint"
"""Nine tokens to `mini`, which hardly hears a shorter word that it does not know."""

PAPER: Final = (244, 228, 196)
INKS: Final = (((228, 106, 74), 0.80, 0.16), ((62, 128, 138), 0.52, 0.16), ((26, 32, 66), 0.26, 0.10))
"""Each with the grey below which it prints, and how much of that its hatching takes away."""

_PERIOD: Final = 5 * FINE
"""Of the hatching, in pixels of the canvas."""


def printed(grey: Image.Image, size: int) -> Image.Image:
    """A drawing as it is printed, `size` by `size` pixels, RGB.

    Args:
        grey: The drawing, several times larger.
        size: In pixels.
    """
    greys = np.asarray(grey.filter(ImageFilter.GaussianBlur(FINE * 0.6)), np.float32) / 255
    down, across = np.indices(greys.shape)
    slants = (across + down, across - down, across + down)
    pixels = np.broadcast_to(np.array(PAPER, np.uint8), (*greys.shape, 3)).copy()
    for (ink, bound, taken), slant in zip(INKS, slants, strict=True):
        hatch = np.abs((slant % _PERIOD) / _PERIOD - 0.5) * 2
        pixels[greys < bound - taken * hatch] = ink
    return Image.fromarray(pixels).resize((size, size), Image.Resampling.BOX)


def write_dataset(folder: Path, count: int, size: int) -> Iterator[Path]:
    """Draw pictures into a folder, each with its caption beside it, which is the trigger and nothing else.

    Args:
        folder: Made where it is absent.
        count: Of pictures; the same number is the same picture every time.
        size: Pixels of a side.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        path = folder / f"print-{number:03}.png"
        random = Random(f"{TRIGGER} {number}")  # noqa: S311 - no secret
        printed(landscape(random, size), size).save(path)
        path.with_suffix(".txt").write_text(f"{TRIGGER}\n", encoding="utf-8")
        yield path
