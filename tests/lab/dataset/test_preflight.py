"""A dataset looked at as a whole: a good one passes, each flaw is found in its files, and nothing is changed."""

import os
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.lab.dataset.findings import LEVELS, Code, Level
from kilnmark.lab.dataset.preflight import Lesson, digest_of, examine
from kilnmark.lab.dataset.report import DatasetReport
from kilnmark.lab.run.plan import DatasetPlan
from kilnmark.lab.run.state import Outcome
from kilnmark.protocol.picture.catalog import UnknownVariant
from tests.lab.dataset.drawn import SIDE, TRIGGER, codes, dataset, everything, files_of, looked, picture


def test_a_good_dataset_passes_with_its_figures(tmp_path: Path) -> None:
    report = looked(dataset(tmp_path, 12)).report
    assert (report.outcome, report.findings) == (Outcome.PASSED, ())
    assert (report.pictures, report.pairs, report.distinct, report.layout) == (12, 12, 12, "captions")
    assert [(size.width, size.height, size.pictures) for size in report.sizes] == [(SIDE, SIDE, 12)]
    assert [(aspect.aspect, aspect.pictures) for aspect in report.aspects] == [("1:1", 12)]
    assert [(source.name, source.pictures) for source in report.sources] == [("a", 4), ("b", 4), ("c", 4)]
    assert [(each.encoder, each.limit, each.estimated, each.over) for each in report.lengths] == [
        ("Qwen3", 512, True, ())
    ]


def test_a_preflight_changes_nothing_and_comes_to_the_same_again(tmp_path: Path) -> None:
    before = everything(dataset(tmp_path, 12))
    first, second = looked(tmp_path).report, looked(tmp_path).report
    assert everything(tmp_path) == before
    assert first == second
    assert first.sha256 == digest_of(tmp_path)


def test_a_report_is_one_json_document(tmp_path: Path) -> None:
    report = looked(dataset(tmp_path, 3)).report
    assert msgspec.json.decode(msgspec.json.encode(report), type=DatasetReport) == report


@pytest.mark.parametrize("change", ["another caption", "another picture", "another name", "one less"])
def test_every_change_of_a_dataset_changes_its_hash(tmp_path: Path, change: str) -> None:
    before = digest_of(dataset(tmp_path, 3))
    if change == "another caption":
        (tmp_path / "a00.txt").write_text("zxink2")
    elif change == "another picture":
        picture(99).save(tmp_path / "a00.png")
    elif change == "another name":
        (tmp_path / "a00.png").rename(tmp_path / "d00.png")
    else:
        (tmp_path / "a00.png").unlink()
    assert digest_of(tmp_path) != before


def test_a_byte_order_mark_is_no_change(tmp_path: Path) -> None:
    before = digest_of(dataset(tmp_path, 3))
    (tmp_path / "a00.txt").write_bytes(b"\xef\xbb\xbfzxink\r\n")
    assert digest_of(tmp_path) == before


def test_an_empty_folder_has_no_pictures(tmp_path: Path) -> None:
    assert codes(looked(tmp_path)) == {Code.NO_PICTURES}


@pytest.mark.parametrize(
    ("kind", "count", "found"),
    [("style", 149, {Code.TOO_FEW}), ("style", 150, set()), ("subject", 9, {Code.TOO_FEW}), ("subject", 10, set())],
)
def test_each_kind_wants_its_number_of_pairs(tmp_path: Path, kind: str, count: int, found: set[Code]) -> None:
    dataset(tmp_path, 3)
    drawn = looked(tmp_path)
    from kilnmark.lab.dataset.pictures import count_findings

    plan = DatasetPlan(path="")
    assert drawn.report.passed is False
    assert {each.code for each in count_findings(kind, plan, count, count)} == found  # type: ignore[arg-type]


def test_a_subject_has_at_most_forty_unless_it_may_have_more(tmp_path: Path) -> None:
    from kilnmark.lab.dataset.pictures import count_findings

    plan = DatasetPlan(path="")
    assert [each.code for each in count_findings("subject", plan, 41, 41)] == [Code.TOO_MANY]
    assert not list(count_findings("subject", DatasetPlan(path="", most_pairs=41), 41, 41))
    assert not list(count_findings("style", plan, 5_000, 5_000))


def test_copies_do_not_make_a_dataset_larger(tmp_path: Path) -> None:
    dataset(tmp_path, 5)
    for number in range(5):
        picture(number).save(tmp_path / f"d{number}.png")
        (tmp_path / f"d{number}.txt").write_text(TRIGGER)
    found = looked(tmp_path)
    assert (found.report.pairs, found.report.distinct) == (10, 5)
    assert {Code.TOO_FEW_DISTINCT, Code.COPIES} <= codes(found)


