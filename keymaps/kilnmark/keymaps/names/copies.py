"""Layers that a file names more than once: which copy is kept, and which stand beside it.

Names alone are known here, so nothing is said of whether the copies hold the same numbers; `updates/copies` asks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.names.schema import Convention, Role, Rows

__all__ = ["Copy", "Module", "Parted", "part_copies"]

_ONE = "keep one of the two copies"


@dataclass(frozen=True, slots=True)
class Module:
    """The tensors of one module of the file, and the targets its rows stand for.

    Attributes:
        convention: The one that explained the names.
        component: PEFT's name of the part that the module belongs to.
        inner: The module's name inside that part.
        rows: Its targets are layers of the model.
        keys: The tensor of each role.
    """

    convention: Convention
    component: str
    inner: str
    rows: Rows
    keys: Mapping[str, str]

    @property
    def targets(self) -> tuple[str, ...]:
        """In row order."""
        return self.rows.targets

    @property
    def first_key(self) -> str:
        """Of its tensors."""
        return next(iter(self.keys.values()))


@dataclass(frozen=True, slots=True)
class Copy:
    """A module whose layers all are changed by others that are kept.

    Attributes:
        module: The copy.
        kept: Those others.
        is_settled: Which of the two is meant is known, whatever their numbers are.
    """

    module: Module
    kept: tuple[Module, ...]
    is_settled: bool = False

    @property
    def reason(self) -> str:
        """Why its keys are left out."""
        name = self.module.convention.name
        others = {module.convention.name for module in self.kept}
        return f"copy of the same layers in {'other ' if name in others else ''}{name} names"


@dataclass(frozen=True, slots=True)
class Parted:
    """Modules, told apart.

    Attributes:
        kept: To be applied.
        copies: Of layers that those change.
        strays: Alphas of modules that are not there.
    """

    kept: tuple[Module, ...]
    copies: tuple[Copy, ...]
    strays: tuple[Module, ...]


def part_copies(path: str, order: Sequence[str], modules: Sequence[Module]) -> Parted:
    """Keep one copy of every layer: that of the convention that explains most, and of one convention the split one.

    Args:
        path: For the errors.
        order: Names of conventions, the one that explains most of the file first.
        modules: All of a file.

    Raises:
        UnfitAdapter: A module changes some layers that others change too, among layers that they do not.
    """
    strays = tuple(module for module in modules if len(module.keys) == 1 and Role.ALPHA in module.keys)
    ranked = sorted(modules, key=lambda module: order.index(module.convention.name))
    whole = [module for module in ranked if module not in strays] if strays else ranked
    targets = [target for module in whole for target in module.rows.targets]
    if len(set(targets)) == len(targets):
        return Parted(tuple(whole), (), strays)
    owners: dict[str, Module] = {}
    copies: list[Module] = []
    for module in sorted(ranked, key=lambda module: (order.index(module.convention.name), len(module.targets))):
        if module in strays:
            continue
        others = list({id(owners[target]): owners[target] for target in module.targets if target in owners}.values())
        if all(target in owners for target in module.targets):
            copies.append(module)
            continue
        for other in others:
            if not set(other.targets) <= set(module.targets):
                raise _in_part(path, module, other)
            copies.append(other)
        owners.update(dict.fromkeys(module.targets, module))
    owning = {id(module) for module in owners.values()}
    kept = tuple(module for module in ranked if id(module) in owning)
    return Parted(kept, tuple(_copies(copies, owners, kept)), strays)


def _copies(copies: Sequence[Module], owners: Mapping[str, Module], kept: Sequence[Module]) -> Iterator[Copy]:
    for module in copies:
        others = tuple({id(owners[target]): owners[target] for target in module.targets}.values())
        yield Copy(module, others, is_settled=_is_settled(module, others, copies, kept))


def _is_settled(module: Module, others: Sequence[Module], copies: Sequence[Module], kept: Sequence[Module]) -> bool:
    """The whole file stands twice, in two conventions of which one goes before the other."""
    name = module.convention.name
    if not all(name in other.convention.before for other in others):
        return False
    first = {target for each in kept for target in each.targets if name in each.convention.before}
    second = {target for each in copies for target in each.targets if each.convention.name == name}
    return first == second


def _in_part(path: str, module: Module, other: Module) -> UnfitAdapter:
    both = next(target for target in other.targets if target in module.targets)
    problem = f"changes {both}, which {shorten(other.first_key)} changes too, among layers that it does not"
    return UnfitAdapter(path, problem, _ONE, key=module.first_key)
