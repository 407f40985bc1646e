"""A model's files out of the cache again: those that only it uses, and never while a daemon may hold it.

What other programs keep in the same repository stays, and so does whatever one of the other models is made of.
"""

import fcntl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kilnmark.client.cli.doctor.patient import Patient
from kilnmark.client.cli.models.documents import RemovedModels
from kilnmark.client.cli.models.errors import FetchedElsewhere, ModelInUse, ModelNotHere, NothingToFetch
from kilnmark.client.cli.models.here import LocalCopy, cache_failures_told, look_for, match_files
from kilnmark.client.hub import hub_cache, repository_folder, snapshots
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["Removal", "plan_removal", "refuse_models_in_use", "remove_models"]


@dataclass(frozen=True, slots=True)
class Removal:
    """What goes.

    Attributes:
        names: The models.
        links: Their files in every state of their repositories.
        contents: What these lead to and nothing else does; the same files, where the cache has no links.
        partials: What came of files that are not whole.
        folders: Of the repositories.
        freed_bytes: What all of it takes.
        kept_bytes: What stays in those folders.
    """

    names: tuple[str, ...]
    links: tuple[Path, ...]
    contents: tuple[Path, ...]
    partials: tuple[Path, ...]
    folders: tuple[Path, ...]
    freed_bytes: int
    kept_bytes: int

    def document(self, *, removed: bool) -> RemovedModels:
        """What is told of it."""
        return RemovedModels(
            names=list(self.names),
            files=len(self.links) + len(self.partials),
            freed_bytes=self.freed_bytes,
            kept_bytes=self.kept_bytes,
            removed=removed,
        )


def refuse_models_in_use(variants: Iterable[Variant], patient: Patient) -> None:
    """Raise ModelInUse where the daemon at the socket serves one of them, or cannot be asked whether it does."""
    if patient.is_alone:
        return
    for variant in variants:
        if (status := patient.status) is None:
            raise ModelInUse(variant.name, patient.socket, str(patient.answer))
        if _serves(status, variant, repository_folder(variant.repository, patient.env)):
            raise ModelInUse(variant.name, patient.socket)


def _serves(status: StatusResult, variant: Variant, folder: Path) -> bool:
    """By its name, or by a directory in the cache that it was given."""
    names = {status.variant, status.loading, *status.variants}
    return any(name is not None and (name == variant.name or folder in Path(name).parents) for name in names)


def plan_removal(variants: Sequence[Variant], env: Mapping[str, str]) -> Removal:
    """What would go with some models.

    Raises:
        ModelProblem: Nothing would.
    """
    for variant in variants:
        if not variant.repository:
            raise NothingToFetch(variant)
    with cache_failures_told(hub_cache(env)):
        return _plan(variants, env)


def _plan(variants: Sequence[Variant], env: Mapping[str, str]) -> Removal:
    copies = [look_for(variant, env) for variant in variants]
    others = [row for row in VARIANTS.values() if row not in variants and row.repository]
    kept = {path for row in others for state in snapshots(row.repository, env) for path in match_files(row, state)}
    links = sorted({path for copy in copies for path in copy.files} - kept)
    partials = sorted({path for copy in copies for path in copy.partials})
    names = tuple(variant.name for variant in variants)
    if not links and not partials:
        repositories = {variant.repository for variant in variants}
        shared = [row.name for row in others if row.repository in repositories and any(copy.files for copy in copies)]
        raise ModelNotHere(list(names), shared)
    contents = _only_theirs(links, copies)
    sizes = {path: path.stat().st_size for path in (*contents, *partials)}
    folders = tuple(sorted({copy.folder for copy in copies}))
    whole = sum(path.stat().st_size for folder in folders for path in _real_files(folder))
    freed = sum(sizes.values())
    return Removal(names, tuple(links), contents, tuple(partials), folders, freed, whole - freed)


def _only_theirs(links: Iterable[Path], copies: Iterable[LocalCopy]) -> tuple[Path, ...]:
    """What some links lead to, unless another link of their repositories does so too, or it lies elsewhere."""
    links, folders = set(links), {copy.folder for copy in copies}
    staying = {
        path.resolve()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_symlink() and path not in links and path.exists()
    }
    led_to = {path.resolve() for path in links if path.exists()} - staying
    homes = {folder.resolve() for folder in folders}
    return tuple(sorted(path for path in led_to if not homes.isdisjoint(path.parents)))


def _real_files(folder: Path) -> list[Path]:
    """Everything of a repository that takes room on the disk."""
    places = (folder / "blobs", folder / "snapshots")
    return [path for place in places for path in place.rglob("*") if path.is_file() and not path.is_symlink()]


def remove_models(removal: Removal) -> RemovedModels:
    """Do it. Done again after it was stopped, it goes on.

    Raises:
        FetchedElsewhere: A `pull` has one of the files that are not whole.
        CacheUnusable: Something cannot be removed; what was removed before stays removed.
    """
    with cache_failures_told(removal.folders[0]):
        for partial in removal.partials:
            _refuse_held(partial)
        for path in (*removal.contents, *removal.links, *removal.partials):  # links after: they tell what is left to do
            path.unlink(missing_ok=True)
        for folder in removal.folders:
            _tidy(folder)
    return removal.document(removed=True)


def _refuse_held(partial: Path) -> None:
    with partial.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FetchedElsewhere(partial) from error


def _tidy(folder: Path) -> None:
    """Remove folders in which nothing is left, and with the last state what only names states."""
    for path in sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
    if any((folder / name).exists() for name in ("snapshots", "blobs")) or not folder.is_dir():
        return
    for path in sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    folder.rmdir()
