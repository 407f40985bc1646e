"""The nearest of many pictures is found, and told how near it is."""

import numpy as np
import pytest

from kilnmark.lab.measures.gallery import Gallery
from tests.lab.measures.scenes import noisier, scene


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    return Gallery((f"{seed}.png", scene(seed)) for seed in range(40))


@pytest.mark.parametrize("seed", [0, 17, 39])
def test_a_picture_that_was_learnt_by_heart_is_found(gallery: Gallery, seed: int) -> None:
    found = gallery.nearest(noisier(scene(seed, side=128), 5))
    assert found is not None
    assert (found.name, found.mirrored) == (f"{seed}.png", False)
    assert found.distance < gallery.spacing()[0]


def test_one_that_was_learnt_in_a_mirror_is_found(gallery: Gallery) -> None:
    found = gallery.nearest(np.ascontiguousarray(scene(5)[:, ::-1]))
    assert found is not None
    assert (found.name, found.mirrored) == ("5.png", True)


def test_a_new_picture_is_as_far_away_as_they_are_from_each_other(gallery: Gallery) -> None:
    found = gallery.nearest(scene(100))
    assert found is not None
    assert found.distance > gallery.spacing()[0] * 0.8


def test_an_empty_gallery_has_none_that_is_near() -> None:
    assert Gallery([]).nearest(scene(1)) is None
    assert Gallery([]).spacing() == []
