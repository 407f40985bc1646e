"""Where published pictures lie: a folder, or an object store that fsspec reaches.

Each file is there whole or not at all. Which files are to be there, and in which order they come and go, is for
`publish` to say.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from kilnmark.client.batch.errors import CannotPublish
from kilnmark.client.home import expanded
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.outputs import is_unspoilt, sha256_of

__all__ = ["PublishedPlace", "place_of"]

_WHOLE_AT_CLOSE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "r2", "memory"})
"""Protocols whose files come into being when they are closed; on others one is written beside its place and moved."""

_ROOM = "make room there, or name another place"


class PublishedPlace(Protocol):
    """One place. Every method raises `CannotPublish` where it cannot be used.

    Attributes:
        where: Its path or address.
    """

    where: str

    def read(self, name: str) -> bytes | None:
        """A file of it; None: there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Put a file there, whole, over one that is there."""

    def has(self, name: str, sha256: str) -> bool:
        """Whether a file is there with these bytes; with an empty hash, whether any is there."""

    def put(self, name: str, source: Path, sha256: str) -> None:
        """Put a copy of a picture there, whole, over one that is there."""

    def remove(self, name: str) -> None:
        """Take a file away, if it is there."""

    def held(self) -> "Any":
        """A context in which nobody else publishes there, as far as that can be helped."""


def place_of(to: str) -> PublishedPlace:
    """The place that is meant.

    Args:
        to: A folder, made where it is absent; or an address as fsspec has them, such as `s3://bucket/pictures`.

    Raises:
        CannotPublish: Nothing is known of such addresses, or fsspec is not installed.
    """
    protocol, mark, rest = to.partition("://")
    if not mark:
        return _Folder(Path(expanded(to)))
    return _Folder(Path(rest)) if protocol in {"file", "local"} else _Store(to.rstrip("/"), protocol)


class _Folder:
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self.where = str(self._folder)

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._usable():
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with self._usable():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(descriptor)

    def read(self, name: str) -> bytes | None:
        with self._usable():
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        with self._usable(), written_whole(self._place(name), alone=True, mode=0o644) as file:
            file.write(data)

    def has(self, name: str, sha256: str) -> bool:
        place = self._folder / name
        return is_unspoilt(place, sha256) if sha256 else os.path.lexists(place)

    def put(self, name: str, source: Path, sha256: str) -> None:
        with self._usable():
            place = self._place(name)
            with source.open("rb") as given, written_whole(place, alone=True, mode=0o644) as taken:
                shutil.copyfileobj(given, taken)
                _check(taken, source, sha256)

    def remove(self, name: str) -> None:
        place = self._folder / name
        with self._usable():
            if place.parent.exists():
                self._check_inside(place)
                place.unlink(missing_ok=True)
        with suppress(OSError):
            for parent in list(Path(name).parents)[:-1]:
                (self._folder / parent).rmdir()

    def _place(self, name: str) -> Path:
        place = self._folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        self._check_inside(place)
        return place

    def _check_inside(self, place: Path) -> None:
        if not place.parent.resolve().is_relative_to(self._folder.resolve()):
            raise CannotPublish(str(place), "a link leads out of the folder", "remove it")

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError as error:
            raise CannotPublish(self.where, "somebody else publishes there now", "wait until they are done") from error
        except OSError as error:
            raise CannotPublish(self.where, str(error), _ROOM) from error


class _Store:
    """An object store, or whatever else fsspec has an address for."""

    def __init__(self, to: str, protocol: str) -> None:
        self.where = to
        self._is_whole_at_close = protocol in _WHOLE_AT_CLOSE
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            mend = "install kilnmark[publish], or name a folder"
            raise CannotPublish(to, "publishing to an address needs fsspec, which is not installed", mend) from error
        self._store, self._root = self._asked(lambda: url_to_fs(to))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stores have no locks; what two write at once is whole, and the last manifest counts."""
        yield

    def read(self, name: str) -> bytes | None:
        path = self._path(name)
        found: bytes | None = self._asked(lambda: self._store.cat_file(path) if self._store.exists(path) else None)
        return found

    def write(self, name: str, data: bytes) -> None:
        self._asked(lambda: self._write(name, lambda taken: taken.write(data)))

    def has(self, name: str, sha256: str) -> bool:
        path = self._path(name)
        there: bool = self._asked(lambda: self._store.exists(path))
        return there and (not sha256 or self._asked(lambda: self._hash_of(path)) == sha256)

    def put(self, name: str, source: Path, sha256: str) -> None:
        def copy(taken: BinaryIO) -> None:
            data = source.read_bytes()
            if hashlib.sha256(data).hexdigest() != sha256:
                raise CannotPublish(str(source), "it was written to while it was copied", "publish again")
            taken.write(data)

        self._asked(lambda: self._write(name, copy))
        if not self.has(name, sha256):
            mend = "look who else writes there, and publish again"
            raise CannotPublish(self._path(name), "it is not what was put there", mend)

    def remove(self, name: str) -> None:
        path = self._path(name)
        self._asked(lambda: self._store.rm_file(path) if self._store.exists(path) else None)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _write(self, name: str, fill: Callable[[BinaryIO], object]) -> None:
        path = self._path(name)
        beside = path if self._is_whole_at_close else f"{path}.partial"
        self._store.makedirs(path.rpartition("/")[0], exist_ok=True)
        with self._store.open(beside, "wb") as taken:
            fill(taken)
        if beside != path:
            self._store.mv(beside, path)

    def _hash_of(self, path: str) -> str:
        digest = hashlib.sha256()
        opened: BinaryIO
        with self._store.open(path, "rb") as opened:
            while data := opened.read(1 << 20):
                digest.update(data)
        return digest.hexdigest()

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """Whatever a store's library raises is told as what it is: this place cannot be reached."""
        try:
            return ask()
        except CannotPublish:
            raise
        except ImportError as error:
            raise CannotPublish(self.where, str(error), "install the package that it names") from error
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise CannotPublish(self.where, why, "check the address and the store's credentials") from error


def _check(written: BinaryIO, source: Path, sha256: str) -> None:
    """While what was there is still in its place."""
    if sha256_of(written) != sha256:
        raise CannotPublish(str(source), "it was written to while it was copied", "publish again")
