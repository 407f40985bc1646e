"""What a key means, by every convention at once, and which convention explains a file.

All names of all conventions stand in one index, so that a file is recognised in a few look-ups a module, however many
conventions there are.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from typing import NamedTuple

from kilnmark.keymaps.names.schema import Convention, Rows, TextEncoder, load_conventions, load_suffixes
from kilnmark.keymaps.names.shapes import BLOCK, encoder_of
from kilnmark.keymaps.names.tables import load_tables, tables_of

__all__ = [
    "Ignored",
    "Keymap",
    "Meaning",
    "Named",
    "OfEncoder",
    "Recognition",
    "Refused",
    "load_keymaps",
    "recognise",
]

_NUMBER = re.compile(r"(?<![0-9A-Za-z])(?:0|[1-9][0-9]*)(?![0-9A-Za-z])")
"""As programs write numbers: `007` and other digits of Unicode would name a second block 7."""
_NUMBERS_LIMIT = 4
"""Numbers of a name that are tried as the block's; real names have three at most."""
_KEYS_KEPT = 20_000
"""Keys whose meanings are remembered: most files repeat the names of others."""
_SUFFIX_WORDS = 4
"""Words of the longest suffix and one more."""
_PLACES_KEPT = 8192
"""Modules of single blocks that are remembered: all that the shipped models have, and no more for odd numbers."""


class Named(NamedTuple):
    """A key that a convention has a meaning for; a tuple, because one is made for every key of every file.

    Attributes:
        component: PEFT's name of the part that the module belongs to.
        inner: The module's name inside that part.
        role: What the tensor is to the module.
        choices: What the module's rows stand for, one choice for every model that has such a module.
        encoder: The text encoder that the module belongs to; empty for the transformer.
    """

    component: str
    inner: str
    role: str
    choices: tuple[Rows, ...]
    encoder: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A key that a convention knows and leaves out."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A key of an update that cannot be applied. `kind` is what people call such updates."""

    kind: str
    encoder: str = ""


@dataclass(frozen=True, slots=True)
class OfEncoder:
    """A key of a text encoder of which no more is known."""

    encoder: str


Meaning = Named | Ignored | Refused | OfEncoder


class Keymap:
    """A convention with the modules of its tables.

    Attributes:
        convention: As it is written.
        modules: A module's name, without prefix and in the convention's own separators, to its choices.
        encoders: Every text encoder with its modules.
    """

    def __init__(self, convention: Convention) -> None:
        self.convention = convention
        self.modules: Mapping[str, tuple[Rows, ...]] = _modules(convention)
        self.encoders: Sequence[tuple[TextEncoder, Mapping[str, tuple[Rows, ...]]]] = [
            (encoder, _spelled([load_tables()[encoder.table].modules], convention.separator))
            for encoder in convention.text_encoders
        ]
        self._roots = {
            encoder.prefix: encoder_of(next(iter(modules.values()))[0].targets[0]) for encoder, modules in self.encoders
        }
        refused = {**load_suffixes().refused, **convention.refused}
        self._endings = {f".{ending}": kind for ending, kind in refused.items()}

    def aside(self, key: str) -> Ignored | Refused | OfEncoder | None:
        """What a key means here that is part of no update that can be applied."""
        for entry in self.convention.ignored:
            if key.startswith(entry.prefix):
                return Ignored(entry.reason)
        root = next((root for prefix, root in self._roots.items() if key.startswith(prefix)), "")
        if root or key.startswith(self.convention.prefixes):
            for ending, kind in self._endings.items():
                if key.endswith(ending):
                    return Refused(kind, root)
        return OfEncoder(root) if root else None


def _modules(convention: Convention) -> dict[str, tuple[Rows, ...]]:
    tables = [table.modules for table in tables_of(convention)]
    return _spelled([*tables, convention.modules], convention.separator)


def _spelled(tables: Iterable[Mapping[str, Rows]], separator: str) -> dict[str, tuple[Rows, ...]]:
    found: dict[str, list[Rows]] = defaultdict(list)
    for modules in tables:
        for name, rows in modules.items():
            choices = found[name.replace(".", separator)]
            if rows not in choices:
                choices.append(rows)
    return {name: tuple(choices) for name, choices in found.items()}


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A module's name in one convention, below one component."""

    keymap: Keymap
    component: str
    inner: str
    choices: tuple[Rows, ...]
    encoder: str

    @lru_cache(maxsize=_PLACES_KEPT)  # noqa: B019 - places live as long as the shipped conventions do
    def at(self, block: str) -> "_Place":
        """The same for one block."""
        choices = tuple(rows.at(block) for rows in self.choices)
        return _Place(self.keymap, self.component, self.inner.replace(BLOCK, block), choices, self.encoder)


