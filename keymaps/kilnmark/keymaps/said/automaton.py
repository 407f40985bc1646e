"""A regular expression, read into states that a text can be tried on.

Python's syntax, as far as it names a set of texts: characters, classes, groups, alternatives, repetitions and the two
ends. Each repetition is written out, so that what is read is bounded by its states.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

__all__ = ["AutomatonReader", "Passage", "State"]

_STATE_LIMIT: Final = 4000
"""States of one automaton: repetitions with numbers are written out."""
_DEPTH_LIMIT: Final = 50
_DIGIT_LIMIT: Final = 4

_REPEAT = re.compile(r"\{(\d*)(?:(,)(\d*))?\}", re.ASCII)
_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "s": str.isspace,
    "w": lambda char: char.isalnum() or char == "_",
    "D": lambda char: not char.isdecimal(),
    "S": lambda char: not char.isspace(),
    "W": lambda char: not (char.isalnum() or char == "_"),
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}

_Test = Callable[[str], bool]


@dataclass(slots=True, eq=False)
class State:
    """One place in an expression.

    Attributes:
        test: What a character must be to get to the next one; None passes without any.
        place: Only at the beginning (`^`) or the end (`$`) of the text can it be passed.
        following: The states after it.
    """

    test: _Test | None = None
    place: str = ""
    following: list["State"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an automaton: one way in, one way out."""

    begin: State
    end: State


class AutomatonReader:
    """Reads an expression from left to right into states.

    Args:
        text: The expression.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._count = 0

    def whole(self) -> Passage:
        """All of the text."""
        part = self._choice()
        if self._at < len(self._text):
            raise ValueError("closes a group that it does not open")
        return part

    def place(self, place: str) -> Passage:
        """One end of the text, `^` or `$`."""
        return self._between(self._state(place=place))

    def dotted(self) -> Passage:
        """`.*` and a dot."""
        return self.joined([self._repeated(lambda: self._one(_is_no_newline), 0, None), self._one(".".__eq__)])

    def optional(self, part: Passage) -> Passage:
        """This, or nothing."""
        part.begin.following.append(part.end)
        return part

    def joined(self, parts: list[Passage]) -> Passage:
        """One behind the other."""
        begin = self._state()
        end = begin
        for part in parts:
            end.following.append(part.begin)
            end = part.end
        return Passage(begin, end)

    def _choice(self) -> Passage:
        self._depth += 1
        if self._depth > _DEPTH_LIMIT:
            raise ValueError(f"nests more than {_DEPTH_LIMIT} groups")
        branches = [self._sequence()]
        while self._taken("|"):
            branches.append(self._sequence())
        self._depth -= 1
        if len(branches) == 1:
            return branches[0]
        begin, end = self._state(), self._state()
        for branch in branches:
            begin.following.append(branch.begin)
            branch.end.following.append(end)
        return Passage(begin, end)

    def _sequence(self) -> Passage:
        parts = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._piece())
        return self.joined(parts)

    def _piece(self) -> Passage:
        """One atom and how often."""
        began = self._at
        part = self._atom()
        after = self._at
        bounds = self._bounds()
        if bounds is None:
            return part
        if self._taken("?"):
            pass  # Which of two matches is shorter does not matter to whether there is one.
        elif self._at < len(self._text) and (self._text[self._at] in "*+?" or self._bounds() is not None):
            raise ValueError("repeats a repetition")
        onward = self._at

        def again() -> Passage:
            self._at = began
            made = self._atom()
            self._at = after
            return made

        made = self._repeated(again, *bounds)
        self._at = onward
        return made

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._taken(sign):
                return bounds
        if (found := _REPEAT.match(self._text, self._at)) is None or found[0] == "{}":
            return None
        self._at = found.end()
        if max(len(found[1]), len(found[3] or "")) > _DIGIT_LIMIT:
            raise ValueError("repeats too often")
        least = int(found[1] or 0)
        most = least if found[2] is None else int(found[3]) if found[3] else None
        if most is not None and most < least:
            raise ValueError("repeats at least more often than at most")
        return least, most

    def _repeated(self, again: Callable[[], Passage], least: int, most: int | None) -> Passage:
        """Written out, copy by copy."""
        parts = [again() for _ in range(least)]
        if most is None:
            loop = again()
            begin, end = self._state(), self._state()
            begin.following += [loop.begin, end]
            loop.end.following += [loop.begin, end]
            parts.append(Passage(begin, end))
        else:
            parts += [self.optional(self._wrapped(again())) for _ in range(most - least)]
        return self.joined(parts)

    def _wrapped(self, part: Passage) -> Passage:
        return self.joined([part, self._between(self._state())])

    def _atom(self) -> Passage:
        char = self._next()
        match char:
            case "(":
                return self._group()
            case "[":
                return self._one(self._set())
            case ".":
                return self._one(_is_no_newline)
            case "^" | "$":
                return self.place(char)
            case "\\":
                return self._one(self._escaped())
            case "*" | "+" | "?":
                raise ValueError("repeats nothing")
        return self._one(char.__eq__)

    def _group(self) -> Passage:
        if self._taken("?") and not self._taken(":"):
            if (named := re.compile(r"P<\w+>").match(self._text, self._at)) is None:
                raise ValueError("looks around, refers back or sets flags")
            self._at = named.end()
        part = self._choice()
        if not self._taken(")"):
            raise ValueError("opens a group that it does not close")
        return self._wrapped(part)

    def _escaped(self) -> _Test:
        char = self._next()
        if char in _CLASSES:
            return _CLASSES[char]
        return self._literal(char).__eq__

    def _literal(self, char: str) -> str:
        """What an escaped character stands for."""
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char.isascii() and char.isalnum():
            raise ValueError(f"holds \\{char}, which is not taken")
        return char

    def _set(self) -> _Test:
        negated = self._taken("^")
        tests: list[_Test] = []
        while not tests or not self._taken("]"):
            tests.append(self._member())
        return lambda char: any(test(char) for test in tests) is not negated

    def _member(self) -> _Test:
        begin = self._next()
        if begin == "\\":
            begin = self._next()
            if begin in _CLASSES:
                return _CLASSES[begin]
            begin = self._literal(begin)
        if not self._text.startswith("-", self._at) or self._text.startswith("-]", self._at):
            return begin.__eq__
        self._at += 1
        end = self._next()
        end = self._literal(self._next()) if end == "\\" else end
        if end < begin:
            raise ValueError(f"holds the range {begin}-{end}, which ends before it begins")
        return lambda char: begin <= char <= end

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise ValueError("ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _taken(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _one(self, test: _Test) -> Passage:
        return self._between(self._state(test=test))

    def _between(self, state: State) -> Passage:
        end = self._state()
        state.following.append(end)
        return Passage(state, end)

    def _state(self, test: _Test | None = None, place: str = "") -> State:
        self._count += 1
        if self._count > _STATE_LIMIT:
            raise ValueError(f"needs more than {_STATE_LIMIT} states")
        return State(test, place)


def _is_no_newline(char: str) -> bool:
    return char != "\n"
