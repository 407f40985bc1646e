"""Pixels are upright, opaque and in 8 bits of three colours, or the file is refused with what to do."""

import zlib
from typing import Literal

import numpy as np
import pytest
from PIL import Image, ImageCms

from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.keymaps.pictures.decoded import FORMATS, PIXEL_LIMIT, decoded, glimpsed
from tests.keymaps.pictures.shown import HEIGHT, WIDTH, chunk, claiming, clear, colours, in_memory, saved

TURNED = Image.Exif()
TURNED[0x0112] = 6
LOSSLESS: dict[str, dict[str, bool]] = {"PNG": {}, "BMP": {}, "WEBP": {"lossless": True}}


def refusal(data: bytes) -> str:
    with pytest.raises(RefusedPicture) as caught:
        decoded(in_memory(data))
    assert caught.value.mend
    return str(caught.value)


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_is_read_at_its_size(kind: str) -> None:
    file = in_memory(saved(colours(), kind))
    found = decoded(file)
    assert (found.mode, found.size, glimpsed(file)[1:]) == ("RGB", (WIDTH, HEIGHT), (WIDTH, HEIGHT, ""))
    if kind in LOSSLESS:
        exact = decoded(in_memory(saved(colours(), kind, **LOSSLESS[kind])))
        assert exact.tobytes() == colours().tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photograph_is_turned_upright(kind: str) -> None:
    file = in_memory(saved(colours(), kind, exif=TURNED, **LOSSLESS.get(kind, {})))
    assert decoded(file).size == glimpsed(file)[1:3] == (HEIGHT, WIDTH)
    if kind == "PNG":
        assert decoded(file).tobytes() == colours().transpose(Image.Transpose.ROTATE_270).tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_each_mode_comes_to_what_it_looks_like(mode: str) -> None:
    image = clear().convert(mode)
    shown = np.array(decoded(in_memory(saved(image))))
    assert shown.shape == (HEIGHT, WIDTH, 3)
    alpha = np.array(image.convert("RGBA"))[..., 3:] / 255
    expected = np.array(image.convert("RGBA"))[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(shown - expected).max() <= 1


def test_a_colour_that_counts_as_transparent_is_white() -> None:
    image = colours()
    file = in_memory(saved(image, transparency=image.getpixel((0, 0))))
    assert decoded(file).getpixel((0, 0)) == (255, 255, 255)


def test_of_16_bits_the_upper_8_are_kept() -> None:
    deep = Image.fromarray((np.arange(WIDTH * HEIGHT, dtype=np.uint16) * 128).reshape(HEIGHT, WIDTH))
    shown = np.array(decoded(in_memory(saved(deep))))
    assert np.array_equal(shown[..., 0], np.array(deep) >> 8)
    assert decoded(in_memory(saved(deep, exif=TURNED))).size == (HEIGHT, WIDTH)


def test_the_clear_shade_of_16_bits_shows_the_ground_and_its_neighbours_do_not() -> None:
    deep = np.full((HEIGHT, WIDTH), 0x8001, np.uint16)
    deep[0] = 0x8000
    pixels = np.asarray(decoded(in_memory(saved(Image.fromarray(deep), transparency=0x8000))))
    assert (pixels[0] == 255).all()
    assert (pixels[1:] == 128).all()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_one_that_moves_is_refused(kind: str) -> None:
    assert "has 2 frames" in refusal(saved(colours(), kind, save_all=True, append_images=[colours().rotate(90)]))


def test_the_small_copies_behind_a_photograph_are_none_of_its_frames() -> None:
    data = saved(colours(), "MPO", save_all=True, append_images=[colours().rotate(90)])
    assert decoded(in_memory(data)).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", FORMATS)
def test_one_that_was_cut_short_is_refused(kind: str) -> None:
    data = saved(colours(160, 80), kind)
    assert "cannot be read as a picture" in refusal(data[: len(data) // 2])


@pytest.mark.parametrize("data", [b"", b"a mill", b"%!PS-Adobe-3.0 EPSF-3.0", saved(colours(), "TIFF")])
def test_what_is_no_such_picture_is_refused(data: bytes) -> None:
    assert "is no picture of a kind that is read; give one picture as PNG" in refusal(data)


@pytest.mark.parametrize("size", [(8000, 8000), (12000, 9000), (30000, 30000), (2**31 - 1, 2**31 - 1)], ids=str)
def test_more_pixels_than_allowed_are_an_error_before_they_are_decoded(size: tuple[int, int]) -> None:
    assert f"more than {PIXEL_LIMIT:,} pixels" in refusal(claiming(*size))
    with pytest.raises(RefusedPicture):
        glimpsed(in_memory(claiming(*size)))


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_small_file_that_would_become_a_large_one_is_refused(kind: bytes) -> None:
    bomb = chunk(kind, b"a\0\0" + zlib.compress(bytes(20_000_000)))
    assert "cannot be read as a picture" in refusal(claiming(16, 16, bomb))


@pytest.mark.parametrize(("space", "name"), [("sRGB", ""), ("LAB", "Lab identity built-in")])
def test_a_colour_profile_that_is_not_applied_is_told_by_its_name(space: Literal["sRGB", "LAB"], name: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
    assert glimpsed(in_memory(saved(colours(), icc_profile=profile))).profile == name


def test_a_colour_profile_that_is_none_is_told() -> None:
    assert glimpsed(in_memory(saved(colours(), icc_profile=b"a mill" * 40))).profile == "unreadable"
