"""The base: a model held in memory, of whatever family, with its layers, its stack and its encoded prompts.

No linear layer of a base is ever written to.
"""

import contextlib
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version

import mlx.core as mx
from mlx import nn

from kilnmark.engine.compute import active_bytes, backend, precision
from kilnmark.engine.families.family import BaseUnavailable, Encoded, Model, Origin, Pixels, Starting, Watcher
from kilnmark.engine.families.known_layers import check_layers
from kilnmark.engine.families.origins import find_origin, loader_of
from kilnmark.engine.families.prompts import PromptCache
from kilnmark.engine.families.references import Reference, References
from kilnmark.engine.stack.slots import Slot, find_slots
from kilnmark.engine.stack.stack import Member, Stacker, encoder_key
from kilnmark.keymaps.names.blocks import Blocks
from kilnmark.keymaps.names.shapes import Shapes, encoder_of, is_norm
from kilnmark.protocol.picture.catalog import family_of
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.picture.numerics import AskedCompiling, AskedNumerics, Numerics, settled_numerics
from kilnmark.protocol.picture.spec import PictureSize, PictureSpec
from kilnmark.protocol.wire.memory import BaseInfo

__all__ = ["Base", "load_base", "load_origin"]

PREDICTED_PROMPT = "a kiln in the rain"


class Base:
    """A model held warm.

    Args:
        model: As its family loaded it.
        variant: What it is.
        info: What it is, as `status` and every picture tell it.

    Attributes:
        slots: Every linear layer that an adapter can change, and every norm with scales, by the path that
            `Shapes` has for it.
        shapes: Those layers' true shapes `(out, in)`.
        blocks: Those that scales can be given for.
        stacker: Puts stacks on it.
        prompts: Those that are held encoded.
        references: Pictures that are held encoded, for others to be like them.
    """

    def __init__(self, model: Model, variant: Variant, info: BaseInfo) -> None:
        self.model = model
        self.variant = variant
        self.info = info
        self.slots = _slots(model)
        self.shapes: Shapes = {path: slot.shape for path, slot in self.slots.items()}
        self.blocks = Blocks.of(self.shapes, family_of(variant))
        self.stacker = Stacker(self.slots, shared=model.shared_inputs if info.numerics == "fast" else None)
        self.prompts = PromptCache(lambda: self.stacker.encoder_key)
        self.references = References(info.variant, model, family_of(variant).fitting)

    @property
    def is_standin(self) -> bool:
        """Its pictures mean nothing, whatever name it was asked for by."""
        return self.variant.made_up

    @property
    def traces(self) -> int:
        """Times that blocks were traced to be compiled so far; 0 for a family that compiles none."""
        return int(getattr(self.model, "traces", 0))

    @property
    def prompt_bytes(self) -> int:
        """Of the prompts that are held encoded."""
        return self.prompts.nbytes

    @property
    def extra_bytes(self) -> int:
        """Of all that is held ready for it beside its weights: stacks, encoded prompts and encoded pictures."""
        return self.stacker.nbytes + self.prompt_bytes + self.references.nbytes

    def let_go(self) -> None:
        """Take its stack off, and forget what is held ready for it; all of it can be made again."""
        self.stacker.clear()
        self.prompts.clear()
        self.references.clear()

    def encode(self, prompt: str, negative_prompt: str | None = None) -> Encoded:
        """Encode a prompt, or find it encoded: what the family makes of it, evaluated."""
        key = self._asked(prompt, negative_prompt)
        if key in self.prompts:
            self.prompts.hits += 1
        else:
            self.prompts.misses += 1
            self.prompts[key] = self.model.encode(*key)
        return self.prompts[key]

    def expect(self, prompt: str, negative_prompt: str | None, members: Sequence[Member]) -> None:
        """Put together the encoding of a prompt that a later render will ask for; `prompts.begin` computes it.

        Nothing is done where its stack changes the text encoders and would have to be built first.

        Args:
            prompt, negative_prompt: As that render asks.
            members: Its stack.
        """
        key = self._asked(prompt, negative_prompt)
        if encoder_key(members) == self.stacker.encoder_key:
            self._expect(key)
        elif self.stacker.is_ready(members):
            with self.stacker.aside(members):
                self._expect(key)

    def _expect(self, key: tuple[str, str | None]) -> None:
        if key not in self.prompts:
            self.prompts.expect(key, self.model.encode(*key))

    def _asked(self, prompt: str, negative_prompt: str | None) -> tuple[str, str | None]:
        return prompt, negative_prompt if self.variant.negative_prompt else None

    def predict(self) -> mx.array:
        """The noise predicted for the same small picture every time, with what is on the base: float32, evaluated."""
        predicted = self.model.predict(self.encode(PREDICTED_PROMPT))
        mx.eval(predicted)
        return predicted

    def generate(self, spec: PictureSpec, watcher: Watcher) -> mx.array:
        """Paint one picture with whatever stack is on the base, as `Model.generate` says."""
        return self.model.generate(spec, self.encode(spec.prompt, spec.negative_prompt), watcher)

    def generate_from(self, pixels: Pixels, spec: PictureSpec, watcher: Watcher) -> mx.array:
        """The same from a picture instead of from noise, as `Starting.generate_from` says.

        Raises:
            BaseUnavailable: It cannot start from one.
        """
        model = self.model
        if not isinstance(model, Starting):
            raise BaseUnavailable(f"{self.info.variant} cannot start from a picture; leave init_image out")
        if not model.sees:
            problem = f"{self.info.variant} holds nothing that encodes pictures (vae/encoder)"
            raise BaseUnavailable(f"{problem}; save the model with it, or leave init_image out")
        return model.generate_from(pixels, spec, self.encode(spec.prompt, spec.negative_prompt), watcher)

    def generate_beside(self, references: Sequence[Reference], spec: PictureSpec, watcher: Watcher) -> mx.array:
        """The same while it looks at reference pictures, as `Referring.generate_beside` says.

        Raises:
            BaseUnavailable: It takes none.
        """
        seen = self.references.encoded(references, PictureSize(spec.width, spec.height))
        encoded = self.encode(spec.prompt, spec.negative_prompt)
        return self.references.model.generate_beside(seen, spec, encoded, watcher)


