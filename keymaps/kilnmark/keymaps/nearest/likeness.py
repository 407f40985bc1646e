"""One key beside one convention's spelling of the layer that it seems to mean: how they differ, in words, and how much.

Costs are small whole numbers of words; which convention is nearest over a whole file is `nearest`'s part.
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from kilnmark.keymaps.errors import shorten
from kilnmark.keymaps.names.keymap import load_keymaps
from kilnmark.keymaps.names.schema import load_suffixes
from kilnmark.keymaps.names.shapes import BLOCK, Shapes
from kilnmark.keymaps.nearest.words import Cut, Layer, Word, apart, words_of

__all__ = ["Likeness", "is_in", "likeness_of", "tail_of"]

_KEPT = 1024
"""Endings that are remembered; a file has few."""
_SEPARATORS, _OTHERS_SUFFIX, _LAYER_WORD, _OTHER_MODEL = 3, 3, 2, 2
"""Costs of other separators, of another convention's suffix, of a word of the layer, and of another model's layer. A
word more, less or otherwise before the layer or in the suffix costs 1."""


class Deviation(NamedTuple):
    """One way in which a name differs: what it costs, and its words. `exact` are those for this name alone."""

    cost: int
    words: str
    exact: str = ""


class Likeness(NamedTuple):
    """A key beside one convention's spelling of it."""

    parts: tuple[Deviation, ...]
    beside: int
    meant: str
    form: str
    role: str

    @property
    def cost(self) -> int:
        """Of all its parts, and of what was taken out before."""
        return self.beside + sum(part.cost for part in self.parts)

    @property
    def kind(self) -> tuple[str, ...]:
        """What keys have in common that differ in the same way."""
        return tuple(part.words for part in self.parts)


def likeness_of(cut: Cut, layer: Layer, shapes: Shapes, beside: int = 0) -> Likeness:
    """A key beside its spelling in one convention.

    Args:
        cut: The key around the layer's words.
        layer: The module that it seems to mean, in that convention.
        shapes: The model's layers.
        beside: Words that were taken out of the key, and need not be told.
    """
    prefix, first = _prefix(cut.before, layer.prefixes)
    suffix, last = _suffix(cut.behind, layer.keymap.convention.name)
    named = layer.pattern.replace(BLOCK, cut.block or "0")
    parts = [first, _layer(cut, layer, named), last, _place(cut, layer, shapes)]
    return Likeness(
        parts=tuple(part for part in parts if part),
        beside=beside,
        meant=f"{prefix}{named}.{suffix}",
        form=f"{prefix}<layer>.{suffix}",
        role=layer.keymap.convention.suffixes.get(suffix, ""),
    )


def _prefix(before: str, prefixes: Sequence[str]) -> tuple[str, Deviation | None]:
    """The prefix that is meant, and how what stands there differs from it."""
    if before in prefixes:
        return before, None
    found = [(prefix, _instead(before, prefix)) for prefix in prefixes]
    return min(found, key=lambda each: each[1].cost)


def _instead(before: str, prefix: str) -> Deviation:
    if before.endswith(prefix):
        extra = before.removesuffix(prefix)
        where = _plainly(prefix) if prefix else "the layer"
        return Deviation(_weight(extra), f"have {_plainly(extra)} before {where}")
    if before.startswith(prefix):
        extra = before.removeprefix(prefix)
        return Deviation(_weight(extra), f"have {_plainly(extra)} between {_plainly(prefix)} and the layer")
    if prefix.endswith(before):
        missing = prefix.removesuffix(before)
        return Deviation(_weight(missing), f"lack {_plainly(missing)} at the beginning")
    if prefix.startswith(before):
        missing = prefix.removeprefix(before)
        return Deviation(_weight(missing), f"lack {_plainly(missing)} before the layer")
    words = f"begin with {_plainly(before)} in place of {_plainly(prefix)}"
    return Deviation(_weight(before) + _weight(prefix), words)


def _plainly(name: str) -> str:
    """Quoted, with letters of other alphabets as numbers: some look like Latin ones."""
    return shorten(name).encode("ascii", "backslashreplace").decode()


def _weight(text: str) -> int:
    return max(1, len(words_of(text)))


def _layer(cut: Cut, layer: Layer, named: str) -> Deviation | None:
    if cut.name == named:
        return None
    ours, theirs = _with_any(cut.name, cut.block), layer.pattern.replace(BLOCK, "<n>")
    if cut.missed:
        words = _exchanged(*_middles(ours, theirs))
        return Deviation(
            _LAYER_WORD * cut.missed, words, f"name {_plainly(ours)}, and its likest layer is {_plainly(theirs)}"
        )
    if separator := _separator(cut.name, named):
        return Deviation(_SEPARATORS, f"have {separator!r} where it has {layer.keymap.convention.separator!r}")
    return Deviation(_SEPARATORS, f"spell {_plainly(ours)} what it spells {_plainly(theirs)}")


def _exchanged(ours: str, theirs: str) -> str:
    if not theirs:
        return f"have {_plainly(ours)} in the name of the layer, and it has nothing there"
    if not ours:
        return f"lack {_plainly(theirs)} in the name of the layer"
    return f"have {_plainly(ours)} where it has {_plainly(theirs)}"


