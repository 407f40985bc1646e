"""How far people agree beyond chance.

Only arithmetic lives here; what they were asked is `blind`'s part.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

__all__ = ["Agreement", "agreement", "cohen", "fleiss"]


class Agreement(msgspec.Struct, frozen=True):
    """What the votes of several people have in common.

    Attributes:
        method: `cohen` for two people, `fleiss` for more, `none` where there is nothing to compare.
        kappa: 1 for agreement everywhere, 0 for as much as chance has; None where chance alone explains all of it, as
            where everybody always says the same.
        people: How many voted.
        items: How many things all of them voted on.
        agreed: On how many of these all said the same.
    """

    method: str
    kappa: float | None
    people: int
    items: int
    agreed: int


def agreement(votes: Mapping[str, Mapping[str, str]]) -> Agreement:
    """What people's votes have in common, over the things that all of them voted on.

    Args:
        votes: Of each person, the answer to each thing.
    """
    people = [answers for answers in votes.values() if answers]
    common = sorted(set.intersection(*(set(answers) for answers in people))) if people else []
    rows = [[answers[item] for answers in people] for item in common]
    agreed = sum(len(set(row)) == 1 for row in rows)
    if len(people) < 2 or not rows:  # noqa: PLR2004 - one agrees with nobody
        return Agreement("none", None, len(people), len(rows), agreed)
    if len(people) == 2:  # noqa: PLR2004 - Cohen's is of two
        kappa = cohen([(row[0], row[1]) for row in rows])
        return Agreement("cohen", kappa, 2, len(rows), agreed)
    return Agreement("fleiss", fleiss(rows), len(people), len(rows), agreed)


def cohen(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Of two people: J. Cohen, A coefficient of agreement for nominal scales, 1960.

    Args:
        pairs: What the two said of each thing, at least one.

    Returns:
        Kappa; None where both always said the same one thing.
    """
    count = len(pairs)
    seen = sum(one == other for one, other in pairs) / count
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    chance = sum(ones[answer] * others[answer] for answer in ones) / count**2
    return _beyond(seen, chance)


def fleiss(rows: Sequence[Sequence[str]]) -> float | None:
    """Of any number of people: J. L. Fleiss, Measuring nominal scale agreement among many raters, 1971.

    Args:
        rows: What each of them said of each thing: as many in every row, at least two, and at least one row.

    Returns:
        Kappa; None where all always said the same one thing.
    """
    people = len(rows[0])
    counts = [Counter(row) for row in rows]
    pairs = people * (people - 1)
    seen = sum(sum(n * (n - 1) for n in count.values()) / pairs for count in counts) / len(rows)
    totals: Counter[str] = sum(counts, Counter())
    chance = sum((total / (people * len(rows))) ** 2 for total in totals.values())
    return _beyond(seen, chance)


def _beyond(seen: float, chance: float) -> float | None:
    return None if chance >= 1 else (seen - chance) / (1 - chance)
