"""Datasets in other layouts: mlx-examples' list, and the folder that a configuration of mflux-train names."""

import json
import os
from pathlib import Path

import pytest

from kilnmark.lab.dataset.errors import DatasetMissing
from kilnmark.lab.dataset.findings import Code
from kilnmark.lab.dataset.layouts import found_dataset
from tests.lab.dataset.drawn import dataset


def _list(folder: Path, *lines: object) -> Path:
    folder.mkdir(exist_ok=True)
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / "train.jsonl").write_text(text)
    return folder


def _picture(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_a_list_gives_each_picture_its_prompt_and_source(tmp_path: Path) -> None:
    _picture(tmp_path, "a.png", "b.png")
    lines = {"image": "a.png", "prompt": " zxink\n"}, {"image": "./b.png", "prompt": "zxink", "source": "Ada"}
    found = found_dataset(_list(tmp_path, *lines))
    assert [(each.name, each.caption, each.source) for each in found.pictures] == [
        ("a.png", "zxink", ""),
        ("b.png", "zxink", "Ada"),
    ]
    assert (found.layout, found.findings) == ("jsonl", ())
    assert found_dataset(tmp_path / "train.jsonl") == found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "is empty"),
        ("{", "is no JSON"),
        ('{"image": "a.png"}', "no `image` and `prompt`"),
        ('["a.png", "zxink"]', "no `image` and `prompt`"),
        ({"image": "../a.png", "prompt": "zxink"}, "not within the dataset"),
        ({"image": "c.png", "prompt": "zxink"}, "there is no such picture"),
        ('{"image": "a.png", "prompt": "\\ud800"}', "what is no text"),
        ('{"image": "a.png\\u0000", "prompt": "zxink"}', "what is no text"),
        pytest.param("[" * 100_000, "is no JSON", id="nested deeply"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused_by_its_number(tmp_path: Path, line: object, said: str) -> None:
    _picture(tmp_path, "a.png")
    (finding,) = found_dataset(_list(tmp_path, {"image": "a.png", "prompt": "zxink"}, line)).findings
    assert finding.code is Code.BAD_LINE
    assert "line 2 " in finding.said
    assert said in finding.said


def test_a_picture_that_no_line_names_has_no_caption(tmp_path: Path) -> None:
    _picture(tmp_path, "a.png", "b.png")
    found = found_dataset(_list(tmp_path, {"image": "a.png", "prompt": "zxink"}))
    assert [(each.name, each.caption) for each in found.pictures] == [("a.png", "zxink"), ("b.png", None)]


def test_a_picture_with_two_lines_is_refused(tmp_path: Path) -> None:
    _picture(tmp_path, "a.png")
    line = {"image": "a.png", "prompt": "zxink"}
    assert [each.code for each in found_dataset(_list(tmp_path, line, line)).findings] == [Code.SHARED_CAPTION]


def test_a_text_beside_a_picture_must_say_what_its_line_says(tmp_path: Path) -> None:
    _picture(tmp_path, "a.png")
    (tmp_path / "a.txt").write_text("a dog")
    (finding,) = found_dataset(_list(tmp_path, {"image": "a.png", "prompt": "zxink"})).findings
    assert (finding.code, finding.files) == (Code.CAPTIONS_DISAGREE, ("a.txt",))


def test_a_configuration_of_mflux_train_names_its_folder(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "images", 2)
    (folder / "preview.txt").write_text("a zxink house")
    (tmp_path / "train.json").write_text('{"model": "z", "data": "images/"}')
    found = found_dataset(tmp_path / "train.json")
    assert (found.layout, len(found.pictures)) == ("mflux", 2)


@pytest.mark.parametrize("text", ["{", "[]", '{"data": 3}', '{"data": "nowhere"}'])
def test_a_configuration_that_names_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "train.json").write_text(text)
    with pytest.raises(DatasetMissing):
        found_dataset(tmp_path / "train.json")


def test_a_list_that_is_a_pipe_is_waited_for_by_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.jsonl")
    with pytest.raises(DatasetMissing, match="is no regular file"):
        found_dataset(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "a.png"])
def test_what_is_no_dataset_is_said_to_be_none(tmp_path: Path, name: str) -> None:
    _picture(tmp_path, "a.png")
    with pytest.raises(DatasetMissing, match="name a folder of pictures"):
        found_dataset(tmp_path / name)
