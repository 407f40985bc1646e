"""How long a prompt is for the encoders that will read it: counted where their tokenizers are at hand, else guessed.

A base's own tokenizer files are looked for in its directory, then among what the Hugging Face libraries keep on this
machine; nothing is fetched, and neither mlx nor transformers is needed. No prompt is changed here: what is too long is
said, and cut by nobody.
"""

import importlib.util
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from kilnmark.client.batch.errors import NoTokenizers

__all__ = ["CLIP_LIMIT", "TokenCounter", "Tokens", "excess", "t5_limit"]

CLIP_LIMIT = 77
"""Tokens that CLIP reads, its beginning and end included."""

_T5_LIMITS = {"schnell": 256}
"""Tokens that T5 reads, where it is not the 512 of FLUX.1-dev; from mflux 0.24's `ModelConfig`."""

_REPOSITORIES = ("FLUX.1-dev", "FLUX.1-schnell", "FLUX.1-Krea-dev")
"""Those of black-forest-labs; their tokenizers are the same files."""

_CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""How CLIP cuts a text into words (openai/CLIP, `simple_tokenizer.py`)."""

_PIECE = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_")
_T5_LETTERS, _CLIP_LETTERS = 5, 8
"""Letters of one token in a word of English prose, roughly: T5 keeps no long words whole, CLIP most of them."""


def t5_limit(variant: str) -> int:
    """Tokens that T5 reads on a variant."""
    return _T5_LIMITS.get(variant, 512)


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """How long a prompt is for the two text encoders of a base.

    Attributes:
        t5, clip: Tokens, the encoders' own beginning and end included.
        t5_limit, clip_limit: How many of them the base reads.
        estimated: The base's own tokenizers were not at hand, so `t5` and `clip` are guesses.
    """

    t5: int
    clip: int
    t5_limit: int
    clip_limit: int
    estimated: bool


class TokenCounter:
    """Counts the tokens of prompts.

    Args:
        base: A base's directory, with `tokenizer` (CLIP) and `tokenizer_2` (T5) in it as diffusers and mflux lay them
            out; None: those of a FLUX.1 that the Hugging Face libraries have fetched here before, if any.

    Attributes:
        estimated: The tokenizers are not at hand, and what they would say is guessed.

    Raises:
        NoTokenizers: a base was named, and its tokenizers cannot be used.
    """

    def __init__(self, base: Path | None = None, env: Mapping[str, str] = os.environ) -> None:
        self._clip: Any = None
        self._t5: Any = None
        if importlib.util.find_spec("tokenizers") is None:
            if base is not None:
                raise NoTokenizers(str(base), "the package `tokenizers` is not installed")
        elif base is not None:
            self._load(base)
        else:
            self._load_first(_fetched(env))
        self.estimated = self._t5 is None

    def count(self, prompt: str, variant: str) -> Tokens:
        """How long a prompt is for a variant."""
        return Tokens(
            t5=len(self._t5.encode(prompt).ids) if self._t5 else _guess(prompt, _T5_LETTERS) + 1,
            clip=len(self._clip.encode(prompt).ids) if self._clip else _guess(prompt, _CLIP_LETTERS) + 2,
            t5_limit=t5_limit(variant),
            clip_limit=CLIP_LIMIT,
            estimated=self.estimated,
        )

    def _load_first(self, folders: Iterable[Path]) -> None:
        """The first that can be used; none was asked for by name, so `estimated` says it all where none can."""
        for folder in folders:
            try:
                self._load(folder)
            except NoTokenizers:
                continue
            return

    def _load(self, folder: Path) -> None:
        try:
            t5 = _whole(folder / "tokenizer_2")
            clip = _whole(folder / "tokenizer") or _clip_of_parts(folder / "tokenizer")
        except Exception as error:  # the package raises nothing narrower
            raise NoTokenizers(str(folder), str(error)) from error
        if t5 is None or clip is None:
            raise NoTokenizers(str(folder), _missing(clip=clip is None))
        self._t5, self._clip = t5, clip


def excess(tokens: Tokens) -> str | None:
    """What is to be said of a prompt that is longer than its readers read; None where it is not."""
    about = "an estimated " if tokens.estimated else ""
    if tokens.t5 > tokens.t5_limit:
        return (
            f"the prompt is {about}{tokens.t5} tokens long and T5 reads {tokens.t5_limit}: "
            "its end will not be painted; shorten it"
        )
    if tokens.clip > tokens.clip_limit:
        return (
            f"the prompt is {about}{tokens.clip} tokens long and CLIP reads {tokens.clip_limit}: "
            "put what matters most first, the rest reaches the picture through T5 alone"
        )
    return None


def _fetched(env: Mapping[str, str]) -> Iterator[Path]:
    """Snapshots of FLUX.1 that hold both tokenizers (layout of huggingface_hub 1.x's cache)."""
    home = Path(env.get("HF_HOME") or Path(env.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface")
    cache = Path(env.get("HF_HUB_CACHE") or home / "hub")
    for name in _REPOSITORIES:
        for snapshot in sorted(cache.glob(f"models--black-forest-labs--{name}/snapshots/*")):
            if (snapshot / "tokenizer_2" / "tokenizer.json").is_file() and (snapshot / "tokenizer").is_dir():
                yield snapshot


def _whole(folder: Path) -> Any:
    """A tokenizer that is one file; None where there is none. Its own cutting and filling are turned off."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _clip_of_parts(folder: Path) -> Any:
    """CLIP's tokenizer from its words and merges, as FLUX.1 is published; None where they are not there."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    words, merges = folder / "vocab.json", folder / "merges.txt"
    if not (words.is_file() and merges.is_file()):
        return None
    end = "<|endoftext|>"
    model = models.BPE.from_file(str(words), str(merges), end_of_word_suffix="</w>", unk_token=end)
    tokenizer = Tokenizer(model)
    space = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), space, normalizers.Lowercase()])
    split = pre_tokenizers.Split(Regex(_CLIP_WORDS), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    start = "<|startoftext|>"
    ids = tokenizer.get_vocab()
    tokenizer.post_processor = processors.RobertaProcessing((end, ids[end]), (start, ids[start]))
    return tokenizer


def _missing(*, clip: bool) -> str:
    if clip:
        return "there is neither tokenizer/tokenizer.json nor tokenizer/vocab.json with merges.txt"
    return "there is no tokenizer_2/tokenizer.json"


def _guess(prompt: str, letters: int) -> int:
    """Every mark and digit is a token, and every so many letters of a word; other scripts count letter by letter."""
    return sum(1 + (len(piece) - 1) // letters if piece.isascii() else len(piece) for piece in _PIECE.findall(prompt))
