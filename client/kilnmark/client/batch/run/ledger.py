"""The folder of a batch while it is painted: one batch at a time, each picture taken in whole, each step written down.

A picture is first put in its place, then written into the journal, which the manifest follows. Whoever is killed
between the two leaves a picture that says itself what it is, and the next batch takes it in without painting it.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from kilnmark.client.batch.errors import FolderInUse, FolderUnusable
from kilnmark.client.batch.plan.plan import Wishes
from kilnmark.client.batch.run.asked import AskedBatch
from kilnmark.client.batch.run.base import BaseNow
from kilnmark.client.batch.run.copies import check_within, kept_references, kept_start
from kilnmark.client.batch.run.decisions import file_hash
from kilnmark.client.batch.run.entries import carried_over, done_entry, failed_entry, now
from kilnmark.client.batch.run.findings import BatchFindings, SourceProblem
from kilnmark.client.batch.run.journal import Journal
from kilnmark.client.batch.run.manifest import Manifest, begun, read_manifest, write_manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.batch.run.pinned import PinnedItem
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.linked import linked_whole
from kilnmark.keymaps.files.outputs import is_unspoilt, sha256_of
from kilnmark.protocol.picture.record import PictureRecord, find_record, is_whole
from kilnmark.protocol.picture.report import AdapterReport

__all__ = ["OLD_THERE", "Ledger", "found_in", "open_ledger", "read_record"]

OLD_THERE = "the picture of an earlier batch still lies in its place; it is not what is asked for now"
"""Said of a picture that failed."""

_LEAST = 16
"""Entries that stand in the journal alone before the manifest is written again; later it is half of all there are, so
that a batch writes a few times the length of its manifest, and not its square."""


@contextmanager
def open_ledger(folder: Path) -> Iterator["Ledger"]:
    """Hold a folder, made when absent, until the block ends.

    Raises:
        FolderInUse: Another batch holds it.
        FolderUnusable: It cannot be made or opened.
        BrokenManifest: Its manifest cannot be read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FolderUnusable(str(folder), str(error)) from error
    try:
        _lock(descriptor, folder)
        ledger = Ledger(folder)
        try:
            yield ledger
        finally:
            ledger.publish()
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    """Held until the descriptor is closed, by whoever ends this process."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FolderInUse(str(folder)) from error


class Ledger:
    """What is known of the pictures in a folder. Each change is on disk when the method returns.

    Raises:
        BrokenManifest: The folder's manifest cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._manifest = read_manifest(folder)
        self._pictures = {picture.file: picture for picture in self._manifest.pictures}
        self._earlier = {picture.file: picture for picture in self._manifest.earlier}
        self._old = frozenset(self._pictures)
        self._places: dict[str, int] = {}
        self._journal = Journal(folder)
        self.publish()

    @property
    def earlier(self) -> Sequence[Picture]:
        """Pictures that others took the place of."""
        return list(self._earlier.values())

    @property
    def manifest(self) -> Manifest:
        """As it stands."""
        end, old = len(self._places), [each for each in self._pictures.values() if each.file in self._old]
        new = [each for each in self._pictures.values() if each.file not in self._old]
        new.sort(key=lambda picture: self._places.get(picture.file, end))
        return msgspec.structs.replace(self._manifest, pictures=[*old, *new], earlier=list(self.earlier))

    def expect(self, files: Iterable[str]) -> None:
        """Let new pictures stand in this order, in whichever they come."""
        self._places = {file: place for place, file in enumerate(dict.fromkeys(files))}

    def picture_at(self, file: str) -> Picture | None:
        """What is known of the picture in a place, from the folder; None where nothing is."""
        return self._pictures.get(file)

    def has(self, item: PinnedItem, base: BaseNow) -> bool:
        """Whether the picture of an item is there, made of the very same.

        Args:
            item: What is to be had.
            base: The one that there is now.
        """
        picture = self._pictures.get(item.file)
        if picture is None or not (self.folder / item.output).is_file():
            return False
        if not base.made(picture.fingerprint, picture.numerics):
            return False
        if item.bare:
            return picture.bare_file == item.output and picture.bare_inputs == item.digest
        return picture.status == "done" and picture.inputs == item.digest

    def reports(self, item: PinnedItem) -> tuple[AdapterReport, ...]:
        """What each adapter did to the picture of an item, as it is written down."""
        picture = self._pictures.get(item.file)
        return () if picture is None or item.bare else tuple(picture.loras)

    def take_in(self, item: PinnedItem, source: Path, sha256: str = "") -> PictureRecord:
        """Put a finished picture into its place, whole or not at all: under a second name on its disk, else a copy.

        Raises:
            FolderUnusable: There is no room, or no right to write.
            OSError: The picture cannot be read, is none of ours, or not the one that was painted.
        """
        record = read_record(source)
        if record is None:
            raise OSError(f"{source} is not there, or is no picture of this daemon")
        if not is_unspoilt(source, sha256):
            raise OSError(f"{source} is not the picture that was painted: somebody wrote to it; paint it again")
        goal = self.folder / item.output
        try:
            check_within(goal.parent, self.folder)
            goal.parent.mkdir(parents=True, exist_ok=True)
            if not linked_whole(source, goal):
                with source.open("rb") as given, written_whole(goal, alone=True) as taken:
                    shutil.copyfileobj(given, taken)
                    _check_copy(taken, source, sha256)
        except OSError as error:
            raise FolderUnusable(str(goal.parent), str(error)) from error
        return record

    def write_done(
        self,
        item: PinnedItem,
        record: PictureRecord,
        warnings: Sequence[str],
        seconds: float | None = None,
        node: str = "",
    ) -> None:
        """Write down that a picture is in its place, what the daemon warned of, what painting it took, and who did."""
        before = self._pictures.get(item.file)
        if item.bare:
            picture = before if before is not None else failed_entry(item, "was not painted with its adapters")
            picture = msgspec.structs.replace(picture, bare_file=item.output, bare_inputs=item.digest)
            if not picture.fingerprint:
                made_on = record.base
                picture = msgspec.structs.replace(picture, fingerprint=made_on.fingerprint, numerics=made_on.numerics)
        else:
            picture = carried_over(done_entry(item, record, warnings), before)
            made_of = item.planned.pictures
            picture = msgspec.structs.replace(
                picture,
                start_file=kept_start(self.folder, made_of),
                reference_files=kept_references(self.folder, made_of),
                sha256=file_hash(self.folder / item.output),
                seconds=seconds,
                node=node,
            )
        self._put(picture)

    def write_failed(self, item: PinnedItem, message: str, reports: Sequence[AdapterReport], job_id: str) -> None:
        """Write down that a picture could not be had, and why."""
        before = self._pictures.get(item.file)
        if not item.bare:
            failed = carried_over(failed_entry(item, message, reports, job_id), before)
            old = OLD_THERE if (self.folder / item.output).is_file() else ""
            self._put(msgspec.structs.replace(failed, old=old))
        elif before is not None:
            self._put(msgspec.structs.replace(before, message=f"without adapters: {message}"))

    def write_problems(
        self, wishes: Wishes, asked: AskedBatch, problems: Sequence[SourceProblem], warnings: Sequence[SourceProblem]
    ) -> None:
        """Write down what this batch was asked for, and what its sources were found to have."""
        self._manifest = begun(self._manifest, wishes, BatchFindings.of(wishes, problems, warnings), asked)
        self._write()

    def put(self, picture: Picture) -> None:
        """Write an entry, over that of the same file. Raises `FolderUnusable`."""
        self._put(picture)

    def rewrite(
        self,
        *,
        without: Iterable[str] = (),
        earlier: Iterable[Picture] = (),
        pictures: Iterable[Picture] = (),
    ) -> None:
        """Write down at once what is not in some places any more, or lies elsewhere now.

        Args:
            pictures: Entries that take the place of those of the same files.
            without: Files, from the folder, whose entries go; those of earlier pictures too.
            earlier: Pictures that lie aside now.

        Raises:
            FolderUnusable: It cannot be written.
        """
        for file in without:
            self._pictures.pop(file, None)
            self._earlier.pop(file, None)
        self._earlier |= {each.file: each for each in earlier}
        self._pictures |= {each.file: each for each in pictures}
        self._write()

    def publish(self) -> None:
        """Fold the journal into the manifest, where there is something in it.

        Raises:
            FolderUnusable: It cannot be written; the journal stays.
        """
        if self._journal.count:
            self._write()

    def _put(self, picture: Picture) -> None:
        """Write an entry; the manifest itself follows when half of what there is stands in the journal alone."""
        self._pictures[picture.file] = picture
        try:
            self._journal.add(picture)
        except OSError as error:
            raise FolderUnusable(str(self.folder), str(error)) from error
        if self._journal.count >= max(_LEAST, len(self._pictures) // 2):
            self._write()

    def _write(self) -> None:
        self._manifest = msgspec.structs.replace(self.manifest, updated=now())
        try:
            write_manifest(self.folder, self._manifest)
            self._journal.clear()
        except OSError as error:
            raise FolderUnusable(str(self.folder), str(error)) from error


def found_in(path: Path, item: PinnedItem, base: BaseNow) -> PictureRecord | None:
    """What a file says of itself, if it is the picture of an item, undamaged; None where there is no such file."""
    record = read_record(path)
    if record is None or not item.is_shown_by(record, base):
        return None
    try:
        with path.open("rb") as file:
            return record if is_whole(file) else None
    except OSError:
        return None


def read_record(path: Path) -> PictureRecord | None:
    """What a picture says of itself; None where there is none that can be read."""
    try:
        with path.open("rb") as file:
            return find_record(file)
    except OSError:
        return None


def _check_copy(copy: BinaryIO, source: Path, sha256: str) -> None:
    """The bytes that were copied are those that were looked at."""
    if sha256 and sha256_of(copy) != sha256:
        raise OSError(errno.EIO, "the picture was written to while it was copied", str(source))
