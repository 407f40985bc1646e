"""The YAML documents of this room, checked field by field: conventions, and the tables of module names they share.

Only their shape is known here; what a key means by them is `keymap`'s part. Adding a convention is adding a file to
`conventions/`, and no name of any trainer stands in the code.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache, cached_property
from importlib.resources import files
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from kilnmark.keymaps.documents import Document, parse_document, texts_of
from kilnmark.keymaps.names.shapes import BLOCK

__all__ = [
    "AlphaSource",
    "Convention",
    "NameTable",
    "Role",
    "Rows",
    "Suffixes",
    "TextEncoder",
    "is_transposed",
    "load_conventions",
    "load_suffixes",
    "parse_convention",
    "parse_table",
]


class Role(StrEnum):
    """What a tensor is to its module: the roles of a plain pair, and of what stands beside any kind of update.

    A kind's own roles are the words that `suffixes.yaml` has for them, and nobody's else; roles are text everywhere.
    """

    DOWN = "down"
    UP = "up"
    ALPHA = "alpha"
    MAGNITUDE = "magnitude"
    DOWN_BIAS = "down_bias"
    UP_BIAS = "up_bias"
    DIFF_B = "diff_b"


class AlphaSource(StrEnum):
    """Where alpha can stand: a tensor of the module, PEFT's config in the metadata, or nowhere (alpha is the rank)."""

    TENSOR = "tensor"
    METADATA = "metadata"
    RANK = "rank"


class Rows(Document):
    """What the rows of a module's up matrix stand for.

    Attributes:
        targets: In row order; several for a fused module.
        swap_halves: The second half of the rows comes first in mflux.
    """

    targets: tuple[str, ...] = Field(min_length=1)
    swap_halves: bool = False

    def at(self, block: str) -> "Rows":
        """The same for one block."""
        targets = tuple(target.replace(BLOCK, block) for target in self.targets)
        return Rows.model_construct(targets=targets, swap_halves=self.swap_halves)


class _Named(Document):
    """A document with module names: `{block}` is a block's number, one target may be written without a list."""

    name: str = Field(pattern=r"^[a-z0-9_-]+$")
    description: str = Field(min_length=1)
    modules: dict[str, Rows] = {}
    also: dict[str, Rows] = {}

    @field_validator("modules", "also", mode="before")
    @classmethod
    def _listed(cls, modules: object) -> object:
        return {name: _rows(rows) for name, rows in modules.items()} if isinstance(modules, dict) else modules

    @model_validator(mode="after")
    def _check_modules(self) -> Self:
        named: dict[str, Rows] = {}
        for module, rows in (*self.modules.items(), *self.also.items()):
            if module.count(BLOCK) > 1 or any(target.count(BLOCK) != module.count(BLOCK) for target in rows.targets):
                raise ValueError(f"modules.{module}: {BLOCK} must stand once in it and in each target, or never")
            if len(set(rows.targets)) != len(rows.targets) or (rows.swap_halves and len(rows.targets) > 1):
                raise ValueError(f"modules.{module}: a target stands twice, or halves of a fused module change places")
            for target in rows.targets if module in self.modules else ():
                if named.setdefault(target, rows) != rows:
                    raise ValueError(f"modules.{module}: {target} is a target already, among others")
        return self


def _rows(value: object) -> object:
    """All the ways to write rows, as one; what is none of them is left for the fields to refuse."""
    match value:
        case str():
            return {"targets": (value,)}
        case list():
            return {"targets": tuple(value)}
        case {"targets": list(targets), **others}:
            return {"targets": tuple(targets), **others}
        case _:
            return value


class NameTable(_Named):
    """One file of `layers/`: the module names of one model in one code base.

    Attributes:
        variant: The model, as `load_shapes` knows it.
        source: The code base: repository, commit or version, file.
        conventions: Those that read it besides the ones that list it: for a family that brings its own tables.
        modules: A module's name there to the targets that its rows stand for.
        also: Further names that files of it have: of layers fused for training, and of other versions. They are read
            and never written.
        parts: A layer of a fused module may stand alone, under the module's name and its place in it.
    """

    variant: str = Field(min_length=1)
    source: str = Field(min_length=1)
    conventions: tuple[str, ...] = ()
    parts: bool = False

    @property
    def read(self) -> dict[str, Rows]:
        """Every name that files of it can have."""
        parts = {
            f"{module}.{place}": Rows(targets=(target,))
            for module, rows in (self.modules.items() if self.parts else ())
            for place, target in enumerate(rows.targets)
            if len(rows.targets) > 1
        }
        return {**self.modules, **self.also, **parts}


class IgnoredPrefix(Document):
    """Keys that are understood and knowingly left out.

    Attributes:
        prefix: What they begin with.
        reason: What reports count them under.
        is_embedding: They are embeddings of a word, which follows.
    """

    prefix: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    is_embedding: bool = False


