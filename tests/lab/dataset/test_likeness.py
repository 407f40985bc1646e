"""Pictures that show the same are found however they were saved; others are not accused; outliers stand out."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from kilnmark.lab.dataset.likeness import OUTLYING, Outliers, outliers, robust_scores, twins
from kilnmark.lab.dataset.looking import PictureLook, look_at_all
from tests.lab.dataset.drawn import picture

SIZE = (192, 128)


def _looks(tmp_path: Path, *images: Image.Image) -> list[PictureLook]:
    for number, image in enumerate(images):
        image.save(tmp_path / f"{number:03}.png", compress_level=1)
    return [look for look, _ in look_at_all(tmp_path, sorted(path.name for path in tmp_path.iterdir()))]


def _packed(image: Image.Image, quality: int) -> Image.Image:
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=quality)
    return Image.open(packed).convert("RGB")


@pytest.mark.parametrize(
    ("change", "mirrored"),
    [
        pytest.param(lambda image: _packed(image, 40), False, id="packed"),
        pytest.param(lambda image: image.resize((96, 64)), False, id="smaller"),
        pytest.param(lambda image: ImageEnhance.Brightness(image).enhance(1.1), False, id="brighter"),
        pytest.param(lambda image: image.crop((1, 1, 191, 127)), False, id="cropped a little"),
        pytest.param(lambda image: image.filter(ImageFilter.GaussianBlur(1)), False, id="blurred"),
        pytest.param(ImageOps.mirror, True, id="mirrored"),
    ],
)
def test_a_picture_is_found_again(tmp_path: Path, change: object, mirrored: bool) -> None:
    assert callable(change)
    changed = change(picture(1, SIZE))
    (group,) = twins(_looks(tmp_path, picture(1, SIZE), picture(2, SIZE), changed))
    assert (group.names, group.equal, group.mirrored) == (("000.png", "002.png"), False, mirrored)


def test_copies_are_told_from_those_that_look_alike(tmp_path: Path) -> None:
    one = picture(1, SIZE)
    groups = twins(_looks(tmp_path, one, one, _packed(one, 60), picture(2, SIZE)))
    assert [(group.names, group.equal) for group in groups] == [
        (("000.png", "001.png"), True),
        (("000.png", "002.png"), False),
    ]


def test_other_pictures_are_not_accused(tmp_path: Path) -> None:
    assert twins(_looks(tmp_path, *(picture(seed, SIZE) for seed in range(60)))) == ()


def test_drawings_on_one_ground_are_not_accused(tmp_path: Path) -> None:
    """The same layout, with another thing in the middle: hashes of such lie near each other."""
    drawn = []
    for seed in range(24):
        ground = Image.new("RGB", SIZE, (240, 235, 220))
        ground.paste(picture(seed, (70, 70)), (60 + seed % 5, 30))
        drawn.append(ground)
    assert twins(_looks(tmp_path, *drawn)) == ()


def test_pictures_of_one_shape_in_other_colours_are_not_one(tmp_path: Path) -> None:
    grey = picture(1, SIZE).convert("L")
    red, blue = (ImageOps.colorize(grey, "black", colour) for colour in ("red", "blue"))
    assert twins(_looks(tmp_path, red, blue)) == ()


def test_flat_pictures_of_one_colour_look_alike(tmp_path: Path) -> None:
    flat = [Image.new("RGB", SIZE, colour) for colour in ((10, 10, 10), (11, 10, 10), (250, 10, 10))]
    (group,) = twins(_looks(tmp_path, *flat))
    assert group.names == ("000.png", "001.png")


def test_no_pictures_are_no_twins() -> None:
    assert twins([]) == ()


def _detailed(seed: int) -> Image.Image:
    grain = np.random.default_rng(seed).integers(0, 40, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    return Image.fromarray(np.asarray(picture(seed, SIZE)) + grain)


def test_blurred_dark_and_bright_pictures_stand_out(tmp_path: Path) -> None:
    usual = [_detailed(seed) for seed in range(20)]
    blurred = _detailed(30).filter(ImageFilter.GaussianBlur(4))
    dark, bright = (ImageEnhance.Brightness(_detailed(31)).enhance(factor) for factor in (0.2, 1.8))
    found = outliers(_looks(tmp_path, *usual, blurred, dark, bright))
    names = [[each.name for each in kind] for kind in (found.blurred, found.dark, found.bright)]
    assert names == [["020.png"], ["021.png"], ["022.png"]]
    assert found.dark[0].score > OUTLYING


def test_usual_pictures_do_not_stand_out(tmp_path: Path) -> None:
    assert outliers(_looks(tmp_path, *(_detailed(seed) for seed in range(20)))) == Outliers()


def test_a_flat_picture_is_blurred_among_others(tmp_path: Path) -> None:
    found = outliers(
        _looks(tmp_path, *(_detailed(seed) for seed in range(20)), Image.new("RGB", SIZE, (128, 128, 128)))
    )
    assert [each.name for each in found.blurred] == ["020.png"]


@pytest.mark.parametrize(
    ("values", "last"),
    [([1.0, 2.0, 3.0, 4.0, 100.0], 0.6745 * 97), ([5.0] * 5, 0.0), ([5.0] * 9 + [6.0], 1 / (0.1 * 1.2533))],
)
def test_scores_are_robust(values: list[float], last: float) -> None:
    numbers: npt.NDArray[np.float64] = np.array(values)
    assert robust_scores(numbers)[-1] == pytest.approx(last)
