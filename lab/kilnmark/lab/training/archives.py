"""Adapters in what trainers leave: safetensors files, mflux's zips, the tars of a remote. Nothing is unpacked to disk.

Which step an adapter is of is read in its name. Whether it is any good is not known here.
"""

import hashlib
import json
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.safefile import read_header

__all__ = ["LeftAdapter", "broken", "left_in", "step_of"]

_ENDING = ".safetensors"
_NOT_ADAPTERS = re.compile(r"optimi[sz]er|embedding|(?:^|[/_-])vae|text_encoder", re.IGNORECASE)
_STEPS = (
    re.compile(r"step[s_-]{0,2}(\d{1,9})", re.IGNORECASE),
    re.compile(r"^(\d{3,9})[_-]"),
    re.compile(r"[_-](\d{3,9})(?:[_-][a-z]+)?$", re.IGNORECASE),
    re.compile(r"^(\d{1,9})$"),
)
_PIECE = 1 << 20
_TARS = frozenset({".tar", ".gz", ".tgz"})


@dataclass(frozen=True, slots=True)
class LeftAdapter:
    """One adapter file, wherever it stands.

    Attributes:
        name: What it is called there.
        step: Of its training; None: its name says nothing of that.
        opened: Opens it for reading.
        note: What the file cannot say of itself, a sentence; None: nothing.
    """

    name: str
    step: int | None
    opened: Callable[[], Any]
    note: str | None = None

    def sha256(self) -> str:
        """Of its bytes, as they are now."""
        with self.opened() as file:
            found = hashlib.sha256()
            while piece := file.read(_PIECE):
                found.update(piece)
            return found.hexdigest()


def step_of(name: str) -> int | None:
    """The step that a file's name tells of; None: it tells of none."""
    stem = PurePosixPath(name).name.removesuffix(_ENDING).removesuffix(".zip").removesuffix(".tar")
    return next((int(found[1]) for pattern in _STEPS if (found := pattern.search(stem))), None)


def left_in(path: Path) -> tuple[LeftAdapter, ...]:
    """The adapters of a file: itself, or those in it.

    Raises:
        OSError, zipfile.BadZipFile, tarfile.TarError: It cannot be read.
    """
    if zipfile.is_zipfile(path):
        return tuple(_of_zip(path))
    if path.name.endswith(_ENDING):
        return (LeftAdapter(path.name, step_of(path.name), lambda: path.open("rb")),)
    if tarfile.is_tarfile(path):
        return tuple(_of_tar(path))
    return (LeftAdapter(path.name, step_of(path.name), lambda: path.open("rb")),)


def broken(path: Path, suffix: str | None = None) -> str | None:
    """What is not whole about a file, in words; None: it is whole, all of it read.

    Args:
        path: The file.
        suffix: Of the name that it is to have; None: of its own.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                bad = archive.testzip()
            return None if bad is None else f"{bad} in it is damaged"
        named = path.suffix if suffix is None else suffix
        if named == ".zip":
            return "it is no whole zip"
        if named in _TARS or tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                _read_all(archive)
            return None
        read_header(path)
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, RefusedFile) as error:
        return str(error) or type(error).__name__
    return None


def _read_all(archive: tarfile.TarFile) -> None:
    for entry in archive:
        if entry.isfile() and (file := archive.extractfile(entry)) is not None:
            while file.read(_PIECE):
                pass


def _of_zip(path: Path) -> Iterator[LeftAdapter]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if _is_adapter(name)]
        note = _strength(archive)
    for name in names:
        step = step_of(name)
        yield LeftAdapter(name, step_of(path.name) if step is None else step, partial(_in_zip, path, name), note)


def _of_tar(path: Path) -> Iterator[LeftAdapter]:
    with tarfile.open(path) as archive:
        names = [entry.name for entry in archive if entry.isfile() and _is_adapter(entry.name)]
    for name in names:
        yield LeftAdapter(name, step_of(name), partial(_in_tar, path, name))


def _is_adapter(name: str) -> bool:
    return name.endswith(_ENDING) and _NOT_ADAPTERS.search(name) is None


@contextmanager
def _in_zip(path: Path, name: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive, archive.open(name) as file:
        yield file


@contextmanager
def _in_tar(path: Path, name: str) -> Iterator[IO[bytes]]:
    with tarfile.open(path) as archive:
        file = archive.extractfile(name)
        if file is None:
            raise tarfile.ExtractError(f"{name} is no file")
        yield file


def _strength(archive: zipfile.ZipFile) -> str | None:
    """What people must know of an mflux adapter that was trained at another strength than 1: the file does not say.

    Read in mflux 0.24: `common/training/lora/target_injector.py` scales by alpha / rank, `save_lora_adapter` saves the
    matrices alone.
    """
    name = next((name for name in archive.namelist() if name.endswith("_config.json")), None)
    if name is None:
        return None
    try:
        targets = json.loads(archive.read(name))["lora_layers"]["targets"]
        scales = {target["alpha"] / target["rank"] for target in targets if target.get("alpha") is not None}
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
        return None
    if not scales - {1.0}:
        return None
    told = ", ".join(f"{scale:g}" for scale in sorted(scales))
    return f"it was trained at alpha / rank = {told}, which the file does not say: use it at that scale"
