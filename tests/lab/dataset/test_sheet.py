"""The contact sheet: every picture on it, and a frame in the colour of what was found."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.lab.dataset import sheet
from kilnmark.lab.dataset.preflight import ExaminedDataset, Lesson, examine
from kilnmark.lab.dataset.thumbnails import Thumbnails
from kilnmark.lab.run.plan import DatasetPlan
from tests.lab.dataset.drawn import TRIGGER, dataset, picture

TWICE, REFUSED = (140, 40, 160), (200, 20, 30)


def _sheets(folder: Path, out: Path) -> tuple[ExaminedDataset, tuple[Path, ...]]:
    with Thumbnails() as thumbnails:
        plan, lesson = DatasetPlan(path="", size=64, pairs=8), Lesson("style", TRIGGER, "mini")
        counter = TokenCounter(env={"HF_HOME": "/nonexistent"})
        examined = examine(folder, plan, lesson, counter=counter, thumbnails=thumbnails)
        return examined, sheet.write_sheets(examined, thumbnails, out, "dataset")


def _has(path: Path, colour: tuple[int, int, int]) -> bool:
    with Image.open(path) as page:
        return bool((np.asarray(page) == colour).all(axis=2).any())


def test_a_good_dataset_has_no_frames(tmp_path: Path) -> None:
    _, (page,) = _sheets(dataset(tmp_path / "set", 10), tmp_path)
    assert page.name == "dataset.png"
    assert not _has(page, TWICE)
    assert not _has(page, REFUSED)


def test_what_was_found_is_framed(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", 10)
    picture(0).save(folder / "d10.png")
    (folder / "d10.txt").write_text("a castle")
    (folder / "e11.png").write_bytes(b"nothing")
    (folder / "e11.txt").write_text(TRIGGER)
    _, (page,) = _sheets(folder, tmp_path)
    assert _has(page, TWICE)
    assert _has(page, REFUSED)


def test_many_pictures_have_many_pages_and_what_is_framed_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = dataset(tmp_path / "set", 10)
    (folder / "c05.txt").write_text("a castle")
    monkeypatch.setattr(sheet, "PAGE_TILES", 3)
    _, pages = _sheets(folder, tmp_path)
    assert [page.name for page in pages] == ["dataset.png", "dataset-2.png", "dataset-3.png", "dataset-4.png"]
    assert [_has(page, REFUSED) for page in pages] == [False, False, True, False]
    monkeypatch.setattr(sheet, "PAGES", 2)
    _, pages = _sheets(folder, tmp_path)
    assert [_has(page, REFUSED) for page in pages] == [True, False]


def test_a_dataset_without_pictures_has_a_sheet_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    _, (page,) = _sheets(tmp_path / "set", tmp_path)
    assert page.is_file()
