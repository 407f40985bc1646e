"""What the engine asks of a family of models: one function that loads a base of it, and what that gives back.

A family's module, which its row in the catalog names, has a function `load` that is a `Load`. Nothing here knows any
family; what holds, measures and proves is the same for all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import mlx.core as mx
import numpy as np
from mlx import nn
from numpy.typing import NDArray

from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics
from kilnmark.protocol.picture.spec import PictureSize, PictureSpec

__all__ = [
    "BaseUnavailable",
    "Encoded",
    "Glimpsing",
    "Load",
    "Model",
    "Origin",
    "Pixels",
    "Previewable",
    "Referring",
    "Scheduled",
    "Starting",
    "Watcher",
    "tell_glimpse",
    "tell_schedule",
]

Encoded = tuple[mx.array, ...]
"""A prompt as a family's encoders gave it; what each array is, only the family knows."""


Pixels = NDArray[np.uint8]
"""A picture, upright and without transparency: `(height, width, 3)`."""


class BaseUnavailable(KilnmarkError):
    """The base cannot be held; the message says why and what to do."""


class Watcher(Protocol):
    """Follows one picture. Any of its methods may raise to stop it; nothing of the step that follows is computed."""

    def stepped(self, done: int) -> None:
        """`done` denoise steps are computed; called first with 0."""

    def denoised(self, latents: mx.array) -> None:
        """The loop is over; `latents`, in the family's own shape, are about to be decoded."""


@runtime_checkable
class Scheduled(Protocol):
    """A watcher that wants to know the schedule."""

    def scheduled(self, sigmas: Sequence[float]) -> None:
        """The noise level before each denoise step, from 1 to 0, and the last; called before the first step."""


def tell_schedule(watcher: Watcher, sigmas: mx.array) -> None:
    """Tell a watcher that wants to know it.

    Args:
        watcher: Of the picture.
        sigmas: The noise level before each step of the loop, and after the last; `(steps + 1,)` or `(steps,)`.
    """
    if isinstance(watcher, Scheduled):
        watcher.scheduled([float(sigma) for sigma in np.array(sigmas.astype(mx.float32)).ravel()])


@runtime_checkable
class Glimpsing(Protocol):
    """A watcher that may want to see how far the picture is."""

    @property
    def wants_glimpse(self) -> bool:
        """Asked after each step; it costs nothing where it is not wanted."""

    def glimpsed(self, latents: mx.array) -> None:
        """What the picture seems to come to after a step: an estimate of its last latents, lazily, of their shape."""


