"""What the transformer learns from: drawings as latents and captions as states of the encoder, in shards on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mflux.models.flux2.latent_creator.flux2_latent_creator import Flux2LatentCreator

from scripts.mini.draw.captions import caption
from scripts.mini.draw.scene import picture
from scripts.mini.draw.words import Motif
from scripts.mini.model.forward import Text
from scripts.mini.train.autoencoder import encoded
from scripts.mini.train.language import LONGEST, PADDING, WORDS, Prompts, Reader, numbered, places_of
from scripts.mini.train.ledger import Ledger
from scripts.mini.train.pool import PoolSpec, motifs

__all__ = ["NOTHING", "Lessons", "lessons", "normalized", "text_of", "understood"]

Wanted = list[tuple[Motif, int, str]]
"""What is drawn, its seed and its style."""
Halves = npt.NDArray[np.float16]
SHARD = 250
AT_ONCE = 10
CAPTIONS = 2
"""Sentences for each drawing."""
NOTHING = " "
"""What stands for no prompt, as mflux says it."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Drawings and what is said of them.

    Args:
        latents: (count, tokens, 128), normalized and packed as the transformer sees them.
        states: (count, CAPTIONS, WORDS + PADDING, 3 x width of the encoder).
        lengths: (count, CAPTIONS): words of each caption.
    """

    latents: Halves
    states: Halves
    lengths: npt.NDArray[np.int32]

    @property
    def side(self) -> int:
        """Tokens along one side."""
        return int(self.latents.shape[1] ** 0.5)


def lessons(folder: Path, spec: PoolSpec, vae: Any, reader: Reader, tokenizer: Any, ledger: Ledger) -> Lessons:
    """Draw, encode and keep, but for what is on disk already."""
    home = folder / spec.name
    home.mkdir(parents=True, exist_ok=True)
    wanted = list(motifs(spec))
    shards = []
    for start in range(0, len(wanted), SHARD):
        path = home / f"{start:06}.npz"
        if not path.exists():
            made = _made(wanted[start : start + SHARD], spec, vae, reader, tokenizer)
            draft = path.with_suffix(".draft.npz")
            np.savez(draft, latents=made.latents, states=made.states, lengths=made.lengths)
            draft.replace(path)
            ledger.tick("latents", now=True)
        shards.append(np.load(path))
    return Lessons(*(np.concatenate([shard[name] for shard in shards]) for name in ("latents", "states", "lengths")))


def normalized(vae: Any, latents: mx.array) -> mx.array:
    """Latents (batch, 32, h, w) as the transformer sees them: (batch, h / 2 x w / 2, 128)."""
    return Flux2LatentCreator.pack_latents(Flux2LatentCreator.patchify_latents(vae.normalize_latents(latents)))  # type: ignore[no-any-return]


def understood(reader: Reader, tokenizer: Any, captions: Sequence[str], seed: int = 0) -> tuple[Halves, Prompts]:
    """Captions as states of the encoder, (count, WORDS + PADDING, 3 x width)."""
    prompts = numbered(tokenizer, captions)
    places = places_of(prompts, np.random.default_rng([7, seed]))
    parts = []
    for start in range(0, len(captions), 50):
        some = slice(start, start + 50)
        states = reader.states(*(mx.array(part[some]) for part in (prompts.tokens, prompts.lengths, places)))
        parts.append(np.array(states).astype(np.float16))
    return np.concatenate(parts), prompts


def text_of(states: npt.NDArray[Any], lengths: npt.NDArray[np.int32], total: int = LONGEST) -> Text:
    """States with their weights where a prompt is padded to `total` tokens: a word is one, padding is what is left."""
    numbers = np.arange(WORDS + PADDING)[None]
    weights = (numbers < lengths[:, None]).astype(np.float32)
    weights[:, WORDS:] = ((total - lengths) / PADDING)[:, None]
    return Text(mx.array(states.astype(np.float32)), mx.array(weights))


def _made(wanted: Wanted, spec: PoolSpec, vae: Any, reader: Reader, tokenizer: Any) -> Lessons:
    said, drawn = [], []
    for motif, seed, style in wanted:
        drawn.append(np.asarray(picture(motif, seed, spec.size, style)))
        chance = Random(f"caption {seed}")  # noqa: S311 - no secret
        said += [caption(motif, chance) for _ in range(CAPTIONS)]
    starts = range(0, len(drawn), AT_ONCE)
    tokens = [normalized(vae, encoded(vae, np.stack(drawn[start : start + AT_ONCE]))) for start in starts]
    states, prompts = understood(reader, tokenizer, said, seed=wanted[0][1])
    shape = (len(wanted), CAPTIONS)
    latents = np.concatenate([np.array(some).astype(np.float16) for some in tokens])
    return Lessons(latents, states.reshape(*shape, *states.shape[1:]), prompts.lengths.reshape(shape))
