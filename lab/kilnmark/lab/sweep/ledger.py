"""`cells/`: the pictures of a sweep, and one line a cell of what each was made of and came to.

A picture is first put in its place, then its line is written and synced: whoever is killed between the two has it
painted again, at worst. A line over an earlier one of the same name takes its place; one that was cut off was never
written.
"""

import os
import shutil
from pathlib import Path
from typing import Literal

import msgspec

from kilnmark.client.batch.run.base import BaseNow
from kilnmark.keymaps.files.atomic import sync_folder, written_whole
from kilnmark.keymaps.files.outputs import is_unspoilt, sha256_of
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.measures.gallery import NearestPicture
from kilnmark.lab.measures.measure import Looks
from kilnmark.lab.run.plan import Role
from kilnmark.lab.sweep.cells import Cell
from kilnmark.protocol.picture.numerics import Numerics
from kilnmark.protocol.picture.report import AdapterReport, Verdict

__all__ = ["CellLedger", "CellNumbers", "CellRecord", "read_cells"]

_LINES = "cells.jsonl"

_encode = msgspec.json.Encoder().encode


class CellNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a cell.

    Attributes:
        looks: Its own.
        manner: How it is painted, as `measures.manner` has it.
        ssim, distance, layout: To the same picture without adapter; None of that one itself.
        nearest: The training picture that it is nearest to; None: there are none.
        gallery: The training pictures that it was held to, as a hash; another one means that it is to be measured anew.
    """

    looks: Looks
    manner: tuple[float, ...]
    ssim: float | None = None
    distance: float | None = None
    layout: float | None = None
    nearest: NearestPicture | None = None
    gallery: str = ""


class CellRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One cell as it came out.

    Attributes:
        name: Of its file, without its ending.
        step, sha256, scale: The adapter's; None and empty without one.
        role, prompt, seed: What was asked for.
        status: Whether the picture is there.
        message: Of a failed one, why; of one that is there, what the daemon warned of.
        inputs: Hash over all that decides it; another one means that it is to be painted again.
        fingerprint, numerics: Of the base that painted it.
        image_sha256: Of the picture.
        width, height: Of it, in pixels.
        reports: What the adapter did to it.
        numbers: What was measured; None: nothing yet.
        at: When it was painted.
    """

    name: str
    step: int | None
    sha256: str
    scale: float
    role: Role
    prompt: str
    seed: int
    status: Literal["done", "failed"]
    message: str = ""
    inputs: str
    fingerprint: str = ""
    numerics: Numerics = "exact"
    image_sha256: str = ""
    width: int = 0
    height: int = 0
    reports: tuple[AdapterReport, ...] = ()
    numbers: CellNumbers | None = None
    at: str = ""

    @property
    def file(self) -> str:
        """Its picture's, in `cells/`."""
        return f"{self.name}.png"

    @property
    def is_engaged(self) -> bool:
        """The adapter, if there is one, engaged wholly."""
        return self.status == "done" and all(report.verdict is Verdict.ENGAGED for report in self.reports)


_decoder = msgspec.json.Decoder(CellRecord)


def read_cells(folder: Path) -> dict[str, CellRecord]:
    """The cells in a folder by name, as they were written last; none where none were.

    Raises:
        RunUnusable: A whole line cannot be read.
    """
    return _read(folder / _LINES)[0]


def _read(path: Path) -> tuple[dict[str, CellRecord], int, int]:
    """The cells, the number of lines, and where the last whole one ends, in bytes."""
    try:
        data = path.read_bytes()
        *lines, cut = data.split(b"\n")
        records = [_decoder.decode(line) for line in lines]
    except FileNotFoundError:
        return {}, 0, 0
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        mend = "put back a copy of it, or remove it to have all cells painted again"
        raise RunUnusable(str(path), str(error), mend) from error
    return {record.name: record for record in records}, len(lines), len(data) - len(cut)


class CellLedger:
    """The cells of a run that this process holds.

    Args:
        folder: Its `cells/`.

    Raises:
        RunUnusable: It cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / _LINES
        self._records, self._count, self._end = _read(self._path)

    def __getitem__(self, name: str) -> CellRecord:
        return self._records[name]

    def get(self, name: str) -> CellRecord | None:
        """What is known of a cell; None: nothing."""
        return self._records.get(name)

    def place(self, name: str) -> Path:
        """Where a cell's picture lies."""
        return self.folder / f"{name}.png"

    def has(self, cell: Cell, base: BaseNow) -> bool:
        """Whether the picture of a cell is there, undamaged, made of the very same on the base that there is now."""
        found = self.get(cell.name)
        if found is None or found.status != "done" or found.inputs != cell.inputs:
            return False
        return base.made(found.fingerprint, found.numerics) and is_unspoilt(self.place(cell.name), found.image_sha256)

    def take_in(self, name: str, source: Path, sha256: str) -> str:
        """Put a copy of a finished picture into its place, whole or not at all.

        Returns:
            The SHA-256 of its bytes, in hex.

        Raises:
            OSError: It cannot be read or written, or is not the one that was painted.
        """
        with source.open("rb") as given, written_whole(self.place(name), alone=True) as taken:
            shutil.copyfileobj(given, taken)
            found = sha256_of(taken)
            if sha256 and found != sha256:
                raise OSError(f"{source} is not the picture that was painted: somebody wrote to it")
        return found

    def write(self, record: CellRecord) -> None:
        """Write what is known of a cell; it is on disk, synced, when this returns.

        Raises:
            RunUnusable: It cannot be written.
        """
        line = _encode(record) + b"\n"
        try:
            with self._path.open("ab") as file:
                file.truncate(self._end)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            if self._end == 0:
                sync_folder(self.folder)
        except OSError as error:
            raise RunUnusable(str(self._path), error.strerror or str(error), "make room for it") from error
        self._records[record.name] = record
        self._count, self._end = self._count + 1, self._end + len(line)
        if self._count > 3 * len(self._records) + 16:
            self._fold()

    def _fold(self) -> None:
        """One line a cell again."""
        lines = b"".join(_encode(record) + b"\n" for record in self._records.values())
        try:
            with written_whole(self._path, alone=True) as file:
                file.write(lines)
        except OSError as error:
            raise RunUnusable(str(self._path), error.strerror or str(error), "make room for it") from error
        self._count, self._end = len(self._records), len(lines)
