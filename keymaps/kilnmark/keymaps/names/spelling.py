"""What stands in keys beside the module and the tensor that they name: wrappers, owners, adapters, underscores.

The words are in `spelling.yaml`; which layers a name means without them is `keymap`'s part. A key is looked up as it
stands first, so that nothing is taken out of a name that has a meaning.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files

from kilnmark.keymaps.documents import Document, parse_document

__all__ = ["Spelling", "Words", "load_words"]

_PARTS = frozenset({"weight", "bias", "scaled_oft"})
"""What stands behind the name of a tensor, or of its adapter."""
_MANY = re.compile("__+")


class Words(Document):
    """`spelling.yaml`.

    Attributes:
        wrappers: Words between two dots that name no part of a model, each with who writes them.
        owners: Words before everything else that say whose part of a pipeline a model is, each with who writes them.
        of_adapters: Tensors whose names an adapter's name follows.
        mistaken: A word between two dots to the one that was meant.
    """

    wrappers: dict[str, str]
    owners: dict[str, str]
    of_adapters: tuple[str, ...]
    mistaken: dict[str, str]


@cache
def load_words() -> Words:
    """As they are shipped."""
    return parse_document(Words, (files("kilnmark.keymaps.names") / "spelling.yaml").read_text(encoding="utf-8"))


class Spelling:
    """How keys can be spelled.

    Args:
        flat: What stands before names whose words underscores part.
        endings: What stands behind the name of a module and a dot.
        words: None takes those that are shipped.
    """

    def __init__(self, flat: Iterable[str], endings: Iterable[str], words: Words | None = None) -> None:
        words = words or load_words()
        self._flat = tuple(flat)
        self._endings = frozenset(endings)
        self._replaced: Mapping[str, str] = {
            **{f"{wrapper}.": "" for wrapper in words.wrappers},
            **{f"{word}.": f"{meant}." for word, meant in words.mistaken.items()},
        }
        self._word = re.compile(rf"(?<![^.])(?:{'|'.join(map(re.escape, self._replaced))})")
        self._flat_word = re.compile("|".join(rf"_{word}(?=_)" for word in words.wrappers if word.startswith("_")))
        self._owner = re.compile(rf"(?:{'|'.join(map(re.escape, words.owners))})\.")
        self._of_adapters = frozenset(words.of_adapters)

    def without_adapter(self, key: str) -> tuple[str, str]:
        """A key without the name of PEFT's adapter, and that name; empty where there is none.

        No name of a tensor is taken for one: `lora_A.weight` has none, and `lora_A.default.weight` that of `default`.
        """
        start, _, ending = key.rpartition(".")
        if ending not in _PARTS:
            return (start, ending) if start[start.rfind(".") + 1 :] in self._of_adapters else (key, "")
        start, _, adapter = start.rpartition(".")
        return (f"{start}.{ending}", adapter) if start[start.rfind(".") + 1 :] in self._of_adapters else (key, "")

    def others(self, key: str) -> Iterator[str]:
        """What else a key that has no meaning as it stands may be meant as, the nearest first."""
        plain = self._word.sub(lambda found: self._replaced[found.group()], key)
        if plain.startswith(self._flat):
            plain = self._plainly_flat(plain)
        if plain != key:
            yield plain
        while found := self._owner.match(plain):
            plain = plain[found.end() :]
            yield plain

    def _plainly_flat(self, key: str) -> str:
        """Flattened names have one underscore between two words, and none after the last."""
        module, dot, ending = key.partition(".")
        if ending not in self._endings:
            return key
        return _MANY.sub("_", self._flat_word.sub("", module)).rstrip("_") + dot + ending
