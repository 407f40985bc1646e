"""What a key means, by every convention at once, and which convention explains a file.

All names of all conventions stand in one index, so that a file is recognised in a few look-ups a module, however many
conventions there are.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from kilnmark.keymaps.schema import Convention, Role, Rows, load_conventions, load_kinds, load_tables
from kilnmark.keymaps.shapes import BLOCK

__all__ = ["Ignored", "Keymap", "Meaning", "Named", "Recognition", "Refused", "load_keymaps", "recognise"]

_NUMBER = re.compile(r"(?<![0-9A-Za-z])(?:0|[1-9][0-9]*)(?![0-9A-Za-z])")
"""As programs write numbers: `007` and other digits of Unicode would name a second block 7."""
_NUMBERS_LIMIT = 4
"""Numbers of a name that are tried as the block's; real names have three at most."""
_SUFFIX_WORDS = 4
"""Words of the longest suffix and one more."""


@dataclass(frozen=True, slots=True)
class Named:
    """A key that a convention has a meaning for.

    Attributes:
        component: PEFT's name of the part that the module belongs to.
        inner: The module's name inside that part.
        role: What the tensor is to the module.
        choices: What the module's rows stand for, one choice for every model that has such a module.
    """

    component: str
    inner: str
    role: Role
    choices: tuple[Rows, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A key that a convention knows and leaves out."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A key of an update that cannot be applied. `kind` is what people call such updates."""

    kind: str


Meaning = Named | Ignored | Refused


class Keymap:
    """A convention with the modules of its tables.

    Attributes:
        convention: As it is written.
        modules: A module's name, without prefix and in the convention's own separators, to its choices.
    """

    def __init__(self, convention: Convention) -> None:
        self.convention = convention
        self.modules: Mapping[str, tuple[Rows, ...]] = _modules(convention)
        self._prefixes = convention.prefixes
        refused = {**load_kinds().refused, **convention.refused}
        self._endings = {f".{ending}": kind for ending, kind in refused.items()}

    def aside(self, key: str) -> Ignored | Refused | None:
        """What a key means here that is part of no update that can be applied."""
        for entry in self.convention.ignored:
            if key.startswith(entry.prefix):
                return Ignored(entry.reason)
        if key.startswith(self._prefixes):
            for ending, kind in self._endings.items():
                if key.endswith(ending):
                    return Refused(kind)
        return None


def _modules(convention: Convention) -> dict[str, tuple[Rows, ...]]:
    found: dict[str, list[Rows]] = defaultdict(list)
    for modules in (*(load_tables()[table].modules for table in convention.tables), convention.modules):
        for name, rows in modules.items():
            choices = found[name.replace(".", convention.separator)]
            if rows not in choices:
                choices.append(rows)
    return {name: tuple(choices) for name, choices in found.items()}


@dataclass(frozen=True, slots=True)
class _Place:
    """A module's name in one convention."""

    keymap: Keymap
    inner: str
    choices: tuple[Rows, ...]

    def at(self, block: str) -> "_Place":
        """The same for one block."""
        choices = tuple(rows.at(block) for rows in self.choices)
        return _Place(self.keymap, self.inner.replace(BLOCK, block), choices)


class _Index:
    """Every name of some conventions, prefix included, and every suffix."""

    def __init__(self, keymaps: Iterable[Keymap]) -> None:
        self._keymaps = tuple(keymaps)
        self.conventions = {keymap.convention.name: keymap.convention for keymap in self._keymaps}
        self._places: dict[str, list[_Place]] = defaultdict(list)
        self._suffixes: dict[str, dict[str, Role]] = defaultdict(dict)
        for keymap in self._keymaps:
            for suffix, role in (*load_kinds().suffixes.items(), *keymap.convention.suffixes.items()):
                self._suffixes[suffix][keymap.convention.name] = role
            for prefix in keymap.convention.prefixes:
                for name, choices in keymap.modules.items():
                    self._places[prefix + name].append(_Place(keymap, name, choices))

    def meanings(self, keys: Sequence[str]) -> Iterator[tuple[str, str, Meaning]]:
        """Key, convention and meaning, for every convention that has one for the key."""
        modules: dict[str, list[tuple[_Place, str]]] = {}
        known: dict[tuple[str, str], _Place] = {}
        for key in keys:
            found = False
            for module, roles in self._cuts(key):
                if (places := modules.get(module)) is None:
                    places = modules[module] = list(self._find(module))
                for place, block in places:
                    convention = place.keymap.convention
                    if role := roles.get(convention.name):
                        found = True
                        if (here := known.get((module, convention.name))) is None:
                            here = known[module, convention.name] = place.at(block)
                        yield key, convention.name, Named(convention.component, here.inner, role, here.choices)
                if found:
                    break
            if not found:
                yield from self._asides(key)

    def _cuts(self, key: str) -> list[tuple[str, Mapping[str, Role]]]:
        """Every way to cut a key into a module's name and a known suffix, the longest suffix first."""
        cuts: list[tuple[str, Mapping[str, Role]]] = []
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
