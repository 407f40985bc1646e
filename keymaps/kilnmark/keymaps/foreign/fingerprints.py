"""Whose an adapter file is that is not for the models here, and of which kind one is that is not applied: told from
names and shapes, by the fingerprints of `fingerprints.yaml`.

A guess rests on names and on a number besides, widths or blocks. A file that fits a model here is never looked at: what
fits wholly by names and widths cannot be accused.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Self

from pydantic import Field, model_validator

from kilnmark.keymaps.documents import Document, parse_document
from kilnmark.keymaps.errors import shorten
from kilnmark.keymaps.files.header import TensorInfo

__all__ = ["Foreign", "Unapplied", "foreign_of", "unapplied_of"]

_KEY_LIMIT = 200
"""Characters of a key that are looked at; the longest real key has 130."""
_NUMBER = re.compile(r"(?<=_)[0-9]+(?=_)")
_HALF = 0.5
_SHOWN_WIDTHS = 6


@dataclass(frozen=True, slots=True)
class Foreign:
    """The model that a file is made for, and how that was told: `told` is words without full stop."""

    title: str
    told: str


@dataclass(frozen=True, slots=True)
class Unapplied:
    """A kind that is not applied: what the file is, what to do, and the keys that tell it."""

    what: str
    mend: str
    keys: tuple[str, ...]


class _Trait(Document):
    """What holds of the keys that an expression stands in; its group is a block's number where blocks are counted."""

    keys: str
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    more_than: int = 0
    up_to: int | None = None


class _Fingerprint(Document):
    title: str
    source: str = Field(min_length=1)
    names: str
    every: tuple[_Trait, ...] = Field(default=(), alias="all")
    some: tuple[_Trait, ...] = Field(default=(), alias="any")
    lacks: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.every and not self.some:
            raise ValueError(f"{self.title}: names alone tell nothing")
        return self


class _Other(Document):
    what: str
    source: str = Field(min_length=1)
    keys: str
    most: bool = False
    mend: str


class _Fingerprints(Document):
    down: str
    up: str
    encoders: str
    models: tuple[_Fingerprint, ...]
    kinds: tuple[_Other, ...]


@cache
def _known() -> _Fingerprints:
    text = (files("kilnmark.keymaps.foreign") / "fingerprints.yaml").read_text(encoding="utf-8")
    return parse_document(_Fingerprints, text)


@dataclass(frozen=True, slots=True)
class _Measured:
    """One tensor: its key with underscores for dots, and what it tells of its layer's size, 0 for nothing."""

    key: str
    spelled: str
    width: int
    height: int


class _File:
    """The tensors of a file's transformer, and the forms of their names."""

    def __init__(self, tensors: Mapping[str, TensorInfo]) -> None:
        known = _known()
        down, up, encoders = (re.compile(words) for words in (known.down, known.up, known.encoders))
        self.tensors = [
            _tensor(key, info, down, up) for key, info in tensors.items() if not encoders.search(_spelled(key))
        ]
        self._forms = Counter(_NUMBER.sub("0", tensor.spelled) for tensor in self.tensors)

    def share(self, words: str) -> float:
        """Of the keys that an expression stands in."""
        found = re.compile(words)
        count = sum(count for form, count in self._forms.items() if found.search(form))
        return count / max(1, len(self.tensors))

    def found(self, trait: _Trait) -> str:
        """What a trait finds, in words; empty where it does not hold."""
        found = [(tensor, match) for tensor in self.tensors if (match := re.search(trait.keys, tensor.spelled))]
        if not found:
            return ""
        if trait.inputs:
            return _among("widths", {tensor.width for tensor, _ in found}, trait.inputs)
        if trait.outputs:
            return _among("rows", {tensor.height for tensor, _ in found}, trait.outputs)
        if trait.up_to is None:
            return f"names such as {shorten(found[0][0].key)}"
        blocks = 1 + max(int(match[1]) for _, match in found)
        if not trait.more_than < blocks <= trait.up_to:
            return ""
        return "1 block" if blocks == 1 else f"{blocks} blocks"


def _among(what: str, sizes: set[int], wanted: Collection[int]) -> str:
    known = sorted(sizes - {0})
    return f"{what} {_listed(known)}" if known and set(wanted).issuperset(known) else ""


def foreign_of(tensors: Mapping[str, TensorInfo]) -> Foreign | None:
    """The model elsewhere that a file is made for; None where no fingerprint fits.

    Args:
        tensors: Of a file that no model here fits: key to dtype, shape and place.
    """
    file = _File(tensors)
    for model in _known().models:
        if file.tensors and file.share(model.names) >= _HALF and (told := _told(file, model)):
            return Foreign(model.title, told)
    return None


def unapplied_of(keys: Sequence[str], total: int) -> Unapplied | None:
    """The kind of adapter, or of something else, that is not applied; None where nothing tells one.

    Args:
        keys: That no convention explains.
        total: How many keys the file has.
    """
    for kind in _known().kinds:
        found = tuple(key for key in keys if re.search(kind.keys, _spelled(key)))
        if found and (not kind.most or 2 * len(found) > total):
            return Unapplied(kind.what, kind.mend, found)
    return None


def _told(file: _File, model: _Fingerprint) -> str:
    """How a model is told; empty where it is not."""
    if model.lacks and file.share(model.lacks):
        return ""
    every = [file.found(trait) for trait in model.every]
    some = [found for trait in model.some if (found := file.found(trait))]
    if not all(every) or (model.some and not some):
        return ""
    named = next(tensor.key for tensor in file.tensors if re.search(model.names, tensor.spelled))
    return "; ".join(dict.fromkeys([f"names such as {shorten(named)}", *every, *some]))


def _tensor(key: str, info: TensorInfo, down: re.Pattern[str], up: re.Pattern[str]) -> _Measured:
    spelled = _spelled(key)
    matrix = len(info.shape) > 1
    width = info.shape[1] if matrix and down.search(spelled) else 0
    height = info.shape[0] if matrix and up.search(spelled) else 0
    return _Measured(key, spelled, width, height)


def _spelled(key: str) -> str:
    return key[:_KEY_LIMIT].replace(".", "_")


def _listed(sizes: Sequence[int]) -> str:
    shown = [str(size) for size in sizes[:_SHOWN_WIDTHS]]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
