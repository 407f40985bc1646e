"""Pieces joined into the modules of another convention: rows put together, rank added up, alpha kept or folded in.

What is done beyond moving bits is written down beside every module, so that the whole conversion can be told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

import numpy as np

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.names.keymap import Keymap
from kilnmark.keymaps.names.schema import Rows
from kilnmark.keymaps.names.shapes import BLOCK, Shapes, block_count, is_norm
from kilnmark.keymaps.remap.bits import Stored, common_dtype, fold, placed, stacked
from kilnmark.keymaps.remap.goal import Reader
from kilnmark.keymaps.remap.pieces import Piece, swapped

__all__ = ["Change", "Joined", "Place", "join", "places"]

_KOHYA_INPUTS = ("img_in", "txt_in", "time_in", "vector_in", "guidance_in")
"""sd-scripts trains these besides the blocks (`in_dims`), and no others: `networks/lora_flux.py`, commit 48d368fa."""


class Change(StrEnum):
    """What happened to a module beyond its names, transposes and rows."""

    FOLDED = "folded"
    ROUNDED = "rounded"
    WIDENED = "widened"
    GROWN = "grown"
    TILED = "tiled"


@dataclass(frozen=True, slots=True)
class Place:
    """A module that a convention has: its name with prefix, and the targets of its rows."""

    name: str
    rows: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """One module as it will be written.

    Attributes:
        place: Where it belongs.
        down: (rank, in), tiled where the reader needs it.
        up: (out, rank).
        rank: Of the update.
        alpha: None writes none.
        changes: What was done to it.
        filled: Targets that get rows of zeros, because the file has nothing for them.
    """

    place: Place
    down: Stored
    up: Stored
    rank: int
    alpha: float | None
    changes: frozenset[Change]
    filled: tuple[str, ...]


def places(keymap: Keymap, shapes: Shapes, reader: Reader | None) -> Iterator[Place]:
    """Every module of a model that a convention can write, each target once.

    Args:
        keymap: The convention.
        shapes: The model's linear layers.
        reader: mflux knows no kohya name outside the transformer's blocks.
    """
    own = ((keymap.convention.prefixes[0], pattern, choices) for pattern, choices in keymap.modules.items())
    encoders = (
        (encoder.prefix, pattern, choices)
        for encoder, modules in (() if reader else keymap.encoders)
        for pattern, choices in modules.items()
    )
    taken: set[str] = set()
    for prefix, pattern, choices in (*own, *encoders):
        blocks = BLOCK in pattern
        if keymap.convention.name == "kohya" and not blocks and (reader or not pattern.startswith(_KOHYA_INPUTS)):
            continue
        for rows in choices:
            count = block_count(shapes, rows.targets[0]) if blocks else int(rows.targets[0] in shapes)
            if count and is_norm(shapes[rows.at("0").targets[0]]):
                break
            if count and taken.isdisjoint(rows.targets):
                taken.update(rows.targets)
                name = prefix + pattern
                yield from (Place(name.replace(BLOCK, str(n)), rows.at(str(n))) for n in range(count))
                break


def join(
    place: Place, pieces: Mapping[str, Piece], shapes: Shapes, *, takes_alpha: bool, reader: Reader | None
) -> Joined | None:
    """The module of one place; None where the file has nothing for it.

    Args:
        place: Where the pieces go.
        pieces: Of the whole file, by target.
        shapes: The model's linear layers.
        takes_alpha: The convention has alpha tensors.
        reader: Whose habits count; None takes those of all that share the down matrix.

    Raises:
        UnfitAdapter: Alpha cannot be folded in.
    """
    members = [pieces[target] for target in place.rows.targets if target in pieces]
    if not members:
        return None
    downs = _different([piece.down for piece in members])
    rank = sum(down.shape[0] for down in downs)
    scaled = _scaled(members, rank, takes_alpha=takes_alpha)
    up = _up(place, shapes, scaled.ups, [_column(piece, downs) for piece in members], rank)
    down = downs[0] if len(downs) == 1 else stacked(downs)
    changes = set(scaled.changes) | ({Change.GROWN} if len(downs) > 1 else set())
    if any(part.dtype != down.dtype for part in downs) or any(part.dtype != up.dtype for part in scaled.ups.values()):
        changes.add(Change.WIDENED)
    if reader and reader.tiled and len(place.rows.targets) > 1:
        down = Stored(down.dtype, np.tile(down.bits, (len(place.rows.targets), 1)))
        changes.add(Change.TILED)
    written = scaled.alpha is not None or (takes_alpha and reader is not None and reader.needs_alpha)
    alpha = (rank if scaled.alpha is None else scaled.alpha) if written else None
    return Joined(
        place, down, up, rank, alpha, frozenset(changes), tuple(t for t in place.rows.targets if t not in pieces)
    )


def _different(downs: Sequence[Stored]) -> list[Stored]:
    """Each matrix once: q, k and v often share theirs."""
    found: list[Stored] = []
    for down in downs:
        if not any(down.same_as(other) for other in found):
            found.append(down)
    return found


def _column(piece: Piece, downs: Sequence[Stored]) -> int:
    """Where the rank of a piece begins in that of the module."""
    begin = 0
    for down in downs:
        if piece.down.same_as(down):
            break
        begin += down.shape[0]
    return begin


@dataclass(frozen=True, slots=True, eq=False)
class _Scaled:
    """Up matrices by target and the alpha that goes with them; None for alpha = rank, which need not be written."""

    ups: Mapping[str, Stored]
    alpha: float | None
    changes: frozenset[Change]


def _scaled(members: Sequence[Piece], rank: int, *, takes_alpha: bool) -> _Scaled:
    multipliers = {piece.multiplier for piece in members}
    ups = {piece.target: piece.up for piece in members}
    if multipliers == {1.0}:
        said = takes_alpha and any(piece.has_alpha for piece in members)
        return _Scaled(ups, float(rank) if said else None, frozenset())
    if takes_alpha and len(multipliers) == 1 and (alpha := _alpha(multipliers.pop(), rank)) is not None:
        return _Scaled(ups, alpha, frozenset())
    changes: set[Change] = {Change.FOLDED}
    for piece in members:
        ups[piece.target], rounded = _folded(piece)
        changes |= {Change.ROUNDED} if rounded else set()
        changes |= {Change.WIDENED} if ups[piece.target].dtype != piece.up.dtype else set()
    return _Scaled(ups, None, frozenset(changes))


def _alpha(multiplier: float, rank: int) -> float | None:
    """The alpha that a reader divides by the rank to get the multiplier; None where F32 has no such number."""
    alpha = float(np.float32(multiplier * rank))
    return alpha if alpha / rank == multiplier else None


def _folded(piece: Piece) -> tuple[Stored, bool]:
    try:
        return fold(piece.up, piece.multiplier)
    except OverflowError as error:
        problem = f"alpha makes a factor of {piece.multiplier:g}, which takes it beyond the range of float32"
        raise UnfitAdapter(
            piece.path, problem, "keep the file in a convention that has alpha", key=piece.key
        ) from error


def _up(place: Place, shapes: Shapes, ups: Mapping[str, Stored], columns: Sequence[int], rank: int) -> Stored:
    """The rows of every target at its share of the rank; zeros elsewhere."""
    targets = place.rows.targets
    heights = [shapes[target][0] for target in targets]
    begins = dict(zip(targets, [0, *accumulate(heights)], strict=False))
    parts = [(up, begins[target], column) for (target, up), column in zip(ups.items(), columns, strict=True)]
    whole = placed((sum(heights), rank), parts, common_dtype(ups.values()))
    return swapped(whole) if place.rows.swap_halves else whole
