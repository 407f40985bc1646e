"""Names as words: where in a key the words of a known layer stand, wholly or in part, whatever parts and surrounds
them.

Nothing is decided here; what a cut comes to beside a convention's own spelling is `likeness`' part.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import islice
from typing import NamedTuple

from kilnmark.keymaps.names.keymap import Keymap, load_keymaps
from kilnmark.keymaps.names.schema import Rows
from kilnmark.keymaps.names.shapes import BLOCK

__all__ = ["Cut", "Layer", "Word", "apart", "cuts_of", "words_of"]

_WORD = re.compile(r"[A-Z]+(?![^\W\dA-Z_])|[A-Z]?[^\W\dA-Z_]+|\d+")
"""Letters of other alphabets count as small ones: they stand in words where Latin ones should."""
_WORD_LIMIT = 32
"""Words of a key that are looked at; the longest real one has 20."""
_KEPT = 4096
"""Names whose words are remembered; parts of a file's names come again and again."""
_LEAST = 3
"""Words that a part of a layer's name must have in common with it."""
_CANDIDATES = 64
"""Layers that a part is compared with."""
_ANY = "#"
"""Stands for a block's number among words."""


class Word(NamedTuple):
    """A word in lower case, and where it stands in its text."""

    text: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A module in one convention.

    Attributes:
        keymap: The convention.
        prefixes: What can stand before its name.
        pattern: Its name, in the convention's own separators.
        words: Of the pattern, `#` for the block.
        choices: What its rows stand for.
    """

    keymap: Keymap
    prefixes: tuple[str, ...]
    pattern: str
    words: tuple[str, ...]
    choices: tuple[Rows, ...]


class Cut(NamedTuple):
    """A key around the name of a layer, or around what is most like one.

    Attributes:
        before: What stands before the layer's words.
        name: From its first word to its last.
        behind: All the rest.
        block: The number that stands where the block's does; empty for none.
        layers: Which it is, in every convention that has it so.
        missed: Words of the layer that are others in the key; 0 for the layer itself.
    """

    before: str
    name: str
    behind: str
    block: str
    layers: tuple[Layer, ...]
    missed: int


@lru_cache(maxsize=_KEPT)
def words_of(text: str) -> tuple[Word, ...]:
    """The words of a name: runs of letters, split where lower case becomes upper, and runs of digits."""
    matches = islice(_WORD.finditer(text), _WORD_LIMIT)
    return tuple(Word(match.group().lower(), match.start(), match.end()) for match in matches)


def apart(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Words of the longer name that are not those of the other, counted from both ends."""
    shorter = min(len(ours), len(theirs))
    front = next((n for n in range(shorter) if ours[n] != theirs[n]), shorter)
    rest = shorter - front
    back = next((n for n in range(rest) if ours[-1 - n] != theirs[-1 - n]), rest)
    return max(len(ours), len(theirs)) - front - back


def cuts_of(key: str, tail: int) -> list[Cut]:
    """The ways to see a layer's name in a key, most of its words found first.

    Args:
        key: The name of a tensor.
        tail: Where its suffix seems to begin; a name that is known in part ends there at the latest.
    """
    words = words_of(key)
    whole = [cut for cut in _whole(key, words) if not any(char.isdigit() for char in cut.before)]
    if whole:
        return whole
    inner = [word for word in words if word.end <= tail]
    return [cut for cut in (_from_left(key, inner), _from_right(key, inner)) if cut]


@dataclass(slots=True)
class _Fork:
    """The layers whose words, read in one direction, come by here; those of `ends` end here."""

    next: dict[str, "_Fork"] = field(default_factory=dict)
    ends: list[Layer] = field(default_factory=list)
    below: list[Layer] = field(default_factory=list)


class _Step(NamedTuple):
    """A place in a tree, and the word that was taken for the block's number on the way there."""

    node: _Fork
    block: Word = Word("", -1, -1)


