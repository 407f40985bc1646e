"""The base: a FLUX held in memory, and everything we need of mflux to hold and run it.

This is the one room that knows mflux (with `standin`, which builds a Flux1 from its classes); its types go no further.
No adapter reaches a base through mflux's loader, and no linear layer of a base is ever written to.
"""

import contextlib
import hashlib
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import mlx.core as mx
import msgspec
from mflux.models.common.config.config import Config
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux.model.flux_text_encoder.prompt_encoder import PromptEncoder
from mflux.models.flux.variants.txt2img.flux import Flux1
from mlx import nn
from mlx.utils import tree_flatten
from PIL.Image import Image

from kilnmark.engine.compute import active_bytes, backend, precision
from kilnmark.engine.families.standin import RECIPE, build_standin
from kilnmark.engine.families.weights import Directory, WeightsProblem, read_directory
from kilnmark.engine.run.prompts import Embeddings, PromptCache
from kilnmark.engine.stack.slots import Slot, find_slots
from kilnmark.engine.stack.stack import Stacker
from kilnmark.keymaps.names.shapes import ENCODERS, is_norm
from kilnmark.protocol.picture.catalog import STANDIN
from kilnmark.protocol.wire.memory import BaseInfo

__all__ = ["Ask", "Base", "BaseUnavailable", "Watcher", "load_base"]

_CONFIGS = {"dev": ModelConfig.dev, "krea-dev": ModelConfig.krea_dev, "schnell": ModelConfig.schnell}
PREDICTED_SIDE = 32
"""Pixels; four tokens."""

_PREDICTED_PROMPT, _PREDICTED_TOKENS = "a kiln in the rain", 4
_SAVED_WITHOUT = {"norm_out.linear.bias"}
"""mflux 0.16 to 0.21 left this out of what they saved; it is zero then, not random."""
_BLOCKS = ("transformer_blocks.", "single_transformer_blocks.")


class BaseUnavailable(Exception):
    """The base cannot be held; the message says why and what to do."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What `Base.generate` paints. `width` and `height` in pixels, multiples of 16."""

    prompt: str
    seed: int
    steps: int
    guidance: float
    width: int
    height: int


class Watcher(Protocol):
    """Follows one picture. Any of its methods may raise to stop it; nothing of the step that follows is computed."""

    def stepped(self, done: int) -> None:
        """`done` denoise steps are computed; called first with 0."""

    def denoised(self, latents: mx.array) -> None:
        """The loop is over; `latents` `(1, tokens, 64)` are about to be decoded."""


class _Callback:
    """mflux can only add callbacks, never remove one, so one object stays registered for life."""

    def __init__(self) -> None:
        self.watcher: Watcher | None = None

    def call_in_loop(self, t: int, latents: mx.array, **_: object) -> None:
        """Called by mflux after step `t` was built and before it is computed."""
        if self.watcher is not None:
            self.watcher.stepped(t)
        mx.eval(latents)

    def call_after_loop(self, latents: mx.array, **_: object) -> None:
        if self.watcher is not None:
            self.watcher.denoised(latents)


