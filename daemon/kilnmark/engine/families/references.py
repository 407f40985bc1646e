"""Reference pictures as a base reads them: each encoded once, and kept while there is room, since no stack changes it.

One and the same figure in a hundred scenes is encoded once. How a reference is encoded, families know.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kilnmark.engine.families.family import BaseUnavailable, Encoded, Model, Pixels, Referring
from kilnmark.engine.families.prompts import PromptCache
from kilnmark.protocol.picture.family import Fitting
from kilnmark.protocol.picture.fitting import fitted
from kilnmark.protocol.picture.spec import PictureSize

__all__ = ["REFERENCE_CACHE_BYTES", "Reference", "References", "blank"]

REFERENCE_CACHE_BYTES = 64 << 20
"""Thirty references of a megapixel at float32 (2 MiB each with FLUX.2-klein, 1 MiB with FLUX.1), sixty at bf16."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference picture.

    Attributes:
        sha256: Of its file, in hex; whatever has the same is the same picture.
        pixels: It, upright and without transparency.
    """

    sha256: str
    pixels: Pixels

    @property
    def size(self) -> PictureSize:
        """As it is in its file."""
        height, width, _ = self.pixels.shape
        return PictureSize(width, height)


def blank(size: PictureSize) -> Reference:
    """One that shows nothing, for whoever needs a reference of some size and not what is on it."""
    return Reference(f"blank {size.width} x {size.height}", np.full((size.height, size.width, 3), 127, np.uint8))


class References:
    """Encodes references for a base.

    Args:
        name: The base's, for errors.
        model: The base's.
        fitting: What its family does to them.
    """

    def __init__(self, name: str, model: Model, fitting: Fitting) -> None:
        self._name = name
        self._model = model
        self._fitting = fitting
        self._held = PromptCache(lambda: None, REFERENCE_CACHE_BYTES)

    @property
    def nbytes(self) -> int:
        """Of those that are held encoded."""
        return self._held.nbytes

    def clear(self) -> None:
        """Forget them."""
        self._held.clear()

    @property
    def model(self) -> Referring:
        """The base's, which takes references.

        Raises:
            BaseUnavailable: It takes none.
        """
        model = self._model
        if not isinstance(model, Referring):
            raise BaseUnavailable(f"{self._name} takes no reference pictures; leave reference_images out")
        if not model.sees:
            problem = f"{self._name} holds nothing that encodes pictures (vae/encoder)"
            raise BaseUnavailable(f"{problem}; save the model with it, or leave reference_images out")
        return model

    def encoded(self, references: Sequence[Reference], asked: PictureSize) -> list[Encoded]:
        """What the base's family makes of each, evaluated.

        Args:
            references: In their order.
            asked: The size of the picture that is to be painted.

        Raises:
            BaseUnavailable: Nothing can be shown to this base.
            ValueError: Nothing would be left of one.
        """
        return [self._encoded(self.model, reference, asked) for reference in references]

    def _encoded(self, model: Referring, reference: Reference, asked: PictureSize) -> Encoded:
        read = fitted(reference.size, asked, self._fitting)
        key = reference.sha256, read
        if key not in self._held:
            self._held[key] = model.refer(reference.pixels, asked)
        return self._held[key]