def _layers() -> Iterator[Layer]:
    for keymap in load_keymaps().values():
        own = [(keymap.convention.prefixes, keymap.read)]
        for prefixes, modules in (*own, *(((encoder.prefix,), modules) for encoder, modules in keymap.encoders)):
            for pattern, choices in modules.items():
                words = tuple(word.text for word in words_of(pattern.replace(BLOCK, "0")))
                marked = _marked(pattern, words)
                yield Layer(keymap, prefixes, pattern, marked, choices)


def _marked(pattern: str, words: tuple[str, ...]) -> tuple[str, ...]:
    if BLOCK not in pattern:
        return words
    place = len(words_of(pattern.partition(BLOCK)[0]))
    return (*words[:place], _ANY, *words[place + 1 :])


@cache
def _forward() -> _Fork:
    return _tree(reverse=False)


@cache
def _backward() -> _Fork:
    return _tree(reverse=True)


def _tree(*, reverse: bool) -> _Fork:
    root = _Fork()
    for layer in _layers():
        node = root
        for word in reversed(layer.words) if reverse else layer.words:
            node = node.next.setdefault(word, _Fork())
            node.below.append(layer)
        node.ends.append(layer)
    return root


def _steps(steps: Sequence[_Step], word: Word) -> list[_Step]:
    found = [_Step(node.next[word.text], block) for node, block in steps if word.text in node.next]
    if word.text.isdigit():
        found += [_Step(node.next[_ANY], word) for node, _ in steps if _ANY in node.next]
    return found


def _whole(key: str, words: Sequence[Word]) -> list[Cut]:
    """Every layer whose words all stand in the key, one behind the other; the longest ones only."""
    best: list[tuple[int, Cut]] = []
    longest = 0
    for first, start in enumerate(words):
        steps = [_Step(_forward())]
        for count, word in enumerate(words[first:], 1):
            steps = _steps(steps, word)
            if not steps:
                break
            if count < longest:
                continue
            for node, block in steps:
                if node.ends:
                    cut = Cut(
                        key[: start.begin],
                        key[start.begin : word.end],
                        key[word.end :],
                        block.text,
                        tuple(node.ends),
                        0,
                    )
                    best.append((count, cut))
                    longest = count
    return [cut for count, cut in best if count == longest]


def _reach(root: _Fork, words: Sequence[Word]) -> tuple[int, _Step]:
    """How many words, from the first on, lead to layers; and the last place but one, where others go on too."""
    path = [[_Step(root)]]
    for word in words:
        further = _steps(path[-1], word)
        if not further:
            break
        path.append(further)
    node = path[max(0, len(path) - 2)][0].node
    return len(path) - 1, _Step(node, path[-1][0].block)


def _from_left(key: str, words: Sequence[Word]) -> Cut | None:
    """The layers that begin as a part of the key does, to the suffix."""
    reached = [(*_reach(_forward(), words[first:]), first) for first in range(len(words))]
    count, step, first = max(reached, key=lambda found: found[0], default=(0, _Step(_forward()), 0))
    numbered = any(word.text.isdigit() for word in words[:first])
    return _part(key, words[first:], step) if count >= _LEAST and not numbered else None


def _from_right(key: str, words: Sequence[Word]) -> Cut | None:
    """The layers that end as the key does before its suffix."""
    count, step = _reach(_backward(), words[::-1])
    if count < _LEAST:
        return None
    further = min(len(layer.words) for layer in step.node.below) - count
    first = max(0, len(words) - count - max(0, further))
    return None if any(word.text.isdigit() for word in words[:first]) else _part(key, words[first:], step)


def _part(key: str, words: Sequence[Word], step: _Step) -> Cut:
    ours = [_ANY if word == step.block else word.text for word in words]
    candidates = islice(dict.fromkeys(layer.words for layer in step.node.below), _CANDIDATES)
    missed = {theirs: apart(ours, theirs) for theirs in candidates}
    least = min(missed.values())
    layers = tuple(layer for layer in step.node.below if missed.get(layer.words) == least)
    begin, end = words[0].begin, words[-1].end
    return Cut(key[:begin], key[begin:end], key[end:], step.block.text, layers, least)
