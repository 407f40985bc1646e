"""The style that the demonstration teaches: washes of three inks, dabbed with a sponge on toned paper."""

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

GREYS: Final = (0.0, 0.28, 0.58, 1.0)
INKS: Final = ((26, 32, 66), (62, 128, 138), (228, 106, 74), (244, 228, 196))
"""What these greys are washed with: three inks, and the paper."""

_SOFT: Final = 0.6
"""Pixels of the picture that a wash runs."""
_DAB, _DEPTH = 4, 0.035
"""Pixels of the picture from one dab of the sponge to the next, and how far it lightens or darkens a grey."""


def printed(grey: Image.Image, size: int, random: Random) -> Image.Image:
    """A drawing as it is printed, `size` by `size` pixels, RGB.

    Args:
        grey: The drawing, several times larger.
        size: In pixels.
        random: Of the sponge.
    """
    greys = np.asarray(grey.filter(ImageFilter.GaussianBlur(FINE * _SOFT)), np.float64) / 255
    greys = greys + _DEPTH * _sponge(grey.size, random)
    washed = np.stack([np.interp(greys, GREYS, channel) for channel in np.transpose(INKS)], axis=-1)
    return Image.fromarray(np.uint8(washed)).resize((size, size), Image.Resampling.BOX)


def _sponge(size: tuple[int, int], random: Random) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Dabs around 0 with a deviation of about 1: (height, width)."""
    count = size[0] // (FINE * _DAB) + 2
    dabs = np.array([random.gauss(0, 1) for _ in range(count * count)], np.float32).reshape(count, count)
    return np.asarray(Image.fromarray(dabs).resize(size, Image.Resampling.BICUBIC))


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
        printed(landscape(random, size), size, random).save(path)
        path.with_suffix(".txt").write_text(f"{TRIGGER}\n", encoding="utf-8")
        yield path
