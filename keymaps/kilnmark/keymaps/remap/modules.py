"""Pieces joined into the modules of another convention: rows put together, rank added up, alpha kept or folded in.

What is done beyond moving bits is written down beside every module, so that the whole conversion can be told.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.names.keymap import Keymap
from kilnmark.keymaps.names.schema import Role, Rows
from kilnmark.keymaps.names.shapes import BLOCK, Shapes, block_count, is_norm
from kilnmark.keymaps.remap.bits import Stored, fold
from kilnmark.keymaps.remap.goal import Reader
from kilnmark.keymaps.remap.parts import joined, swapped
from kilnmark.keymaps.remap.pieces import Piece, Whole

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
        kind: Of its update.
        tensors: By role, rows in the convention's order; a down matrix tiled where the reader needs it.
        rank: Of the update, as alpha is divided by it; 0 where there is none.
        alpha: None writes none.
        changes: What was done to it.
        filled: Targets that get rows of zeros, because the file has nothing for them.
    """

    place: Place
    kind: str
    tensors: Mapping[str, Stored]
    rank: int
    alpha: float | None
    changes: frozenset[Change]
    filled: tuple[str, ...]


def places(
    keymap: Keymap, shapes: Shapes, reader: Reader | None, kept: Collection[tuple[str, ...]] = ()
) -> list[Place]:
    """The modules of a model that a convention can write, each target once.

    Args:
        keymap: The convention.
        shapes: The model's layers.
        reader: mflux knows no kohya name outside the transformer's blocks, and none of a norm.
        kept: Layers that one module of the file stands for together: where the convention has them together too, they
            stay so.
    """
    every = list(_every_place(keymap, shapes, reader))
    taken: set[str] = set()
    chosen: list[Place] = []
    for place in sorted(every, key=lambda place: len(place.rows.targets) == 1 or place.rows.targets not in kept):
        if taken.isdisjoint(place.rows.targets):
            taken.update(place.rows.targets)
            chosen.append(place)
    return chosen


def _every_place(keymap: Keymap, shapes: Shapes, reader: Reader | None) -> Iterator[Place]:
    """Those too that name the same layers in several ways."""
    own = ((keymap.convention.prefixes[0], pattern, choices) for pattern, choices in keymap.modules.items())
    encoders = (
        (encoder.prefix, pattern, choices)
        for encoder, modules in (() if reader else keymap.encoders)
        for pattern, choices in modules.items()
    )
    for prefix, pattern, choices in (*own, *encoders):
        blocks = BLOCK in pattern
        if keymap.convention.name == "kohya" and not blocks and (reader or not pattern.startswith(_KOHYA_INPUTS)):
            continue
        for rows in choices:
            count = min(block_count(shapes, each) if blocks else int(each in shapes) for each in rows.targets)
            if reader and count and is_norm(shapes[rows.at("0").targets[0]]):
                continue
            name = prefix + pattern
            yield from (Place(name.replace(BLOCK, str(n)), rows.at(str(n))) for n in range(count))


def join(
    place: Place, pieces: Mapping[str, Piece], shapes: Shapes, *, takes_alpha: bool, reader: Reader | None
) -> Joined | None:
    """The module of one place; None where the file has nothing for it.

    Args:
        place: Where the pieces go.
        pieces: Of the whole file, by target.
        shapes: The model's layers.
        takes_alpha: The convention has alpha tensors.
        reader: Whose habits count; None takes those of all that share the down matrix.

    Raises:
        ValueError: In words: No module of this place does what the pieces do.
        UnfitAdapter: Alpha cannot be folded in.
    """
    members = [pieces[target] for target in place.rows.targets if target in pieces]
    if not members:
        return None
    if len({piece.kind for piece in members}) > 1:
        raise ValueError("its layers are changed by different kinds of updates")
    scaled = _scaled(members, _put_together(place, pieces, shapes), takes_alpha=takes_alpha)
    tensors = scaled.tensors(place, pieces, shapes)
    changes = set(scaled.changes) | _grown(members, tensors)
    if any(_differs(piece, tensors) for piece in scaled.members):
        changes.add(Change.WIDENED)
    rank, kind = _rank(tensors), members[0].kind
    if reader and reader.tiled and len(place.rows.targets) > 1:
        down = tensors[Role.DOWN]
        tensors = {**tensors, Role.DOWN: Stored(down.dtype, np.tile(down.bits, (len(place.rows.targets), 1)))}
        changes.add(Change.TILED)
    written = scaled.alpha is not None or (takes_alpha and reader is not None and reader.needs_alpha)
    alpha = (float(rank) if scaled.alpha is None else scaled.alpha) if written else None
    filled = tuple(target for target in place.rows.targets if target not in pieces)
    return Joined(place, kind, tensors, rank, alpha, frozenset(changes), filled)


