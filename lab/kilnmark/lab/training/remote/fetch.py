"""The outputs of a training fetched: whole or not at all, held to every size and hash that comes with them."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.run.folder import Run
from kilnmark.lab.run.plan import RemotePlan
from kilnmark.lab.training.archives import broken
from kilnmark.lab.training.errors import RemoteAway
from kilnmark.lab.training.local import OUTPUT
from kilnmark.lab.training.record import folder_of
from kilnmark.lab.training.remote.patience import patiently
from kilnmark.lab.training.remote.wire import Remote

__all__ = ["fetched"]

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME = 100
_PIECE = 1 << 20


def fetched(
    run: Run, plan: RemotePlan, remote: Remote, addresses: tuple[str, ...], tell: Callable[[str], None]
) -> list[Path]:
    """Fetch what lies at some addresses; what is here already, whole, is not fetched again.

    Returns:
        Files in the training's folder, as the addresses stand.

    Raises:
        RemoteAway: They do not come, or not whole.
        RemoteRefused: The remote does not give them.
    """
    place = folder_of(run) / OUTPUT
    place.mkdir(exist_ok=True)
    found = []
    for number, address in enumerate(addresses):
        goal = place / f"{number}-{_name(address)}"
        if not goal.exists() or broken(goal) is not None:
            tell(f"fetching {goal.name}")
            patiently(plan, partial(_fetch, remote, address, goal), tell)
        found.append(goal)
    return found


def _fetch(remote: Remote, address: str, goal: Path) -> None:
    with written_whole(goal, alone=True) as file:
        headers = remote.download(address, file)
        file.flush()
        problem = _misses(file, headers) or broken(Path(file.name), goal.suffix)
        if problem is not None:
            raise RemoteAway(f"fetching {goal.name}", problem, was_sent=True)


def _misses(file: BinaryIO, headers: Mapping[str, str]) -> str | None:
    """How a file is not what its headers say, in words."""
    told = {name.lower(): value for name, value in headers.items()}
    size = file.seek(0, 2)
    length = told.get("content-length", "")
    if length.isdecimal() and int(length) != size:
        return f"{size} of {length} bytes came"
    digest = _digest(told)
    if digest is None:
        return None
    file.seek(0)
    found = hashlib.md5(usedforsecurity=False)
    while piece := file.read(_PIECE):
        found.update(piece)
    return None if found.digest() == digest else "its hash is not the one that came with it"


def _digest(headers: Mapping[str, str]) -> bytes | None:
    """The MD5 that object stores send: `Content-MD5`, or an entry of `x-goog-hash`."""
    entries = [entry.strip() for entry in headers.get("x-goog-hash", "").split(",")]
    texts = [headers.get("content-md5", ""), *(entry[4:] for entry in entries if entry.startswith("md5="))]
    for text in texts:
        try:
            digest = base64.b64decode(text, validate=True)
        except ValueError:
            continue
        if len(digest) == hashlib.md5(usedforsecurity=False).digest_size:
            return digest
    return None


def _name(address: str) -> str:
    name = PurePosixPath(unquote(urlsplit(address).path)).name
    return _UNSAFE.sub("_", name)[-_LONGEST_NAME:] or "output"