def _middles(ours: str, theirs: str) -> tuple[str, str]:
    """What is left of two names between the words that they have in common at both ends."""
    front = _common([word.text for word in words_of(ours)], [word.text for word in words_of(theirs)])
    mine, other = words_of(ours)[front:], words_of(theirs)[front:]
    back = _common([word.text for word in mine[::-1]], [word.text for word in other[::-1]])
    return _between(ours, mine[: len(mine) - back]), _between(theirs, other[: len(other) - back])


def _common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    shorter = min(len(ours), len(theirs))
    return next((n for n in range(shorter) if ours[n] != theirs[n]), shorter)


def _between(name: str, words: Sequence[Word]) -> str:
    return name[words[0].begin : words[-1].end] if words else ""


def _with_any(name: str, block: str) -> str:
    word = next((word for word in words_of(name) if word.text == block), None) if block else None
    return f"{name[: word.begin]}<n>{name[word.end :]}" if word else name


def _separator(ours: str, theirs: str) -> str:
    """The one character that stands for the other name's separators; empty where there is more to it."""
    if len(ours) != len(theirs):
        return ""
    other = {(one, two) for one, two in zip(ours, theirs, strict=True) if one != two}
    return next(iter(other))[0] if len(other) == 1 else ""


@lru_cache(maxsize=_KEPT)
def _suffix(behind: str, convention: str) -> tuple[str, Deviation | None]:
    """The suffix that is meant, and how what stands behind the layer differs from it."""
    known = _suffixes(convention)
    if behind[:1] == "." and behind[1:] in known:
        return behind[1:], None
    ours = tuple(word.text for word in words_of(behind))
    far = max(len(ours), 1)
    missed = {suffix: apart(ours, words) for suffix, words in known.items() if not set(words).isdisjoint(ours)}
    likest = min(
        missed,
        key=lambda suffix: (missed[suffix], not behind.endswith(suffix), -_common(behind[1:], suffix)),
        default="",
    )
    others = _OTHERS_SUFFIX if behind[1:] in _every_suffix() else 0
    if not likest or missed[likest] >= max(far, len(known[likest])):
        return "<suffix>", Deviation(far + others, f"end in {_plainly(behind)}, which it does not have")
    if behind.endswith(f".{likest}"):
        extra = behind.removesuffix(f".{likest}")
        return likest, Deviation(_weight(extra) + others, f"have {_plainly(extra)} between the layer and the suffix")
    cost = 1 + missed[likest] + others
    return likest, Deviation(cost, f"end in {_plainly(behind)} in place of {_plainly('.' + likest)}")


@cache
def _suffixes(convention: str) -> Mapping[str, tuple[str, ...]]:
    """The suffixes of a convention and their words, its own before those of all, the longest first."""
    own = load_keymaps()[convention].convention.suffixes
    every = [*sorted(own, key=len, reverse=True), *sorted(load_suffixes().suffixes, key=len, reverse=True)]
    return {suffix: tuple(word.text for word in words_of(suffix)) for suffix in every}


@cache
def _every_suffix() -> frozenset[str]:
    return frozenset(suffix for name in load_keymaps() for suffix in _suffixes(name))


@cache
def _heads() -> frozenset[str]:
    """Words that suffixes begin with."""
    return frozenset(words_of(suffix)[0].text for suffix in _every_suffix()) - {"weight", "down", "up", "scale"}


def tail_of(key: str) -> int:
    """Where the suffix seems to begin: at a known one, at a word that some begin with, or at the last dot."""
    for at in _dots(key):
        if key[at + 1 :] in _every_suffix():
            return at
    words = words_of(key)
    head = next((word.begin for word in words[2:] if word.text in _heads()), None)
    return key.rfind(".") if head is None else head - 1


def _dots(key: str) -> list[int]:
    """The places of the last four dots, the first of them first."""
    return [place for place, char in enumerate(key) if char == "."][-4:]


def _place(cut: Cut, layer: Layer, shapes: Shapes) -> Deviation | None:
    """What keeps a layer from being one of this model's."""
    if is_in(layer, cut.block, shapes):
        return None
    theirs = _plainly(layer.pattern.replace(BLOCK, "<n>"))
    if cut.block.isdecimal() and str(int(cut.block)) != cut.block and is_in(layer, str(int(cut.block)), shapes):
        exact = f"number a block {_plainly(cut.block)}, which it numbers {str(int(cut.block))!r}"
        return Deviation(0, "write the numbers of blocks in another way", exact)
    if count := max(_blocks(rows.targets, shapes) for rows in layer.choices):
        exact = f"name block {cut.block} of {theirs}, of which this model has 0 to {count - 1}"
        return Deviation(0, "name blocks that this model does not have", exact)
    return Deviation(
        _OTHER_MODEL, "name layers that this model does not have", f"name {theirs}, which this model does not have"
    )


def is_in(layer: Layer, block: str, shapes: Shapes) -> bool:
    """Whether a model has the layer in that block."""
    return any(all(target.replace(BLOCK, block) in shapes for target in rows.targets) for rows in layer.choices)


def _blocks(targets: Sequence[str], shapes: Shapes) -> int:
    count = 0
    while BLOCK in targets[0] and all(target.replace(BLOCK, str(count)) in shapes for target in targets):
        count += 1
    return count