def tell_glimpse(watcher: Watcher, latents: Callable[[], mx.array]) -> None:
    """Show a watcher that wants to see it how far the picture is.

    Args:
        watcher: Of the picture.
        latents: Tells what it seems to come to; called only then.
    """
    if isinstance(watcher, Glimpsing) and watcher.wants_glimpse:
        watcher.glimpsed(latents())


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a base comes from.

    Attributes:
        name: What it is asked for by, for errors.
        variant: What it is.
        weights: What its directory holds; None for a variant that needs none, or that the family fetches itself.
    """

    name: str
    variant: Variant
    weights: Weights | None = None

    def bits(self, quantize: int | None) -> int | None:
        """To how many bits it is quantized where all bases are to be; some never are."""
        return None if self.variant.keeps_its_form else quantize

    def nbytes(self, quantize: int | None, number_bytes: int) -> int:
        """What it will take in memory, in bytes; arguments are those of `Numbers.nbytes`."""
        return (self.weights or self.variant.numbers).nbytes(self.bits(quantize), number_bytes)


class Model(Protocol):
    """A base's model, as its family loads it; no linear layer of it is ever written to."""

    @property
    def fingerprint(self) -> str:
        """Hash that names its weights and topology, in hex."""

    @property
    def bits(self) -> int | None:
        """Of its quantized linear layers; None when they are not quantized."""

    @property
    def compiled(self) -> bool:
        """Whether its blocks are compiled; never where it computes in `exact`."""

    @property
    def roots(self) -> Mapping[str, nn.Module]:
        """What adapters can change: each module by the word that the paths of its layers begin with.

        The transformer's is empty, an encoder's is its `attribute` in the catalog. Of an encoder, linear layers alone
        are changed, and those whose output nothing reads are not below its module.
        """

    @property
    def shared_inputs(self) -> Sequence[Sequence[str]]:
        """Paths of layers that are given one and the same input, group by group; no layer is in two.

        In `fast`, what their adapters make of that input first is one product: see `stack/fast.py`.
        """

    @property
    def held(self) -> Sequence[nn.Module]:
        """All that a render computes with; it is cast to the computing precision and evaluated once loaded."""

    def encode(self, prompt: str, negative_prompt: str | None) -> Encoded:
        """Encode a prompt, lazily. What comes back is kept, and given to `generate` for every picture of that prompt.

        Args:
            prompt: As it was asked for, triggers and suffix included.
            negative_prompt: None where none was asked for, and always for a variant that takes none.
        """

    def predict(self, encoded: Encoded) -> mx.array:
        """The noise predicted for the same small picture every time, with what is on the base: float32, lazily.

        It is what an adapter's effect is measured by, so that it must be cheap, and depend on all that a picture does.
        """

    def generate(self, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """Paint one picture with whatever stack is on the base. Raises what `watcher` raises.

        Returns:
            Its pixels, `(height, width, 3)` in uint8. Decoding them is left to be computed, so that whoever asked can
            do something else meanwhile.
        """


@runtime_checkable
class Starting(Protocol):
    """What a `Model` has beside, where its family's row says that some of its variants start from pictures."""

    @property
    def sees(self) -> bool:
        """Whether pictures can be shown to it: what encodes them may be missing in a directory."""

    def generate_from(self, pixels: Pixels, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """As `generate`, but from a picture instead of from noise.

        Args:
            pixels: It, of any size; it is stretched to that of the spec.
            spec: What to paint; its `strength` says how much of the picture stays, as its family's library has it.
            encoded: Its prompts.
            watcher: Follows it; steps that are left out count as done.
        """


@runtime_checkable
class Referring(Protocol):
    """What a `Model` has beside, where its family's row says that some of its variants take reference pictures."""

    @property
    def sees(self) -> bool:
        """As `Starting` has it."""

    def refer(self, pixels: Pixels, asked: PictureSize) -> Encoded:
        """Encode a reference picture, lazily. What comes back is kept; no stack changes it.

        Args:
            pixels: Of the reference, as they are in its file.
            asked: The size of the picture that is to be painted.
        """

    def generate_beside(
        self, references: Sequence[Encoded], spec: PictureSpec, encoded: Encoded, watcher: Watcher
    ) -> mx.array:
        """As `generate`, while the model looks at references.

        Args:
            references: In their order, each as `refer` gave it for this size; at least one, and no more than the row of
                the variant says.
            spec: What to paint.
            encoded: Its prompts.
            watcher: Follows it.
        """


@runtime_checkable
class Previewable(Protocol):
    """What a `Model` has beside, where it can be told from its latents roughly how a picture will look."""

    @property
    def sees(self) -> bool:
        """As `Starting` has it."""

    def clean_latents(self, pixels: Pixels) -> mx.array:
        """The latents of a picture without any noise, lazily, in the shape that the loop of steps has.

        Args:
            pixels: It; its sides are multiples of 16.
        """

    def grid(self, latents: mx.array, size: PictureSize) -> mx.array:
        """Latents of that shape by where they stand in a picture of a size: `(rows, columns, channels)`, lazily."""


class Load(Protocol):
    """The function `load` of a family's module."""

    def __call__(self, origin: Origin, quantize: int | None, numerics: Numerics, compiling: AskedCompiling, /) -> Model:
        """Build a model; its weights may still be on disk when it is returned.

        Args:
            origin: Which.
            quantize: 3 to 8 bits; None keeps the weights as they are stored.
            numerics: One of those that its family's row has; all that it predicts is computed so.
            compiling: Whether its blocks are to be compiled where it computes in `fast`.

        Raises:
            BaseUnavailable: It cannot be loaded.
        """
