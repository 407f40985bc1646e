"""Which pictures and which entries of a folder somebody means, who names them on a command line.

A picture is meant by its file, an entry by its name; a name that several have is refused with their files.
"""

import difflib
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from kilnmark.client.batch.errors import NoSuchPicture
from kilnmark.client.batch.picks.said import EntryName
from kilnmark.client.batch.run.manifest import Manifest
from kilnmark.client.batch.run.picture import Picture

__all__ = ["entry_meant", "picture_meant"]

_SHOWN = 6
"""Files that a refusal names."""


def picture_meant(folder: Path, manifest: Manifest, words: str) -> Picture:
    """The picture that is meant: by its file, from the folder or from here, or by the name of its entry.

    Raises:
        NoSuchPicture: There is none, or several have that name.
    """
    files = {each.file: each for each in (*manifest.pictures, *manifest.earlier)}
    for file in (words, _within(folder, words)):
        if file in files:
            return files[file]
    named = _named(manifest, words)
    done = [each for each in named if each.status == "done" and not each.draft]
    if len(done) == 1:
        return done[0]
    if named and not done:
        raise NoSuchPicture(str(folder), words, f"it has no picture that is there ({_why(named)})")
    if named:
        raise NoSuchPicture(str(folder), words, f"several pictures are meant, give one's file: {_files(done)}")
    raise NoSuchPicture(str(folder), words, _unknown(words, manifest))


def entry_meant(folder: Path, manifest: Manifest, words: str) -> EntryName:
    """The entry that is meant: by its name, or by the file of one of its pictures.

    Raises:
        NoSuchPicture: There is none, or several have that name.
    """
    files = {each.file: each for each in (*manifest.pictures, *manifest.earlier)}
    for file in (words, _within(folder, words)):
        if file in files:
            return files[file].entry
    named = {each.entry: each for each in _named(manifest, words)}
    if len(named) == 1:
        return next(iter(named))
    if named:
        several = _files(list(named.values()))
        raise NoSuchPicture(str(folder), words, f"several entries are meant, give the file of a picture: {several}")
    raise NoSuchPicture(str(folder), words, _unknown(words, manifest))


def _named(manifest: Manifest, words: str) -> list[Picture]:
    """The pictures of entries of a name; of those that are gone only where no other has it."""
    found = [each for each in manifest.pictures if _nfc(each.name) == _nfc(words)]
    return [each for each in found if not each.gone] or found


def _within(folder: Path, words: str) -> str:
    """A path from here as one from the folder; the words themselves where it is none in it."""
    try:
        return Path(words).absolute().relative_to(folder.absolute()).as_posix()
    except ValueError:
        return words


def _unknown(words: str, manifest: Manifest) -> str:
    names = {each.name.casefold(): each.name for each in manifest.pictures}
    found = difflib.get_close_matches(words.casefold(), names, n=1)
    mend = f"; did you mean {names[found[0]]!r}?" if found else ""
    return f"the manifest has neither a picture nor an entry of that name{mend}"


def _files(pictures: Sequence[Picture]) -> str:
    more = len(pictures) - _SHOWN
    return ", ".join(each.file for each in pictures[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _why(pictures: Sequence[Picture]) -> str:
    return next((each.message for each in pictures if each.message), "all of them are drafts")


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
