"""Regular expressions of strangers, matched in a time that their author cannot choose.

PEFT gives the keys of `alpha_pattern` and `rank_pattern` to Python's `re`, where `(a+)+$` takes as long as it likes.
Here an expression is an automaton whose states are all tried at once, and every step of all of a file's expressions is
counted. What no automaton can say (references back, looking around) is refused.
"""

from collections.abc import Iterable
from typing import Final

from kilnmark.keymaps.said.automaton import AutomatonReader, State

__all__ = ["LENGTH_LIMIT", "Expression", "StepsLeft"]

_STATE_COST: Final = 4
"""Steps that a state takes; a character of a text whose way is known takes one."""
LENGTH_LIMIT: Final = 500
"""Characters of one expression; the longest module name of a known model has 60."""
_STEP_LIMIT: Final = 4_000_000
"""Steps of one file, about a second. A usual expression takes 100 000 for the thousand modules of a large file."""

_States = frozenset[State]


class StepsLeft:
    """What the expressions of one file may take together.

    Args:
        left: A step is a character looked at; a state that is tried takes four.
    """

    def __init__(self, left: int = _STEP_LIMIT) -> None:
        self._left = left

    def take(self, count: int) -> None:
        """Go on.

        Raises:
            ValueError: Too many were taken.
        """
        self._left -= count
        if self._left < 0:
            raise ValueError("takes too long to match")


class Expression:
    r"""One compiled expression, matched as PEFT does: at the end of a name and after a dot, or as all of it.

    That is `re.match(rf"(.*\.)?({expression})$", name)`: huggingface/peft, utils/other.py, `get_pattern_key`.

    Args:
        text: The expression.
        steps: Which all expressions of a file share.

    Raises:
        ValueError: With what it holds that cannot be matched.
    """

    def __init__(self, text: str, steps: StepsLeft) -> None:
        if len(text) > LENGTH_LIMIT:
            raise ValueError(f"is longer than {LENGTH_LIMIT} characters")
        reader = AutomatonReader(text)
        part = reader.joined([reader.optional(reader.dotted()), reader.whole(), reader.place("$")])
        self._steps = steps
        self._end = part.end
        self._begin = self._passed([part.begin], "^")
        self._only = self._passed([part.begin], "^$")
        self._next: dict[tuple[_States, str], _States] = {}
        self._accepts: dict[_States, bool] = {}

    def matches(self, name: str) -> bool:
        """Whether it matches.

        Raises:
            ValueError: The expressions of the file take too long.
        """
        if not name:
            return self._end in self._only
        self._steps.take(len(name))
        reached = self._begin
        for char in name:
            after = self._next.get((reached, char))
            if after is None:
                after = self._next[reached, char] = self._after(reached, char)
            reached = after
        if reached not in self._accepts:
            self._accepts[reached] = self._end in self._passed(reached, "$")
        return self._accepts[reached]

    def _after(self, reached: _States, char: str) -> _States:
        self._steps.take(_STATE_COST * len(reached))
        return self._passed((next_ for s in reached if s.test and s.test(char) for next_ in s.following), "")

    def _passed(self, states: Iterable[State], places: str) -> _States:
        """All that can be reached from these without another character, at these ends of the text."""
        found: set[State] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state not in found:
                found.add(state)
                if state.test is None and state.place in ("", *places):
                    waiting += state.following
        self._steps.take(_STATE_COST * len(found))
        return frozenset(found)
