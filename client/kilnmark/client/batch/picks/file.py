"""The files that picks lie in: read whole, changed by one writer at a time, on disk and synced when a change returns.

What stands in a file is `document`'s part. A writer holds a lock file beside it, reads it again under the lock, and
puts a new one in its place, so that whoever is killed leaves the one before or the one after.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kilnmark.client.batch.errors import FolderUnusable, PicksHeld
from kilnmark.client.batch.picks.document import SCHEMA_FILE, picks_bytes, picks_of, remember
from kilnmark.client.batch.picks.merged import merged, merged_picks
from kilnmark.client.batch.picks.said import EntryPick, Picks
from kilnmark.client.pack_files import document_bytes
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.protocol.content.picked import PICKS_FILE, SIZE_LIMIT, parse_picks
from kilnmark.protocol.content.problems import Problem, UnusableContent

__all__ = ["PATIENCE", "PicksFiles", "read_picks"]

PATIENCE = 10.0
"""Seconds that another writer is waited for: one takes far less than one."""

_LOOK = 0.01
"""Seconds between looks whether it has ended."""


class PicksFiles:
    """Where the picks of a batch lie: one file that is written, and others that are read too.

    Attributes:
        path: The one that is written.
        others: Those that are read too.

    Args:
        patience: Seconds that another writer is waited for.
    """

    def __init__(self, path: Path, others: Sequence[Path] = (), *, patience: float = PATIENCE) -> None:
        self.path = path
        self.others = tuple(each for each in others if os.path.realpath(each) != os.path.realpath(path))
        self._patience = patience

    @classmethod
    def of(
        cls, out: Path, packs: Path | None = None, named: Path | None = None, *, patience: float = PATIENCE
    ) -> "PicksFiles":
        """Those of a folder of pictures: beside them, where no other is named; and beside its packs."""
        beside = [] if packs is None else [packs / PICKS_FILE]
        if named is None:
            return cls(out / PICKS_FILE, beside, patience=patience)
        return cls(named, [out / PICKS_FILE, *beside], patience=patience)

    def changed(self) -> tuple[tuple[int, int] | None, ...]:
        """What is another as soon as one of them is, told without reading them."""
        return tuple(_mark(path) for path in (self.path, *self.others))

    def read(self) -> Picks:
        """What all of them say; one that is not there says nothing.

        Raises:
            UnusableContent: One cannot be read or used as it stands.
        """
        return merged_picks(pick for path in (self.path, *self.others) for pick in read_picks(path).entries)

    def overruled(self) -> Iterator[str]:
        """What was written by hand and does not count, in sentences: seeds without a time of their own.

        Raises:
            UnusableContent: One cannot be read or used as it stands.
        """
        all_of_them = self.read()
        for path in (self.path, *self.others):
            for pick in read_picks(path).entries:
                counts = all_of_them.of_entry(pick.entry).seeds
                if pick.seeds is None or counts is None or pick.seeds.values == counts.values:
                    continue
                if pick.seeds.at in {"", counts.at}:
                    seeds = ", ".join(map(str, pick.seeds.values)) or "none"
                    others = ", ".join(map(str, counts.values)) or "those of its document or name"
                    said = f"{path}: {pick.entry}: seeds {seeds} do not count, since {others} were said later"
                    yield f"{said}; pin them with `kilnmark picks pin`"

    def change(self, change: Callable[[Picks], Picks]) -> Picks:
        """Write what changes; what all files say after it. The others stay as they are.

        Args:
            change: From what all files say to what they are to say.

        Raises:
            UnusableContent: One cannot be read or used as it stands, or what changes could not be read again; nothing
                is written then.
            PicksHeld: Another writer does not end in time.
            FolderUnusable: It cannot be written; the one that was there stays.
        """
        with self._held() as path:
            own, before = read_picks(self.path), self.read()
            after = change(before)
            fresh = [each for each in after.entries if each != before.of_entry(each.entry)]
            if fresh:
                _check_readable(fresh)
                _write(path, merged(own, Picks.of(fresh)))
            return merged(before, after)

    def merge(self, more: Picks) -> Picks:
        """Write what another copy knows beside what this one does; what all files say after it. Raises as `change`."""
        return self.change(lambda picks: merged(picks, more))

    @contextmanager
    def _held(self) -> Iterator[Path]:
        """The file's own place, no link in it, which this process alone may write."""
        path = Path(os.path.realpath(self.path))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _opened_lock(path.with_name(f".{path.name}.lock"))
        except OSError as error:
            raise FolderUnusable(str(path.parent), str(error)) from error
        try:
            self._lock(descriptor, path)
            yield path
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int, path: Path) -> None:
        """Take the lock, which goes with the descriptor however this process ends."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise PicksHeld(str(path), self._patience) from error
                time.sleep(_LOOK)
            except OSError as error:  # a file system without locks
                raise FolderUnusable(str(path.parent), f"no lock: {error}") from error
            else:
                return


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def read_picks(path: Path, *, waits: bool = False) -> Picks:
    """What a file says; nothing where it is not there.

    Args:
        waits: A pipe is read to its end, as of a copy that another program hands over.

    Raises:
        UnusableContent: It cannot be read or used as it stands.
    """
    try:
        data = document_bytes(path, SIZE_LIMIT, waits=waits)
    except FileNotFoundError:
        return Picks()
    except OSError as error:
        message = f"cannot be read ({error.strerror or error}); make it a file that this user may read"
        raise UnusableContent([Problem(file=str(path), line=0, message=message)]) from error
    return picks_of(data, str(path))


def _opened_lock(path: Path) -> int:
    """One that another user made can be read alone, which is enough but on a network's disk."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _check_readable(fresh: Sequence[EntryPick]) -> None:
    """Nothing is written that the next reader would refuse, and all that was decided before with it."""
    parse_picks(picks_bytes(Picks.of(fresh)), "what was decided")


def _write(path: Path, picks: Picks) -> None:
    data = picks_bytes(picks, names_schema=path.with_name(SCHEMA_FILE).is_file())
    try:
        with written_whole(path, alone=True) as file:
            file.write(data)
    except OSError as error:
        raise FolderUnusable(str(path.parent), str(error)) from error
    remember(data, picks)
