"""A file's keys, sorted: into modules that will be applied, keys knowingly left out, and keys nothing is known about.

Every key ends in exactly one of the three, so the counts of a report add up to the number of tensors in the file.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kilnmark.keymaps.convention import Convention, Ignored, Named, Recognition, Role, recognise
from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.shapes import Shapes

__all__ = ["Module", "Sorting", "sort_keys"]


@dataclass(frozen=True, slots=True)
class Module:
    """The tensors of one module of the file, and the targets its rows stand for.

    Attributes:
        convention: The one that explained the names.
        component: PEFT's name of the part that the module belongs to.
        inner: The module's name inside that part.
        targets: In row order; each is a layer of the model.
        keys: The tensor of each role.
    """

    convention: Convention
    component: str
    inner: str
    targets: tuple[str, ...]
    keys: Mapping[Role, str]


@dataclass(frozen=True, slots=True)
class Sorting:
    """Where every key went. `recognition` is None when no convention explains any of them."""

    recognition: Recognition | None
    modules: tuple[Module, ...]
    ignored: Mapping[str, int]
    unmatched: tuple[str, ...]


@dataclass(slots=True)
class _Gathered:
    modules: dict[tuple[str, tuple[str, ...]], Module] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    unmatched: set[str] = field(default_factory=set)


def sort_keys(path: str, keys: Sequence[str], shapes: Shapes) -> Sorting:
    """Sort the keys of a file by what the conventions say and the model has.

    Args:
        path: For the errors.
        keys: Names of all tensors.
        shapes: The model's linear layers; a target that is none of them makes its keys unmatched.

    Raises:
        UnfitAdapter: The same layer is named twice, so that nobody can tell which copy is meant.
    """
    ranking = recognise(keys)
    gathered = _Gathered()
    for key in keys:
        _gather(path, key, ranking, shapes, gathered)
    modules = _without_copies(path, ranking, gathered)
    unmatched = tuple(key for key in keys if key in gathered.unmatched)
    return Sorting(ranking[0] if ranking else None, modules, gathered.ignored, unmatched)


def _gather(path: str, key: str, ranking: Sequence[Recognition], shapes: Shapes, gathered: _Gathered) -> None:
    for recognition in ranking:
        match recognition.explained.get(key):
            case Ignored(reason):
                gathered.ignored[reason] += 1
                return
            case Named() as named if all(target in shapes for target in named.targets):
                _add(path, key, recognition.convention, named, gathered)
                return
    gathered.unmatched.add(key)


def _add(path: str, key: str, convention: Convention, named: Named, gathered: _Gathered) -> None:
    place = (convention.name, named.targets)
    known = gathered.modules.get(place)
    keys = dict(known.keys) if known else {}
    if named.role in keys:
        problem = f"names the same matrix as {shorten(keys[named.role])}"
        raise UnfitAdapter(path, problem, "leave one of the two out", key=key)
    keys[named.role] = key
    gathered.modules[place] = Module(convention, named.component, named.inner, named.targets, keys)


def _without_copies(path: str, ranking: Sequence[Recognition], gathered: _Gathered) -> tuple[Module, ...]:
    """The modules to apply: where two conventions name the same layers, the one that explains more of the file."""
    order = [recognition.convention.name for recognition in ranking]
    kept: list[Module] = []
    taken: dict[str, Module] = {}
    for module in sorted(gathered.modules.values(), key=lambda module: order.index(module.convention.name)):
        if module.keys.keys() == {Role.ALPHA}:
            gathered.unmatched.update(module.keys.values())
        elif not (copied := [target for target in module.targets if target in taken]):
            kept.append(module)
            taken.update(dict.fromkeys(module.targets, module))
        elif len(copied) == len(module.targets):
            gathered.ignored[f"copy of the same layers in {module.convention.name} names"] += len(module.keys)
        else:
            other = shorten(next(iter(taken[copied[0]].keys.values())))
            problem = f"changes {copied[0]}, which {other} changes too, among layers that it does not"
            raise UnfitAdapter(path, problem, "keep one of the two copies", key=next(iter(module.keys.values())))
    return tuple(kept)
