"""What is collapsed and what is unlike the pictures that it should be one of, told in words with numbers."""

import numpy as np
import pytest

from kilnmark.lab.measures.health import Collapse, Slack, usual
from kilnmark.lab.measures.measure import Picture, looks
from tests.lab.measures.scenes import hatched, noisier, scene


def even() -> Picture:
    return np.full((64, 64, 3), 120, np.uint8)


def faint() -> Picture:
    return (118 + scene(1) // 64).astype(np.uint8)


@pytest.mark.parametrize("made", [even, faint])
def test_a_picture_of_nothing_is_collapsed(made: object) -> None:
    assert callable(made)
    assert Collapse().of(looks(made())) is not None


@pytest.mark.parametrize("seed", range(4))
def test_a_picture_of_something_is_not(seed: int) -> None:
    assert Collapse().of(looks(noisier(scene(seed), 3))) is None


def test_a_low_contrast_with_many_greys_is_collapsed() -> None:
    grey = np.rint(128 + 5 * np.random.default_rng(1).standard_normal((64, 64, 1))).astype(np.uint8)
    found = looks(grey.repeat(3, axis=2))
    assert found.entropy > 4
    assert "contrast is 5" in (Collapse().of(found) or "")


def test_noise_and_white_are_strange_among_scenes_and_scenes_are_not() -> None:
    bounds = usual(looks(scene(seed)) for seed in range(8))
    assert bounds.strange(looks(scene(20)), Slack()) == ()
    told = " ".join(bounds.strange(looks(noisier(scene(20), 60)), Slack()))
    assert "its noise is" in told
    assert "its smoothness is" in told
    assert bounds.strange(looks(np.full((64, 64, 3), 255, np.uint8)), Slack())


def test_a_style_is_usual_once_its_training_pictures_are_counted_in() -> None:
    bare, taught = [looks(scene(seed)) for seed in range(8)], [looks(hatched(scene(seed))) for seed in range(8)]
    painted = looks(hatched(scene(30)))
    assert usual(bare).strange(painted, Slack())
    assert usual([*bare, *taught]).strange(painted, Slack()) == ()


def test_nothing_is_usual_without_a_picture() -> None:
    with pytest.raises(ValueError, match="without a picture"):
        usual([])
