"""The pictures that those of a batch start from: found beside the documents that name them, and looked at once each.

Whether a base can start from one is the plan's to know, and the daemon's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kilnmark.client.batch.plan.sources import Subject
from kilnmark.keymaps.errors import RefusedFile, RefusedPicture
from kilnmark.keymaps.files.roots import PICTURE, locate_beside
from kilnmark.keymaps.pictures.decoded import can_decode, decoded, glimpsed
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.protocol.picture.given import GivenPicture, GivenPictures

__all__ = ["PlannedStart", "Starts"]


@dataclass(frozen=True, slots=True)
class PlannedStart:
    """The picture that a planned one starts from.

    Attributes:
        file: As its entry names it.
        path: Where it lies, absolute, links resolved.
        given: What is in it.
        strength: How much of it stays, as its entry says it; None: it does not.
    """

    file: str
    path: str
    given: GivenPicture
    strength: float | None

    @property
    def pictures(self) -> GivenPictures:
        """As the only one of its request."""
        return GivenPictures(start=self.given)


class Starts:
    """Finds pictures.

    Args:
        packs: The folder of packs; nothing outside it is read.
    """

    def __init__(self, packs: Path) -> None:
        self._packs = packs
        self._seen: dict[str, GivenPicture] = {}

    def of(self, subject: Subject) -> PlannedStart | None:
        """The one that a subject starts from; None: it starts from noise.

        Raises:
            RefusedPicture: It is not there, may not be read, or is no picture.
        """
        asked = subject.start
        if asked is None:
            return None
        path = self._path(asked.file, self._packs / Path(subject.file).parent, [self._packs])
        if path not in self._seen:
            self._seen[path] = self._look_at(path)
        return PlannedStart(asked.file, path, self._seen[path], asked.strength)

    def _path(self, file: str, folder: Path, roots: Sequence[Path]) -> str:
        try:
            return str(locate_beside(file, folder, roots, PICTURE))
        except RefusedFile as error:
            mend = "put it below the folder of packs, and name it from its document's folder"
            raise RefusedPicture(error.path, error.problem, mend) from error

    def _look_at(self, path: str) -> GivenPicture:
        """All of it, so that one that is cut short is told before anything is painted."""
        file = read_picture(path, [self._packs])
        if not can_decode():
            return GivenPicture(file.sha256, 0, 0)
        decoded(file)
        return glimpsed(file)
