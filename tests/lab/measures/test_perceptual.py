"""The perceptual distance grows with what is done to a picture, and other pictures are furthest away."""

from collections.abc import Callable

import numpy as np
import pytest

from kilnmark.lab.measures.measure import Picture
from kilnmark.lab.measures.perceptual import distance, layout
from tests.lab.measures.scenes import blurred, hatched, noisier, scene, shifted

DONE: dict[str, tuple[Callable[[Picture, int], Picture], tuple[int, ...]]] = {
    "noise": (noisier, (4, 12, 36, 90)),
    "blur": (blurred, (3, 5, 9, 15)),
    "shift": (shifted, (1, 2, 4, 8)),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("what", DONE)
def test_more_is_further(what: str, seed: int) -> None:
    done, amounts = DONE[what]
    found = [distance(scene(seed), done(scene(seed), amount)) for amount in amounts]
    assert found == sorted(found)
    assert 0 < found[0] < 0.35
    assert found[-1] < 1


@pytest.mark.parametrize("seed", range(4))
def test_another_picture_is_further_than_the_same_one_noisy_or_blurred(seed: int) -> None:
    own = scene(seed)
    other = distance(own, scene(seed + 10))
    assert other > 0.6
    assert other > max(distance(own, noisier(own, 20)), distance(own, blurred(own, 3)), distance(own, shifted(own, 1)))


def test_it_is_none_to_itself_and_the_same_both_ways() -> None:
    one, other = scene(1), scene(2)
    assert distance(one, one) == pytest.approx(0, abs=1e-9)
    assert distance(one, other) == pytest.approx(distance(other, one))


def test_other_colours_in_the_same_greys_are_seen() -> None:
    one = scene(3)
    assert distance(one, np.ascontiguousarray(one[..., ::-1])) > 0.1


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 33), (64, 40)])
def test_odd_sizes_are_compared(height: int, width: int) -> None:
    one = scene(1)[:height, :width]
    assert 0 < distance(one, np.ascontiguousarray(one[::-1])) < 1


def test_even_pictures_are_told_apart_by_their_colour() -> None:
    red, blue = (np.full((32, 32, 3), colour, np.uint8) for colour in ((200, 0, 0), (0, 0, 200)))
    assert distance(red, red) == pytest.approx(0, abs=1e-9)
    assert distance(red, blue) > 0.05


def test_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="of one size"):
        distance(scene(1), scene(1)[:32])


def test_what_lies_on_a_picture_leaves_its_layout() -> None:
    one = scene(4)
    assert layout(one, one) == pytest.approx(1)
    assert layout(one, hatched(one)) > 0.9
    assert layout(one, scene(4, side=48)) > 0.95
    assert abs(layout(one, np.full((8, 8, 3), 90, np.uint8))) == 0
