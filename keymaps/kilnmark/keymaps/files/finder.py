"""Adapter files found, or what is wrong with each: by the paths of a request, or by what documents call them.

Which file a path means, `roots` rules. Nothing is raised here for a file that is not as it should be: a stack has
several, and each is told of.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.beside import located, located_beside
from kilnmark.keymaps.files.identity import FileIdentity
from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.files.safefile import read_header
from kilnmark.protocol.picture.block_scales import unmet
from kilnmark.protocol.picture.report import AdapterReport, Verdict

__all__ = ["AdapterFinder", "Found", "Located"]


class Found(NamedTuple):
    """Where a file is; `problem` is a sentence, empty where it is sound."""

    path: str
    problem: str = ""


class Located(NamedTuple):
    """The files of a stack, in its order."""

    found: tuple[Found, ...]

    @property
    def paths(self) -> list[str]:
        """Real paths, as `located` has them; of a file with a problem, the one it was looked for by, or first."""
        return [file.path for file in self.found]

    @property
    def problems(self) -> list[str]:
        """A sentence for each file; empty where it is sound."""
        return [file.problem for file in self.found]

    def refused(
        self, names: Sequence[str], scales: Sequence[float], block_scales: Sequence[Mapping[str, float]]
    ) -> list[AdapterReport]:
        """A report of each file that has a problem; names and scales are those of the whole stack."""
        return [
            AdapterReport(
                name=name,
                path=file.path,
                scale=scale,
                verdict=Verdict.REFUSED,
                reason=file.problem,
                block_scales=unmet(blocks),
            )
            for name, file, scale, blocks in zip(names, self.found, scales, block_scales, strict=True)
            if file.problem
        ]


class AdapterFinder:
    """Looks for adapters.

    Headers are read once, for as long as their files stay as they are.

    Args:
        roots: Directories that adapters may be read from.
    """

    def __init__(self, roots: Sequence[AnyPath]) -> None:
        self._roots = roots
        self._sound: dict[str, FileIdentity] = {}

    def sent(self, paths: Iterable[str]) -> Located:
        """Files as a request names them: their places alone. What they hold, the render that reads them will tell."""
        return Located(tuple(map(self._sent, paths)))

    def named(self, files: Iterable[tuple[str, AnyPath]]) -> Located:
        """Files as documents name them, each with its document's folder: their places and their headers."""
        return Located(tuple(self._named(file, folder) for file, folder in files))

    def _sent(self, path: str) -> Found:
        try:
            return Found(str(located(path, self._roots)))
        except RefusedFile as error:
            return Found(path, str(error))

    def _named(self, file: str, folder: AnyPath) -> Found:
        try:
            path = str(located_beside(file, folder, self._roots))
            self._check_header(path)
        except RefusedFile as error:
            return Found(str(Path(folder, file)), str(error))
        return Found(path)

    def _check_header(self, path: str) -> None:
        now_ns, identity = time.time_ns(), _identity(path)
        if identity is None or self._sound.get(path) != identity:
            read_header(path, self._roots)
            if identity is not None and identity.is_settled(now_ns):
                self._sound[path] = identity


def _identity(path: str) -> FileIdentity | None:
    """None where there is no file, which reading it will tell better."""
    try:
        return FileIdentity.of_adapter(path)
    except OSError:
        return None
