"""The tokenizers of a base's text encoders: where their files are on this machine, and how they are put together.

Nothing is fetched, and neither mlx nor transformers is needed. Which encoders a family has, and where its weights are
published, its row in the catalog says.
"""

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kilnmark.client.batch.errors import NoTokenizers
from kilnmark.client.hub import snapshots
from kilnmark.protocol.picture.catalog import FAMILIES
from kilnmark.protocol.picture.family import Encoder, Family

__all__ = ["Tokenizers", "tokenizers_at", "tokenizers_found"]

Tokenizers = Mapping[str, Any]
"""A family's, by the attributes of its encoders."""

_CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""How CLIP cuts a text into words (openai/CLIP, `simple_tokenizer.py`)."""


def tokenizers_at(base: Path) -> Mapping[str, Tokenizers]:
    """Those in a base's directory, by the name of each family that they can be of.

    Raises:
        NoTokenizers: There are none that can be used.
    """
    if importlib.util.find_spec("tokenizers") is None:
        raise NoTokenizers(str(base), "the package `tokenizers` is not installed")
    found: dict[str, Tokenizers] = {}
    problems: list[NoTokenizers] = []
    for family in FAMILIES.values():
        try:
            found |= {family.name: loaded} if (loaded := _loaded(family, base)) else {}
        except NoTokenizers as problem:
            problems.append(problem)
    if not found and problems:
        raise problems[0]
    return found


def tokenizers_found(env: Mapping[str, str]) -> Mapping[str, Tokenizers]:
    """Those of families whose weights the Hugging Face libraries have fetched here before; the others have none."""
    if importlib.util.find_spec("tokenizers") is None:
        return {}
    found = {family.name: _first(family, env) for family in FAMILIES.values()}
    return {name: tokenizers for name, tokenizers in found.items() if tokenizers}


def _first(family: Family, env: Mapping[str, str]) -> Tokenizers:
    """The first that can be used; nobody named them, so what cannot is passed over, and the counts are guesses."""
    for folder in _fetched(family, env):
        try:
            return _loaded(family, folder)
        except NoTokenizers:
            continue
    return {}


def _fetched(family: Family, env: Mapping[str, str]) -> Iterator[Path]:
    """Snapshots of its repositories."""
    for repository in family.repositories:
        yield from snapshots(repository, env)


def _loaded(family: Family, base: Path) -> Tokenizers:
    """Of every encoder that has one. Raises NoTokenizers where one of them cannot be used."""
    every = {encoder.attribute: encoder for variant in family.variants for encoder in variant.encoders}
    return {name: _tokenizer(encoder, base) for name, encoder in every.items() if encoder.tokenizer}


def _tokenizer(encoder: Encoder, base: Path) -> Any:
    folder = base / encoder.tokenizer
    try:
        found = _whole(folder) or (_clip_of_parts(folder) if encoder.in_parts == "clip" else None)
    except Exception as error:  # the package raises nothing narrower
        raise NoTokenizers(str(base), str(error)) from error
    if found is None:
        parts = f" nor {encoder.tokenizer}/vocab.json with merges.txt" if encoder.in_parts else ""
        no = "neither" if parts else "no"
        raise NoTokenizers(str(base), f"there is {no} {encoder.tokenizer}/tokenizer.json{parts}")
    if encoder.knows and found.token_to_id(encoder.knows) is None:
        raise NoTokenizers(str(base), f"{encoder.tokenizer}/tokenizer.json is not {encoder.title}'s")
    return found


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
    """CLIP's tokenizer from its words and merges; None where they are not there."""
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
