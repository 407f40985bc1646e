"""The bars that a checkpoint has to pass to be picked: data of the package, with a run's own bounds over it."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import msgspec

from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.run.plan import PLAN, LoraKind
from kilnmark.lab.sweep.rows import SweepRow

__all__ = ["SweepBar", "SweepBars", "read_bars"]

_FILE: Final = "bars.toml"
_SHARES: Final = ("too_near", "most_of_the_way")
"""What is no bar of one number."""


class SweepBar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One bar.

    Attributes:
        says: What the number is, in words.
        least, most: Its bounds; None: there is none on that side.
        needs: What has to be there for it to be measured; empty: it is held to nothing where it cannot be.
    """

    says: str
    least: float | None = None
    most: float | None = None
    needs: str = ""

    def __str__(self) -> str:
        bounds = [f"at least {self.least:g}" if self.least is not None else ""]
        bounds += [f"at most {self.most:g}" if self.most is not None else ""]
        return " and ".join(filter(None, bounds))

    def is_passed(self, value: float) -> bool:
        """Whether a number lies within the bounds."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


class SweepBars(msgspec.Struct, frozen=True, kw_only=True):
    """All bars of one kind of adapter.

    Attributes:
        version: Of the data, with `+` where the run has bounds of its own.
        too_near: Share of the training pictures' distance from each other, below which a picture counts as one of them.
        most_of_the_way: Share of what the furthest passing row has learnt, below which another one is early.
        bars: By the number of `SweepRow` that each is held to.
    """

    version: str
    too_near: float
    most_of_the_way: float
    bars: dict[str, SweepBar]

    def missed(self, row: SweepRow) -> tuple[str, ...]:
        """What a row misses, in words with its number and the bound; none where it passes every bar."""
        told = [f"{row.painted} of {row.cells} cells are painted"] if row.painted < row.cells else []
        for name, bar in self.bars.items():
            value: float | None = getattr(row, name)
            if value is not None and not bar.is_passed(value):
                told.append(f"{bar.says}: {value:.3g}, to be {bar}")
            elif value is None and bar.needs:
                told.append(f"{bar.says}: not measured, for want of {bar.needs}")
        return tuple(told)

    def passed(self, row: SweepRow) -> tuple[str, ...]:
        """What a row passes, alike."""
        values = [(bar, getattr(row, name)) for name, bar in self.bars.items()]
        return tuple(
            f"{bar.says} {value:.3g} ({bar})" for bar, value in values if value is not None and bar.is_passed(value)
        )

    def unmeasured(self, row: SweepRow) -> tuple[str, ...]:
        """What a row is not held to, since it could not be measured."""
        return tuple(bar.says for name, bar in self.bars.items() if getattr(row, name) is None and not bar.needs)


def read_bars(kind: LoraKind, own: Mapping[str, float] | None = None) -> SweepBars:
    """The bars of a kind.

    Args:
        kind: What the adapter is to teach.
        own: A run's own bounds by the number's name, in place of the bound that each bar has.

    Raises:
        RunUnusable: There is no such bar.
    """
    document = tomllib.loads((files("kilnmark.lab.sweep") / _FILE).read_text(encoding="utf-8"))
    bars = msgspec.convert(document[kind], dict[str, SweepBar])
    shares = {name: float(document[name]) for name in _SHARES}
    for name, bound in (own or {}).items():
        if name in shares:
            shares[name] = bound
        elif name in bars:
            side = "least" if bars[name].least is not None else "most"
            bars[name] = msgspec.structs.replace(bars[name], **{side: bound})
        else:
            known = ", ".join([*_SHARES, *bars])
            raise RunUnusable(PLAN, f"sweep.bars.{name} is no bar of a {kind}", f"give one of {known}")
    return SweepBars(version=f"{document['version']}{'+' if own else ''}", bars=bars, **shares)
