"""How long a prompt is for the encoders that will read it: counted where their tokenizers are at hand, else guessed.

No prompt is changed here: what is too long is said, and cut by nobody.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kilnmark.client.batch.plan.tokenizers import Tokenizers, tokenizers_at, tokenizers_found
from kilnmark.protocol.picture.catalog import row_of
from kilnmark.protocol.picture.family import Encoder

__all__ = ["PromptLength", "TokenCounter", "Tokens", "excess"]

_PIECE = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_")


class PromptLength(msgspec.Struct, frozen=True):
    """How long a prompt is for one text encoder.

    Attributes:
        encoder: What people call it.
        tokens: The encoder's own beginning and end included.
        limit: How many of them it reads.
    """

    encoder: str
    tokens: int
    limit: int


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """How long a prompt is for the text encoders of a base.

    Where these are T5 and CLIP the figures stand in fields of their own, as in the manifests of earlier batches.

    Attributes:
        t5, clip: Tokens, the encoders' own beginning and end included.
        t5_limit, clip_limit: How many of them the base reads.
        estimated: The base's own tokenizers were not at hand, so that the figures are guesses.
        encoders: Of other encoders, the one that reads most first.
    """

    t5: int | UnsetType = UNSET
    clip: int | UnsetType = UNSET
    t5_limit: int | UnsetType = UNSET
    clip_limit: int | UnsetType = UNSET
    estimated: bool
    encoders: tuple[PromptLength, ...] | UnsetType = UNSET

    @classmethod
    def of(cls, lengths: Sequence[PromptLength], *, estimated: bool) -> "Tokens":
        """Those with these figures."""
        ordered = tuple(sorted(lengths, key=lambda length: -length.limit))
        own = {length.encoder.lower(): length for length in ordered}
        if own.keys() != {"t5", "clip"}:
            return cls(estimated=estimated, encoders=ordered)
        t5, clip = own["t5"], own["clip"]
        return cls(t5=t5.tokens, clip=clip.tokens, t5_limit=t5.limit, clip_limit=clip.limit, estimated=estimated)

    @property
    def lengths(self) -> tuple[PromptLength, ...]:
        """For each encoder, the one that reads most first."""
        if self.encoders is not UNSET:
            return self.encoders
        own = (("T5", self.t5, self.t5_limit), ("CLIP", self.clip, self.clip_limit))
        return tuple(PromptLength(name, tokens or 0, limit or 0) for name, tokens, limit in own)


class TokenCounter:
    """Counts the tokens of prompts.

    Args:
        base: A base's directory, with its tokenizers in it as diffusers and mflux lay them out; None: those of models
            that the Hugging Face libraries have fetched here before, if any.
        env: Where those libraries were told to keep them.

    Raises:
        NoTokenizers: a base was named, and its tokenizers cannot be used.
    """

    def __init__(self, base: Path | None = None, env: Mapping[str, str] = os.environ) -> None:
        self._known: Mapping[str, Tokenizers] = tokenizers_found(env) if base is None else tokenizers_at(base)

    def count(self, prompt: str, variant: str) -> Tokens:
        """How long a prompt is for a variant.

        Raises:
            UnknownVariant: There is none of that name.
        """
        row = row_of(variant)
        known = {} if row.shipped else self._known.get(row.family, {})  # what comes with the program has one of its own
        lengths = [_length(prompt, encoder, known.get(encoder.attribute)) for encoder in row.encoders]
        return Tokens.of(lengths, estimated=any(encoder.attribute not in known for encoder in row.encoders))


def _length(prompt: str, encoder: Encoder, tokenizer: Any) -> PromptLength:
    tokens = len(tokenizer.encode(prompt).ids) if tokenizer else _guess(prompt, encoder.letters) + encoder.own
    return PromptLength(encoder.title, tokens + encoder.around, encoder.tokens)


def excess(tokens: Tokens) -> str | None:
    """What is to be said of a prompt that is longer than its readers read; None where it is not."""
    about = "an estimated " if tokens.estimated else ""
    longest = tokens.lengths[0].encoder if tokens.lengths else ""
    for length in tokens.lengths:
        if length.tokens > length.limit:
            mend = (
                "its end will not be painted; shorten it"
                if length.encoder == longest
                else f"put what matters most first, the rest reaches the picture through {longest} alone"
            )
            said = f"the prompt is {about}{length.tokens} tokens long and {length.encoder} reads {length.limit}"
            return f"{said}: {mend}"
    return None


def _guess(prompt: str, letters: int) -> int:
    """Every mark and digit is a token, and every so many letters of a word; other scripts count letter by letter."""
    return sum(1 + (len(piece) - 1) // letters if piece.isascii() else len(piece) for piece in _PIECE.findall(prompt))