def _slots(model: Model) -> dict[str, Slot]:
    return {
        f"{root}.{path}" if root else path: slot
        for root, module in model.roots.items()
        for path, slot in find_slots(module).items()
        if not (root and is_norm(slot.shape))
    }


def load_base(
    name: str,
    quantize: int | None,
    place: str | None = None,
    *,
    numerics: AskedNumerics = "auto",
    compiling: AskedCompiling = "auto",
) -> Base:
    """As `load_origin`, from a name and a place, which are those of `find_origin`; no place means the name."""
    origin = find_origin(name, name if place is None else place)
    return load_origin(origin, quantize, numerics=numerics, compiling=compiling)


def load_origin(
    origin: Origin, quantize: int | None, *, numerics: AskedNumerics = "auto", compiling: AskedCompiling = "auto"
) -> Base:
    """Build a base and compute everything it holds.

    Args:
        origin: Which.
        quantize: 3 to 8 bits; None keeps the weights as they are stored.
        numerics: What it is to compute in; what `auto` comes to is decided here, and told in its `info`.
        compiling: Whether its blocks are to be compiled where it computes in `fast`.

    Raises:
        BaseUnavailable: It cannot be held, or not so.
    """
    before, began = active_bytes(), time.monotonic()
    if origin.bits(quantize) != quantize:
        why = "is made up" if origin.variant.made_up else "is too narrow"
        raise BaseUnavailable(f"{origin.variant.name} {why} and cannot be quantized; leave quantize out")
    settled = _settled(origin, numerics)
    with contextlib.redirect_stdout(sys.stderr):
        model = loader_of(origin)(origin, quantize, settled, compiling)
    _hold(model, origin.name)
    check_layers(origin, {path: slot.shape for path, slot in _slots(model).items()})
    info = BaseInfo(
        variant=origin.name,
        fingerprint=model.fingerprint,
        precision=str(precision()).rsplit(".", 1)[-1],
        quantize=model.bits,
        backend=backend(),
        target_count=_target_count(model, origin),
        load_ms=(time.monotonic() - began) * 1e3,
        memory_bytes=active_bytes() - before,
        mlx_version=version("mlx"),
        mflux_version=version("mflux"),
        numerics=settled,
        compiled=model.compiled,
    )
    return Base(model, origin.variant, info)


def _settled(origin: Origin, asked: AskedNumerics) -> Numerics:
    family = family_of(origin.variant)
    settled = settled_numerics(asked, family.numerics, backend())
    if settled is None:
        has = ", ".join(family.numerics)
        raise BaseUnavailable(f"{family.title} has no numerics {asked!r}, only {has}; set numerics to that, or to auto")
    return settled


def _hold(model: Model, name: str) -> None:
    """Compute all that a base holds, so that no render has to; until here its weights may still be on disk."""
    try:
        for module in model.held:
            _cast(module)
        mx.eval(*model.held)
    except RuntimeError as error:  # MLX says so when the device has no more memory
        raise BaseUnavailable(f"{name} could not be held: {error}; free memory, or quantize it") from error


def _cast(module: nn.Module) -> None:
    """Bring what a file holds in another precision to the one that is computed in; loaders take it as it is stored."""
    module.apply(lambda array: array.astype(precision()) if mx.issubdtype(array.dtype, mx.floating) else array)


def _target_count(model: Model, origin: Origin) -> int:
    """Linear layers of the transformer that its family counts."""
    blocks = family_of(origin.variant).blocks or ("",)
    slots = _slots(model).items()
    return sum(path.startswith(blocks) and not is_norm(slot.shape) and not encoder_of(path) for path, slot in slots)
