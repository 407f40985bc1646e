"""Conventions: the YAML that says what key names mean, checked and compiled, and the choice of the one that explains
a file. Adding a convention is adding a file to `conventions/`; no name of any trainer stands in this code.
"""

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kilnmark.keymaps.shapes import BLOCK

__all__ = [
    "AlphaSource",
    "Convention",
    "Ignored",
    "Keymap",
    "Named",
    "Recognition",
    "Role",
    "load_keymaps",
    "parse_convention",
    "recognise",
]


class Role(StrEnum):
    """What a tensor is to its module."""

    DOWN = "down"
    UP = "up"
    ALPHA = "alpha"


class AlphaSource(StrEnum):
    """Where alpha can stand: a tensor of the module, PEFT's config in the metadata, or nowhere (alpha is the rank)."""

    TENSOR = "tensor"
    METADATA = "metadata"
    RANK = "rank"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class IgnoredPrefix(_Strict):
    """Keys that are understood and knowingly left out. `reason` is what reports count them under."""

    prefix: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class Convention(_Strict):
    """One file of `conventions/`.

    Attributes:
        name, version: Stand in every report; the version grows with every change of meaning.
        source: Who writes such files: repository, commit, file.
        description: What is particular about it.
        prefixes: What stands before the module's name. One without its last character is PEFT's component name.
        separator: What parts the words of a module's name.
        suffixes: What stands behind the module's name and a dot, with the role of that tensor.
        alpha: Where to look for alpha, in order.
        ignored: Keys of parts that are not the transformer.
        modules: A module's name to the target, or the targets in row order, that its rows stand for; `{block}` is a
            block's number.
    """

    name: str = Field(pattern=r"^[a-z0-9_-]+$")
    version: int = Field(ge=1)
    source: str = Field(min_length=1)
    description: str = Field(min_length=1)
    prefixes: tuple[str, ...] = Field(min_length=1)
    separator: str = Field(min_length=1, max_length=1)
    suffixes: dict[str, Role] = Field(min_length=1)
    alpha: tuple[AlphaSource, ...] = Field(min_length=1)
    ignored: tuple[IgnoredPrefix, ...] = ()
    modules: dict[str, tuple[str, ...]] = Field(min_length=1)

    @field_validator("modules", mode="before")
    @classmethod
    def _listed(cls, modules: object) -> object:
        """One target may be written without a list."""
        if not isinstance(modules, dict):
            return modules
        return {
            module: (targets,) if isinstance(targets, str) else tuple(targets) if isinstance(targets, list) else targets
            for module, targets in modules.items()
        }

    @model_validator(mode="after")
    def _check(self) -> Self:
        named: set[str] = set()
        for module, targets in self.modules.items():
            if not targets:
                raise ValueError(f"modules.{module}: no target")
            if module.count(BLOCK) > 1 or any(target.count(BLOCK) != module.count(BLOCK) for target in targets):
                raise ValueError(f"modules.{module}: {BLOCK} must stand once in it and in each target, or never")
            for target in targets:
                if target in named:
                    raise ValueError(f"modules.{module}: {target} is a target already")
                named.add(target)
        if self.alpha[-1] is not AlphaSource.RANK:
            raise ValueError("alpha: the last source must be rank, which always has a value")
        return self


@dataclass(frozen=True, slots=True)
class Named:
    """A key that a convention has a meaning for.

    Attributes:
        module: The module's full name in the file, prefix included.
        component: PEFT's name of the part that the module belongs to.
        inner: The module's name inside that part.
        role: What the tensor is to the module.
        targets: In the order of the module's rows.
    """

    module: str
    component: str
    inner: str
    role: Role
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A key that a convention knows and leaves out."""

    reason: str


class Keymap:
    """A convention, compiled: answers for one key with a few dictionary look-ups."""

    def __init__(self, convention: Convention) -> None:
        self.convention = convention
        self._suffixes = tuple((f".{suffix}", role) for suffix, role in convention.suffixes.items())

    def explain(self, key: str) -> Named | Ignored | None:
        """What a key means here; None when it means nothing."""
        if key.startswith(self.convention.prefixes):
            for suffix, role in self._suffixes:
                if key.endswith(suffix) and (named := self._named(key[: -len(suffix)], role)):
                    return named
        for entry in self.convention.ignored:
            if key.startswith(entry.prefix):
                return Ignored(entry.reason)
        return None

    def _named(self, module: str, role: Role) -> Named | None:
        for prefix in self.convention.prefixes:
            if module.startswith(prefix):
                inner = module[len(prefix) :]
                if targets := self._targets(inner):
                    return Named(module, prefix[:-1], inner, role, targets)
        return None

    def _targets(self, inner: str) -> tuple[str, ...] | None:
        if found := self.convention.modules.get(inner):
            return found
        separator = self.convention.separator
        words = inner.split(separator)
        for place, word in enumerate(words):
            if _is_number(word):
                words[place] = BLOCK
                found = self.convention.modules.get(separator.join(words))
                return found and tuple(target.replace(BLOCK, word) for target in found)
        return None


def _is_number(word: str) -> bool:
    """Written as programs write numbers: `007` and other digits of Unicode would name a second block 7."""
    return word.isascii() and word.isdigit() and (word[0] != "0" or word == "0")


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
    explained: Mapping[str, Named | Ignored]


def recognise(keys: Sequence[str], keymaps: Iterable[Keymap] | None = None) -> tuple[Recognition, ...]:
    """Every convention that explains at least one key, the one with most evidence first.

    Args:
        keys: Names of all tensors of a file.
        keymaps: None takes all that are shipped.
    """
    candidates = load_keymaps().values() if keymaps is None else keymaps
    found = [_recognition(keymap, keys) for keymap in candidates]
    found.sort(key=lambda recognition: (-recognition.share, recognition.convention.name))
    return tuple(recognition for recognition in found if recognition.explained)


def _recognition(keymap: Keymap, keys: Sequence[str]) -> Recognition:
    explained = {key: meaning for key in keys if (meaning := keymap.explain(key))}
    return Recognition(keymap.convention, len(explained) / max(len(keys), 1), explained)


@cache
def load_keymaps() -> Mapping[str, Keymap]:
    """Every convention that is shipped, by name."""
    folder = files("kilnmark.keymaps") / "conventions"
    entries = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda e: e.name)
    conventions = [parse_convention(entry.read_text(encoding="utf-8")) for entry in entries]
    return {convention.name: Keymap(convention) for convention in conventions}


def parse_convention(text: str) -> Convention:
    """Read one YAML document.

    Raises:
        ValueError: It is not a convention; the message names the field.
        yaml.YAMLError: It is not YAML, or says a name twice.
    """
    # By way of JSON, where pydantic's strict mode takes arrays for tuples and strings for enums.
    return Convention.model_validate_json(json.dumps(yaml.load(text, _Loader)))  # noqa: S506 - a safe loader


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe, and refuses a mapping that says a name twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - as PyYAML calls it
        built: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        if len(built) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a name is said twice", node.start_mark)
        return built
