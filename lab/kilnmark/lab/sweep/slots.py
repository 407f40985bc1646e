"""Places that an adapter is put into: a folder, ComfyUI's folder of LoRAs, or an object store.

Each writes a file that is there whole or not at all, and is read back before anybody is told that it is there. Which
adapter it is, and why, is not known here.
"""

import hashlib
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.outputs import is_unspoilt, sha256_of
from kilnmark.lab.errors import NotInstalled
from kilnmark.lab.sweep.errors import CannotDeploy

__all__ = ["DeploySlot", "slot_of"]

_WHOLE_AT_CLOSE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "oci", "r2", "memory"})
"""Protocols whose files come into being when they are closed; on others one is written beside its place and moved."""


class DeploySlot(Protocol):
    """One place for one file.

    Attributes:
        where: Its path or address.
        kind: What it is, for people.
    """

    where: str
    kind: str

    def sha256(self) -> str | None:
        """Of the file that is there, in hex; None: none is.

        Raises:
            CannotDeploy: It cannot be told.
        """

    def put(self, file: Path, sha256: str) -> None:
        """Put a file there, whole.

        Raises:
            CannotDeploy: It cannot be put, or is not what was put once it is read back.
        """


def slot_of(to: str, name: str) -> DeploySlot:
    """The slot that a file is to fill.

    Args:
        to: A folder that is there, or an address as fsspec has them, such as `s3://bucket/loras`.
        name: The file's final name.

    Raises:
        CannotDeploy: There is no such folder, or nothing is known of such addresses.
        NotInstalled: fsspec is not there.
    """
    protocol, mark, rest = to.partition("://")
    if not mark:
        return _FolderSlot(Path(to).expanduser(), name)
    if protocol in {"file", "local"}:
        return _FolderSlot(Path(rest), name)
    return _StoreSlot(to, protocol, name)


class _FolderSlot:
    """A file in a folder that is there."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder.absolute() / name
        self.where = str(self._path)
        self.kind = "ComfyUI's loras" if _is_of_comfyui(folder.absolute()) else "folder"
        if not folder.is_dir():
            raise CannotDeploy(str(folder), "there is no such folder", "make it, or name another with --to")

    def sha256(self) -> str | None:
        try:
            with self._path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CannotDeploy(self.where, error.strerror or str(error), "look at what is there") from error

    def put(self, file: Path, sha256: str) -> None:
        try:
            with file.open("rb") as given, written_whole(self._path, mode=0o644) as taken:
                shutil.copyfileobj(given, taken)
                _check(taken, sha256, self.where)
        except OSError as error:
            why = error.strerror or str(error)
            raise CannotDeploy(self.where, why, "make room there, or name another place with --to") from error
        if not is_unspoilt(self._path, sha256):
            raise CannotDeploy(self.where, "it is not what was put there", "look who else writes there")


def _check(written: BinaryIO, sha256: str, where: str) -> None:
    """While what was there is still in its place."""
    if sha256_of(written) != sha256:
        raise CannotDeploy(where, "the checkpoint was written to while it was copied", "repeat it")


def _is_of_comfyui(folder: Path) -> bool:
    """`models/loras` of ComfyUI, or a folder below it, which its loader lists with the folder's name."""
    parts = folder.parts
    return ("models", "loras") in pairwise(parts)


class _StoreSlot:
    """A file in a store that fsspec reaches."""

    def __init__(self, to: str, protocol: str, name: str) -> None:
        self.where = f"{to.rstrip('/')}/{name}"
        self.kind = f"object store ({protocol})"
        self._is_whole_at_close = protocol in _WHOLE_AT_CLOSE
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise NotInstalled("deploying to an address", "lab") from error
        self._store, self._path = self._asked(lambda: url_to_fs(self.where))

    def sha256(self) -> str | None:
        found: str | None = self._asked(lambda: self._hash_of() if self._store.exists(self._path) else None)
        return found

    def put(self, file: Path, sha256: str) -> None:
        self._asked(lambda: self._write(file))
        if self._asked(lambda: self._store.info(self._path)["size"]) != file.stat().st_size or self.sha256() != sha256:
            raise CannotDeploy(self.where, "it is not what was put there", "look who else writes there, and repeat it")

    def _write(self, file: Path) -> None:
        beside = self._path if self._is_whole_at_close else f"{self._path}.partial"
        self._store.makedirs(self._store._parent(self._path), exist_ok=True)  # noqa: SLF001 - fsspec has no other
        with file.open("rb") as given, self._store.open(beside, "wb") as taken:
            shutil.copyfileobj(given, taken)
        if beside != self._path:
            self._store.mv(beside, self._path)

    def _hash_of(self) -> str:
        digest = hashlib.sha256()
        opened: BinaryIO
        with self._store.open(self._path, "rb") as opened:
            while data := opened.read(1 << 20):
                digest.update(data)
        return digest.hexdigest()

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """Whatever a store's library raises is told as what it is: this place cannot be reached."""
        try:
            return ask()
        except ImportError as error:
            mend = "install the package that it names, or copy into a folder"
            raise CannotDeploy(self.where, str(error), mend) from error
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise CannotDeploy(self.where, why, "check the address and the store's credentials") from error
