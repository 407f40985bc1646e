"""The journal beside a manifest: the entries written since the manifest was, one a line, each synced before it counts.

Writing one entry costs the same however many there are, which writing the manifest whole does not. Whoever is killed
leaves a journal, which the next batch folds into the manifest; a last line that was cut off was never written.
"""

import os
from itertools import accumulate
from pathlib import Path

import msgspec

from kilnmark.client.batch.errors import BrokenManifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.keymaps.files.atomic import sync_folder

__all__ = ["JOURNAL", "Journal", "read_journal"]

JOURNAL = ".manifest.journal"

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Picture)


def read_journal(folder: Path) -> list[Picture]:
    """The entries of a folder's journal, in the order that they were written in; none where there is no journal.

    Raises:
        BrokenManifest: A whole line of it cannot be read.
    """
    return [entry for entry, _ in _whole_lines(folder / JOURNAL)]


def _whole_lines(path: Path) -> list[tuple[Picture, int]]:
    """Each entry, and where its line ends, in bytes."""
    try:
        *lines, _ = path.read_bytes().split(b"\n")
        ends = accumulate(len(line) + 1 for line in lines)
        return [(_decoder.decode(line), end) for line, end in zip(lines, ends, strict=True)]
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        raise BrokenManifest(str(path), str(error)) from error


class Journal:
    """The journal of a folder that this process alone writes to. Each entry is on disk when `add` returns.

    Attributes:
        count: Entries in it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL
        lines = _whole_lines(self._path)
        self.count = len(lines)
        self._end = lines[-1][1] if lines else 0

    def add(self, picture: Picture) -> None:
        """Write an entry, over an earlier one of the same file; what was left of a line that was cut off goes first.

        Raises:
            OSError: It cannot be written.
        """
        line = _encode(picture) + b"\n"
        with self._path.open("ab") as file:
            file.truncate(self._end)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._end += len(line)
        self.count += 1
        if self.count == 1:
            sync_folder(self._path.parent)

    def clear(self) -> None:
        """Its entries stand in the manifest now.

        Raises:
            OSError: It cannot be removed.
        """
        self._path.unlink(missing_ok=True)
        self.count = self._end = 0
