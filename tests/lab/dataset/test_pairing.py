"""Every picture its caption and every caption its picture, by their names."""

from pathlib import Path

from kilnmark.lab.dataset.findings import Code
from kilnmark.lab.dataset.folder import listed
from kilnmark.lab.dataset.pairing import PairedDataset, by_name


def _paired(tmp_path: Path, *names: str) -> PairedDataset:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("zxink" if name.endswith(".txt") else "")
    return by_name(listed(tmp_path))


def _found(paired: PairedDataset) -> dict[Code, tuple[str, ...]]:
    return {finding.code: finding.files for finding in paired.findings}


def test_a_caption_beside_each_picture_says_what_it_says(tmp_path: Path) -> None:
    paired = _paired(tmp_path, "a.png", "a.txt", "in/a.jpg", "in/a.txt")
    assert [(picture.name, picture.caption) for picture in paired.pictures] == [
        ("a.png", "zxink"),
        ("in/a.jpg", "zxink"),
    ]
    assert (paired.layout, paired.findings) == ("captions", ())


def test_a_caption_without_a_picture_is_refused(tmp_path: Path) -> None:
    assert _found(_paired(tmp_path, "a.png", "a.txt", "b.txt")) == {Code.WITHOUT_PICTURE: ("b.txt",)}


def test_pictures_that_share_a_caption_are_refused(tmp_path: Path) -> None:
    assert _found(_paired(tmp_path, "a.png", "a.jpg", "a.txt")) == {Code.SHARED_CAPTION: ("a.jpg", "a.png")}


def test_a_caption_whose_name_differs_in_capitals_is_named_and_not_taken(tmp_path: Path) -> None:
    paired = _paired(tmp_path, "Dog.png", "dog.txt")
    assert _found(paired) == {Code.CAPTION_NAME: ("dog.txt",)}
    assert paired.pictures[0].caption is None


def test_a_caption_whose_letters_are_composed_otherwise_is_named(tmp_path: Path) -> None:
    assert _found(_paired(tmp_path, "Zoe\u0308.png", "Zo\u00eb.txt")) == {Code.CAPTION_NAME: ("Zo\u00eb.txt",)}


def test_a_caption_that_keeps_the_pictures_ending_is_named(tmp_path: Path) -> None:
    assert _found(_paired(tmp_path, "a.png", "a.png.txt")) == {Code.CAPTION_NAME: ("a.png.txt",)}


def test_names_that_are_one_on_a_mac_are_told(tmp_path: Path) -> None:
    found = _found(_paired(tmp_path, "a.png", "a.txt", "A.png", "A.txt"))
    assert found == {Code.NAMES_COLLIDE: ("A.png", "a.png")}


def test_mflux_trains_prompts_of_previews_are_no_captions(tmp_path: Path) -> None:
    paired = _paired(tmp_path, "a.png", "a.txt", "preview.txt", "preview_2.txt")
    assert paired.layout == "mflux"
    assert _found(paired) == {Code.PREVIEW_PROMPTS: ("preview.txt", "preview_2.txt")}


def test_a_picture_called_preview_with_its_caption_is_a_pair(tmp_path: Path) -> None:
    assert _found(_paired(tmp_path, "preview.png", "preview.txt")) == {}


def test_mflux_trains_pairs_for_editing_are_refused(tmp_path: Path) -> None:
    found = _found(_paired(tmp_path, "a_in.png", "a_in.txt", "a_out.png"))
    assert found[Code.EDIT_PAIRS] == ("a_in.png", "a_out.png")


def test_pictures_that_only_end_in_out_are_pictures(tmp_path: Path) -> None:
    assert _found(_paired(tmp_path, "walk_out.png", "walk_out.txt", "b.png", "b.txt")) == {}