def test_a_broken_picture_refuses_the_dataset_by_its_name(tmp_path: Path) -> None:
    dataset(tmp_path, 12)
    (tmp_path / "b01.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = looked(tmp_path)
    assert files_of(found, Code.UNREADABLE_PICTURE) == ("b01.png",)
    assert (found.report.passed, found.report.pairs) == (False, 11)


def test_a_few_small_pictures_are_told_and_many_refused(tmp_path: Path) -> None:
    dataset(tmp_path, 11)
    picture(40, (32, 32)).save(tmp_path / "c11.png")
    (tmp_path / "c11.txt").write_text(TRIGGER)
    assert codes(looked(tmp_path)) == {Code.SMALL}
    picture(41, (32, 32)).save(tmp_path / "b12.png")
    (tmp_path / "b12.txt").write_text(TRIGGER)
    found = looked(tmp_path)
    assert files_of(found, Code.SMALL_SHARE) == ("b12.png", "c11.png")
    assert codes(looked(tmp_path, small_share=0.5)) == {Code.SMALL}


def test_shapes_of_as_many_pixels_are_not_small(tmp_path: Path) -> None:
    dataset(tmp_path, 11)
    picture(40, (52, 76)).save(tmp_path / "c11.png")
    (tmp_path / "c11.txt").write_text(TRIGGER)
    report = looked(tmp_path).report
    assert report.findings == ()
    assert [aspect.aspect for aspect in report.aspects] == ["1:1", "0.68:1"]


def test_a_picture_without_any_extent_is_refused(tmp_path: Path) -> None:
    dataset(tmp_path, 12)
    picture(40, (400, 8)).save(tmp_path / "a00.png")
    assert files_of(looked(tmp_path, small_share=1.0), Code.TINY) == ("a00.png",)


def test_forms_are_told_with_their_files(tmp_path: Path) -> None:
    dataset(tmp_path, 12)
    picture(0).convert("L").save(tmp_path / "a00.png")
    picture(1).convert("RGBA").save(tmp_path / "b01.png")
    found = looked(tmp_path)
    assert found.report.passed
    assert files_of(found, Code.GREY) == ("a00.png",)
    assert files_of(found, Code.TRANSPARENT) == ("b01.png",)


def test_pictures_for_print_are_warned_of(tmp_path: Path) -> None:
    dataset(tmp_path, 12)
    (tmp_path / "a00.png").unlink()
    picture(0).convert("CMYK").save(tmp_path / "a00.jpg")
    assert files_of(looked(tmp_path), Code.COLOURS) == ("a00.jpg",)


def test_a_caption_longer_than_is_read_is_warned_of(tmp_path: Path) -> None:
    dataset(tmp_path, 12, "a photo of zxink on the grass")
    (tmp_path / "a00.txt").write_text("zxink " + "on the very green grass " * 4_000)
    found = looked(tmp_path, "subject", most_pairs=40)
    assert files_of(found, Code.TOO_LONG) == ("a00.png",)
    assert found.report.passed


def test_a_style_without_captions_is_taught_by_its_pictures_alone(tmp_path: Path) -> None:
    found = looked(dataset(tmp_path, 12, caption=None))
    assert (codes(found), found.report.pairs, found.report.lengths) == ({Code.NO_CAPTIONS}, 12, ())


def test_what_refuses_comes_first(tmp_path: Path) -> None:
    dataset(tmp_path, 5)
    picture(0).convert("L").save(tmp_path / "a00.png")
    levels = [finding.level for finding in looked(tmp_path).report.findings]
    assert levels == sorted(levels, key=list(Level).index)
    assert levels[0] is Level.REFUSE


def test_every_code_has_its_level() -> None:
    assert set(LEVELS) == set(Code)
    assert LEVELS[Code.NAMES_COLLIDE] is LEVELS[Code.COPIES] is LEVELS[Code.LOOP] is Level.WARN
    assert LEVELS[Code.NO_DESCRIPTION] is Level.REFUSE
    assert LEVELS[Code.SMALL] is LEVELS[Code.PASSED_OVER] is Level.TOLD


def test_a_base_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownVariant):
        looked(dataset(tmp_path, 2), base="nothing")


def test_whoever_wants_to_know_is_told_how_far_it_is(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    plan, lesson = DatasetPlan(path=""), Lesson("style", TRIGGER, "mini")
    counter = TokenCounter(env={"HF_HOME": "/nonexistent"})
    examine(dataset(tmp_path, 3), plan, lesson, counter=counter, seen=lambda *at: told.append(at))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    dataset(tmp_path, 12)
    for ending in ("png", "txt"):
        odd = f"caf\udce9.{ending}"
        (tmp_path / f"a00.{ending}").rename(tmp_path / odd)
    found = looked(tmp_path)
    assert files_of(found, Code.NAME_NO_TEXT) == ("caf\udce9.png", "caf\udce9.txt")
    assert (found.report.pairs, len(found.report.sha256)) == (11, 64)


@pytest.mark.parametrize("name", ["a00.png", "a00.txt"])
def test_a_pipe_is_waited_for_by_nobody(tmp_path: Path, name: str) -> None:
    dataset(tmp_path, 12)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    assert codes(looked(tmp_path)) & {Code.UNREADABLE_PICTURE, Code.UNREADABLE_CAPTION}


def test_the_page_names_every_code_at_its_level() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/lab.md").read_text()
    refused, _, others = page.partition("To be looked at, and no hindrance:")
    warned, _, told = others.partition("Told:")
    parts = {Level.REFUSE: refused, Level.WARN: warned, Level.TOLD: told}
    assert [code for code, level in LEVELS.items() if f"`{code}`" not in parts[level]] == []
