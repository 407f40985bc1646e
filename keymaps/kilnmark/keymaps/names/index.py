"""What a key means, by every convention at once.

All names of all conventions stand in one index, so that a file is recognised in a few look-ups a module, however many
conventions there are.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from kilnmark.keymaps.names.keymap import Keymap
from kilnmark.keymaps.names.meaning import Meaning, Named
from kilnmark.keymaps.names.schema import Rows, load_suffixes
from kilnmark.keymaps.names.shapes import BLOCK, encoder_of
from kilnmark.keymaps.names.spelling import Spelling

__all__ = ["Index"]

_NUMBER = re.compile(r"(?<![0-9A-Za-z])(?:0|[1-9][0-9]*)(?![0-9A-Za-z])")
"""As programs write numbers: `007` and other digits of Unicode would name a second block 7."""
_NUMBERS_LIMIT = 4
"""Numbers of a name that are tried as the block's; real names have three at most."""
_KEYS_KEPT = 20_000
"""Keys whose meanings are remembered: most files repeat the names of others."""
_PLACES_KEPT = 8192
"""Modules of single blocks that are remembered: all that the shipped models have, and no more for odd numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A module's name in one convention, below one component."""

    keymap: Keymap
    component: str
    inner: str
    choices: tuple[Rows, ...]
    encoder: str
    meanings: dict[tuple[str, bool], Named] = field(default_factory=dict)

    def meaning(self, said: tuple[str, bool]) -> Named:
        """Of its tensor with this role, and whether the ending is the convention's own; remembered."""
        self.meanings[said] = named = Named(self.component, self.inner, *said, self.choices, self.encoder, "")
        return named

    @lru_cache(maxsize=_PLACES_KEPT)  # noqa: B019 - places live as long as the shipped conventions do
    def at(self, block: str) -> "_Place":
        """The same for one block."""
        choices = tuple(rows.at(block) for rows in self.choices)
        return _Place(self.keymap, self.component, self.inner.replace(BLOCK, block), choices, self.encoder)


_Roles = Mapping[str, tuple[str, bool]]
"""A convention's name to the role of a suffix, and whether its own writers write that suffix."""


class Index:
    """Every name of some conventions, prefix included, and every suffix."""

    def __init__(self, keymaps: Iterable[Keymap]) -> None:
        self._keymaps = tuple(keymaps)
        self.conventions = {keymap.convention.name: keymap.convention for keymap in self._keymaps}
        self._places: dict[str, list[_Place]] = defaultdict(list)
        self._suffixes: dict[str, dict[str, tuple[str, bool]]] = defaultdict(dict)
        self._meanings: dict[str, list[tuple[str, Meaning]]] = {}
        for keymap in self._keymaps:
            for suffixes, is_own in ((load_suffixes().suffixes, False), (keymap.convention.suffixes, True)):
                for suffix, role in suffixes.items():
                    self._suffixes[suffix][keymap.convention.name] = role, is_own
            own = [(prefix, keymap.convention.component, keymap.read) for prefix in keymap.convention.prefixes]
            encoders = [(encoder.prefix, encoder.component, modules) for encoder, modules in keymap.encoders]
            for prefix, component, modules in (*own, *encoders):
                for name, choices in modules.items():
                    self._places[prefix + name].append(
                        _Place(keymap, component, name, choices, encoder_of(choices[0].targets[0]))
                    )
        self._spelling = Spelling(_flat_prefixes(self._keymaps), self._suffixes)
        self._suffix_words = 1 + max(suffix.count(".") for suffix in self._suffixes)

    def meanings(self, keys: Sequence[str]) -> Iterator[tuple[str, str, Meaning]]:
        """Key, convention and meaning, for every convention that has one for the key."""
        # Other threads may be here too: what is remembered only grows, and is replaced where it has grown too much.
        remembered = self._meanings
        if len(remembered) + len(keys) > _KEYS_KEPT:
            remembered = self._meanings = {}
        found: dict[str, list[tuple[str, Meaning]]] = {key: [] for key in keys if key not in remembered}
        for key, convention, meaning in self._told(list(found)):
            found[key].append((convention, meaning))
        remembered.update(found)
        return ((key, convention, meaning) for key in keys for convention, meaning in remembered[key])

    def _told(self, keys: Sequence[str]) -> Iterator[tuple[str, str, Meaning]]:
        """As `meanings`, of keys that nothing is remembered of.

        What keys share is found once: the places of a module, and a place with the number of a block.
        """
        search = _Search(self)
        for key in keys:
            plain, adapter = self._spelling.without_adapter(key)
            if found := search.named(key, adapter, plain):
                yield from found
                continue
            others = list(self._spelling.others(plain))
            found = next(filter(None, (search.named(key, adapter, other) for other in others)), [])
            yield from found or self._asides(key, others[:1])

    def spellings(self, key: str) -> Iterator[str]:
        """What a key is looked up as, as it stands first and then without what says nothing of the layer."""
        plain, _ = self._spelling.without_adapter(key)
        yield plain
        yield from self._spelling.others(plain)

    def cuts(self, key: str, latest: str) -> "list[tuple[str, _Roles]]":
        """Every way to cut a key into a module's name and a known suffix, the longest suffix first.

        The tensors of a module mostly follow each other, so that the one found before is tried at once.
        """
        follows = key[len(latest) : len(latest) + 1] == "." and key.startswith(latest)
        if follows and (roles := self._suffixes.get(key[len(latest) + 1 :])):
            return [(latest, roles)]
        cuts: list[tuple[str, _Roles]] = []
        end = len(key)
        for _ in range(self._suffix_words):
            end = key.rfind(".", 0, end)
            if end < 0:
                break
            if roles := self._suffixes.get(key[end + 1 :]):
                cuts.append((key[:end], roles))
        return cuts[::-1]

    def find(self, module: str) -> Iterator[tuple[str, _Place]]:
        """Every place that the name can stand for, its block's number in it, below the name of its convention."""
        for place in self._places.get(module, ()):
            yield place.keymap.convention.name, place.at("")
        for number in islice(_NUMBER.finditer(module), _NUMBERS_LIMIT):
            for place in self._places.get(module[: number.start()] + BLOCK + module[number.end() :], ()):
                yield place.keymap.convention.name, place.at(number.group())

    def _asides(self, key: str, others: Sequence[str]) -> Iterator[tuple[str, str, Meaning]]:
        for keymap in self._keymaps:
            if meaning := keymap.aside(key) or (keymap.aside(others[0]) if others else None):
                yield key, keymap.convention.name, meaning


class _Search:
    """One look at some keys of an index."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._modules: dict[str, list[tuple[str, _Place]]] = {}
        self._latest = ""

    def named(self, key: str, adapter: str, spelled: str) -> list[tuple[str, str, Meaning]]:
        """Every meaning of a key, by how it may be spelled; empty where the spelling has none."""
        for module, roles in self._index.cuts(spelled, self._latest):
            if (places := self._modules.get(module)) is None:
                places = self._modules[module] = list(self._index.find(module))
            found: list[tuple[str, str, Meaning]] = []
            for name, here in places:
                if said := roles.get(name):
                    named = here.meanings.get(said) or here.meaning(said)
                    found.append((key, name, named._replace(adapter=adapter) if adapter else named))
            if found:
                self._latest = module
                return found
        return []


def _flat_prefixes(keymaps: Iterable[Keymap]) -> Iterator[str]:
    """What stands before names of which underscores part the words."""
    for keymap in keymaps:
        if keymap.convention.separator == "_":
            yield from keymap.convention.prefixes
            yield from (encoder.prefix for encoder, _ in keymap.encoders)
