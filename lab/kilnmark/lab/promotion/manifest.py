"""The manifest of a genre, held while it is changed: read, written whole, by one promotion at a time.

Whoever is killed in the middle leaves the one before or the one after. What may be changed is decided elsewhere.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from kilnmark.client.pack_files import PackFolder
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.promotion.errors import ManifestLost, PromotionHeld
from kilnmark.protocol.content.problems import UnknownName
from kilnmark.protocol.content.promoted import PROMOTED_FILE, PromotedManifest, load_promotions

__all__ = ["PATIENCE", "HeldManifest", "held_manifest", "manifest_text"]

PATIENCE = 10.0
"""Seconds that another promotion in the same genre is waited for: one takes far less than one."""

_LOOK = 0.02
"""Seconds between looks whether it has ended."""

_HEAD = """\
# Which adapters of this genre may be trusted, by the hash of their bytes. `kilnmark lab promote` and `demote` write it;
# what else is written here is not kept.
"""


class HeldManifest:
    """A genre's manifest that this process alone may change.

    Attributes:
        path: Where it lies, or will.
        manifest: As it is on disk.
    """

    def __init__(self, folder: Path, manifest: PromotedManifest) -> None:
        self.path = folder / PROMOTED_FILE
        self.manifest = manifest

    def write(self, manifest: PromotedManifest) -> None:
        """Put another in its place; it is on disk, synced, when this returns.

        Raises:
            ManifestLost: It cannot be written; the one that was there stays.
        """
        try:
            with written_whole(self.path, alone=True) as file:
                file.write(manifest_text(manifest).encode())
        except OSError as error:
            raise ManifestLost(str(self.path), error.strerror or str(error)) from error
        self.manifest = manifest


@contextmanager
def held_manifest(packs: Path, genre: str, *, patience: float = PATIENCE) -> Iterator[HeldManifest]:
    """Hold the manifest of a genre until the block ends.

    Args:
        packs: The folder of packs.
        genre: Its folder's name.
        patience: Seconds that another promotion in it is waited for.

    Raises:
        UnknownName: There is no such genre.
        UnusableContent: The manifest cannot be used as it stands.
        PromotionHeld: Another promotion does not end in time.
        ManifestLost: The folder cannot be opened.
    """
    files, folder = PackFolder(packs), packs / genre
    try:
        if genre not in (there := files.folders("")):
            raise UnknownName("genre", genre, there, str(packs))
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ManifestLost(str(folder / PROMOTED_FILE), error.strerror or str(error)) from error
    try:
        _lock(descriptor, folder, patience)
        yield HeldManifest(folder, load_promotions(files, genre).manifest)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path, patience: float) -> None:
    """Take the lock, which goes with the descriptor however this process ends."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise PromotionHeld(str(folder), patience) from error
            time.sleep(_LOOK)
        except OSError as error:  # a file system without locks
            raise ManifestLost(str(folder / PROMOTED_FILE), f"no lock: {error.strerror}") from error
        else:
            return


class _Dumper(yaml.SafeDumper):
    """Text in double quotes, so that it is text to every reader of YAML, whatever it looks like."""


class _Text(str):
    __slots__ = ()


_Dumper.add_representer(_Text, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def manifest_text(manifest: PromotedManifest) -> str:
    """A manifest as YAML: a field a line, without those that say nothing."""
    document = _quoted(manifest.model_dump(mode="json", exclude_none=True))
    written: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1 << 20
    )
    return _HEAD + written


def _quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _quoted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_quoted(each) for each in value]
    return _Text(value) if isinstance(value, str) else value
