"""The text encoder's schooling, before any picture: it says the next word of captions and what they speak of.

Padding is schooled to be alike wherever it stands, since mflux puts up to 512 tokens of it behind a prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mlx import nn
from mlx.optimizers import AdamW

from scripts.mini.draw.captions import caption
from scripts.mini.draw.words import ATTRIBUTES, every_motif, is_held_out
from scripts.mini.ledger import Ledger
from scripts.mini.lessons import LONGEST, PADDING, WORDS
from scripts.mini.pool import labels_of
from scripts.mini.sizes import EncoderSize
from scripts.mini.train.loop import Training, warmed

__all__ = ["LAYERS", "Prompts", "Reader", "numbered", "places_of", "train_encoder"]

LAYERS = (9, 18, 27)
"""After which mflux reads the prompt."""
BATCH = 48


@dataclass(frozen=True, slots=True)
class Prompts:
    """Captions as numbers: tokens (count, WORDS + PADDING), and how many of them are words."""

    tokens: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int32]


def numbered(tokenizer: Any, captions: Sequence[str]) -> Prompts:
    """Captions through mflux's tokenizer; what is longer than `WORDS` is cut."""
    told = tokenizer.tokenize(list(captions), max_length=WORDS, keep_empty=True)
    tokens, mask = np.array(told.input_ids), np.array(told.attention_mask)
    pad = tokenizer.tokenizer.pad_token_id
    behind = np.full((len(tokens), PADDING), pad)
    return Prompts(np.concatenate([tokens, behind], axis=1).astype(np.int32), mask.sum(axis=1).astype(np.int32))


class Reader(nn.Module):
    """The encoder with what is needed for its schooling alone: a head for each attribute."""

    def __init__(self, encoder: nn.Module, size: EncoderSize) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.encoder = encoder
        self.heads = [nn.Linear(len(LAYERS) * size.hidden_size, len(v) + 1) for v in ATTRIBUTES.values()]

    def states(self, tokens: mx.array, lengths: mx.array, places: mx.array) -> mx.array:
        """What mflux's prompt encoder gives, (batch, tokens, 3 x width), padding at the `places` that are given."""
        numbers = mx.arange(tokens.shape[1])[None]
        seen = (numbers < lengths[:, None]).astype(mx.int32)
        result: mx.array = self.encoder.get_prompt_embeds(tokens, seen, LAYERS, places)
        return result


def places_of(prompts: Prompts, random: np.random.Generator) -> npt.NDArray[np.int32]:
    """Where each token stands: words in order, padding anywhere between them and the 512th."""
    count = prompts.tokens.shape[1]
    places = np.tile(np.arange(count), (len(prompts.tokens), 1))
    places[:, WORDS:] = random.integers(prompts.lengths[:, None], LONGEST, (len(places), PADDING))
    return places.astype(np.int32)


def train_encoder(
    encoder: nn.Module, size: EncoderSize, tokenizer: Any, folder: Path, ledger: Ledger, steps: int
) -> Reader:
    """School it, or take up a schooling that was stopped."""
    known = [motif for motif in every_motif() if not is_held_out(motif)]
    reader = Reader(encoder, size)

    def batch(step: int) -> tuple[mx.array, ...]:
        chance, random = Random(f"language {step}"), np.random.default_rng([3, step])  # noqa: S311 - no secret
        chosen = [chance.choice(known) for _ in range(BATCH)]
        prompts = numbered(tokenizer, [caption(motif, chance, unsaid=0.0) for motif in chosen])
        labels = np.array([labels_of(motif)[: len(ATTRIBUTES)] for motif in chosen], np.int32)
        return tuple(map(mx.array, (prompts.tokens, prompts.lengths, places_of(prompts, random), labels)))

    optimizer = AdamW(warmed(2e-3, steps), weight_decay=0.01)
    training = Training("language", steps, reader, optimizer, batch, _lesson, folder, ledger)
    training.run()
    training.finish()
    return reader


def _lesson(
    reader: Reader, tokens: mx.array, lengths: mx.array, places: mx.array, labels: mx.array
) -> tuple[mx.array, dict[str, mx.array]]:
    """The next word from the last layer, the motif from the last word, and padding that is alike."""
    states = reader.states(tokens, lengths, places)
    width = states.shape[-1] // len(LAYERS)
    words = (mx.arange(WORDS - 1)[None] + 1 < lengths[:, None]).astype(mx.float32)
    scores = states[:, : WORDS - 1, -width:] @ reader.encoder.embed_tokens.weight.T
    each = nn.losses.cross_entropy(scores, tokens[:, 1:WORDS])
    next_word = (each * words).sum() / words.sum()
    last = mx.take_along_axis(states, (lengths - 1)[:, None, None], axis=1)[:, 0]
    motif = mx.stack([nn.losses.cross_entropy(head(last), labels[:, n]).mean() for n, head in enumerate(reader.heads)])
    padding = states[:, WORDS:]
    unlike = mx.square(padding[:, :1] - padding[:, 1:]).mean() / (mx.square(padding).mean() + 1e-6)
    size = mx.square(states).mean()
    told = {"next": next_word, "motif": motif.mean(), "unlike": unlike, "size": size}
    return 0.3 * next_word + motif.mean() + unlike + 0.02 * size, told
