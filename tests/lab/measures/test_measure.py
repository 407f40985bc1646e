"""Numbers of pictures, held to what is known of pictures made for it."""

import numpy as np
import pytest

from kilnmark.lab.measures.measure import Picture, looks, ssim


def noisy(deviation: float) -> Picture:
    chance = np.random.default_rng(1)
    grey = 128 + deviation * chance.standard_normal((64, 64))
    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def test_an_even_picture_has_nothing_in_it() -> None:
    found = looks(np.full((8, 8, 3), 90, np.uint8))
    assert (found.entropy, round(found.deviation, 6), found.saturation, round(found.noise, 6)) == (0, 0, 0, 0)


def test_all_grey_levels_alike_are_eight_bits() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert looks(ramp).entropy == pytest.approx(8)


@pytest.mark.parametrize("deviation", [4.0, 16.0, 30.0])
def test_noise_is_estimated_as_strong_as_it_is(deviation: float) -> None:
    assert looks(noisy(deviation)).noise == pytest.approx(deviation, rel=0.06)


def test_pure_red_is_saturated() -> None:
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 200
    assert looks(red).saturation == 1


def test_a_picture_is_like_itself_and_less_like_others() -> None:
    one = noisy(20)
    near = np.clip(one.astype(np.int16) + 3, 0, 255).astype(np.uint8)
    far: Picture = np.ascontiguousarray(one[::-1])
    assert ssim(one, one) == pytest.approx(1)
    assert ssim(one, one) > ssim(one, near) > ssim(one, far)


def test_noise_is_not_smooth_and_a_ramp_is() -> None:
    ramp = np.arange(64, dtype=np.uint8)[None, :, None].repeat(64, axis=0).repeat(3, axis=2)
    assert looks(ramp).smoothness == pytest.approx(1, abs=0.01)
    assert abs(looks(noisy(30)).smoothness) < 0.1


def test_what_is_black_or_white_is_counted() -> None:
    half = np.zeros((8, 8, 3), np.uint8)
    half[4:, :4] = 255
    half[4:, 4:] = 100
    assert looks(half).clipped == 0.75
    assert looks(half).brightness == pytest.approx(88.75)
