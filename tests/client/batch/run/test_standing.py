"""How pictures stand, from their reports and the files that are there."""

from pathlib import Path

import msgspec
import pytest

from kilnmark.client.batch.run.manifest import Manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.batch.run.standing import ShownPicture, Standing, shown_pictures
from kilnmark.protocol.picture.report import Verdict
from tests.client.batch.gallery import ENTRIES, picture

ENGAGED, PARTIAL, NOOP, REFUSED = Verdict.ENGAGED, Verdict.PARTIAL, Verdict.NOOP, Verdict.REFUSED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    return tmp_path


def only(folder: Path, one: Picture, *, there: bool = True) -> ShownPicture:
    if there:
        (folder / one.file).touch()
    [exhibit] = shown_pictures(folder, Manifest(pictures=[one]))
    return exhibit


@pytest.mark.parametrize(
    ("stack", "standings"),
    [
        ((ENGAGED, ENGAGED), (Standing.ENGAGED,)),
        ((ENGAGED, NOOP), (Standing.DEAD,)),
        ((REFUSED, PARTIAL), (Standing.DEAD, Standing.PARTIAL)),
        ((ENGAGED, PARTIAL), (Standing.PARTIAL,)),
        ((), (Standing.BARE,)),
    ],
)
def test_a_picture_stands_as_its_worst_adapters_do(
    folder: Path, stack: tuple[Verdict, ...], standings: tuple[Standing, ...]
) -> None:
    assert only(folder, picture(0, ENTRIES[0], stack)).standings == standings


def test_one_that_failed_for_a_dead_adapter_is_dead_first_and_failed_too(folder: Path) -> None:
    refused = msgspec.structs.replace(picture(0, ENTRIES[0], (REFUSED,)), status="failed", message="refused")
    exhibit = only(folder, refused)
    assert exhibit.standings == (Standing.DEAD, Standing.FAILED)
    assert (exhibit.file, exhibit.message) == (None, "refused")


def test_a_picture_that_was_removed_is_told_as_failed_with_the_mend(folder: Path) -> None:
    exhibit = only(folder, picture(0, ENTRIES[0], (ENGAGED,)), there=False)
    assert exhibit.standings == (Standing.FAILED,)
    assert "run the batch again" in exhibit.message


def test_a_pair_needs_both_files(folder: Path) -> None:
    one = picture(0, ENTRIES[0], (ENGAGED,))
    assert one.bare_file is not None
    assert only(folder, one).bare_file is None
    (folder / one.bare_file).touch()
    assert only(folder, one).bare_file == one.bare_file


def test_dead_adapters_come_first_then_failures_and_then_the_plans_order(folder: Path) -> None:
    stacks: list[tuple[Verdict, ...]] = [(ENGAGED,), (), (PARTIAL,), (NOOP,), (ENGAGED,), (REFUSED,)]
    pictures = [picture(number, ENTRIES[number], stack) for number, stack in enumerate(stacks)]
    for one in pictures[:4] + pictures[5:]:
        (folder / one.file).touch()
    shown = shown_pictures(folder, Manifest(pictures=pictures))
    assert [exhibit.place for exhibit in shown] == [3, 5, 4, 2, 0, 1]


def test_the_smallest_change_of_a_stack_is_that_of_its_deadest_adapter(folder: Path) -> None:
    assert only(folder, picture(0, ENTRIES[0], (ENGAGED, REFUSED))).smallest_change == 0.0
    assert only(folder, picture(0, ENTRIES[0], (ENGAGED,))).smallest_change == pytest.approx(0.004)
    assert only(folder, picture(0, ENTRIES[0], ())).smallest_change is None
