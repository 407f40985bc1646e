"""Whether prompts can still be told apart in pictures that are changed in every pixel."""

import numpy as np
import pytest

from kilnmark.lab.measures.kept import kept
from kilnmark.lab.measures.measure import Picture
from tests.lab.measures.scenes import hatched, noisier, scene

BARE = [scene(seed) for seed in range(4)]


def wrecked(number: int) -> Picture:
    """One texture, whatever was asked for."""
    return noisier(hatched(np.full((96, 96, 3), 130, np.uint8)), 40 + number)


def test_a_style_over_everything_keeps_the_prompts() -> None:
    found = kept([hatched(picture) for picture in BARE], BARE)
    assert found.layout > 0.3
    assert found.nearness > 0.1


def test_wreckage_keeps_nothing_of_them() -> None:
    found = kept([wrecked(number) for number in range(4)], BARE)
    assert abs(found.layout) < 0.1
    assert abs(found.nearness) < 0.05


def test_a_prompt_that_turned_into_another_is_not_kept() -> None:
    assert kept([*BARE[1:], BARE[0]], BARE).layout < 0


@pytest.mark.parametrize("count", [0, 1])
def test_one_has_no_others(count: int) -> None:
    with pytest.raises(ValueError, match="two of each"):
        kept(BARE[:count], BARE[:count])
