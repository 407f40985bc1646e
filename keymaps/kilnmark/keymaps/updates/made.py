"""Modules of a file, made into the updates of their targets by their kinds; and whose a file is that does not fit.

Nothing here knows a kind by name.
"""

from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from importlib import import_module
from pkgutil import iter_modules

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.foreign.fingerprints import Foreign, foreign_of, unapplied_of
from kilnmark.keymaps.names.copies import Module
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import Shapes, is_norm, load_shapes, painters
from kilnmark.keymaps.names.sorting import Sorting, sort_keys
from kilnmark.keymaps.updates import kinds
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.biases import BIASES, with_biases
from kilnmark.keymaps.updates.kind import Kind, Made
from kilnmark.keymaps.updates.magnitudes import has_input_magnitudes
from kilnmark.keymaps.updates.view import View

__all__ = ["check_model", "has_bounded_rank", "kind_of", "load_kinds", "made_of", "names_of", "notes_of"]

_TRAINED_FOR = "use it with the model that it was trained for"


@cache
def load_kinds() -> tuple[Kind, ...]:
    """Every kind there is, the fallback last; of a mixture, the first one that is told decides what is wrong."""
    modules = (import_module(f"{kinds.__name__}.{found.name}") for found in iter_modules(kinds.__path__))
    return tuple(sorted((module.KIND for module in modules), key=lambda kind: (kind.is_fallback, kind.name)))


def kind_of(roles: Collection[str]) -> Kind:
    """Of a module with tensors of these roles."""
    return _kind_of(frozenset(roles))


@lru_cache(maxsize=256)
def _kind_of(roles: frozenset[str]) -> Kind:
    """A file has few sets of roles, however many modules."""
    found = next((kind for kind in load_kinds() if kind.claims(roles)), None)
    return found or load_kinds()[-1]


def names_of(roles: Collection[str]) -> frozenset[str]:
    """What people call all that a module with these roles does."""
    return kind_of(roles).names(roles)


def has_bounded_rank(names: Collection[str]) -> bool:
    """Whether the rank of updates called so is a bound, and no size that a trainer was given."""
    return any(kind.has_bounded_rank and kind.name in names for kind in load_kinds())


def made_of(file: AdapterFile, module: Module, shapes: Shapes, multipliers: Multipliers) -> Made:
    """A module's updates, one a target, in row order.

    Raises:
        UnfitAdapter: A tensor is missing, sizes do not fit, or a number is not finite.
    """
    view = View(file, module, shapes)
    kind = kind_of(view.roles)
    _check_whole(view, kind)
    _check_layer(view, kind)
    kind.check_shapes(view)
    if found := kind.misfit(view):
        raise view.refuse(found.role, found.problem, _made_for(file))
    updates = kind.updates(view, multipliers)
    if kind.beside.isdisjoint(BIASES):
        return Made(view, updates)
    return Made(view, with_biases(view, updates, kind.own_biases(view, updates)))


def notes_of(made: Sequence[Made], multipliers: Multipliers) -> tuple[str, ...]:
    """What a reader of the report must know of how a file's updates were made."""
    zeros = sum(kind_of(view.roles).has_rank(view) and multipliers.is_zero_for_rank(view.module) for view, _ in made)
    where = "1 module" if zeros == 1 else f"{zeros} modules"
    note = (
        f"alpha is 0 in {where}, applied at alpha = rank as the trainer does when it loads such a file; "
        "ComfyUI would apply nothing there"
    )
    by_kind: dict[Kind, list[Made]] = {}
    for each in made:
        by_kind.setdefault(kind_of(each.view.roles), []).append(each)
    own = [sentence for kind, its in by_kind.items() for sentence in kind.notes(its)]
    stretched = ["magnitudes are those of inputs, as OneTrainer trains DoRA by default"]
    return (
        *([note] if zeros else []),
        *(stretched if any(has_input_magnitudes(view) for view, _ in made) else []),
        *own,
        *multipliers.notes(),
    )


