"""What a kind of update is: one module of `kinds`, which knows its tensors from the header to the updates they make.

Nothing outside that module knows a kind by name. It says which roles tell it, whether a module's tensors are whole and
fit, from the header alone, and makes the updates, which the engine asks for what they change.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, ClassVar, NamedTuple

from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.change import Wide
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.keymaps.updates.view import View

__all__ = ["Kind", "Made", "Misfit"]


class Misfit(NamedTuple):
    """The tensor whose size does not fit the model, and in what it does not."""

    role: str
    problem: str


class Made(NamedTuple):
    """One module, and the updates that were made of it."""

    view: View
    updates: Sequence[AnyUpdate]


class Kind(ABC):
    """One kind of update.

    Attributes:
        name: As reports call it.
        roles: Of tensors that no other kind has, so that one of them tells it.
        beside: Roles of tensors that may stand beside, alpha apart, which may always.
        is_for_norms: It changes scales of norms, not weights of linear layers.
        is_fallback: It is taken where no other kind is told.
        has_bounded_rank: Its rank is the most that the change's can be, and no size that a trainer was given.
    """

    name: ClassVar[str]
    roles: ClassVar[frozenset[str]]
    beside: ClassVar[frozenset[str]] = frozenset({Role.DIFF_B})
    is_for_norms: ClassVar[bool] = False
    is_fallback: ClassVar[bool] = False
    has_bounded_rank: ClassVar[bool] = False

    def claims(self, roles: Collection[str]) -> bool:
        """Whether tensors of these roles are this kind's."""
        return not self.roles.isdisjoint(roles)

    def called(self, roles: Collection[str]) -> str:  # noqa: ARG002 - as those have it that go by two names
        """What people call a module of it with these roles."""
        return self.name

    def names(self, roles: Collection[str]) -> frozenset[str]:
        """What people call all that such a module does: its kind, and what is beside it."""
        beside = {Role.MAGNITUDE: "dora", Role.DIFF_B: "bias", Role.UP_BIAS: "bias", Role.DOWN_BIAS: "bias"}
        return frozenset([self.called(roles), *(name for role, name in beside.items() if role in roles)])

    @abstractmethod
    def needed(self, roles: Collection[str]) -> Sequence[str]:
        """The roles that a module with these needs to be whole."""

    def has_rank(self, view: View) -> bool:  # noqa: ARG002 - as those have it that have one
        """Whether alpha counts, so that there is a rank that an alpha of zero can stand for."""
        return False

    @abstractmethod
    def check_shapes(self, view: View) -> None:
        """Raise unless its tensors, all of which are there, fit each other.

        Raises:
            UnfitAdapter: With the key at fault.
        """

    def is_readable(self, view: View) -> bool:  # noqa: ARG002 - as those have it that ask for more
        """Whether the tensors that it needs, all of which are there, have as many sides as `misfit` takes them to."""
        return True

    @abstractmethod
    def misfit(self, view: View) -> Misfit | None:
        """What of a module that has its tensors does not fit the model, if anything."""

    @abstractmethod
    def updates(self, view: View, multipliers: Multipliers) -> Sequence[AnyUpdate]:
        """The updates of a module that was checked, one a target, in row order; changes of biases are put beside them.

        Raises:
            UnfitAdapter: A number is not finite, or the update is too large for float32.
        """

    def own_biases(self, view: View, updates: Sequence[Any]) -> Iterable[Wide | None]:  # noqa: ARG002 - most have none
        """What its updates add to biases by themselves, at scale 1: (out,) each, in their order."""
        return repeat(None, len(updates))

    def notes(self, made: Sequence[Made]) -> Iterator[str]:  # noqa: ARG002 - as those have it that have any
        """What a reader of the report must know of how the updates were made; sentences without full stop."""
        yield from ()
