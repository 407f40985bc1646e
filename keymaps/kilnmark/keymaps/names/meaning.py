"""What a key can mean: a tensor of a module, or one that is left out, cannot be applied, or is of a text encoder."""

from dataclasses import dataclass
from typing import NamedTuple

from kilnmark.keymaps.names.schema import Rows

__all__ = ["Ignored", "Meaning", "Named", "OfEncoder", "Refused"]


class Named(NamedTuple):
    """A key that a convention has a meaning for; a tuple, because one is made for every key of every file.

    Attributes:
        component: PEFT's name of the part that the module belongs to.
        inner: The module's name inside that part.
        role: What the tensor is to the module.
        is_own: The key ends as the convention's own writers end it.
        choices: What the module's rows stand for, one choice for every model that has such a module.
        encoder: The text encoder that the module belongs to; empty for the transformer.
        adapter: PEFT's name of the adapter, where the key has one.
    """

    component: str
    inner: str
    role: str
    is_own: bool
    choices: tuple[Rows, ...]
    encoder: str
    adapter: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A key that a convention knows and leaves out."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A key of an update that cannot be applied.

    Attributes:
        kind: What people call such updates.
        encoders: The text encoders that its module can be of; none for the transformer.
    """

    kind: str
    encoders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfEncoder:
    """A key of a text encoder of which no more is known.

    Attributes:
        encoders: Those that it can be of.
    """

    encoders: tuple[str, ...]


Meaning = Named | Ignored | Refused | OfEncoder
