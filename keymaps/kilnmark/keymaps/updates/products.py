"""What kinds have in common whose updates are products of matrices: chains of factors that must be whole, be matrices,
and can be multiplied.

From the header alone: no tensor is read, but for telling a tiled matrix from a wrong one.
"""

from abc import abstractmethod
from collections.abc import Collection, Sequence

from kilnmark.keymaps.updates.fused import is_tiled
from kilnmark.keymaps.updates.kind import Kind, Misfit
from kilnmark.keymaps.updates.view import View

__all__ = ["Chains", "ProductKind", "size_misfit"]

Chains = tuple[tuple[str, ...], ...]
"""The products that an update is made of, each as the roles of the matrices to multiply, from left to right."""


class ProductKind(Kind):
    """A kind whose updates are made of products of matrices."""

    @abstractmethod
    def chains(self, roles: Collection[str]) -> Chains:
        """Of a module with these roles."""

    def needed(self, roles: Collection[str]) -> Sequence[str]:
        """Every matrix of its chains."""
        return [role for chain in self.chains(roles) for role in chain]

    def has_rank(self, view: View) -> bool:
        """A factor that is a product has one."""
        return any(len(chain) > 1 for chain in self.chains(view.roles))

    def check_shapes(self, view: View) -> None:
        """Raise unless its tensors are matrices that can be multiplied."""
        for role in self.needed(view.roles)[::-1]:
            shape = view.stored(role)
            if len(shape) != 2 or 0 in shape:  # noqa: PLR2004 - rows and columns
                raise view.refuse(role, f"must be a matrix with rows and columns, but has shape {list(shape)}")
        for chain in self.chains(view.roles):
            _check_ranks(view, chain)

    def is_readable(self, view: View) -> bool:
        """All of them are matrices."""
        return all(len(view.stored(role)) == 2 for role in self.needed(view.roles))  # noqa: PLR2004 - rows and columns

    def size(self, view: View) -> tuple[int, int]:
        """(out, in) of a whole module's update, by its first chain."""
        chain = self.chains(view.roles)[0]
        return view.shape(chain[0])[0], view.shape(chain[-1])[1]

    def misfit(self, view: View) -> Misfit | None:
        """Its rows and its width against those of the targets."""
        height, width = self.size(view)
        chain = self.chains(view.roles)[0]
        return size_misfit(view, (chain[-1], f"is {width} wide", width), (chain[0], f"has {height} rows", height))


def size_misfit(view: View, across: tuple[str, str, int], down: tuple[str, str, int]) -> Misfit | None:
    """What of an update's width and rows, each told as role, words and number, is not the targets'."""
    role, found, width = across
    for target in view.targets:
        if width != view.shapes[target][1]:
            return Misfit(role, f"{found}, but {target} takes {view.shapes[target][1]} inputs")
    role, found, height = down
    if height != view.height:
        parts = " + ".join(f"{target} {view.shapes[target][0]}" for target in view.targets)
        return Misfit(role, f"{found}, but the model needs {view.height} ({parts})")
    return None


def _check_ranks(view: View, chain: tuple[str, ...]) -> None:
    left, right = chain[0], chain[-1]
    up_rank, down_rank = view.shape(left)[1], view.shape(right)[0]
    if len(chain) == 1 or up_rank == down_rank:
        return
    copies = len(view.targets)
    if is_tiled(view.matrix(right), up_rank, copies):
        problem = f"is tiled {copies} times, to rank {down_rank} where {view.shown(left)} has rank {up_rank}"
        raise view.refuse(right, problem, view.module.convention.tiled)
    problem = f"has rank {up_rank}, but {view.shown(right)} has rank {down_rank}"
    raise view.refuse(left, problem, "export the adapter again so that both share one rank")
