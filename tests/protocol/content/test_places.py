"""Which tag a place gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.protocol.content.places import PicturePlace, tag_of

TAGS = ("old_town", "Ferry", "ferry stairs", "North-Gate", "灯台", "Žďár", "c++", "  ")


@pytest.mark.parametrize(
    ("region", "name", "tag"),
    [
        ("Old Town", "The Ferry Stairs", "old_town"),
        ("old-town", None, "old_town"),
        (" OLD__TOWN ", None, "old_town"),
        ("Old\u2011Town", None, "old_town"),
        (None, "The Ferry\u2013Stairs", "ferry stairs"),
        ("Old Town Hall", None, None),
        ("Town", None, None),
        ("The Shore", "The Ferry Stairs of Old Town", "ferry stairs"),
        (None, "the ferry, at dusk", "Ferry"),
        (None, "Ferry's end", "Ferry"),
        (None, "Ferryman's rest", None),
        (None, "A wherry", None),
        (None, "The North Gate", "North-Gate"),
        (None, "Gate, North", None),
        (None, "north_gate", "North-Gate"),
        ("灯台", None, "灯台"),
        (None, "旧 灯台 (1)", "灯台"),
        (None, "灯台村", None),
        (None, "Z\u030cd\u030ca\u0301r nad Sázavou", "Žďár"),
        (None, "The C++ of it", "c++"),
        (None, None, None),
        ("", "", None),
        ("-", "_", None),
    ],
)
def test_a_place_gets_the_tag_of_its_region_else_the_longest_in_its_name(
    region: str | None, name: str | None, tag: str | None
) -> None:
    assert tag_of(PicturePlace(region, name), TAGS) == tag


def test_of_equally_long_tags_in_a_name_the_first_is_meant() -> None:
    assert tag_of(PicturePlace(name="The South North Gate"), ["north", "south"]) == "north"
    assert tag_of(PicturePlace(name="The South North Gate"), ["south", "north"]) == "south"


def test_a_mark_belongs_to_the_letter_before_it() -> None:
    assert tag_of(PicturePlace(name="\u0928\u0926\u0940"), ["\u0928\u0926"]) is None


def test_a_text_that_may_be_either_is_compared_as_both() -> None:
    found = [tag_of(PicturePlace.called(text), TAGS) for text in ("Old Town", "Old Town Gate", "Oldtown", None)]
    assert found == ["old_town", "old_town", None, None]


@given(st.text(), st.text())
def test_any_tag_that_is_no_mere_separator_is_found_in_itself(before: str, tag: str) -> None:
    meant = bool(tag.replace("-", " ").replace("_", " ").strip())
    assert (tag_of(PicturePlace(region=tag), [tag]) == tag) is meant
    assert tag_of(PicturePlace(name=f"{before} {tag}"), [tag]) == (tag if meant else None)
