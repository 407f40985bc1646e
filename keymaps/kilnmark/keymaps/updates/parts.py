"""Which matrices a module's update is made of, by its kind, and whether the file holds them whole and fitting.

From the header alone: no tensor is read, but for telling a tiled matrix from a wrong one.
"""

from collections.abc import Mapping
from enum import StrEnum

from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.sorting import Module
from kilnmark.keymaps.updates.fused import Matrix, is_tiled

__all__ = ["AGAIN", "Kind", "chains", "check_parts", "kind_of", "kinds_of", "matrix", "stored_shape"]

AGAIN = "train or export the adapter again"

_PAIR = (Role.UP, Role.DOWN)
_HADAMARD = ((Role.HADA_W1_A, Role.HADA_W1_B), (Role.HADA_W2_A, Role.HADA_W2_B))
_KRONECKER = (
    ((Role.LOKR_W1,), (Role.LOKR_W1_A, Role.LOKR_W1_B)),
    ((Role.LOKR_W2,), (Role.LOKR_W2_A, Role.LOKR_W2_B)),
)
"""Each factor is stored whole or as a product."""
_BESIDE = frozenset({Role.ALPHA, Role.MAGNITUDE, Role.DOWN_BIAS, Role.UP_BIAS, Role.DIFF_B})
"""Roles that are no matrix of an update."""
_SCALES = (Role.NORM_WEIGHT, Role.W_NORM)


class Kind(StrEnum):
    """How a module's matrices make its update."""

    LORA = "lora"
    LOHA = "loha"
    LOKR = "lokr"
    DORA = "dora"
    FULL = "full"
    BIAS = "bias"
    NORM = "norm"


_KINDS: Mapping[Kind, frozenset[Role]] = {
    Kind.LOKR: frozenset(role for factor in _KRONECKER for chain in factor for role in chain),
    Kind.LOHA: frozenset(role for chain in _HADAMARD for role in chain),
    Kind.FULL: frozenset({Role.DIFF}),
    Kind.NORM: frozenset(_SCALES),
}


_STRETCHED = frozenset({Kind.DORA, Kind.LOHA, Kind.LOKR})
"""Kinds that can have magnitudes."""


def kind_of(module: Module) -> Kind:
    """By the roles of its tensors; of a mixture, one that is not whole."""
    for kind, known in _KINDS.items():
        if not known.isdisjoint(module.keys):
            return kind
    if module.keys.keys() <= {Role.DIFF_B, Role.ALPHA}:
        return Kind.BIAS
    return Kind.DORA if Role.MAGNITUDE in module.keys else Kind.LORA


def kinds_of(module: Module) -> frozenset[Kind]:
    """Its kind, and what is beside it: as people call all that the module does."""
    biases = [Kind.BIAS] if not {Role.DOWN_BIAS, Role.UP_BIAS, Role.DIFF_B}.isdisjoint(module.keys) else []
    return frozenset([kind_of(module), *biases, *([Kind.DORA] if Role.MAGNITUDE in module.keys else [])])


def chains(module: Module) -> tuple[tuple[Role, ...], ...]:
    """The products that its update is made of, each as the matrices to multiply, from left to right."""
    match kind_of(module):
        case Kind.LOKR:
            return tuple(whole if whole[0] in module.keys else product for whole, product in _KRONECKER)
        case Kind.LOHA:
            return _HADAMARD
        case Kind.FULL:
            return ((Role.DIFF,),)
        case Kind.BIAS | Kind.NORM:
            return ()
        case _:
            return (_PAIR,)


def stored_shape(file: AdapterFile, module: Module, role: Role) -> tuple[int, ...]:
    """Of a matrix as updates take it: (rank, in) for the down matrix, (out, rank) for the up matrix."""
    shape = file.tensors[module.keys[role]].shape
    return shape[::-1] if _is_transposed(module, role) else shape


def matrix(file: AdapterFile, module: Module, role: Role) -> Matrix:
    """As updates take it, whichever way round it is stored."""
    stored = file.array(module.keys[role])
    return stored.T if _is_transposed(module, role) else stored


def _is_transposed(module: Module, role: Role) -> bool:
    return module.convention.transposed and role in _PAIR


def check_parts(file: AdapterFile, module: Module) -> None:
    """Raise unless the module has every matrix of its kind, no others, and they can be multiplied.

    Raises:
        UnfitAdapter: With the key at fault.
    """
    matrices = [role for chain in chains(module) for role in chain]
    needed = matrices or [role for role in (*_SCALES, Role.DIFF_B) if role in module.keys][:1]
    present = [role for role in module.keys if role not in _BESIDE] or list(module.keys)
    for role in needed:
        if role not in module.keys:
            problem = f"the {role} matrix that belongs to it is missing"
            raise UnfitAdapter(file.path, problem, AGAIN, key=module.keys[present[0]])
    _check_beside(file, module)
    for role in present:
        if role not in needed and role not in _BESIDE:
            problem = f"does not go with {shorten(module.keys[needed[0]])}, which makes another kind of update"
            raise UnfitAdapter(file.path, problem, "keep one of the two updates of this layer", key=module.keys[role])
    for role in matrices[::-1]:
        _check_matrix(file, module.keys[role])
    for chain in chains(module):
        _check_ranks(file, module, chain)


def _check_beside(file: AdapterFile, module: Module) -> None:
    """What may stand beside the matrices depends on their kind."""
    kind = kind_of(module)
    if Role.MAGNITUDE in module.keys and kind not in _STRETCHED:
        problem = f"gives magnitudes to a {kind} update, which are applied to products of matrices only"
        mend = "train without weight decomposition, or as DoRA"
        raise UnfitAdapter(file.path, problem, mend, key=module.keys[Role.MAGNITUDE])
    for role in (Role.DOWN_BIAS, Role.UP_BIAS):
        if role in module.keys and kind is not Kind.LORA:
            problem = f"is a bias of a pair of matrices, beside a {kind} update, and what that means is not defined"
            raise UnfitAdapter(
                file.path, problem, "export the change of the layer's bias as diff_b", key=module.keys[role]
            )
    if Role.DIFF_B in module.keys and kind is Kind.NORM:
        problem = "changes the bias of a norm that has none"
        raise UnfitAdapter(file.path, problem, AGAIN, key=module.keys[Role.DIFF_B])


def _check_matrix(file: AdapterFile, key: str) -> None:
    shape = file.tensors[key].shape
    if len(shape) != 2 or 0 in shape:  # noqa: PLR2004 - rows and columns
        problem = f"must be a matrix with rows and columns, but has shape {list(shape)}"
        raise UnfitAdapter(file.path, problem, AGAIN, key=key)


def _check_ranks(file: AdapterFile, module: Module, chain: tuple[Role, ...]) -> None:
    left, right = chain[0], chain[-1]
    up_rank, down_rank = stored_shape(file, module, left)[1], stored_shape(file, module, right)[0]
    if len(chain) == 1 or up_rank == down_rank:
        return
    copies = len(module.targets)
    if is_tiled(matrix(file, module, right), up_rank, copies):
        problem = f"is tiled {copies} times, to rank {down_rank} where {shorten(module.keys[left])} has rank {up_rank}"
        raise UnfitAdapter(file.path, problem, module.convention.tiled, key=module.keys[right])
    problem = f"has rank {up_rank}, but {shorten(module.keys[right])} has rank {down_rank}"
    mend = "export the adapter again so that both share one rank"
    raise UnfitAdapter(file.path, problem, mend, key=module.keys[left])