def check_model(file: AdapterFile, sorting: Sorting) -> str:
    """Raise when a file is of a kind that is not applied, or parts of it are for another model and parts happen to fit.

    Returns:
        The model that a file with unknown names looks made for, where nothing of it fits or all of it fits another
        model that is known; a sentence without full stop, empty for others.

    Raises:
        UnfitAdapter: With the kind or the model.
    """
    if kind := unapplied_of(sorting.unmatched, len(file.tensors)):
        count = f"as are {len(kind.keys)} of {len(file.tensors)} keys"
        raise UnfitAdapter(file.path, f"is a part of {kind.what}, {count}", kind.mend, key=kind.keys[0])
    matched = sum(len(module.keys) for module in sorting.modules)
    if len(sorting.foreign) > matched and (models := _models(file)):
        problem = (
            f"names a layer that this model does not have, as do {len(sorting.foreign)} of {len(file.tensors)} keys"
        )
        raise UnfitAdapter(file.path, problem, _advice(models), key=sorting.foreign[0])
    if not sorting.unmatched:
        return ""
    if (found := foreign_of(file.tensors)) is None:
        models = _models(file, wholly=True)
        return _advice(models) if models else ""
    if not matched:
        return _elsewhere(found)
    problem = f"names a layer that this model does not have, as do {len(sorting.unmatched)} of {len(file.tensors)} keys"
    raise UnfitAdapter(file.path, problem, _elsewhere(found), key=sorting.unmatched[0])


def _check_whole(view: View, kind: Kind) -> None:
    """Every tensor that the kind needs is there, and nothing stands beside that does not go with it."""
    needed = kind.needed(view.roles)
    own = [role for role in view.roles if role not in _BESIDE] or view.roles
    for role in needed:
        if role not in view:
            raise view.refuse(own[0], f"the {role} matrix that belongs to it is missing")
    _check_beside(view, kind)
    for role in own:
        if role not in needed and role not in _BESIDE and role not in kind.beside:
            problem = f"does not go with {view.shown(needed[0])}, which makes another kind of update"
            raise view.refuse(role, problem, "keep one of the two updates of this layer")


_BESIDE: frozenset[str] = frozenset({Role.ALPHA, Role.MAGNITUDE, Role.DOWN_BIAS, Role.UP_BIAS, Role.DIFF_B})


def _check_beside(view: View, kind: Kind) -> None:
    name = kind.called(view.roles)
    if Role.MAGNITUDE in view and Role.MAGNITUDE not in kind.beside:
        problem = f"gives magnitudes to a {name} update, which are applied to products of matrices only"
        raise view.refuse(Role.MAGNITUDE, problem, "train without weight decomposition, or as DoRA")
    for role in (Role.DOWN_BIAS, Role.UP_BIAS):
        if role in view and (role not in kind.beside or Role.MAGNITUDE in view):
            problem = f"is a bias of a pair of matrices, beside a {name} update, and what that means is not defined"
            raise view.refuse(role, problem, "export the change of the layer's bias as diff_b")
    if Role.DIFF_B in view and Role.DIFF_B not in {*kind.beside, *kind.needed(view.roles)}:
        raise view.refuse(Role.DIFF_B, "changes the bias of a norm that has none")


def _check_layer(view: View, kind: Kind) -> None:
    """Scales are meant for a norm, and everything else for linear layers."""
    target = view.targets[0]
    if is_norm(view.shapes[target]) and not kind.is_for_norms:
        problem = f"is part of a {kind.called(view.roles)} update, but {target} is a norm, which has nothing but scales"
        raise view.refuse(view.roles[0], problem, "store what changes of its scales as w_norm")


def _made_for(file: AdapterFile) -> str:
    models, found = _models(file), foreign_of(file.tensors)
    if models:
        return f"it looks made for {' or '.join([*models, found.title])}; {_TRAINED_FOR}" if found else _advice(models)
    return _elsewhere(found) if found else _TRAINED_FOR


def _elsewhere(found: Foreign) -> str:
    return f"it looks made for {found.title} ({found.told}); {_TRAINED_FOR}"


def _advice(models: list[str]) -> str:
    which = "that variant" if len(models) == 1 else "one of these variants"
    return f"it looks made for {' or '.join(models)}; use it with {which}"


def _models(file: AdapterFile, *, wholly: bool = False) -> list[str]:
    """The known models that every update of the file fits, or every key."""
    return [name for name in painters() if _fits(file, load_shapes(name), wholly=wholly)]


def _fits(file: AdapterFile, shapes: Shapes, *, wholly: bool) -> bool:
    try:
        sorting = sort_keys(file.path, tuple(file.tensors), shapes)
    except UnfitAdapter:
        return False
    if wholly and sorting.unmatched:
        return False
    views = (View(file, module, shapes) for module in sorting.modules)
    return bool(sorting.modules) and not sorting.foreign and all(_is_fitting(view) for view in views)


def _is_fitting(view: View) -> bool:
    kind = kind_of(view.roles)
    whole = all(role in view for role in kind.needed(view.roles))
    return whole and kind.is_readable(view) and kind.misfit(view) is None
