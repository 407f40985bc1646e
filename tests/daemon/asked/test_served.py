"""The bases of a daemon: what each is called, and what those that are directories count as."""

from pathlib import Path

import pytest

from kilnmark.daemon.asked.served import Served
from kilnmark.keymaps.files.weights import WeightsProblem
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams
from tests.directories import write_directory


def served(folder: Path, **bases: str) -> Served:
    return Served(Settings(socket=folder / "d.sock", output_dir=folder, bases=bases))


def test_a_directory_under_a_name_of_its_own_counts_as_what_its_weights_are(tmp_path: Path) -> None:
    place = write_directory(tmp_path / "fast", guided=False)
    bases = served(tmp_path, mine=str(place))
    assert bases.row_of("mine") is VARIANTS["schnell"]
    assert bases.counts_as == {"mine": "schnell"}


def test_a_name_that_is_nearly_one_of_its_bases_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(InvalidParams, match=r"did you mean 'trial'\?$"):
        served(tmp_path, trial="standin").named("trail")


def test_a_variants_name_says_what_is_meant_wherever_it_is(tmp_path: Path) -> None:
    bases = served(tmp_path, dev="standin", schnell="/nowhere")
    assert (bases.row_of("dev"), bases.row_of("schnell")) == (VARIANTS["dev"], VARIANTS["schnell"])
    assert bases.counts_as == {}


def test_another_name_for_what_needs_no_weights_counts_as_that(tmp_path: Path) -> None:
    bases = served(tmp_path, trial="standin")
    assert bases.row_of("trial") is VARIANTS["standin"]
    assert bases.counts_as == {"trial": "standin"}


def test_a_directory_that_cannot_be_told_costs_no_other_and_is_told_once_it_is_mended(tmp_path: Path) -> None:
    place = tmp_path / "late"
    bases = served(tmp_path, late=str(place))
    with pytest.raises(WeightsProblem, match="late/transformer holds no safetensors file"):
        bases.row_of("late")
    assert (bases.counts_as, bases.row_of("standin")) == ({}, VARIANTS["standin"])
    write_directory(place, guided=True)
    assert bases.row_of("late") is VARIANTS["dev"]
    assert bases.counts_as == {"late": "dev"}


def test_its_headers_are_read_once(tmp_path: Path) -> None:
    place = write_directory(tmp_path / "gone", guided=True)
    bases = served(tmp_path, gone=str(place))
    for file in place.glob("*/*.safetensors"):
        file.unlink()
    assert bases.row_of("gone") is VARIANTS["dev"]
