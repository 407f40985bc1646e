"""How a picture of a batch stands: whether a person must look at it before anybody trusts it.

Only the judgement lives here, of manifest entries and of which files are there; how it looks is `page_markup`'s.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kilnmark.client.batch.plan.outputs import draft_of
from kilnmark.client.batch.run.manifest import Manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.protocol.picture.report import Verdict

__all__ = ["ShownPicture", "Standing", "shown_pictures"]

_DEAD = {Verdict.NOOP, Verdict.REFUSED}
_ABSENT = "the file is not there any more; run the batch again and it will be painted"


class Standing(StrEnum):
    """What a picture is shown as, worst first; a picture may stand in several ways.

    Attributes:
        DEAD: An adapter changed nothing or was refused.
        FAILED: There is no picture.
        PARTIAL: An adapter changed less than it names.
        OLD: What is there is not what is asked for now.
        ENGAGED: Every adapter engaged, and there is one.
        BARE: Painted without adapters.
        GONE: No document has its entry any more, however it is itself.
    """

    DEAD = "dead"
    FAILED = "failed"
    PARTIAL = "partial"
    OLD = "old"
    ENGAGED = "engaged"
    BARE = "bare"
    GONE = "gone"

    @property
    def label(self) -> str:
        """In words, for a badge or a filter."""
        return {
            Standing.DEAD: "Dead adapter",
            Standing.FAILED: "Failed",
            Standing.PARTIAL: "Partial",
            Standing.OLD: "Stale",
            Standing.GONE: "Gone",
            Standing.ENGAGED: "Engaged",
            Standing.BARE: "No adapters",
        }[self]


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture as it is shown.

    Attributes:
        picture: Its entry in the manifest.
        place: Among all of the manifest, from 0.
        file: The picture, relative to the page, with slashes; None where there is none to show.
        bare_file: The same of the one without adapters.
        start_file: The same of the one that it starts from.
        reference_files: The same of those that it refers to, as far as they are there.
        message: What went wrong or was warned of; empty where nothing was.
        standings: Worst first, at least one.
    """

    picture: Picture
    place: int
    file: str | None
    bare_file: str | None
    start_file: str | None
    reference_files: tuple[str, ...]
    message: str
    standings: tuple[Standing, ...]

    @property
    def worst(self) -> Standing:
        """What it is sorted by."""
        return self.standings[0]

    @property
    def smallest_change(self) -> float | None:
        """The smallest delta ratio of its adapters, a dead one counting as 0; None without adapters."""
        return min((report.delta_ratio or 0.0 for report in self.picture.loras), default=None)


def shown_pictures(folder: Path, manifest: Manifest) -> list[ShownPicture]:
    """Every picture of a manifest, dead adapters first, otherwise as planned; no draft of one that is there.

    Args:
        folder: Where the manifest lies; a picture that is not in it any more is told as failed.
    """
    there = {draft_of(picture.file) for picture in manifest.pictures if picture.status == "done"}
    shown = [
        _exhibit(folder, picture, place)
        for place, picture in enumerate(manifest.pictures)
        if not (picture.draft and picture.file in there)
    ]
    order = list(Standing)
    return sorted(shown, key=lambda exhibit: (order.index(exhibit.worst), exhibit.place))


def _exhibit(folder: Path, picture: Picture, place: int) -> ShownPicture:
    done = picture.status == "done"
    file = picture.file if done and (folder / picture.file).is_file() else None
    bare = picture.bare_file if file and picture.bare_file and (folder / picture.bare_file).is_file() else None
    start = picture.start_file if picture.start_file and (folder / picture.start_file).is_file() else None
    references = tuple(each for each in picture.reference_files if (folder / each).is_file())
    message = _ABSENT if done and file is None else picture.message
    standings = _standings(picture, there=file is not None)
    return ShownPicture(picture, place, file, bare, start, references, message, standings)


def _standings(picture: Picture, *, there: bool) -> tuple[Standing, ...]:
    verdicts = {report.verdict for report in picture.loras}
    found = [
        (Standing.DEAD, bool(verdicts & _DEAD)),
        (Standing.FAILED, not there),
        (Standing.PARTIAL, Verdict.PARTIAL in verdicts),
        (Standing.OLD, bool(picture.old)),
        (Standing.ENGAGED, there and verdicts == {Verdict.ENGAGED}),
        (Standing.BARE, there and not verdicts),
        (Standing.GONE, picture.gone),
    ]
    return tuple(standing for standing, holds in found if holds)
