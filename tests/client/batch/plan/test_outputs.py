"""Places of pictures: safe whatever a name is, and each given out once."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.client.batch.plan.outputs import Outputs, bare_of, slug

NAMES = st.text(min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Glass Stair", "glass-stair"),
        ("  The Čapek's Tower! ", "the-capek-s-tower"),
        ("STRASSE straße", "strasse-strasse"),
        ("龙门", "龙门"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\con", "c-con"),
        (".hidden", "hidden"),
        ("_genre", "genre"),
        ("a\x00b\nc", "a-b-c"),
        ("x" * 500, "x" * 100),
        ("龙" * 99, "龙" * 33),
    ],
)
def test_a_slug_is_a_name_in_safe_letters(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_names_without_letters_are_told_apart() -> None:
    assert slug("!!!").startswith("nameless-")
    assert slug("!!!") != slug("???")


@given(NAMES)
def test_no_name_makes_an_unsafe_slug(name: str) -> None:
    made = slug(name)
    assert made[0] not in "._-"
    assert not set(made) & set("./\\\0 @:\n")
    assert len(made.encode()) <= 100
    assert slug(made) == made


@given(NAMES, st.none() | NAMES, NAMES)
def test_no_name_leads_out_of_the_folder(genre: str, world: str | None, name: str) -> None:
    parts = PurePosixPath(Outputs().place(genre, world, "poi", name, "landscape")).parts
    assert len(parts) == 4
    assert not {"..", ".", "", "/"} & set(parts)


def test_a_place_says_whose_picture_it_is() -> None:
    outputs = Outputs()
    assert outputs.place("Ash", "The Mire", "poi", "Glass Stair", "landscape") == "ash/the-mire/poi/glass-stair"
    assert outputs.place("Ash", None, "portrait", "Ada", "portrait") == "ash/_genre/portrait/ada"
    assert outputs.place("Ash", None, "portrait", "Ada", "portrait_square") == "ash/_genre/portrait/ada@portrait-square"


def test_two_names_of_one_slug_get_two_places_and_the_first_keeps_its_own() -> None:
    outputs = Outputs()
    first, second, again = (outputs.place("ash", "mire", "poi", name, "landscape") for name in ("A b", "a B", "A b"))
    assert first == again == "ash/mire/poi/a-b"
    assert second.startswith("ash/mire/poi/a-b-")


def test_takes_and_bare_pictures_have_files_of_their_own() -> None:
    files = [Outputs.take("a/b", take) for take in (1, 2, 3)]
    assert files == ["a/b.png", "a/b.s2.png", "a/b.s3.png"]
    assert [bare_of(file) for file in files] == ["a/b.base.png", "a/b.s2.base.png", "a/b.s3.base.png"]
