"""Copies of the pictures that those of a batch are made of, beside them, so that the review page can show both.

Nothing else of a folder is written here.
"""

import errno
from pathlib import Path

from kilnmark.client.batch.errors import FolderUnusable
from kilnmark.client.batch.plan.outputs import REFERENCES, STARTS, copy_place
from kilnmark.client.batch.plan.pictures import PlannedPicture, PlannedPictures
from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.outputs import is_unspoilt
from kilnmark.keymaps.pictures.file import read_picture

__all__ = ["check_within", "kept_references", "kept_start"]


def kept_start(folder: Path, pictures: PlannedPictures) -> str:
    """Put a copy of what a picture starts from into its place, where it is not there yet.

    Args:
        folder: The batch's.
        pictures: What the picture is made of.

    Returns:
        Its place from the folder, with forward slashes; empty where there is none, or it is another picture by now.

    Raises:
        FolderUnusable: There is no room, or no right to write.
    """
    return "" if pictures.start is None else _kept(folder, STARTS, pictures.start)


def kept_references(folder: Path, pictures: PlannedPictures) -> list[str]:
    """The same of each that it refers to, in their order, without those that are others by now."""
    return [place for each in pictures.references if (place := _kept(folder, REFERENCES, each))]


def _kept(folder: Path, among: str, picture: PlannedPicture) -> str:
    place = copy_place(among, picture.path, picture.given.sha256)
    goal = folder / place
    if is_unspoilt(goal, picture.given.sha256):
        return place
    try:
        file = read_picture(picture.path, None, picture.given.sha256)
        check_within(goal.parent, folder)
        goal.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(goal, alone=True) as taken:
            taken.write(file.data)
    except RefusedPicture:
        return ""
    except OSError as error:
        raise FolderUnusable(str(goal.parent), str(error)) from error
    return place


def check_within(place: Path, folder: Path) -> None:
    """See that a place below a folder really lies there.

    Raises:
        OSError: A link leads out of it.
    """
    if not place.resolve().is_relative_to(folder.resolve()):
        raise OSError(errno.ELOOP, "a link leads out of the batch's folder; remove it", str(place))
