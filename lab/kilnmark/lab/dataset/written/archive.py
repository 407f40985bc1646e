"""A zip for a remote trainer: pictures beside captions of the same names, as Replicate-style trainers take them.

The same dataset comes to the same bytes: in order, stored as they are, all of one time and one system.
"""

import stat
import zipfile
from pathlib import Path
from typing import Final

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.lab.dataset.errors import DatasetChanged
from kilnmark.lab.dataset.written.copies import PICTURES
from kilnmark.lab.dataset.written.order import TrainerOrder

__all__ = ["ARCHIVE", "write_archive"]

ARCHIVE: Final = "pictures.zip"
_THEN = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip can name."""
_UNIX = 3


def write_archive(order: TrainerOrder) -> Path:
    """Write `pictures.zip`.

    Raises:
        DatasetChanged: A picture is not any more what it was when it was looked at.
        RefusedPicture: One cannot be read.
    """
    path = order.folder / ARCHIVE
    with written_whole(path, alone=True) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for pair in order.copies.pairs:
            picture = read_picture((order.folder / PICTURES / pair.file).absolute(), None)
            if pair.link and picture.sha256 != pair.sha256:
                raise DatasetChanged(picture.path, "it was looked at", "look at the dataset again")
            archive.writestr(_entry(pair.file), picture.data)
            if pair.caption:
                archive.writestr(_entry(Path(pair.file).stem + ".txt"), pair.caption.encode())
    return path


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _THEN)
    entry.create_system = _UNIX
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry
