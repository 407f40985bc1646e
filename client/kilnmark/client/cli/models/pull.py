"""A whole model into the cache of the hub's libraries: its files, and the state of the repository that they make.

The layout is that of huggingface_hub: whole files lie in `blobs` under their hash, and a state has links to them.
"""

import io
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from kilnmark.client.cli.doctor.folders import free_bytes
from kilnmark.client.cli.models.documents import PublishedDocument, PulledModel
from kilnmark.client.cli.models.errors import NoRoom, NotWhole
from kilnmark.client.cli.models.fetching import digest_of, fetch_file
from kilnmark.client.cli.models.here import PARTIAL, cache_failures_told, read_snapshot
from kilnmark.client.cli.models.published import Published, PublishedFile, ask_hub
from kilnmark.client.cli.models.site import HubSite
from kilnmark.client.hub import repository_folder
from kilnmark.keymaps.files.outputs import SPARE
from kilnmark.protocol.picture.family import Variant

__all__ = ["Moved", "published_document", "pull"]

Moved = Callable[[str, int, int], None]
"""Told of the file that is worked at, the bytes that are here of everything, and how many that will be."""


def pull(variant: Variant, site: HubSite, env: Mapping[str, str], moved: Moved, *, verify: bool = False) -> PulledModel:
    """Fetch what is missing of a variant.

    Args:
        variant: Which.
        site: Where from.
        env: The variables, which say where the cache is.
        moved: As `Moved` says.
        verify: Whole files that are here are checked too, and fetched again where they are damaged.

    Raises:
        ModelProblem: It is not whole yet; what was fetched so far is kept.
    """
    published = ask_hub(variant, site)
    place = _CachedState(repository_folder(variant.repository, env), published)
    with cache_failures_told(place.folder):
        place.make()
        missing = [file for file in published.contents if not place.has(file, verify=verify, moved=moved)]
        kept = sum(map(place.partial_bytes, missing))
        place.require_room(sum(file.nbytes for file in missing) - kept)
        tally = _Tally(published.nbytes, published.nbytes - sum(file.nbytes for file in missing) + kept, moved)
        place.link(published.files)
        for file in missing:
            tally.begin(file.path)
            fetch_file(site, variant.repository, published.commit, file, place.blobs, tally)
            place.link(each for each in published.files if each.digest == file.digest)
        place.name_state(variant.revision)
    weights, problem = read_snapshot(place.state, variant)
    if weights is None:
        raise NotWhole(variant.name, problem)
    return PulledModel(
        name=variant.name,
        repository=variant.repository,
        revision=published.commit,
        path=str(place.state),
        files=len(published.files),
        nbytes=published.nbytes,
        fetched_bytes=tally.fetched,
        resumed_bytes=kept,
    )


def published_document(variant: Variant, published: Published, env: Mapping[str, str]) -> PublishedDocument:
    """What the hub says, and how much of it is still to be fetched."""
    place = _CachedState(repository_folder(variant.repository, env), published)
    with cache_failures_told(place.folder):
        missing = [file for file in published.contents if not place.has(file)]
        missing_bytes = sum(file.nbytes - place.partial_bytes(file) for file in missing)
    return PublishedDocument(
        revision=published.commit,
        files=len(published.files),
        nbytes=published.nbytes,
        missing_bytes=missing_bytes,
        licence=published.licence,
        gated=published.gated,
    )


class _Tally:
    """How far everything is: a `FetchWatcher` of its files."""

    def __init__(self, total: int, done: int, moved: Moved) -> None:
        self.fetched = 0
        self._total = total
        self._done = done
        self._moved = moved
        self._file = ""

    def begin(self, file: str) -> None:
        self._file = file
        self.came(0)

    def waits(self, seconds: float, reason: str) -> None:
        self._moved(f"{self._file}, again in {seconds:.0f} s: {reason}", self._done, self._total)

    def came(self, count: int) -> None:
        self.fetched += max(count, 0)
        self._done += count
        self._moved(self._file, self._done, self._total)


class _CachedState:
    """Where one state of a repository lies in the cache."""

    def __init__(self, folder: Path, published: Published) -> None:
        self.folder = folder
        self.blobs = folder / "blobs"
        self.state = folder / "snapshots" / published.commit
        self._commit = published.commit

    def make(self) -> None:
        for folder in (self.blobs, self.state):
            folder.mkdir(parents=True, exist_ok=True)

    def has(self, file: PublishedFile, *, verify: bool = False, moved: Moved | None = None) -> bool:
        """Whether a whole file is there: of its size, and with its hash where that is asked for, else it is removed."""
        path = self.blobs / file.digest
        if not path.is_file():
            path = self.state / file.path  # where links were impossible
        if not path.is_file() or path.stat().st_size != file.nbytes:
            return False
        if verify:
            if moved is not None:
                moved(f"checking {file.path}", 0, file.nbytes)
            with io.FileIO(path) as opened:
                if digest_of(opened, file) != file.digest:
                    path.unlink()
                    return False
        return True

    def partial_bytes(self, file: PublishedFile) -> int:
        """What is there of a file that is not whole."""
        path = self.blobs / f"{file.digest}{PARTIAL}"
        return path.stat().st_size if path.exists() else 0

    def require_room(self, nbytes: int) -> None:
        if (free := free_bytes(self.folder)) < nbytes + SPARE and nbytes > 0:
            raise NoRoom(self.folder, f"{nbytes / 1e9:.1f} GB are to be fetched, and {free / 1e9:.1f} GB are free")

    def link(self, files: Iterable[PublishedFile]) -> None:
        """Make the state have those of some files that are here whole."""
        for file in files:
            self._link(file)

    def _link(self, file: PublishedFile) -> None:
        """Where the disk has no links, the file itself goes there."""
        blob, path = self.blobs / file.digest, self.state / file.path
        if not blob.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.samefile(blob):
            return
        beside = path.with_name(f".{path.name}.kilnmark")
        beside.unlink(missing_ok=True)
        try:
            beside.symlink_to(os.path.relpath(blob, path.parent))
        except (PermissionError, NotImplementedError):
            blob.replace(path)
        else:
            beside.replace(path)

    def name_state(self, revision: str) -> None:
        """Note which commit is the newest, where no certain one is loaded."""
        if revision:
            return
        named = self.folder / "refs" / "main"
        named.parent.mkdir(exist_ok=True)
        named.write_text(self._commit, encoding="ascii")
