"""The demonstration's dataset: the same every time, no two pictures alike, captions of a style."""

import hashlib
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from kilnmark.lab.demo.canvas import GreyCanvas
from kilnmark.lab.demo.prints import GREYS, INKS, TRIGGER, printed, write_dataset
from kilnmark.lab.demo.scenes import PLACES, landscape

SIZE = 64


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return list(write_dataset(tmp_path_factory.mktemp("prints"), 24, SIZE))


def test_every_picture_has_the_bare_trigger_beside_it(drawn: list[Path]) -> None:
    assert {path.with_suffix(".txt").read_text() for path in drawn} == {f"{TRIGGER}\n"}
    assert len(list(drawn[0].parent.iterdir())) == 2 * len(drawn)


def test_no_two_are_alike(drawn: list[Path]) -> None:
    pixels = [np.asarray(Image.open(path), np.float32) for path in drawn]
    apart = [np.abs(one - other).mean() for number, one in enumerate(pixels) for other in pixels[:number]]
    assert min(apart) > 3
    assert {one.shape for one in pixels} == {(SIZE, SIZE, 3)}


def test_they_are_the_same_wherever_they_are_drawn(drawn: list[Path], tmp_path: Path) -> None:
    again = list(write_dataset(tmp_path, 3, SIZE))
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in again] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in drawn[:3]
    ]


def test_darker_greys_are_printed_darker() -> None:
    inked = [printed(Image.new("L", (256, 256), round(255 * grey)), SIZE) for grey in GREYS]
    means = [np.asarray(picture, np.float32).mean(axis=(0, 1)) for picture in inked]
    assert [np.abs(mean - ink).max() < 2 for mean, ink in zip(means, INKS, strict=True)] == [True] * 3


@pytest.mark.parametrize("place", PLACES)
def test_every_place_is_drawn(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.lab.demo.scenes.PLACES", {place: PLACES[place]})
    picture, empty = landscape(Random(1), SIZE), GreyCanvas(SIZE, 0.5, 0.5).image
    assert picture.size == empty.size
    assert len(np.unique(np.asarray(picture))) > 10
