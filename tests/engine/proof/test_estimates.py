"""Estimated cosines, held to dense ones: as wrong as they say, whatever two changes have in common."""

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.engine.proof.estimates import Estimate, Estimates
from kilnmark.engine.proof.sketches import NUMBERS, Sketches
from tests.engine.proof.stacks import Change, dense, measured, pairs, slots, sums

LAYERS = 120
one, other = pairs(1, LAYERS), pairs(2, LAYERS)
thin = pairs(3, LAYERS, rank=1)
ALIKE = {
    "unrelated": (one, other),
    "half alike": (one, sums((0.6, one), (0.6, other))),
    "nearly the same": (one, sums((1.0, one), (0.05, other))),
    "opposite": (one, sums((-1.0, one), (0.3, other))),
    "of the same down matrices": (one, [(up, down) for (up, _), (_, down) in zip(other, one, strict=True)]),
    "of rank 1": (thin, pairs(4, LAYERS, rank=1)),
    "of rank 1, half alike": (thin, sums((0.6, thin), (0.8, pairs(4, LAYERS, rank=1)))),
}


def estimate(*changes: Change) -> Estimate:
    sketches = Sketches(slots(LAYERS))
    return Estimates(sketches).of([measured(f"{place}", each) for place, each in enumerate(changes)])


def cosines(*changes: Change) -> NDArray[np.float64]:
    first, second = map(dense, changes)
    lengths = np.linalg.norm(first, axis=(1, 2)) * np.linalg.norm(second, axis=(1, 2))
    return np.asarray((first * second).sum(axis=(1, 2)) / lengths)


@pytest.mark.parametrize("kind", ALIKE)
def test_they_are_as_wrong_as_they_say(kind: str) -> None:
    found = estimate(*ALIKE[kind])
    errors = found.cosines[:, 0, 1] - cosines(*ALIKE[kind])
    variances = (found.deviations[:, :, 0, 1] ** 2).sum(axis=0)
    assert 0.8 < np.sqrt((errors**2).sum() / variances.sum()) < 1.25
    assert abs(errors.sum()) < 4 * np.sqrt(variances.sum())


def test_unrelated_changes_are_told_apart_to_one_by_the_root_of_their_numbers() -> None:
    found = estimate(one, other)
    errors = found.cosines[:, 0, 1] - cosines(one, other)
    assert np.sqrt((errors**2).mean()) < 1.5 * NUMBERS**-0.5
