"""What a file holds, cut into one piece a target, and what of it a conversion would lose.

A piece is a target's share of a pair of matrices, still in the file's own bits.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from kilnmark.keymaps.adapter import Adapter, adapter_of
from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.copies import Module
from kilnmark.keymaps.names.schema import Role, is_transposed
from kilnmark.keymaps.names.shapes import Shapes, load_shapes, painters
from kilnmark.keymaps.names.sorting import Sorting, sort_keys
from kilnmark.keymaps.remap.bits import Stored, stored
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.made import names_of

__all__ = ["Piece", "Source", "listed", "read_source", "swapped"]

_PLAIN = {Role.DOWN, Role.UP, Role.ALPHA}
_SHOWN = 20
_NOT_WHOLE = "a remapped file would not have them, so take them out first, or use the file as it is"


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What a file says of one target.

    Attributes:
        target: Module path in mflux.
        down: (rank, in); the targets of a fused module share one.
        up: (out, rank), rows in mflux's order.
        multiplier: alpha / rank, or what the convention puts in its place.
        has_alpha: Its module has an alpha tensor.
        path: Of the file, for errors.
        key: Name of its up matrix in the file.
    """

    target: str
    down: Stored
    up: Stored
    multiplier: float
    has_alpha: bool
    path: str
    key: str

    @property
    def rank(self) -> int:
        """Rows of `down`, columns of `up`."""
        return self.down.shape[0]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A file that can be converted.

    Attributes:
        adapter: As it is read for the model.
        variant: The model that it is made for.
        shapes: That model's linear layers.
        pieces: By target.
        zero_alphas: Modules whose alpha of zero stands for the rank.
        zeros: Tensors of nothing but zeros that are left out.
    """

    adapter: Adapter
    variant: str
    shapes: Shapes
    pieces: Mapping[str, Piece]
    zero_alphas: int
    zeros: int


def read_source(file: AdapterFile) -> Source:
    """Find the model that a file is made for, and cut the file into pieces.

    Raises:
        UnfitAdapter: A part of it cannot be applied exactly, or would be lost.
    """
    variant, sorting, adapter = _fitting(file)
    zeros = adapter.zero_keys | _zero_biases(file, sorting)
    modules = _without(sorting.modules, zeros)
    _check_whole(file, sorting, modules)
    if adapter.belied:
        raise UnfitAdapter(file.path, adapter.belied, _NOT_WHOLE)
    shapes = load_shapes(variant)
    multipliers = Multipliers(file, modules)
    pieces = {piece.target: piece for module in modules for piece in _cut(file, module, shapes, multipliers)}
    return Source(adapter, variant, shapes, pieces, sum(map(multipliers.is_zero_for_rank, modules)), len(zeros))


def _zero_biases(file: AdapterFile, sorting: Sorting) -> set[str]:
    """Changes of biases that are none, beside the pairs of their modules."""
    biases = (module.keys[Role.DIFF_B] for module in sorting.modules if Role.DIFF_B in module.keys)
    return {key for key in biases if not file.array(key).any()}


def _without(modules: Sequence[Module], zeros: Collection[str]) -> list[Module]:
    """Modules of the tensors that are left."""
    kept = ({role: key for role, key in module.keys.items() if key not in zeros} for module in modules)
    return [replace(module, keys=keys) for module, keys in zip(modules, kept, strict=True) if keys]


def _fitting(file: AdapterFile) -> tuple[str, Sorting, Adapter]:
    """The first model that has every layer of the file at its width, and that the file does not say it is not for."""
    belied: list[tuple[str, Sorting, Adapter]] = []
    refusals: list[UnfitAdapter] = []
    incomplete: list[tuple[int, str]] = []
    for variant in painters():
        shapes = load_shapes(variant)
        try:
            sorting = sort_keys(file.path, tuple(file.tensors), shapes)
            if len(sorting.unmatched) == len(sorting.of_encoders):
                adapter = adapter_of(file, shapes)
                if not adapter.unmatched_keys and not adapter.belied:
                    return variant, sorting, adapter
                if not adapter.unmatched_keys:
                    belied.append((variant, sorting, adapter))
                    continue
            incomplete.append((len(sorting.unmatched), variant))
        except UnfitAdapter as error:
            refusals.append(error)
    if belied:
        return belied[0]
    if refusals:
        raise refusals[0]
    raise _unknown(file, min(incomplete, key=lambda found: found[0])[1])


def _unknown(file: AdapterFile, variant: str) -> UnfitAdapter:
    """Why the nearest model does not take the file: what is wrong with a known key says more than an unknown one."""
    try:
        unmatched = adapter_of(file, load_shapes(variant)).unmatched_keys
    except UnfitAdapter as error:
        return error
    problem = f"{len(unmatched)} of {len(file.tensors)} keys are unknown: {listed(unmatched)}"
    return UnfitAdapter(file.path, problem, _NOT_WHOLE)


def _check_whole(file: AdapterFile, sorting: Sorting, modules: Sequence[Module]) -> None:
    if sorting.ignored:
        reasons = ", ".join(f"{count} ({reason})" for reason, count in sorting.ignored.items())
        taken = {key for module in sorting.modules for key in module.keys.values()}
        names = [key for key in file.tensors if key not in taken]
        problem = f"{reasons} of {len(file.tensors)} keys are no part of its updates: {listed(names)}"
        raise UnfitAdapter(file.path, problem, _NOT_WHOLE)
    beyond = [key for module in modules for role, key in module.keys.items() if role not in _PLAIN]
    if beyond:
        kinds = {name for module in modules for name in names_of(module.keys)} - {"lora"}
        which = f"{len(beyond)} of {len(file.tensors)} keys: {', '.join(sorted(kinds))}"
        problem = f"is more than a pair of matrices ({which}), and only pairs are converted"
        raise UnfitAdapter(file.path, problem, "use the file as it is, or export it as plain LoRA", key=beyond[0])
    if not modules:
        raise UnfitAdapter(file.path, "holds no update", "give an adapter that changes layers of the transformer")


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(map(shorten, names[:_SHOWN])) + (f" and {more} more" if more > 0 else "")


def _cut(file: AdapterFile, module: Module, shapes: Shapes, multipliers: Multipliers) -> Iterator[Piece]:
    keys = [module.keys[role] for role in (Role.DOWN, Role.UP)]
    down, up = (stored(file, key, transposed=is_transposed(key)) for key in keys)
    if module.rows.swap_halves:
        up = swapped(up)
    multiplier = multipliers.of(module, down.shape[0])
    ends = list(accumulate(shapes[target][0] for target in module.targets))
    for target, begin, end in zip(module.targets, [0, *ends], ends, strict=False):
        part = Stored(up.dtype, up.bits[begin:end])
        yield Piece(target, down, part, multiplier, Role.ALPHA in module.keys, file.path, module.keys[Role.UP])


def swapped(matrix: Stored) -> Stored:
    """The second half of the rows before the first."""
    half = matrix.shape[0] // 2
    return Stored(matrix.dtype, np.concatenate([matrix.bits[half:], matrix.bits[:half]]))