class TextEncoder(Document):
    """Modules of a text encoder, in files that train it beside the transformer or alone.

    Attributes:
        prefix: What stands before the module's name.
        component: PEFT's name of the encoder.
        table: Of its module names.
        is_alone: Other names with this prefix are of this encoder too, or of another one that says so.
    """

    prefix: str = Field(min_length=1)
    component: str = Field(min_length=1)
    table: str = Field(min_length=1)
    is_alone: bool = True


class Convention(_Named):
    """One file of `conventions/`.

    Attributes:
        name, version: Stand in every report; the version grows with every change of meaning.
        description: What is particular about it.
        sources: Who writes such files: repository, commit, file.
        prefixes: What stands before the module's name.
        separator: What parts the words of a module's name, in place of the dots of the tables.
        component: PEFT's name of the part of the model that the modules belong to.
        tables: Names of the tables whose modules it has; the first whose targets the model has is meant.
        modules: Further ones, which no other convention has.
        suffixes: What its writers put behind the module's name and a dot, with the role of that tensor; those of every
            convention are read too.
        alpha: Where to look for alpha, in order.
        zero_alpha: What an alpha tensor of zero means: an update of zero, or the rank, where the trainer takes it for
            that when it loads a file.
        block_diagonal: Added to reports where fused modules are block-diagonal and alpha is not the rank.
        tiled: Who tiles the down matrices of fused modules in these names, and the mend.
        text_encoders: Those that such files change too, with the same separator and suffixes.
        before: Conventions that its own copy goes before where a whole file stands in both.
        ignored: Keys of parts that no model here has.
        refused: Further endings of keys that are no plain pair of matrices, with their kind.
    """

    version: int = Field(ge=1)
    sources: tuple[str, ...] = Field(min_length=1)
    prefixes: tuple[str, ...] = Field(min_length=1)
    separator: str = Field(min_length=1, max_length=1)
    component: str = Field(min_length=1)
    tables: tuple[str, ...] = ()
    suffixes: dict[str, str] = Field(min_length=1)
    alpha: tuple[AlphaSource, ...] = Field(min_length=1)
    zero_alpha: Literal["zero", "rank"] = "zero"
    block_diagonal: str = "alpha is divided by the whole stored rank, not by the rank of one block"
    tiled: str = "convert the original adapter again, without tiling"
    text_encoders: tuple[TextEncoder, ...] = ()
    before: tuple[str, ...] = ()
    ignored: tuple[IgnoredPrefix, ...] = ()
    refused: dict[str, str] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.tables and not self.modules:
            raise ValueError("modules: there are none, and no tables")
        if strange := sorted(set(self.suffixes.values()) - load_suffixes().roles):
            raise ValueError(f"suffixes: {', '.join(strange)} is the role of no tensor")
        if self.alpha[-1] is not AlphaSource.RANK:
            raise ValueError("alpha: the last source must be rank, which always has a value")
        if self.zero_alpha == "rank" and self.alpha[0] is not AlphaSource.TENSOR:
            raise ValueError("zero_alpha: it is about tensors, which must then be the first source of alpha")
        return self


class Suffixes(Document):
    """`suffixes.yaml`: what endings of keys mean in every convention.

    Attributes:
        suffixes: As in a convention.
        on_norms: Roles that are another one where the layer is a norm.
        transposed: Endings of matrices that are stored the other way round: (in, rank) and (rank, out).
        by_convention: Roles whose endings only conventions say.
        beside: Keys of no module, which stand beside those of any.
        refused: Endings of keys that cannot be applied, with what people call such updates.
    """

    suffixes: dict[str, str]
    on_norms: dict[str, str]
    transposed: tuple[str, ...]
    by_convention: tuple[str, ...]
    beside: tuple[IgnoredPrefix, ...]
    refused: dict[str, str]

    @cached_property
    def beside_prefixes(self) -> tuple[str, ...]:
        """Of `beside`."""
        return tuple(entry.prefix for entry in self.beside)

    @property
    def roles(self) -> frozenset[str]:
        """All that a tensor can be."""
        return frozenset({*Role, *self.suffixes.values(), *self.by_convention})


@cache
def load_conventions() -> Mapping[str, Convention]:
    """Every convention that is shipped, by name."""
    shipped = files("kilnmark.keymaps.names") / "conventions"
    return {convention.name: convention for convention in map(parse_convention, texts_of(shipped))}


@cache
def load_suffixes() -> Suffixes:
    """What the endings of keys mean that are the same in every convention."""
    return parse_document(Suffixes, (files("kilnmark.keymaps.names") / "suffixes.yaml").read_text(encoding="utf-8"))


def is_transposed(key: str) -> bool:
    """Whether the matrix of a pair with this name is stored as (in, rank) or (rank, out)."""
    return key.rpartition(".")[2] in load_suffixes().transposed


def parse_convention(text: str) -> Convention:
    """Read one YAML document.

    Raises:
        ValueError: It is not a convention; the message names the field.
        yaml.YAMLError: It is not YAML, or says a name twice.
    """
    return parse_document(Convention, text)


def parse_table(text: str) -> NameTable:
    """As `parse_convention`, for a table of module names."""
    return parse_document(NameTable, text)
