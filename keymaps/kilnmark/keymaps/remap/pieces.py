"""What a file holds, cut into one piece a target, and what of it a conversion would lose.

A piece is a target's share of a module's tensors, still in the file's own bits; biases of all kinds are one change of
the layer's bias.
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
from kilnmark.keymaps.names.sorting import TEXT_ENCODER, UNREAD, Sorting, sort_keys
from kilnmark.keymaps.remap.bits import Stored, as_numbers, stored
from kilnmark.keymaps.remap.parts import part_of, swapped
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.biases import BIASES
from kilnmark.keymaps.updates.made import kind_of
from kilnmark.keymaps.updates.update import AnyUpdate, WeightUpdate

__all__ = ["Piece", "Source", "Whole", "listed", "read_source"]

_SHOWN = 20
_NOT_WHOLE = "a remapped file would not have them, so take them out first, or use the file as it is"
_NOT_TOLD = "a remapped file would no longer say so, so mend the file itself first"
_TURNED = frozenset({Role.DOWN, Role.UP})
_BLOCKS = "oft_blocks"
_BOUNDED = frozenset({_BLOCKS})
"""Roles beside which alpha is a bound, and no multiplier."""
_PARTS = tuple(f"{_BLOCKS}_{place}" for place in range(4))


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A module of a file.

    Attributes:
        targets: In row order.
        tensors: By role, alpha left out where it is a multiplier or means nothing.
    """

    targets: tuple[str, ...]
    tensors: Mapping[str, Stored]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What a file says of one target.

    Attributes:
        target: Module path in mflux.
        kind: Of its update.
        tensors: By role, rows in mflux's order; of a pair the targets of a fused module share the down matrix.
        multiplier: alpha / rank, or what the convention puts in its place.
        has_alpha: Its alpha is said somewhere.
        path: Of the file, for errors.
        key: Name of its module's last tensor in the file.
        whole: The module that it is a part of.
        trouble: Why its tensors could not be parted from the others'; they are empty then.
    """

    target: str
    kind: str
    tensors: Mapping[str, Stored]
    multiplier: float
    has_alpha: bool
    path: str
    key: str
    whole: Whole
    trouble: str = ""

    @property
    def is_plain(self) -> bool:
        """A pair of matrices and nothing else."""
        return set(self.whole.tensors) == {Role.DOWN, Role.UP}

    @property
    def rank(self) -> int:
        """Rows of a pair's down matrix; 0 for other kinds."""
        down = self.whole.tensors.get(Role.DOWN)
        return 0 if down is None else down.shape[0]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A file that can be converted.

    Attributes:
        adapter: As it is read for the model.
        variant: The model that it is made for.
        shapes: That model's layers.
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
        UnfitAdapter: A part of it cannot be applied exactly, or nobody knows what it is.
    """
    variant, sorting, adapter = _fitting(file)
    if not adapter.updates:
        raise UnfitAdapter(file.path, "holds no update", "give an adapter that changes layers of the transformer")
    if adapter.belied:
        raise UnfitAdapter(file.path, adapter.belied, _NOT_TOLD)
    shapes = load_shapes(variant)
    updates = {update.target: update for update in adapter.updates}
    zeros = adapter.zero_keys | _zero_biases(file, sorting)
    modules = _without(sorting.modules, zeros)
    multipliers = Multipliers(file, modules)
    said = bool(multipliers.said.sources)
    cut = (piece for module in modules for piece in _cut(file, module, shapes, updates, said=said))
    pieces = {piece.target: piece for piece in cut}
    return Source(adapter, variant, shapes, pieces, sum(map(multipliers.is_zero_for_rank, modules)), len(zeros))


def _zero_biases(file: AdapterFile, sorting: Sorting) -> set[str]:
    """Changes of biases that are none, beside the pairs of their modules."""
    biases = (module.keys[Role.DIFF_B] for module in sorting.modules if Role.DIFF_B in module.keys)
    return {key for key in biases if file.is_zero(key)}


def _without(modules: Sequence[Module], zeros: Collection[str]) -> list[Module]:
    """Modules of the tensors that are left."""
    kept = ({role: key for role, key in module.keys.items() if key not in zeros} for module in modules)
    return [replace(module, keys=keys) for module, keys in zip(modules, kept, strict=True) if keys]


def _fitting(file: AdapterFile) -> tuple[str, Sorting, Adapter]:
    """The first model that has every layer of the file at its width, and that the file does not say it is not for.

    Before it goes one that has more of the file's text encoders, and reads more of their layers.
    """
    fitting: list[tuple[str, Sorting, Adapter]] = []
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
                    fitting.append((variant, sorting, adapter))
                    if not _left_out(sorting):
                        break
                    continue
                if not adapter.unmatched_keys:
                    belied.append((variant, sorting, adapter))
                    continue
            incomplete.append((len(sorting.unmatched), variant))
        except UnfitAdapter as error:
            refusals.append(error)
    if fitting:
        return min(fitting, key=lambda found: _left_out(found[1]))
    if belied:
        return belied[0]
    if refusals:
        raise refusals[0]
    raise _unknown(file, min(incomplete, key=lambda found: found[0])[1])


def _left_out(sorting: Sorting) -> int:
    """Keys of text encoders that change nothing of a model."""
    return sorting.ignored.get(TEXT_ENCODER, 0) + sorting.ignored.get(UNREAD, 0)


def _unknown(file: AdapterFile, variant: str) -> UnfitAdapter:
    """Why the nearest model does not take the file: what is wrong with a known key says more than an unknown one."""
    try:
        unmatched = adapter_of(file, load_shapes(variant)).unmatched_keys
    except UnfitAdapter as error:
        return error
    problem = f"{len(unmatched)} of {len(file.tensors)} keys are unknown: {listed(unmatched)}"
    return UnfitAdapter(file.path, problem, _NOT_WHOLE)


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(map(shorten, names[:_SHOWN])) + (f" and {more} more" if more > 0 else "")


def _cut(
    file: AdapterFile, module: Module, shapes: Shapes, updates: Mapping[str, AnyUpdate], *, said: bool
) -> Iterator[Piece]:
    """A piece for every target that the module changes; `said` where alpha stands elsewhere than in tensors."""
    if not any(target in updates for target in module.targets):
        return
    tensors = _tensors(file, module)
    biases = _biases(module, shapes, updates)
    if biases:
        tensors[Role.DIFF_B] = biases if Role.DIFF_B not in tensors or _has_own(module) else tensors[Role.DIFF_B]
    kind, whole = kind_of(module.keys).name, Whole(module.targets, tensors)
    ends = list(accumulate(shapes[target][0] for target in module.targets))
    for place, (target, begin, end) in enumerate(zip(module.targets, [0, *ends], ends, strict=False)):
        if target not in updates:
            continue
        update, trouble = updates[target], ""
        try:
            part = _share(whole, place, begin, end, ends[-1])
            part = swapped(part) if module.rows.swap_halves else part
        except ValueError as error:
            part, trouble = {}, str(error)
        multiplier = update.multiplier if isinstance(update, WeightUpdate) else 1.0
        key = module.keys.get(Role.UP) or next(iter(module.keys.values()))
        has_alpha = said or Role.ALPHA in module.keys
        yield Piece(target, kind, part, multiplier, has_alpha, file.path, key, whole, trouble)


def _tensors(file: AdapterFile, module: Module) -> dict[str, Stored]:
    """By role, without biases of factors, and without alpha where it is a multiplier or means nothing."""
    found: dict[str, Stored] = {}
    for role, key in module.keys.items():
        if role in {Role.UP_BIAS, Role.DOWN_BIAS} or (role == Role.ALPHA and not _is_bound(module)):
            continue
        tensor = stored(file, key)
        if role in _TURNED:
            flat = tensor.bits.reshape(tensor.shape[:2])
            tensor = Stored(tensor.dtype, flat.T if is_transposed(key) else flat)
        found[role] = tensor
    return found


def _is_bound(module: Module) -> bool:
    return bool(_BOUNDED & module.keys.keys()) or _PARTS[0] in module.keys


def _has_own(module: Module) -> bool:
    return Role.UP_BIAS in module.keys or Role.DOWN_BIAS in module.keys


def _biases(module: Module, shapes: Shapes, updates: Mapping[str, AnyUpdate]) -> Stored | None:
    """What a module adds to biases in all, in the file's order of rows; None where it adds nothing."""
    if not set(BIASES) & module.keys.keys():
        return None
    rows = [getattr(updates.get(target), "bias", None) for target in module.targets]
    whole = [np.zeros(shapes[t][0]) if own is None else own for t, own in zip(module.targets, rows, strict=True)]
    found = as_numbers(np.concatenate(whole), "F32")
    return swapped({Role.DIFF_B: found})[Role.DIFF_B] if module.rows.swap_halves else found


def _share(whole: Whole, place: int, begin: int, end: int, height: int) -> dict[str, Stored]:
    tensors = dict(whole.tensors)
    if _PARTS[0] in tensors:
        own = tensors[_PARTS[place]]
        kept = {role: tensor for role, tensor in tensors.items() if role not in _PARTS}
        bound: dict[str, Stored] = {role: kept.pop(role) for role in (Role.ALPHA,) if role in kept}
        return {**part_of(kept, begin, end, height), **bound, _BLOCKS: own}
    return part_of(tensors, begin, end, height)
