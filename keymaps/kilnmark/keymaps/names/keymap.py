"""One convention with the modules of its tables: what it has a name for, and what it leaves out.

What a key means by all of them at once is `index`'s part.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple, Self

from kilnmark.keymaps.names.meaning import Ignored, OfEncoder, Refused
from kilnmark.keymaps.names.schema import Convention, Rows, TextEncoder, load_conventions, load_suffixes
from kilnmark.keymaps.names.shapes import encoder_of
from kilnmark.keymaps.names.tables import load_tables, tables_of

__all__ = ["Keymap", "load_keymaps"]


class Keymap:
    """A convention with the modules of its tables.

    Attributes:
        convention: As it is written.
        modules: A module's name, without prefix and in the convention's own separators, to its choices; as it is
            written.
        read: The same of every name that is read.
        encoders: Every text encoder with its modules.
    """

    def __init__(self, convention: Convention) -> None:
        self.convention = convention
        tables = tables_of(convention)
        self.modules = _spelled([*(table.modules for table in tables), convention.modules], convention.separator)
        self.read = _spelled(
            [*(table.read for table in tables), convention.modules, convention.also], convention.separator
        )
        self.encoders: Sequence[tuple[TextEncoder, Mapping[str, tuple[Rows, ...]]]] = [
            (encoder, _spelled([load_tables()[encoder.table].modules], convention.separator))
            for encoder in convention.text_encoders
        ]
        self._claims = [_EncoderNames.of(encoder, modules, convention.separator) for encoder, modules in self.encoders]
        refused = {**load_suffixes().refused, **convention.refused}
        self._endings = {f".{ending}": kind for ending, kind in refused.items()}

    def aside(self, key: str) -> Ignored | Refused | OfEncoder | None:
        """What a key means here that is part of no update that can be applied."""
        for entry in self.convention.ignored:
            if key.startswith(entry.prefix):
                return Ignored(entry.reason)
        encoders = self._encoders(key)
        if encoders or key.startswith(self.convention.prefixes):
            for ending, kind in self._endings.items():
                if key.endswith(ending):
                    return Refused(kind, encoders)
        return OfEncoder(encoders) if encoders else None

    def _encoders(self, key: str) -> tuple[str, ...]:
        """The text encoders that a name can be of: those whose names begin like it, else those with its prefix."""
        like = [claim.root for claim in self._claims if key.startswith(claim.beginnings)]
        others = (claim.root for claim in self._claims if claim.is_alone and key.startswith(claim.prefix))
        return tuple(dict.fromkeys(like or others))


class _EncoderNames(NamedTuple):
    """What is of a text encoder: `beginnings` are its prefix with the first words of its modules."""

    root: str
    prefix: str
    beginnings: tuple[str, ...]
    is_alone: bool

    @classmethod
    def of(cls, encoder: TextEncoder, modules: Mapping[str, tuple[Rows, ...]], separator: str) -> Self:
        """Of one, whose modules have these names."""
        words = dict.fromkeys(name.partition(separator)[0] for name in modules)
        root = encoder_of(next(iter(modules.values()))[0].targets[0])
        beginnings = tuple(f"{encoder.prefix}{word}{separator}" for word in words)
        return cls(root, encoder.prefix, beginnings, encoder.is_alone)


def _spelled(tables: Iterable[Mapping[str, Rows]], separator: str) -> Mapping[str, tuple[Rows, ...]]:
    found: dict[str, list[Rows]] = defaultdict(list)
    for modules in tables:
        for name, rows in modules.items():
            choices = found[name.replace(".", separator)]
            if rows not in choices:
                choices.append(rows)
    return {name: tuple(choices) for name, choices in found.items()}


@cache
def load_keymaps() -> Mapping[str, Keymap]:
    """Every convention that is shipped, by name."""
    return {name: Keymap(convention) for name, convention in load_conventions().items()}
