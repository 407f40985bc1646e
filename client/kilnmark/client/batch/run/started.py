"""Copies of the pictures that those of a batch start from, beside them, so that the review page can show both.

Nothing else of a folder is written here.
"""

import errno
from pathlib import Path

from kilnmark.client.batch.errors import FolderUnusable
from kilnmark.client.batch.plan.outputs import start_place
from kilnmark.client.batch.plan.starts import PlannedStart
from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.outputs import is_unspoilt
from kilnmark.keymaps.pictures.file import read_picture

__all__ = ["check_within", "kept_start"]


def kept_start(folder: Path, start: PlannedStart | None) -> str:
    """Put a copy into its place, where it is not there yet.

    Args:
        folder: The batch's.
        start: What a picture starts from; None: it starts from noise.

    Returns:
        Its place from the folder, with forward slashes; empty where there is none, or it is another picture by now.

    Raises:
        FolderUnusable: There is no room, or no right to write.
    """
    if start is None:
        return ""
    place = start_place(start.path, start.given.sha256)
    goal = folder / place
    if is_unspoilt(goal, start.given.sha256):
        return place
    try:
        file = read_picture(start.path, None, start.given.sha256)
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
