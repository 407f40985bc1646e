"""The bases that requests may name: what each is called, and what is known of it.

A base that is given as a directory is told by what it is: its headers are read once, when the daemon starts, and again
where they could not be used then. Whether it can be held is for the worker to find out.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from kilnmark.keymaps.files.weights import WeightsProblem, read_weights
from kilnmark.protocol.content.problems import near_miss
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams

__all__ = ["Served"]

_log = logging.getLogger(__name__)


class Served:
    """The bases of one daemon.

    Args:
        settings: What it may hold.

    Attributes:
        settings: As given.
        places: Where each is, by name.
        default: The one that it was started with.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.places: Mapping[str, str] = settings.variants
        self.default = settings.variant
        self._rows: dict[str, Variant] = {}
        for name in self.places:
            try:
                self.row_of(name)
            except WeightsProblem as problem:
                _log.warning("the base %s cannot be used: %s", name, problem)

    def named(self, asked: str | None) -> str:
        """The base asked for; the one the daemon was started with when none was.

        Raises:
            InvalidParams: This daemon must not hold it.
        """
        if asked is None:
            return self.default
        if asked in self.places:
            return asked
        served = ", ".join(repr(name) for name in self.places)
        if asked in VARIANTS:
            raise InvalidParams(
                f"this daemon serves {served} - at `$.params.variant`; start one with "
                f"`kilnmark serve --variant {asked}`, or with `--base {asked}` beside its other bases"
            )
        if meant := near_miss(asked, self.places):
            raise InvalidParams(f"{asked!r} is no known variant - at `$.params.variant`; did you mean {meant!r}?")
        raise InvalidParams(
            f"{asked!r} is no known variant - at `$.params.variant`; this daemon serves {served}, "
            f"known are {', '.join(VARIANTS)}"
        )

    def row_of(self, name: str) -> Variant:
        """What is known of a base: the row of that name, else of what is in its place.

        Raises:
            WeightsProblem: Its directory is no whole base of a known family.
        """
        place = self.places[name]
        row = VARIANTS.get(name) or VARIANTS.get(place) or self._rows.get(name)
        if row is None:
            row = self._rows[name] = read_weights(Path(place)).variant
        return row

    @property
    def counts_as(self) -> Mapping[str, str]:
        """The variant of every base whose own name is none; one whose directory could not be told is left out."""
        others = {name: VARIANTS.get(place) or self._rows.get(name) for name, place in self.places.items()}
        return {name: row.name for name, row in others.items() if row is not None and name not in VARIANTS}