class _Index:
    """Every name of some conventions, prefix included, and every suffix."""

    def __init__(self, keymaps: Iterable[Keymap]) -> None:
        self._keymaps = tuple(keymaps)
        self.conventions = {keymap.convention.name: keymap.convention for keymap in self._keymaps}
        self._places: dict[str, list[_Place]] = defaultdict(list)
        self._suffixes: dict[str, dict[str, str]] = defaultdict(dict)
        self._meanings: dict[str, list[tuple[str, Meaning]]] = {}
        for keymap in self._keymaps:
            for suffix, role in (*load_suffixes().suffixes.items(), *keymap.convention.suffixes.items()):
                self._suffixes[suffix][keymap.convention.name] = role
            own = [(prefix, keymap.convention.component, keymap.modules) for prefix in keymap.convention.prefixes]
            encoders = [(encoder.prefix, encoder.component, modules) for encoder, modules in keymap.encoders]
            for prefix, component, modules in (*own, *encoders):
                for name, choices in modules.items():
                    self._places[prefix + name].append(
                        _Place(keymap, component, name, choices, encoder_of(choices[0].targets[0]))
                    )

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
        modules: dict[str, list[tuple[_Place, str]]] = {}
        known: dict[tuple[str, str], _Place] = {}
        latest = ""
        for key in keys:
            found = False
            for module, roles in self._cuts(key, latest):
                if (places := modules.get(module)) is None:
                    places = modules[module] = list(self._find(module))
                for place, block in places:
                    convention = place.keymap.convention
                    if role := roles.get(convention.name):
                        found, latest = True, module
                        if (here := known.get((module, convention.name))) is None:
                            here = known[module, convention.name] = place.at(block)
                        yield key, convention.name, Named(here.component, here.inner, role, here.choices, here.encoder)
                if found:
                    break
            if not found:
                yield from self._asides(key)

    def _cuts(self, key: str, latest: str) -> list[tuple[str, Mapping[str, str]]]:
        """Every way to cut a key into a module's name and a known suffix, the longest suffix first.

        The tensors of a module mostly follow each other, so that the one found before is tried at once.
        """
        follows = key[len(latest) : len(latest) + 1] == "." and key.startswith(latest)
        if follows and (roles := self._suffixes.get(key[len(latest) + 1 :])):
            return [(latest, roles)]
        cuts: list[tuple[str, Mapping[str, str]]] = []
        end = len(key)
        for _ in range(_SUFFIX_WORDS):
            end = key.rfind(".", 0, end)
            if end < 0:
                break
            if roles := self._suffixes.get(key[end + 1 :]):
                cuts.append((key[:end], roles))
        return cuts[::-1]

    def _find(self, module: str) -> Iterator[tuple[_Place, str]]:
        """Every place that the name can stand for, each with the block's number in it."""
        for place in self._places.get(module, ()):
            yield place, ""
        for number in islice(_NUMBER.finditer(module), _NUMBERS_LIMIT):
            for place in self._places.get(module[: number.start()] + BLOCK + module[number.end() :], ()):
                yield place, number.group()

    def _asides(self, key: str) -> Iterator[tuple[str, str, Meaning]]:
        for keymap in self._keymaps:
            if meaning := keymap.aside(key):
                yield key, keymap.convention.name, meaning


@dataclass(frozen=True, slots=True)
class Recognition:
    """What one convention makes of a file.

    Attributes:
        convention: The one that was asked.
        share: The part of all keys that it explains, 0 to 1.
        explained: Those keys, each with its meaning.
    """

    convention: Convention
    share: float
    explained: Mapping[str, Meaning]


def recognise(keys: Sequence[str], keymaps: Iterable[Keymap] | None = None) -> tuple[Recognition, ...]:
    """Every convention that explains at least one key, the one with most evidence first.

    Args:
        keys: Names of all tensors of a file.
        keymaps: None takes all that are shipped.
    """
    index = _shipped() if keymaps is None else _Index(keymaps)
    explained: dict[str, dict[str, Meaning]] = defaultdict(dict)
    for key, convention, meaning in index.meanings(keys):
        explained[convention][key] = meaning
    found = [Recognition(index.conventions[name], len(known) / len(keys), known) for name, known in explained.items()]
    found.sort(key=lambda recognition: (-recognition.share, recognition.convention.name))
    return tuple(found)


@cache
def load_keymaps() -> Mapping[str, Keymap]:
    """Every convention that is shipped, by name."""
    return {name: Keymap(convention) for name, convention in load_conventions().items()}


@cache
def _shipped() -> _Index:
    return _Index(load_keymaps().values())
