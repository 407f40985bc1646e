"""What of a variant's published files is on this machine, in the cache of the hub's libraries: whole, in part, or not.

Only headers and indexes are read. Nothing is fetched or removed here, and no network is asked.
"""

import errno
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from kilnmark.client.cli.models.errors import CacheUnusable, NoRoom
from kilnmark.client.hub import repository_folder, snapshots
from kilnmark.keymaps.files.weights import Weights, WeightsProblem, read_weights
from kilnmark.protocol.picture.catalog import family_of
from kilnmark.protocol.picture.family import Variant

__all__ = ["PARTIAL", "LocalCopy", "cache_failures_told", "look_for", "match_files", "read_snapshot"]

PARTIAL = ".kilnmark.incomplete"
"""How the name of a file ends that `pull` has not fetched whole; its beginning is the hash that it will have."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """What is here of one variant.

    Attributes:
        variant: Which.
        folder: Of everything fetched of its repository; it need not be there.
        files: Its own files in every state of the repository that was fetched: links, where the cache has links.
        partials: What `pull` has fetched of files that are not whole.
        weights: What the engine would take; None: that is not here, or not whole.
        problem: What is missing of that; empty where nothing of it is here, or all.
    """

    variant: Variant
    folder: Path
    files: tuple[Path, ...] = ()
    partials: tuple[Path, ...] = ()
    weights: Weights | None = None
    problem: str = ""

    @property
    def is_there(self) -> bool:
        """Whether anything of it is here."""
        return bool(self.files or self.partials)

    @property
    def nbytes(self) -> int:
        """What its whole files take on the disk, each once."""
        return sum({path.resolve(): path.stat().st_size for path in self.files if path.exists()}.values())

    @property
    def partial_bytes(self) -> int:
        """What its files that are not whole take on the disk."""
        return sum(path.stat().st_size for path in self.partials)


@contextmanager
def cache_failures_told(folder: Path) -> Iterator[None]:
    """Let what the system says of a cache be CacheUnusable, or NoRoom where its disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoRoom(folder, error.strerror or str(error)) from error
        raise CacheUnusable(error.filename or folder, error.strerror or str(error)) from error


def look_for(variant: Variant, env: Mapping[str, str]) -> LocalCopy:
    """What is here of a variant that has a repository."""
    folder = repository_folder(variant.repository, env)
    files = tuple(path for state in snapshots(variant.repository, env) for path in match_files(variant, state))
    partials = tuple(sorted(folder.glob(f"blobs/*{PARTIAL}")))
    problem = ""
    for state in reversed(snapshots(variant.repository, env, variant.revision)):
        weights, problem = read_snapshot(state, variant)
        if weights is not None:
            return LocalCopy(variant, folder, files, partials, weights)
    if not problem:
        problem = f"what is here is not of the state that is loaded, {variant.revision[:12]}"
    return LocalCopy(variant, folder, files, partials, None, problem if files or partials else "")


def read_snapshot(state: Path, variant: Variant) -> tuple[Weights | None, str]:
    """The weights of one state of a repository, or None and what is missing."""
    try:
        weights = read_weights(state)
        weights.called(variant.name)
    except (WeightsProblem, OSError) as error:
        return None, str(error)
    missing = next((path for part in family_of(variant).parts for path in _absent_shards(state / part.folder)), None)
    if missing is not None:
        return None, f"{missing} is missing"
    missing = next(_absent_tokenizers(state, variant), None)
    return (weights, "") if missing is None else (None, f"{missing} is missing")


def match_files(variant: Variant, state: Path) -> list[Path]:
    """The variant's own files in one state of its repository."""
    wanted = family_of(variant).files_of(variant)
    found = (path for path in sorted(state.rglob("*")) if path.is_symlink() or path.is_file())
    return [path for path in found if any(fnmatchcase(path.relative_to(state).as_posix(), name) for name in wanted)]


def _absent_tokenizers(state: Path, variant: Variant) -> Iterator[Path]:
    """Folders of tokenizers that hold nothing, and the file of one whose folder holds weights."""
    shared = {part.folder for part in family_of(variant).parts}
    for folder in (encoder.tokenizer for encoder in variant.encoders if encoder.tokenizer):
        names, told = ("tokenizer*", "tokenizer.json") if folder in shared else ("*", "")
        if not any(path.exists() for path in (state / folder).glob(names)):
            yield state / folder / told


def _absent_shards(folder: Path) -> Iterator[Path]:
    """What weights in several files lack: by the numbers in their names, and by their index."""
    for path in sorted(folder.glob("*.safetensors")):
        if shard := _SHARD.fullmatch(path.name):
            for number in range(1, int(shard["count"]) + 1):
                other = folder / f"{shard['stem']}-{number:05d}-of-{shard['count']}.safetensors"
                if not other.exists():
                    yield other
    for index in sorted(folder.glob("*.safetensors.index.json")):
        for name in _indexed(index):
            if not (folder / name).exists():
                yield folder / name


def _indexed(index: Path) -> list[str]:
    """The files that an index names, in its own folder; none where it cannot be read, as its reader will say."""
    try:
        names = set(json.loads(index.read_bytes())["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    return sorted(name for name in names if isinstance(name, str) and Path(name).name == name)
