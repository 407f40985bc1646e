"""The environment's standard variables, asked by name so that every refusal can tell which one it is about."""

from collections.abc import Callable, Mapping
from typing import NoReturn

from kilnmark.protocol.errors import KilnmarkError

__all__ = ["TracingMisconfigured", "Variables", "refuse"]


class TracingMisconfigured(KilnmarkError):
    """A standard variable has a value we cannot follow.

    Attributes:
        variable: Its name.
        value: What it was set to.
        expected: What it may be, in words.
    """

    def __init__(self, variable: str, value: str, expected: str) -> None:
        super().__init__(variable, value, expected)
        self.variable = variable
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        """The sentence a person reads at start."""
        return f"{self.variable} is {self.value!r}; set it to {self.expected}, or unset it"


class Variables:
    """The environment, asked by a variable's name so that every refusal can tell it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def first(self, *names: str) -> tuple[str, str] | None:
        """Name and value of the first variable that is set."""
        return next(((name, value) for name in names if (value := self._env.get(name, "").strip())), None)

    def one_of(self, *names: str, allowed: tuple[str, ...], default: str) -> str:
        """The word of the first that is set, one of few; any other is refused."""
        found = self.first(*names)
        if found is None:
            return default
        name, value = found
        if value.lower() not in allowed:
            refuse(name, value, f"one of {', '.join(allowed)}")
        return value.lower()

    def number(self, name: str, kind: Callable[[str], float], bounds: tuple[float, float], expected: str) -> None:
        """Refuse a number that is none, or out of bounds."""
        if (found := self.first(name)) is None:
            return
        try:
            fits = bounds[0] <= kind(found[1]) <= bounds[1]
        except ValueError:
            fits = False
        if not fits:
            refuse(*found, expected)


def refuse(name: str, value: str, expected: str) -> NoReturn:
    """Raises TracingMisconfigured."""
    raise TracingMisconfigured(name, value, expected)
