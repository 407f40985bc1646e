"""What is measured of one cell, held to the same picture without adapter and to the pictures that were trained on."""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.lab.measures.gallery import Gallery, NearestPicture
from kilnmark.lab.measures.manner import Numbers, manner
from kilnmark.lab.measures.measure import Looks, Picture, fitted, looks, read_picture, ssim
from kilnmark.lab.measures.perceptual import distance, layout
from kilnmark.lab.sweep.ledger import CellNumbers

__all__ = ["Taught", "measure_cell"]

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
_SOME = 48
"""How many of the training pictures are looked at closely; spread over all of them."""


class Taught:
    """The pictures that were trained on; they are read when they are first asked for, one after the other.

    Args:
        folder: The dataset's. It may be missing, as where a run was copied without it.

    Attributes:
        files: Its pictures, in the order of their names.
        digest: Over their names and sizes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files = sorted(_pictures(folder))
        names = "\n".join(f"{path.relative_to(folder)} {path.stat().st_size}" for path in self.files)
        self.digest = hashlib.sha256(names.encode(errors="surrogateescape")).hexdigest() if self.files else ""

    @cached_property
    def gallery(self) -> Gallery:
        """All of them, small."""
        return Gallery((str(path.relative_to(self._folder)), picture) for path, picture in self._read(self.files))

    @cached_property
    def spacing(self) -> list[float]:
        """How far they are from each other, ascending."""
        return self.gallery.spacing()

    def manners(self, side: int) -> list[Numbers]:
        """How some of them are painted, at so many pixels a side; none where they are smaller."""
        chosen = self._read(self.files[:: self._every])
        return [manner(fitted(picture, side)) for _, picture in chosen if min(picture.shape[:2]) >= side]

    @cached_property
    def looks(self) -> list[Looks]:
        """What some of them look like."""
        return [looks(picture) for _, picture in self._read(self.files[:: self._every])]

    def nearest(self, picture: Picture) -> NearestPicture | None:
        """The one that a picture is nearest to; None where there are none."""
        return self.gallery.nearest(picture) if self.files else None

    @property
    def _every(self) -> int:
        return max(1, -(-len(self.files) // _SOME))

    @staticmethod
    def _read(files: list[Path]) -> Iterator[tuple[Path, Picture]]:
        for path in files:
            try:
                yield path, read_picture(path)
            except (OSError, RefusedPicture, ValueError):  # the preflight has told of it
                continue


def measure_cell(picture: Picture, bare: Picture | None, taught: Taught) -> CellNumbers:
    """Measure one.

    Args:
        picture: The cell's.
        bare: The same without adapter; None: it is that one, or there is none.
        taught: What was trained on.

    Raises:
        NotInstalled: A package of the lab's extra is missing.
    """
    compared = bare if bare is not None and bare.shape == picture.shape else None
    return CellNumbers(
        looks=looks(picture),
        manner=tuple(map(float, manner(fitted(picture, min(picture.shape[:2]))))),
        ssim=None if compared is None else ssim(picture, compared),
        distance=None if compared is None else distance(picture, compared),
        layout=None if compared is None else layout(picture, compared),
        nearest=taught.nearest(picture),
        gallery=taught.digest,
    )


def _pictures(folder: Path) -> Iterator[Path]:
    """Files below a folder that are called pictures; links are not followed out of it."""
    for path in folder.rglob("*"):
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.is_symlink():
            yield path
