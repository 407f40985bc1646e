"""The demonstration's dataset: what it shows, how it is printed, and the captions of a style beside it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kilnmark.client.sync import Client
from kilnmark.client.testing import fake_daemon
from kilnmark.lab.demo.prints import GREYS, INKS, TRIGGER, printed, write_dataset
from kilnmark.lab.demo.scenes import scenes
from kilnmark.lab.measures.measure import read_picture
from kilnmark.protocol.errors import KilnmarkError

SIZE = 64


@pytest.fixture(scope="module", name="client")
def _client() -> Iterator[Client]:
    with fake_daemon(variant="mini") as daemon, Client(daemon.socket) as client:
        yield client


def test_every_picture_has_the_bare_trigger_beside_it(client: Client, tmp_path: Path) -> None:
    written = list(write_dataset(client, tmp_path / "set", ["a tower", "a cave", "ruins"], SIZE))
    assert [path.name for path in written] == ["print-001.png", "print-002.png", "print-003.png"]
    assert {path.with_suffix(".txt").read_text() for path in written} == {f"{TRIGGER}\n"}
    assert {read_picture(path).shape for path in written} == {(SIZE, SIZE, 3)}
    assert len(list((tmp_path / "set").iterdir())) == 6


def test_a_picture_that_is_not_painted_is_no_gap(client: Client, tmp_path: Path) -> None:
    with pytest.raises(KilnmarkError, match="prompt"):
        list(write_dataset(client, tmp_path, ["a tower", ""], SIZE))


def test_greys_are_printed_in_their_inks() -> None:
    flat = [np.full((SIZE, SIZE, 3), round(255 * grey), np.uint8) for grey in GREYS]
    assert [np.abs(printed(each)[0, 0].astype(int) - ink).max() <= 1 for each, ink in zip(flat, INKS, strict=True)] == [
        True
    ] * 3


def test_colours_of_one_grey_are_printed_alike() -> None:
    red, green = (np.full((SIZE, SIZE, 3), colour, np.uint8) for colour in ((200, 0, 0), (0, 102, 0)))
    assert np.abs(printed(red).astype(int) - printed(green)).max() <= 1


def test_scenes_differ_and_leave_out_what_they_are_told_to() -> None:
    every = scenes(200, ())
    assert len(set(every)) == 200
    some = scenes(150, every[:6])
    assert len(set(some)) == 150
    assert not {*every[:6]}.intersection(some)
    assert some == scenes(150, every[:6])
