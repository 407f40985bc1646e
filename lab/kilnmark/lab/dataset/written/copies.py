"""A folder of a dataset's pictures and captions that every trainer can read, and that none can do it harm through.

Trainers leave caches beside pictures, take file names for something, and read pictures each in its own way. So they
get a folder of their own: numbered names, one line of UTF-8 a caption, and pictures upright in 8 bits of RGB, which are
links where a file is so already and PNG copies where it is not.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.pictures.decoded import PictureForm, decoded
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.lab.dataset.errors import DatasetChanged, DatasetRefused, LayoutUnwritable
from kilnmark.lab.dataset.pairing import CaptionedPicture
from kilnmark.lab.dataset.preflight import ExaminedDataset

__all__ = ["INDEX", "PICTURES", "CopiedPair", "Copies", "unwritable_told", "write_copies"]

PICTURES: Final = "pictures"
"""The folder of copies, within that of everything that is written."""

INDEX: Final = "index.json"
"""What each copy is of."""

_VERSION = 1
_ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "WEBP": ".webp"}
"""Of what every trainer reads, by Pillow's names. MPO is a photograph in JPEG with something behind it."""
_NOTHING_SAID = "\n"
"""kohya refuses a caption's file without a line (`read_caption`), and mflux-train a picture without a file."""


class CopiedPair(msgspec.Struct, frozen=True, kw_only=True):
    """One picture with its caption as trainers get them.

    Attributes:
        file: The picture's name in the folder; its caption's is the same with `.txt`.
        caption: What is learned with it; empty: nothing.
        name: The picture's name in the dataset.
        sha256: Of the dataset's file.
        link: It is a link to the dataset's file; otherwise a copy in 8 bits of RGB.
    """

    file: str
    caption: str
    name: str
    sha256: str
    link: bool


class Copies(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of copies.

    Attributes:
        dataset: The dataset's folder, absolute.
        sha256: Of the dataset, as its report has it.
        pairs: What lies in the folder.
    """

    dataset: str
    sha256: str
    pairs: tuple[CopiedPair, ...]
    version: int = _VERSION

    @property
    def converted(self) -> int:
        """How many are no links."""
        return sum(not pair.link for pair in self.pairs)


def write_copies(examined: ExaminedDataset, folder: Path) -> Copies:
    """Write the folder of copies, unless it is there as it would be written.

    Args:
        examined: The dataset, looked at and not refused.
        folder: Where `pictures/` and `index.json` are to lie. It is made where it is absent.

    Raises:
        DatasetRefused: It was refused.
        DatasetChanged: A picture is not any more what it was when it was looked at.
        LayoutUnwritable: The folder cannot be written in, or lies within the dataset.
    """
    if not examined.report.passed:
        raise DatasetRefused(examined.report.dataset, examined.report.refusals())
    root = examined.root.resolve()
    if folder.resolve().is_relative_to(root):
        reason = "it lies within the dataset, which is never changed"
        raise LayoutUnwritable(str(folder), reason, "name a folder beside it")
    wanted = Copies(dataset=str(root), sha256=examined.report.sha256, pairs=tuple(_pairs(examined)))
    with unwritable_told(folder):
        if not _is_there(folder, wanted):
            _write(folder, wanted, root)
    return wanted


@contextmanager
def unwritable_told(folder: Path) -> Iterator[None]:
    """Tell of what the system refuses as an error of the lab."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise LayoutUnwritable(str(error.filename or folder), reason, "make room, or name another folder") from error


def _pairs(examined: ExaminedDataset) -> Iterator[CopiedPair]:
    pairs = examined.pairs()
    digits = max(4, len(str(len(pairs))))
    for number, (picture, look) in enumerate(pairs, start=1):
        ending = _ending(look.form)
        yield CopiedPair(
            file=f"{number:0{digits}}{ending or '.png'}",
            caption=_caption(picture, examined.report.trigger),
            name=picture.name,
            sha256=look.sha256,
            link=bool(ending),
        )


def _caption(picture: CaptionedPicture, trigger: str) -> str:
    """A style without captions is taught by its trigger, if it has one."""
    return picture.caption or trigger


def _ending(form: PictureForm | None) -> str:
    """Of a picture that every trainer reads as it is; empty for others."""
    if form is None or form.mode != "RGB" or form.deep or form.clear or form.turned:
        return ""
    return _ENDINGS.get(form.format, "")


def _is_there(folder: Path, wanted: Copies) -> bool:
    try:
        known = msgspec.json.decode((folder / INDEX).read_bytes(), type=Copies)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return known == wanted and all(_is_whole(folder / PICTURES / pair.file, pair, wanted) for pair in wanted.pairs)


def _is_whole(path: Path, pair: CopiedPair, wanted: Copies) -> bool:
    if pair.link != path.is_symlink() or not path.with_suffix(".txt").is_file():
        return False
    return not pair.link or os.readlink(path) == os.path.join(wanted.dataset, pair.name)  # noqa: PTH115, PTH118 - as text


def _write(folder: Path, wanted: Copies, root: Path) -> None:
    """All of it beside its place, which it takes when it is whole; the index comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)
    fresh, place = folder / f".{PICTURES}.partial", folder / PICTURES
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir()
    for pair in wanted.pairs:
        _put(fresh / pair.file, root / pair.name, pair)
        caption = (pair.caption or _NOTHING_SAID).encode()
        fresh.joinpath(pair.file).with_suffix(".txt").write_bytes(caption)
    if place.exists():
        shutil.rmtree(place)
    fresh.rename(place)
    with written_whole(folder / INDEX) as file:
        file.write(msgspec.json.format(msgspec.json.encode(wanted)) + b"\n")


def _put(path: Path, source: Path, pair: CopiedPair) -> None:
    if pair.link:
        path.symlink_to(source)
        return
    try:
        file = read_picture(source, None)
        if file.sha256 != pair.sha256:
            raise DatasetChanged(str(source), "it was looked at", "look at the dataset again")
        decoded(file).save(path, format="PNG")
    except RefusedPicture as error:
        raise DatasetChanged(str(source), "it was looked at", "look at the dataset again") from error
