"""What people decided about the pictures of a folder: said of the bytes that they looked at, and shown beside what is
there now.

A decision names its picture by the hash of its bytes, so that it is told as stale, and not lost, when the entry is
painted otherwise. Where decisions are kept is for `picks`; nothing here changes a picture or the manifest.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from kilnmark.client.batch.errors import NoSuchPicture
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import EntryName, EntryPick, PickedPicture, Picks, PickWord, Said
from kilnmark.client.batch.picks.saying import moment_now, said_of
from kilnmark.client.batch.run.changes import changes_between
from kilnmark.client.batch.run.manifest import Manifest, read_manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.protocol.picture.record import find_record

__all__ = ["ShownPick", "decide_picture", "file_hash", "is_draft", "shown_picks"]


@dataclass(frozen=True, slots=True)
class ShownPick:
    """One picture of a folder, and what was decided about its entry.

    Attributes:
        pick: All of it.
        sha256: Of the bytes that are there now; empty where there is no picture, or nobody said anything of its entry.
        said: What each person said last of these bytes.
        standing: What counts of it; None: undecided.
        before: What counted of the picture that lay there when it was decided about, where that is another one; None
            where there is none such, or something was said of the one that is there since.
        why: What has changed since, in words; empty where that is not known.
    """

    pick: EntryPick
    sha256: str = ""
    said: tuple[Said, ...] = ()
    standing: Said | None = None
    before: Said | None = None
    why: str = ""

    @property
    def word(self) -> PickWord:
        """What counts, as a word."""
        return PickWord.OPEN if self.standing is None else self.standing.word

    @property
    def stale(self) -> str:
        """Why what was accepted is not what is there, in a sentence; empty where nothing was, or it is there."""
        if self.before is None or self.before.word is not PickWord.ACCEPTED:
            return ""
        by = f" by {self.before.by}" if self.before.by else ""
        what = f": {self.why}" if self.why else ""
        return f"another picture was accepted here{by}{what}; look at this one, and decide again"


def shown_picks(folder: Path, manifest: Manifest, picks: Picks) -> Mapping[str, ShownPick]:
    """What was decided about each picture of a manifest, by its file.

    Files are read only of entries that somebody said something of, and each state of a file once.

    Args:
        folder: Where the manifest lies.
    """
    by_entry: dict[EntryName, list[Picture]] = {}
    for one in manifest.pictures:
        by_entry.setdefault(one.entry, []).append(one)
    shown: dict[str, ShownPick] = {}
    for entry, pictures in by_entry.items():
        pick = picks.of_entry(entry)
        shown |= _of_entry(folder, pictures, pick, manifest.earlier) if pick.pictures else _undecided(pictures, pick)
    return shown


def _undecided(pictures: Sequence[Picture], pick: EntryPick) -> Mapping[str, ShownPick]:
    return {one.file: ShownPick(pick) for one in pictures}


def _of_entry(
    folder: Path, pictures: Sequence[Picture], pick: EntryPick, earlier: Sequence[Picture]
) -> Mapping[str, ShownPick]:
    """Each of its pictures beside what was said of it, and of another one in its place that is not there any more."""
    there = {one.file: file_hash(folder / one.file) for one in pictures if one.status == "done"}
    absent = [one for one in pick.pictures if one.standing and one.sha256 not in there.values()]
    shown = {}
    for picture in pictures:
        sha256 = there.get(picture.file, "")
        own, first = pick.picture(sha256), picture is pictures[0]
        others = [one for one in absent if one.file == picture.file or (first and one.file not in there)]
        last = max(others, key=_order, default=None)
        found = ShownPick(pick, sha256, own.said if own else (), own.standing if own else None)
        is_newer = last is not None and (own is None or _order(own) < _order(last))
        if last is not None and is_newer and found.word is not PickWord.ACCEPTED:
            found = replace(found, before=last.standing, why=_why(last, picture, earlier))
        shown[picture.file] = found
    return shown


def _order(picture: PickedPicture) -> tuple[str, ...]:
    return picture.standing.order if picture.standing else ()


def _why(decided: PickedPicture, picture: Picture, earlier: Sequence[Picture]) -> str:
    """What the one that was decided about was made of otherwise."""
    if picture.status != "done":
        return f"this one could not be had ({picture.message})"
    if decided.inputs and decided.inputs == picture.inputs:
        return "it was painted again, or written to, since"
    known = next((one for one in earlier if one.sha256 == decided.sha256), None)
    if known is not None:
        return changes_between(known, picture)
    return "" if decided.seed in {None, picture.seed} else f"its seed was {decided.seed} and is {picture.seed}"


def decide_picture(
    folder: Path,
    file: str,
    word: PickWord,
    *,
    by: str = "",
    reason: str = "",
    sha256: str = "",
    manifest: Manifest | None = None,
    files: PicksFiles | None = None,
) -> PickedPicture:
    """Decide about one picture; it is on disk when this returns.

    Args:
        folder: Of the batch.
        file: The picture, as the manifest names it; one of its `earlier` can be decided about, too.
        word: What is decided.
        by: Who decides.
        reason: Why.
        sha256: Of the bytes that were looked at; empty: those that are there now.
        manifest: The folder's, where it is read already.
        files: Where picks are kept; None: beside the pictures.

    Returns:
        The picture with all that people say of it now.

    Raises:
        NoSuchPicture: The manifest has none of that name, it is not there, or not the one that was looked at.
        BrokenManifest: It cannot be read.
        UnusableContent: The picks that are there cannot be used.
        PicksHeld, FolderUnusable: The decision cannot be written.
    """
    known = manifest or read_manifest(folder)
    picture = next((one for one in (*known.pictures, *known.earlier) if one.file == file), None)
    if picture is None:
        raise NoSuchPicture(str(folder), file, "the manifest names none like that")
    if word is PickWord.ACCEPTED and is_draft(folder, picture):
        raise NoSuchPicture(str(folder), file, "it is a draft, which stands for no picture")
    there = file_hash(folder / file)
    if not there or picture.status != "done":
        raise NoSuchPicture(str(folder), file, "it is not there")
    if sha256 and sha256 != there:
        raise NoSuchPicture(str(folder), file, "it was painted again since you looked at it")
    decided = PickedPicture(sha256=there, seed=picture.seed, inputs=picture.inputs, file=file)
    entry = picture.entry

    def change(picks: Picks) -> Picks:
        now = moment_now()
        return picks.with_entry(said_of(picks.of_entry(entry), decided, word, by=by, reason=reason, now=now))

    after = (files or PicksFiles.of(folder)).change(change)
    return after.of_entry(entry).picture(there) or decided


def is_draft(folder: Path, picture: Picture) -> bool:
    """Whether a picture is a draft, or one lies in its place: somebody may have put it there.

    Args:
        folder: Where the manifest lies that has the picture.
    """
    if picture.draft:
        return True
    try:
        with (folder / picture.file).open("rb") as file:
            record = find_record(file)
    except (OSError, ValueError):  # the latter of a name that no file can have
        return False
    return record is not None and record.draft


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex, each state of it read once; empty where it is not there or cannot be read."""
    try:
        status = path.stat()
        return _hashed(os.fspath(path), status.st_mtime_ns, status.st_size, status.st_ino)
    except (OSError, ValueError):  # as above
        return ""


@lru_cache(maxsize=8192)
def _hashed(path: str, _changed: int, _size: int, _inode: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
