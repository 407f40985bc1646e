"""One content has nearly one hash, others have others."""

import numpy as np
import pytest

from kilnmark.lab.measures.hashing import differing_bits, perceptual_hash
from tests.lab.measures.scenes import blurred, noisier, scene


@pytest.mark.parametrize("seed", range(6))
def test_a_picture_is_known_by_its_hash(seed: int) -> None:
    own = perceptual_hash(scene(seed, 96))
    same = [scene(seed, 64), noisier(scene(seed), 6), blurred(scene(seed), 3), scene(seed) // 2 + 60]
    assert max(differing_bits(own, perceptual_hash(picture.astype(np.uint8))) for picture in same) <= 8
    assert min(differing_bits(own, perceptual_hash(scene(other))) for other in range(6) if other != seed) >= 12


def test_an_even_picture_has_no_bits() -> None:
    assert perceptual_hash(np.full((50, 40, 3), 77, np.uint8)) == 0
