"""Kappa, held to the examples of the papers that it is from."""

import pytest

from kilnmark.lab.judging.kappa import Agreement, agreement, cohen, fleiss

FLEISS_1971 = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
"""Counts of 14 people's answers to 10 things; its kappa is published as 0.210."""


def test_two_people_have_cohens() -> None:
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert cohen(pairs) == pytest.approx(0.4)


def test_more_have_fleiss() -> None:
    rows = [[str(answer) for answer, count in enumerate(counts) for _ in range(count)] for counts in FLEISS_1971]
    assert fleiss(rows) == pytest.approx(0.210, abs=5e-4)


def test_who_always_says_the_same_agrees_by_chance_alone() -> None:
    assert cohen([("yes", "yes")] * 5) is None
    assert fleiss([["yes"] * 3] * 5) is None


def test_only_what_all_voted_on_counts() -> None:
    votes = {"ada": {"a": "real", "b": "real", "c": "unsure"}, "bob": {"a": "real", "b": "painted"}, "eve": {}}
    found = agreement(votes)
    assert (found.method, found.people, found.items, found.agreed) == ("cohen", 2, 2, 1)


def test_one_person_agrees_with_nobody() -> None:
    assert agreement({"ada": {"a": "real"}}) == Agreement("none", None, 1, 1, 1)
    assert agreement({}) == Agreement("none", None, 0, 0, 0)
