"""The pictures that a render is made of, read in the worker: the very files that were accepted, decoded to pixels.

What a family makes of them is not known here.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kilnmark.engine.families.family import Pixels
from kilnmark.engine.families.references import Reference
from kilnmark.keymaps.pictures.decoded import decoded
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["PictureReader"]


class PictureReader:
    """Reads the pictures of renders.

    Args:
        roots: Directories that they are read from; nothing outside them is opened.
    """

    def __init__(self, roots: Sequence[Path] = ()) -> None:
        self._roots = roots

    def start(self, job: RenderCommand) -> Pixels | None:
        """The picture that a render starts from; None: it starts from noise.

        Raises:
            RefusedPicture: It is not the file that was accepted, or no picture.
        """
        return None if job.start_file is None else self._pixels(*job.start_file)

    def references(self, job: RenderCommand) -> list[Reference]:
        """Those that a render refers to, in their order.

        Raises:
            RefusedPicture: As `start` does.
        """
        return [Reference(sha256, self._pixels(path, sha256)) for path, sha256 in job.reference_files]

    def _pixels(self, path: str, sha256: str) -> Pixels:
        return np.array(decoded(read_picture(path, self._roots, sha256)))
