"""Where pictures go that lay in the place of others: `_earlier`, so that no choice between seeds loses a picture.

    OUT/_earlier/<genre>/<world>/<kind>/<slug>.<seed>-<hash>.png

Each move is made of steps that can be stopped between any two: a picture has its new place before the ledger knows of
it, and keeps its old one until then. Which pictures move is for `arranging` to say.
"""

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from kilnmark.client.batch.errors import FolderUnusable
from kilnmark.client.batch.run.base import BaseNow
from kilnmark.client.batch.run.copies import check_within
from kilnmark.client.batch.run.decisions import file_hash
from kilnmark.client.batch.run.ledger import Ledger, read_record
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.batch.run.pinned import PinnedItem
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.linked import linked_whole
from kilnmark.keymaps.files.outputs import is_unspoilt

__all__ = ["EARLIER", "drop", "put_aside", "take_back"]

EARLIER = "_earlier"

_DIGITS = 8
"""Of a picture's hash that its name has."""


def put_aside(ledger: Ledger, pictures: Sequence[Picture]) -> None:
    """Let these lie in `_earlier` too. What lies in their places stays until it is replaced or dropped.

    Raises:
        FolderUnusable: One cannot be put there.
    """
    hashed = ((each, file_hash(ledger.folder / each.file)) for each in pictures)
    moves = [(each.file, _as_earlier(_known(ledger, each, sha256), sha256)) for each, sha256 in hashed if sha256]
    for source, earlier in moves:
        with _usable(ledger.folder, earlier.file):
            _put_whole(ledger.folder, source, earlier.file)
    if moves:
        ledger.rewrite(earlier=[earlier for _, earlier in moves])


def take_back(ledger: Ledger, items: Iterable[PinnedItem], base: BaseNow) -> None:
    """Put those of `_earlier` that are made of the very same as these items into their places.

    Raises:
        FolderUnusable: One cannot be put there.
    """
    taken = {}
    for item in items:
        found = _lying_aside(ledger, item, base)
        if found is not None:
            with _usable(ledger.folder, item.output):
                _put_whole(ledger.folder, found.file, item.output)
            ledger.put(_as_own(found, item))
            taken[found.file] = found
    if taken:
        ledger.rewrite(without=taken)
        _remove(ledger.folder, taken)


def drop(ledger: Ledger, pictures: Sequence[Picture]) -> None:
    """Take these out of their places, with their bare twins; those that were put aside lie there.

    Raises:
        FolderUnusable: One cannot be removed.
    """
    if pictures:
        _remove(ledger.folder, [file for each in pictures for file in (each.file, each.bare_file) if file])
        ledger.rewrite(without=[each.file for each in pictures])


def _known(ledger: Ledger, picture: Picture, sha256: str) -> Picture:
    """What is known of the bytes in a picture's place: only where they are its own, what they were made of.

    They are not where somebody wrote to them, or a batch was killed before it wrote down what it had put there.
    """
    record = None if picture.sha256 else read_record(ledger.folder / picture.file)
    is_own = picture.sha256 == sha256 or (record is not None and record.spec.digest == picture.inputs)
    return picture if is_own else msgspec.structs.replace(picture, inputs="")


def _as_earlier(picture: Picture, sha256: str) -> Picture:
    """The entry of a picture once it has been put aside. Its bare twin stays behind."""
    folder, _, name = picture.file.rpartition("/")
    stem = re.sub(r"(\.s\d+)?\.png\Z", "", name)
    place = f"{EARLIER}/{folder}/{stem}.{picture.seed}-{sha256[:_DIGITS]}.png"
    return msgspec.structs.replace(picture, file=place, sha256=sha256, bare_file=None, bare_inputs="", stale="", old="")


def _as_own(picture: Picture, item: PinnedItem) -> Picture:
    """The entry of an earlier picture once it has a place again."""
    subject, take = item.planned.subject, item.planned.take
    source = f"{subject.file}:{subject.line}"
    return msgspec.structs.replace(picture, file=item.output, name=subject.name, take=take, source=source, gone=False)


def _lying_aside(ledger: Ledger, item: PinnedItem, base: BaseNow) -> Picture | None:
    """One of the earlier ones that is an item's, undamaged."""
    for picture in ledger.earlier:
        is_it = picture.inputs == item.digest and picture.entry == item.planned.entry
        is_it = is_it and base.made(picture.fingerprint, picture.numerics)
        if is_it and is_unspoilt(ledger.folder / picture.file, picture.sha256):
            return picture
    return None


def _put_whole(folder: Path, source: str, goal: str) -> None:
    """Let a picture lie in another place too, whole and synced; what lay there goes."""
    place = folder / goal
    check_within(place.parent, folder)
    place.parent.mkdir(parents=True, exist_ok=True)
    if not linked_whole(folder / source, place):
        with (folder / source).open("rb") as given, written_whole(place, alone=True) as taken:
            shutil.copyfileobj(given, taken)


def _remove(folder: Path, files: Iterable[str]) -> None:
    """Take files of a batch away, and the folders below `_earlier` that are empty then."""
    for file in files:
        with _usable(folder, file):
            check_within((folder / file).parent, folder)
            (folder / file).unlink(missing_ok=True)
        if file.startswith(f"{EARLIER}/"):
            with suppress(OSError):
                for parent in list(Path(file).parents)[:-1]:
                    (folder / parent).rmdir()


@contextmanager
def _usable(folder: Path, file: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FolderUnusable(str((folder / file).parent), str(error)) from error
