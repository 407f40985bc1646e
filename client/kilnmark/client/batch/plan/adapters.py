"""The adapter files of a batch: which were planned, whether their scales can be meant, and the hash of what each holds.

Where a file lies and whether it is one, `pack_files` finds out; whether it would engage is for the daemon to say.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kilnmark.keymaps.files.beside import adapter_hash
from kilnmark.keymaps.files.safefile import read_config
from kilnmark.protocol.content.composed import ComposedStyle
from kilnmark.protocol.content.composition import scale_problems
from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.block_scales import scale_words
from kilnmark.protocol.picture.catalog import row_of

__all__ = ["Hashes", "PlannedAdapter", "unmet_blocks"]

_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class PlannedAdapter:
    """One adapter of a planned stack.

    Attributes:
        name: What the style calls it.
        file: As the style names it.
        scale: As the style has it.
        path: Where it lies, absolute, links resolved.
        scales: For some blocks, patterns and scales as the style has them.
    """

    name: str
    file: str
    scale: float
    path: str
    scales: tuple[tuple[str, float], ...] = ()

    @property
    def scale_words(self) -> str:
        """Its scales, for people."""
        return scale_words(self.scale, self.scales)


def unmet_blocks(style: ComposedStyle, paths: Sequence[str]) -> list[Problem]:
    """What is wrong with scales for some blocks on the model that a style wants, in the daemon's words.

    Only files that have such scales are read. One that does not fit the model is left to the daemon, who may paint on
    another.

    Args:
        style: With a stack.
        paths: Where its files lie, in its order.
    """
    asked = [adapter.entry.scales for adapter in style.stack.adapters]
    scaled = [at for at, scales in enumerate(asked) if scales]
    if not scaled:
        return []
    from kilnmark.keymaps.inspection import inspect_file, unmet_scales
    from kilnmark.keymaps.names.shapes import load_shapes

    shapes, row = load_shapes(style.variant), row_of(style.variant)
    found = [inspect_file(paths[at], shapes).inspection for at in scaled]
    sentences = dict(zip(scaled, unmet_scales(found, [asked[at] for at in scaled], row), strict=True))
    return scale_problems(style, [sentences.get(at, "") for at in range(len(asked))])


class Hashes:
    """Content hashes of files, each computed once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, path: str) -> str:
        """SHA-256 of a whole file and of the config beside it, in hex, as reports have it.

        Raises:
            KilnmarkError: One of them cannot be read any more.
        """
        if path not in self._known:
            config = read_config(path)
            self._known[path] = adapter_hash(path, _hash_of(path), config.sha256 if config else "")
        return self._known[path]


def _hash_of(path: str) -> str:
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise KilnmarkError(f"{path} cannot be read any more ({error.strerror}); bring it back") from error
    return digest.hexdigest()