def _put_together(place: Place, pieces: Mapping[str, Piece], shapes: Shapes) -> Mapping[str, Stored]:
    """The tensors of a place: those of a module that has the same rows, or of its layers joined."""
    targets = place.rows.targets
    members = [pieces.get(target) for target in targets]
    present = [piece for piece in members if piece is not None]
    whole = present[0].whole
    if len(targets) > 1 and whole.targets == targets and all(piece.whole is whole for piece in present):
        return whole.tensors
    if trouble := next((piece.trouble for piece in present if piece.trouble), ""):
        raise ValueError(trouble)
    if len(targets) == 1:
        return swapped(present[0].tensors) if place.rows.swap_halves else present[0].tensors
    rows = [shapes[target][0] for target in targets]
    parts = [None if piece is None else piece.tensors for piece in members]
    return joined(present[0].kind, list(zip(rows, parts, strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class _Scaled:
    """Pieces with what was done to their multipliers, and the alpha that goes with them; None for alpha = rank, which
    need not be written.
    """

    members: Sequence[Piece]
    alpha: float | None
    changes: frozenset[Change]

    def tensors(self, place: Place, pieces: Mapping[str, Piece], shapes: Shapes) -> Mapping[str, Stored]:
        """Of the place."""
        return _put_together(place, {**pieces, **{piece.target: piece for piece in self.members}}, shapes)


def _scaled(members: Sequence[Piece], tensors: Mapping[str, Stored], *, takes_alpha: bool) -> _Scaled:
    multipliers, rank = {piece.multiplier for piece in members}, _rank(tensors)
    if multipliers == {1.0}:
        said = takes_alpha and rank and any(piece.has_alpha for piece in members)
        return _Scaled(members, float(rank) if said else None, frozenset())
    if takes_alpha and len(multipliers) == 1 and rank and (alpha := _alpha(multipliers.pop(), rank)) is not None:
        return _Scaled(members, alpha, frozenset())
    changes: set[Change] = {Change.FOLDED}
    wholes: dict[int, Whole] = {}
    folded: list[Piece] = []
    for piece in members:
        own, rounded = _folded(piece, piece.tensors)
        if id(piece.whole) not in wholes:
            wholes[id(piece.whole)] = Whole(piece.whole.targets, _folded(piece, piece.whole.tensors)[0])
        folded.append(replace(piece, tensors=own, whole=wholes[id(piece.whole)], multiplier=1.0))
        changes |= {Change.ROUNDED} if rounded else set()
        changes |= {Change.WIDENED} if _differs(piece, own) else set()
    return _Scaled(folded, None, frozenset(changes))


_RANKED = (Role.DOWN, "hada_w1_b", "lokr_w1_b", "lokr_w2_b")
"""The roles whose rows are the rank that alpha is divided by, the first of them that is there."""
_FOLDED_INTO = (Role.UP, "hada_w1_a", "lokr_w1_a", "lokr_w1")


def _rank(tensors: Mapping[str, Stored]) -> int:
    return next((tensors[role].shape[0] for role in _RANKED if role in tensors), 0)


def _differs(piece: Piece, tensors: Mapping[str, Stored]) -> bool:
    return any(tensors[role].dtype != tensor.dtype for role, tensor in piece.tensors.items() if role in tensors)


def _grown(members: Sequence[Piece], tensors: Mapping[str, Stored]) -> set[Change]:
    more = any(_rank(tensors) > _rank(piece.whole.tensors) for piece in members)
    return {Change.GROWN} if more else set()


def _alpha(multiplier: float, rank: int) -> float | None:
    """The alpha that a reader divides by the rank to get the multiplier; None where F32 has no such number."""
    alpha = float(np.float32(multiplier * rank))
    return alpha if alpha / rank == multiplier else None


def _folded(piece: Piece, tensors: Mapping[str, Stored]) -> tuple[Mapping[str, Stored], bool]:
    role = next((role for role in _FOLDED_INTO if role in tensors), None)
    if role is None:
        return tensors, False
    try:
        product, rounded = fold(tensors[role], piece.multiplier)
    except OverflowError as error:
        problem = f"alpha makes a factor of {piece.multiplier:g}, which takes it beyond the range of float32"
        raise UnfitAdapter(
            piece.path, problem, "keep the file in a convention that has alpha", key=piece.key
        ) from error
    return {**tensors, role: product}, rounded
