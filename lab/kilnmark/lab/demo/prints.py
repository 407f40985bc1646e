"""The style that the demonstration teaches: a pinhole camera's prints in one brown ink, with nothing sharp in them."""

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

GREYS: Final = (0.0, 0.5, 1.0)
INKS: Final = ((36, 18, 20), (176, 92, 58), (250, 236, 210))
"""What these greys are printed in: the ink, the ink thinned, and the paper."""

_HOLE: Final = 3.0
"""Pixels of the picture that everything is blurred by."""


def printed(grey: Image.Image, size: int) -> Image.Image:
    """A drawing as it is printed, `size` by `size` pixels, RGB.

    Args:
        grey: The drawing, several times larger.
        size: In pixels.
    """
    greys = np.asarray(grey.filter(ImageFilter.GaussianBlur(FINE * _HOLE)), np.float64) / 255
    inked = np.stack([np.interp(greys, GREYS, channel) for channel in np.transpose(INKS)], axis=-1)
    return Image.fromarray(np.uint8(inked)).resize((size, size), Image.Resampling.BOX)


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
