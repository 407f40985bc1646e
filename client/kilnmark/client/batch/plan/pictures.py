"""The pictures that those of a batch are made of: found beside the documents that name them, and looked at once each.

Whether the daemon may read them is its own to know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kilnmark.client.batch.plan.subjects import Subject
from kilnmark.keymaps.errors import RefusedFile, RefusedPicture
from kilnmark.keymaps.files.roots import PICTURE, locate_beside
from kilnmark.keymaps.pictures.decoded import can_decode, decoded, glimpsed
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.picture.given import GivenPicture, GivenPictures

__all__ = ["NOTHING_PLANNED", "FoundPictures", "PlannedPicture", "PlannedPictures", "unfit_for"]


@dataclass(frozen=True, slots=True)
class PlannedPicture:
    """A picture that a planned one is made of.

    Attributes:
        path: Where it lies, absolute, links resolved.
        given: What is in it.
    """

    path: str
    given: GivenPicture


@dataclass(frozen=True, slots=True)
class PlannedPictures:
    """Those of one planned picture.

    Attributes:
        start: The one that it starts from; None: it starts from noise.
        strength: How much of that stays, as its entry says it; None: it does not.
        references: Those that it refers to, in their order.
    """

    start: PlannedPicture | None = None
    strength: float | None = None
    references: tuple[PlannedPicture, ...] = ()

    @property
    def given(self) -> GivenPictures:
        """As those of its request."""
        start = None if self.start is None else self.start.given
        return GivenPictures(start, tuple(each.given for each in self.references))


NOTHING_PLANNED = PlannedPictures()


def unfit_for(row: Variant, pictures: PlannedPictures) -> str:
    """Why a base cannot paint from these, and what to do; empty where it can.

    Args:
        row: What is known of the base.
        pictures: Those of one planned picture.
    """
    count, other = len(pictures.references), "have its tier or style name another variant"
    if pictures.start is not None and not row.init_image:
        return f"{row.name!r} cannot start from a picture; leave its init_image out, or {other}"
    if row.needs_reference and not count:
        return f"{row.name!r} paints from a reference picture; give it `reference_images`, or {other}"
    if count > row.reference_images:
        takes = f"at most {row.reference_images}" if row.reference_images else "no"
        return f"{row.name!r} takes {takes} reference pictures and is given {count}; give fewer, or {other}"
    return ""


class FoundPictures:
    """Finds pictures.

    Args:
        packs: The folder of packs; nothing outside it is read.
    """

    def __init__(self, packs: Path) -> None:
        self._packs = packs
        self._seen: dict[str, GivenPicture] = {}

    def of(self, subject: Subject) -> PlannedPictures:
        """Those that a subject is made of.

        Raises:
            RefusedPicture: One is not there, may not be read, or is no picture.
        """
        named = subject.fields
        return PlannedPictures(
            start=None if named.init_image is None else self._found(named.init_image, subject),
            strength=named.strength,
            references=tuple(self._found(file, subject) for file in named.reference_images),
        )

    def _found(self, file: str, subject: Subject) -> PlannedPicture:
        path = self._path(file, self._packs / Path(subject.file).parent, [self._packs])
        if path not in self._seen:
            self._seen[path] = self._look_at(path)
        return PlannedPicture(path, self._seen[path])

    def _path(self, file: str, folder: Path, roots: Sequence[Path]) -> str:
        try:
            return str(locate_beside(file, folder, roots, PICTURE))
        except RefusedFile as error:
            mend = "put it below the folder of packs, and name it from its document's folder"
            mend = error.mend if file.startswith("~") else mend
            raise RefusedPicture(error.path, error.problem, mend) from error

    def _look_at(self, path: str) -> GivenPicture:
        """All of it, so that one that is cut short is told before anything is painted."""
        file = read_picture(path, [self._packs])
        if not can_decode():
            return GivenPicture(file.sha256, 0, 0)
        decoded(file)
        return glimpsed(file)
