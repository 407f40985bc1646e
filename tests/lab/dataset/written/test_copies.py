"""Copies for trainers: links to what all of them read, conversions of the rest, and never a change of the dataset."""

from pathlib import Path

import pytest
from PIL import Image

from kilnmark.lab.dataset.errors import DatasetChanged, DatasetRefused, LayoutUnwritable
from kilnmark.lab.dataset.written.copies import write_copies
from tests.lab.dataset.drawn import SIDE, TRIGGER, dataset, everything, looked, picture


def test_every_pair_is_there_under_a_number(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", 9)
    copies = write_copies(looked(folder), tmp_path / "out")
    assert [pair.file for pair in copies.pairs] == [f"{number:04}.png" for number in range(1, 10)]
    for pair in copies.pairs:
        path = tmp_path / "out/pictures" / pair.file
        assert path.read_bytes() == (folder / pair.name).read_bytes()
        assert path.with_suffix(".txt").read_text() == TRIGGER
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"index.json", "pictures"}


def test_what_trainers_are_given_is_a_dataset_of_the_same_pairs(tmp_path: Path) -> None:
    examined = looked(dataset(tmp_path / "set", 9, f"a photo of {TRIGGER} on the grass"), "subject", most_pairs=40)
    write_copies(examined, tmp_path / "out")
    again = looked(tmp_path / "out/pictures", "subject", most_pairs=40)
    assert again.report.passed
    assert [picture.caption for picture in again.pictures] == [picture.caption for picture in examined.pictures]
    assert [look.pixels for look in again.looks] == [look.pixels for look in examined.looks]


def test_nothing_is_written_twice_and_the_dataset_never(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", 9)
    picture(0).convert("L").save(folder / "a00.png")
    before = everything(folder)
    first = write_copies(looked(folder), tmp_path / "out")
    written = everything(tmp_path / "out")
    assert write_copies(looked(folder), tmp_path / "out") == first
    assert everything(tmp_path / "out") == written
    assert everything(folder) == before


def test_what_not_every_trainer_reads_is_converted(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", 9)
    exif = Image.Exif()
    exif[0x0112] = 6
    (folder / "a00.png").unlink()
    picture(0, (80, SIDE)).save(folder / "a00.jpg", exif=exif)
    clear = picture(1).convert("RGBA")
    clear.putalpha(0)
    clear.save(folder / "b01.png")
    (folder / "c02.png").unlink()
    picture(2).save(folder / "c02.bmp")
    copies = write_copies(looked(folder), tmp_path / "out")
    assert [(pair.name, pair.file) for pair in copies.pairs if not pair.link] == [
        ("a00.jpg", "0001.png"),
        ("b01.png", "0004.png"),
        ("c02.bmp", "0007.png"),
    ]
    forms = []
    for number in (1, 4, 7):
        with Image.open(tmp_path / f"out/pictures/000{number}.png") as image:
            forms.append((image.mode, image.size, image.getpixel((0, 0))))
    assert [form[:2] for form in forms] == [("RGB", (SIDE, 80)), *[("RGB", (SIDE, SIDE))] * 2]
    assert forms[1][2] == (255, 255, 255)


def test_a_photograph_with_more_behind_it_is_one_in_jpeg(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", 9)
    (folder / "a00.png").unlink()
    picture(0).save(folder / "a00.jpg", format="MPO", save_all=True, append_images=[picture(1)])
    first = write_copies(looked(folder), tmp_path / "out").pairs[0]
    assert (first.file, first.link) == ("0001.jpg", True)


def test_captions_are_one_line_of_utf_8(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", 9)
    (folder / "a00.txt").write_bytes(b"\xef\xbb\xbf zxink\r\n\r\n")
    write_copies(looked(folder), tmp_path / "out")
    assert (tmp_path / "out/pictures/0001.txt").read_bytes() == b"zxink"


def test_a_style_without_captions_gets_its_trigger_or_nothing(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", 9, caption=None)
    write_copies(looked(folder), tmp_path / "with")
    assert (tmp_path / "with/pictures/0001.txt").read_text() == TRIGGER
    write_copies(looked(folder, trigger=""), tmp_path / "without")
    assert (tmp_path / "without/pictures/0001.txt").read_text() == "\n"


def test_a_changed_dataset_is_written_anew(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", 9)
    write_copies(looked(folder), tmp_path / "out")
    (tmp_path / "out/pictures/cache.npz").write_text("a trainer's")
    (folder / "a00.png").unlink()
    (folder / "a00.txt").unlink()
    write_copies(looked(folder), tmp_path / "out")
    assert len(list((tmp_path / "out/pictures").iterdir())) == 16


@pytest.mark.parametrize("lost", ["pictures/0001.png", "pictures/0002.txt", "index.json"])
def test_what_was_lost_is_written_again(tmp_path: Path, lost: str) -> None:
    examined = looked(dataset(tmp_path / "set", 9))
    write_copies(examined, tmp_path / "out")
    before = everything(tmp_path / "out").keys()
    (tmp_path / "out" / lost).unlink()
    (tmp_path / "out/.pictures.partial").mkdir()
    write_copies(examined, tmp_path / "out")
    assert everything(tmp_path / "out").keys() == before
    assert not (tmp_path / "out/.pictures.partial").exists()


def test_what_was_refused_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DatasetRefused, match="3 pairs, and a style wants at least 8"):
        write_copies(looked(dataset(tmp_path / "set", 3)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("below", ["", "out"])
def test_nothing_is_written_into_the_dataset(tmp_path: Path, below: str) -> None:
    folder = dataset(tmp_path / "set", 9)
    before = everything(folder)
    with pytest.raises(LayoutUnwritable, match="within the dataset"):
        write_copies(looked(folder), folder / below)
    assert everything(folder) == before


def test_a_picture_that_changed_since_is_not_converted(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", 9)
    picture(0).convert("L").save(folder / "a00.png")
    examined = looked(folder)
    picture(7).convert("L").save(folder / "a00.png")
    with pytest.raises(DatasetChanged):
        write_copies(examined, tmp_path / "out")
    assert not (tmp_path / "out/pictures").exists()


def test_a_place_that_cannot_be_written_in_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(LayoutUnwritable, match="name another folder"):
        write_copies(looked(dataset(tmp_path / "set", 9)), tmp_path / "out")
