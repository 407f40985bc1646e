"""Where pictures go that somebody wants at a path of their own, and which seeds several of one prompt have.

The daemon writes into its own folder; what it wrote is copied from there, whole, and stays there.
"""

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.protocol.picture.record import find_record
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["MOST", "ChosenPlace", "RenderedPictures", "chosen_seeds"]

MOST = 1000
"""Pictures of one command."""

_LARGEST = 2**53 - 1
_OTHERS = frozenset({".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jxl"})
"""Endings of pictures of other formats."""
_DRAFT = ".draft"
"""At the end of a draft's name, as the daemon's and batches' have it."""
_DRAWN = 2**32
"""Seeds are drawn below this, as the daemon's are."""


class RenderedPictures(msgspec.Struct, frozen=True, kw_only=True):
    """Several pictures of one prompt, in the order of their seeds."""

    results: list[RenderResult]


def chosen_seeds(seed: int | None, count: int | None, seeds: str | None) -> list[int | None]:
    """The seed of each picture; None: the daemon draws it.

    Args:
        seed: Of the first.
        count: How many, each with the seed after that of the one before; None: one.
        seeds: All of them, with commas between, instead.

    Raises:
        click.UsageError: They say two things, or one is no seed.
    """
    if seeds is not None:
        if seed is not None or count is not None:
            raise click.UsageError("--seeds says all seeds; leave --seed and -n out")
        return [_seed(part) for part in seeds.split(",")]
    if count is None or count == 1:
        return [seed]
    first = random.randrange(_DRAWN) if seed is None else seed  # noqa: S311 - a picture's noise guards nothing
    if first + count - 1 > _LARGEST:
        raise click.UsageError(f"--seed {first} leaves no {count} seeds up to {_LARGEST}; begin lower")
    return [first + number for number in range(count)]


def _seed(text: str) -> int:
    if not text.strip().isdecimal() or int(text) > _LARGEST:
        raise click.UsageError(f"--seeds: {text.strip()!r} is no whole number from 0 to {_LARGEST}; give 3,7,12")
    return int(text)


class ChosenPlace:
    """Where the pictures of one command go.

    Args:
        named: A file, or a folder, which is there or ends with a slash. Of several pictures the file's name gets the
            seed of each.
        seeds: Of all pictures.

    Raises:
        click.UsageError: Nothing can be put there, or something would be lost.
    """

    def __init__(self, named: str, seeds: Sequence[int | None]) -> None:
        self._path = Path(named)
        self._is_folder = named.endswith("/") or self._path.is_dir()
        self._is_one = len(seeds) == 1
        if not self._is_folder and self._path.suffix.lower() in _OTHERS:
            named = self._path.with_suffix(".png").name
            raise click.UsageError(
                f"--output: pictures are PNG files, and {self._path.name!r} is none; name it {named!r}"
            )
        folder = self._path if self._is_folder else self._path.parent
        if self._is_folder:
            folder.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            raise click.UsageError(f"--output: {str(folder)!r} is no folder; make it first")
        if len(set(seeds)) < len(seeds):
            raise click.UsageError("one seed stands twice, and its second picture would take the place of its first")
        for seed in seeds:
            if not self._is_folder:
                _refuse_loss(self._named(seed))

    def put(self, result: RenderResult) -> RenderResult:
        """Copy a picture to its place; the same result, with that as its path. A draft's name says that it is one.

        Raises:
            click.UsageError: It could not be written.
        """
        source = Path(result.image_path)
        goal = self._path / source.name if self._is_folder else self._named(result.seed)
        if result.draft and not goal.stem.endswith(_DRAFT):
            goal = goal.with_stem(goal.stem + _DRAFT)
        try:
            _refuse_loss(goal)
            with source.open("rb") as given, written_whole(goal) as file:
                shutil.copyfileobj(given, file)
        except OSError as error:
            problem = f"--output: {str(goal)!r} could not be written ({error.strerror}); the picture is {source}"
            raise click.UsageError(problem) from error
        return msgspec.structs.replace(result, image_path=str(goal.absolute()))

    def _named(self, seed: int | None) -> Path:
        path = self._path if self._path.suffix.lower() == ".png" else self._path.with_name(f"{self._path.name}.png")
        return path if self._is_one else path.with_stem(f"{path.stem}-{seed}")


def _refuse_loss(path: Path) -> None:
    """Raises click.UsageError where a file is there that no daemon wrote."""
    try:
        with path.open("rb") as file:
            is_ours = find_record(file) is not None
    except FileNotFoundError:
        return
    except OSError:
        is_ours = False
    if not is_ours:
        raise click.UsageError(f"--output: {str(path)!r} is there, and no picture of kilnmark; move it away first")