class Base:
    """A FLUX held warm.

    Attributes:
        info: What it is, as `status` and every picture tell it.
        slots: Every linear layer of its transformer and text encoders, and every norm of queries or keys, by mflux's
            module path as `Shapes` has it.
        shapes: Those layers' true shapes `(out, in)`.
        stacker: Puts stacks on it.
        is_standin: Its pictures mean nothing, whatever name it was asked for by.
    """

    def __init__(self, flux: Flux1, info: BaseInfo, *, is_standin: bool) -> None:
        self._flux = flux
        self._callback = _Callback()
        flux.callbacks.register(self._callback)
        self.info = info
        self.is_standin = is_standin
        self.slots: dict[str, Slot] = dict(find_slots(flux.transformer))
        for encoder in ENCODERS:
            self.slots |= {f"{encoder}.{path}": slot for path, slot in find_slots(flux[encoder]).items()}
        self.shapes = {path: slot.shape for path, slot in self.slots.items()}
        self.stacker = Stacker(self.slots)
        self._prompts = PromptCache(lambda: self.stacker.encoder_key)
        flux.prompt_cache = self._prompts

    @property
    def flux(self) -> Flux1:
        """The object of mflux itself, for tests that compare with mflux."""
        return self._flux

    @property
    def prompt_bytes(self) -> int:
        """Of the prompts that are held encoded."""
        return self._prompts.nbytes

    @property
    def extra_bytes(self) -> int:
        """Of all that is held ready for it beside its weights: stacks and encoded prompts."""
        return self.stacker.nbytes + self.prompt_bytes

    def let_go(self) -> None:
        """Take its stack off, and forget what is held ready for it; all of it can be made again."""
        self.stacker.clear()
        self._prompts.clear()

    def encode(self, prompt: str) -> Embeddings:
        """Encode a prompt, or find it encoded: T5 `(1, tokens, 4096)` and pooled CLIP `(1, 768)`, evaluated."""
        embeddings: Embeddings = PromptEncoder.encode_prompt(
            prompt=prompt,
            prompt_cache=self._flux.prompt_cache,
            t5_tokenizer=self._flux.tokenizers["t5"],
            clip_tokenizer=self._flux.tokenizers["clip"],
            t5_text_encoder=self._flux.t5_text_encoder,
            clip_text_encoder=self._flux.clip_text_encoder,
        )
        return embeddings

    def predict(self) -> mx.array:
        """The noise predicted for the same small picture every time, with what is on the base: `(1, 4, 64)`, evaluated.

        A prompt of fewer tokens than T5 pads to costs less, and whatever changes T5 changes its first tokens too.
        """
        flux, side = self._flux, PREDICTED_SIDE
        embeds, pooled = self.encode(_PREDICTED_PROMPT)
        config = Config(model_config=flux.model_config, num_inference_steps=1, height=side, width=side, guidance=3.5)
        noise = flux.transformer(
            t=0,
            config=config,
            hidden_states=mx.random.normal((1, (side // 16) ** 2, 64), dtype=precision(), key=mx.random.key(0)),
            prompt_embeds=embeds[:, :_PREDICTED_TOKENS],
            pooled_prompt_embeds=pooled,
        )
        predicted: mx.array = noise.astype(mx.float32)
        mx.eval(predicted)
        return predicted

    def generate(self, ask: Ask, watcher: Watcher) -> Image:
        """Paint one picture with whatever stack is on the base. Raises what `watcher` raises."""
        self._callback.watcher = watcher
        try:
            generated = self._flux.generate_image(
                seed=ask.seed,
                prompt=ask.prompt,
                num_inference_steps=ask.steps,
                height=ask.height,
                width=ask.width,
                guidance=ask.guidance,
            )
        finally:
            self._callback.watcher = None
        image: Image = generated.image
        return image


def load_base(variant: str, quantize: int | None, place: str | None = None) -> Base:
    """Build a base and compute everything it holds.

    Args:
        variant: The name it is asked for by.
        quantize: 3 to 8 bits; None keeps the weights as they are stored.
        place: `standin`, `dev`, `schnell`, `krea-dev`, or a directory that mflux can load; None means the variant.

    Raises:
        BaseUnavailable: it cannot be held.
    """
    place = variant if place is None else place
    before, began = active_bytes(), time.monotonic()
    ModelConfig.precision = precision()  # mflux computes in bf16 unless told otherwise
    with contextlib.redirect_stdout(sys.stderr):
        flux, fingerprint = _build(variant, place, quantize)
    _hold(flux, variant)
    slots = find_slots(flux.transformer)
    blocks = [path for path, slot in slots.items() if path.startswith(_BLOCKS) and not is_norm(slot.shape)]
    info = BaseInfo(
        variant=variant,
        fingerprint=fingerprint,
        precision=str(ModelConfig.precision).rsplit(".", 1)[-1],
        quantize=flux.bits,
        backend=backend(),
        target_count=len(blocks),
        load_ms=(time.monotonic() - began) * 1e3,
        memory_bytes=active_bytes() - before,
        mlx_version=version("mlx"),
        mflux_version=version("mflux"),
    )
    return Base(flux, info, is_standin=place == STANDIN)


def _hold(flux: Flux1, variant: str) -> None:
    """Compute all that a base holds, so that no render has to; until here its weights may still be on disk."""
    held = [flux.transformer, flux.t5_text_encoder, flux.clip_text_encoder, flux.vae]
    try:
        for model in held:
            _cast(model)
        mx.eval(*held[:3], flux.vae.decoder)  # nothing here encodes pictures, so the VAE's encoder stays on disk
    except RuntimeError as error:  # MLX says so when the device has no more memory
        raise BaseUnavailable(f"{variant} could not be held: {error}; free memory, or quantize it") from error


def _cast(model: nn.Module) -> None:
    """Bring what a file holds in another precision to the one that is computed in; mflux takes it as it is stored."""
    model.apply(lambda array: array.astype(ModelConfig.precision) if mx.issubdtype(array.dtype, mx.floating) else array)


def _build(variant: str, place: str, quantize: int | None) -> tuple[Flux1, str]:
    if place == STANDIN:
        if quantize is not None:
            raise BaseUnavailable("standin holds thin factors and cannot be quantized; leave quantize out")
        return build_standin(), hashlib.sha256(RECIPE.encode()).hexdigest()
    if place in _CONFIGS:
        config = _CONFIGS[place]()
        try:
            flux = Flux1(model_config=config, quantize=quantize)
        except Exception as error:  # mflux raises whatever its downloader and readers raise
            mend = "check the network and your access to the model, or give a directory that holds it"
            raise BaseUnavailable(f"mflux could not load {config.model_name}: {error}; {mend}") from error
        return flux, hashlib.sha256(f"{config.model_name}:{quantize}".encode()).hexdigest()
    return _from_directory(variant, Path(place), quantize)


def _from_directory(variant: str, path: Path, quantize: int | None) -> tuple[Flux1, str]:
    try:
        directory = read_directory(path)
        directory.check_name(variant)
        config = _CONFIGS[variant if variant in _CONFIGS else "dev" if directory.guided else "schnell"]()
        flux = Flux1(model_path=str(path), model_config=config, quantize=quantize)
    except WeightsProblem as error:
        raise BaseUnavailable(str(error)) from error
    except Exception as error:  # mflux raises whatever its readers raise
        raise BaseUnavailable(f"mflux could not load {path}: {error}") from error
    flux.t5_text_encoder.t5_blocks = flux.t5_text_encoder.t5_blocks[: directory.t5_blocks]
    layers = flux.clip_text_encoder.text_model.encoder
    layers.layers = layers.layers[: directory.clip_blocks]
    _refuse_random_weights(flux, directory)
    return flux, hashlib.sha256(f"{directory.fingerprint}:{flux.bits}".encode()).hexdigest()


def _refuse_random_weights(flux: Flux1, directory: Directory) -> None:
    """Refuse a directory that lacks weights: mflux keeps random values for them in silence."""
    parts: dict[str, nn.Module] = {
        "transformer": flux.transformer,
        "text_encoder": flux.clip_text_encoder,
        "text_encoder_2": flux.t5_text_encoder,
        "vae": flux.vae,
    }
    for part, model in parts.items():
        stored = directory.saved_names.get(part)
        if stored is None:
            continue
        held: dict[str, mx.array] = {}
        tree_flatten(model.parameters(), destination=held)
        missing = [name for name in held if name.endswith((".weight", ".bias")) and name not in stored | _SAVED_WITHOUT]
        if missing:
            raise BaseUnavailable(
                f"{directory.path / part} lacks {len(missing)} weights, first {missing[0]!r}; save the model again"
            )
