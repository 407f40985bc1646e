"""What a panel and a dashboard are, before any program that draws them. No query is written here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Board", "Panel", "Query", "Section", "Unit"]

Unit = Literal["s", "bytes", "percentunit", "short", "per second", "per minute"]
"""Of the values that are shown; the last two are rates."""


@dataclass(frozen=True)
class Query:
    """One line of a panel, or some.

    Attributes:
        called: What the legend says; labels stand in double braces.
    """

    expr: str
    called: str


@dataclass(frozen=True)
class Panel:
    """Something to look at.

    Attributes:
        tells: What it shows, for whoever does not know.
        form: Lines over time; a number, the latest; a number that is red where it is more than none.
    """

    title: str
    tells: str
    unit: Unit
    queries: tuple[Query, ...]
    form: Literal["lines", "number", "alarm"] = "lines"
    stacked: bool = False


@dataclass(frozen=True)
class Section:
    """Panels that belong together."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Board:
    """One dashboard.

    Attributes:
        file: Its name without an ending, and what its address in Grafana ends with.
    """

    file: str
    title: str
    tells: str
    sections: Sequence[Section]

    @property
    def panels(self) -> Sequence[Panel]:
        """All of them."""
        return [panel for section in self.sections for panel in section.panels]
