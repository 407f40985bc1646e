"""One picture looked at: whether it can be decoded, how it stands in its file, and the numbers it is compared by.

Pictures are taken one by one; of each, numbers, a hash and 16 x 16 pixels stay. What the numbers mean beside those of
other pictures is judged elsewhere.
"""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.keymaps.pictures.decoded import PictureForm, decoded_with_form
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.lab.measures.hashing import perceptual_hash
from kilnmark.lab.measures.measure import grey_of
from kilnmark.lab.measures.sharpness import sharpness

__all__ = ["THUMB_SIDE", "TINY_SIDE", "PictureLook", "look_at_all", "looked_at"]

TINY_SIDE: Final = 16
"""Pixels of each side of the smallest copy that is kept of a picture."""

THUMB_SIDE: Final = 128
"""Pixels of the longer side of a thumbnail."""

_SMALL_SIDE = 32
"""Pixels of each side of what is hashed and weighed."""

_AT_ONCE = 4
"""Pictures that are decoded at a time, at most: each takes up to 200 MB."""


@dataclass(frozen=True, slots=True)
class PictureLook:
    """What is known of one picture.

    Attributes:
        name: Its own, below the dataset's folder.
        sha256: Of its file, in hex; empty where that cannot be read.
        problem: Why it cannot be decoded; None: it can.
        width, height: Pixels, upright.
        form: How it stands in its file; None where it cannot be decoded.
        pixels: A digest of its pixels, equal for pictures that are equal however they are packed.
        sharpness: As `measures.sharpness` has it; 0 for a flat picture.
        light: Mean of its grey levels, 0 to 1.
        hash: 64 bits, alike for pictures that look alike.
        mirrored: The same of its mirror image.
        tiny: Its pixels at 16 x 16, in RGB.
    """

    name: str
    sha256: str
    problem: str | None = None
    width: int = 0
    height: int = 0
    form: PictureForm | None = None
    pixels: bytes = b""
    sharpness: float = 0.0
    light: float = 0.0
    hash: int = 0
    mirrored: int = 0
    tiny: bytes = b""


def look_at_all(root: Path, names: Sequence[str]) -> Iterator[tuple[PictureLook, Image.Image | None]]:
    """Look at pictures, some at a time, and give what was found in the order of their names.

    Yields:
        What is known of each, and its thumbnail; None where it cannot be decoded.
    """
    workers = min(_AT_ONCE, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="preflight") as pool:
        running: deque[Future[tuple[PictureLook, Image.Image | None]]] = deque()
        try:
            for name in names:
                if len(running) > workers:
                    yield running.popleft().result()
                running.append(pool.submit(looked_at, root, name))
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def looked_at(root: Path, name: str) -> tuple[PictureLook, Image.Image | None]:
    """Look at one picture of a dataset.

    Returns:
        What is known of it, and its thumbnail; None where it cannot be decoded.
    """
    sha256 = ""
    try:
        file = read_picture((root / name).absolute(), None)
        sha256 = file.sha256
        image, form = decoded_with_form(file)
    except RefusedPicture as error:
        return PictureLook(name, sha256, error.problem), None
    look = _measured(name, sha256, image, form)
    image.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BILINEAR)
    return look, image


def _measured(name: str, sha256: str, image: Image.Image, form: PictureForm) -> PictureLook:
    small = np.asarray(image.resize((_SMALL_SIDE, _SMALL_SIDE), Image.Resampling.BOX))
    return PictureLook(
        name=name,
        sha256=sha256,
        width=image.width,
        height=image.height,
        form=form,
        pixels=hashlib.blake2b(image.tobytes(), digest_size=16, key=f"{image.width}".encode()).digest(),
        sharpness=sharpness(image.convert("L")),
        light=float(grey_of(small).mean()) / 255,
        hash=perceptual_hash(small),
        mirrored=perceptual_hash(small[:, ::-1]),
        tiny=image.resize((TINY_SIDE, TINY_SIDE), Image.Resampling.BOX).tobytes(),
    )
