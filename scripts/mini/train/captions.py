"""Captions as the transformer sees them: states of the schooled encoder, kept beside the drawings they belong to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from scripts.mini.ledger import Ledger
from scripts.mini.lessons import CAPTIONS, captions
from scripts.mini.pool import PoolSpec
from scripts.mini.train.language import Prompts, Reader, numbered, places_of

__all__ = ["keep_captions", "understood"]

AT_ONCE = 50


def keep_captions(folder: Path, spec: PoolSpec, reader: Reader, tokenizer: Any, ledger: Ledger) -> None:
    """Write the states of a pool's captions, unless they are on disk."""
    path = folder / f"{spec.name}.said.npz"
    if not path.exists():
        keep_states(path, *understood(reader, tokenizer, captions(spec), seed=spec.seed), each=CAPTIONS)
        ledger.tick("captions", now=True)


def keep_states(path: Path, states: npt.NDArray[np.float16], prompts: Prompts, each: int) -> None:
    """Write states and lengths, `each` sentences for every picture."""
    draft = path.with_suffix(".draft.npz")
    shape = (len(states) // each, each)
    np.savez(draft, states=states.reshape(*shape, *states.shape[1:]), lengths=prompts.lengths.reshape(shape))
    draft.replace(path)


def understood(
    reader: Reader, tokenizer: Any, said: Sequence[str], seed: int = 0
) -> tuple[npt.NDArray[np.float16], Prompts]:
    """Captions as states of the encoder, (count, WORDS + PADDING, 3 x width)."""
    prompts = numbered(tokenizer, said)
    places = places_of(prompts, np.random.default_rng([7, seed]))
    parts = []
    for start in range(0, len(said), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        states = reader.states(*(mx.array(part[some]) for part in (prompts.tokens, prompts.lengths, places)))
        parts.append(np.array(states).astype(np.float16))
    return np.concatenate(parts), prompts
