"""What a judgement is held to: bars as data, each with its version.

The presets lie beside, in `bars.toml`; a run can have a file of its own in the same form. What is made of them is
`verdict`'s part.
"""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from kilnmark.lab.judging.errors import JudgeUnusable

__all__ = ["Bars", "check_bars", "read_bars"]

Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Bars(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a judgement is held to; all by the names of axes.

    Attributes:
        name: Of the bars.
        version: Counted up with every change.
        why: The reason for them.
        cell: A cell passes an axis from this score on.
        over: Of all cells at least this share has to pass an axis.
        floor: No cell may be below this score.
    """

    name: str
    version: int
    why: str
    cell: Mapping[str, Unit]
    over: Mapping[str, Unit]
    floor: Mapping[str, Unit] = {}

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def read_bars(name: str, own: Path | None = None) -> Bars:
    """The bars of a name.

    Args:
        name: A preset's, or one of the file's.
        own: A file of the run's, whose bars go before the presets; None: there is none.

    Raises:
        JudgeUnusable: There are no such bars, or they cannot be meant.
    """
    known = _read(Path(__file__).with_name("bars.toml")) | ({} if own is None else _read(own))
    if name not in known:
        raise JudgeUnusable("judge.bars", f"there are no bars {name!r}", f"name one of {', '.join(known)}")
    return known[name]


def _read(path: Path) -> dict[str, Bars]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
        return {name: msgspec.convert({"name": name, **entry}, Bars) for name, entry in document.items()}
    except (OSError, ValueError, TypeError) as error:  # msgspec's own is a ValueError
        raise JudgeUnusable("judge.bars_file", f"{path}: {error}", "mend the file, as `bars.toml` has it") from error


def check_bars(bars: Bars, scored: Collection[str]) -> None:
    """See that bars ask for what is scored.

    Args:
        bars: The bars.
        scored: The names of the axes that the judge scores.

    Raises:
        JudgeUnusable: They name an axis that is not scored, or a share of cells without a score to pass.
    """
    for name in sorted({*bars.cell, *bars.over, *bars.floor}):
        if name not in scored:
            mend = "take other bars, another judge, or bars of the run's own (bars_file)"
            raise JudgeUnusable("judge.bars", f"{bars} want {name}, which this judge does not score", mend)
    for name in bars.over:
        if name not in bars.cell:
            raise JudgeUnusable("judge.bars", f"{bars} want a share of cells to pass {name}", "say what passes (cell)")
