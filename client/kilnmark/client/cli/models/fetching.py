"""One file of a model, from the hub into the cache: gone on with where it broke off, checked, and then there at once.

Bytes that came stay beside the whole files under their hash, with an ending of their own, so that whoever comes next
goes on with them. huggingface_hub itself forgets them when its process ends.
"""

import fcntl
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kilnmark.client.cli.models.errors import DamagedFile, FetchedElsewhere, HubFailed
from kilnmark.client.cli.models.here import PARTIAL, cache_failures_told
from kilnmark.client.cli.models.published import PublishedFile
from kilnmark.client.cli.models.site import CONNECT_TIMEOUT, SILENCE_TIMEOUT, HubSite, Later

if TYPE_CHECKING:
    import httpx

__all__ = ["FetchWatcher", "digest_of", "fetch_file"]

TRIES = 6
"""In a row, none of which brought a byte."""

_CHUNK = 1 << 20
_WHOLE, _PART, _BEYOND = 200, 206, 416


class FetchWatcher(Protocol):
    """Who is told how a file comes."""

    def came(self, count: int) -> None:
        """So many bytes came; a negative number takes some back."""

    def waits(self, seconds: float, reason: str) -> None:
        """The hub is asked again after so many seconds, and why."""


def fetch_file(
    site: HubSite, repository: str, commit: str, file: PublishedFile, blobs: Path, watcher: FetchWatcher
) -> None:
    """Fetch one file, with what is there of it, and put it under its hash.

    Args:
        site: Where from.
        repository, commit: Its state.
        file: Which.
        blobs: The folder of whole files, which is there.
        watcher: Is told.

    Raises:
        ModelProblem: It could not be had; what came of it is kept, unless it is damaged.
    """
    partial = blobs / f"{file.digest}{PARTIAL}"
    with cache_failures_told(blobs), _held(partial) as out:
        _complete(site, repository, commit, file, out, watcher)
        out.seek(0)
        if (found := digest_of(out, file)) != file.digest:
            partial.unlink()
            raise DamagedFile(file.path, f"its hash is {found} instead of {file.digest}")
        os.fsync(out.fileno())
        partial.replace(blobs / file.digest)


def digest_of(opened: io.FileIO, file: PublishedFile) -> str:
    """The hash of an open file from where it stands, in the form that the published one has."""
    if not file.is_git:
        return hashlib.file_digest(opened, "sha256").hexdigest()
    head = hashlib.sha1(f"blob {file.nbytes}\0".encode(), usedforsecurity=False)
    while chunk := opened.read(_CHUNK):
        head.update(chunk)
    return head.hexdigest()


@contextmanager
def _held(partial: Path) -> Iterator[io.FileIO]:
    """The file of what came, at its end, for this process alone."""
    with io.FileIO(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644), "r+") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FetchedElsewhere(partial) from error
        out.seek(0, os.SEEK_END)
        yield out


def _complete(
    site: HubSite, repository: str, commit: str, file: PublishedFile, out: io.FileIO, watcher: FetchWatcher
) -> None:
    """Ask until everything is there, with pauses that grow while nothing comes."""
    import httpx

    tries = 0
    while (there := out.tell()) != file.nbytes:
        try:
            later = _ask(site, repository, commit, file, out, watcher)
        except httpx.TransportError as error:
            later = Later(str(error) or type(error).__name__)
        if out.tell() == file.nbytes:
            return
        tries = 1 if out.tell() > there else tries + 1
        if tries > TRIES:
            raise HubFailed(site.address, later.reason, kept=out.tell() > 0)
        seconds = 2.0 ** (tries - 1) if later.seconds is None else later.seconds
        watcher.waits(seconds, later.reason)
        site.pause(seconds)


def _ask(
    site: HubSite, repository: str, commit: str, file: PublishedFile, out: io.FileIO, watcher: FetchWatcher
) -> Later:
    """Ask once for what is missing, write what comes, and say why no more did."""
    import httpx
    from huggingface_hub import get_session, hf_hub_url

    if out.tell() > file.nbytes:
        _begin_again(out, watcher)
    url = hf_hub_url(repository, file.path, revision=commit, endpoint=site.address)
    headers = site.headers() | ({"Range": f"bytes={out.tell()}-"} if out.tell() else {})
    timeout = httpx.Timeout(CONNECT_TIMEOUT, read=SILENCE_TIMEOUT)
    with get_session().stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as response:
        if response.status_code == _BEYOND or not _goes_on(response, out.tell()):
            _begin_again(out, watcher)
        if response.status_code in (_WHOLE, _PART):
            _write(response, file, out, watcher)
        elif response.status_code != _BEYOND:
            refusal = site.refusal(response, repository, f"{file.path} in {repository}")
            if not isinstance(refusal, Later):
                raise refusal
            return refusal
    return Later(f"it ended {file.path} before its end")


def _goes_on(response: "httpx.Response", there: int) -> bool:
    """Whether what follows belongs behind what is there: some give everything, whatever they are asked for."""
    if response.status_code not in (_WHOLE, _PART) or there == 0:
        return True
    said: str = response.headers.get("Content-Range", "")
    return response.status_code == _PART and said.startswith(f"bytes {there}-")


def _begin_again(out: io.FileIO, watcher: FetchWatcher) -> None:
    watcher.came(-out.tell())
    out.seek(0)
    out.truncate()


def _write(response: "httpx.Response", file: PublishedFile, out: io.FileIO, watcher: FetchWatcher) -> None:
    for chunk in response.iter_raw():
        rest = memoryview(chunk)[: file.nbytes - out.tell()]
        if len(rest) < len(chunk):
            _begin_again(out, watcher)
            raise DamagedFile(file.path, f"more came than the {file.nbytes} bytes that it has")
        while rest:
            written = out.write(rest) or 0
            rest = rest[written:]
            watcher.came(written)
