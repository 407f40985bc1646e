"""The numbers that a request may say are those that a picture has, on the wire and as keywords."""

from kilnmark.protocol.picture.asked import AskedNumbers, NumberOptions
from kilnmark.protocol.picture.spec import NUMBERS


def test_every_number_of_a_picture_can_be_asked_for_and_no_other() -> None:
    assert set(AskedNumbers.__struct_fields__) == set(NUMBERS)


def test_the_keywords_of_python_are_the_numbers_of_the_wire() -> None:
    assert NumberOptions.__optional_keys__ == set(AskedNumbers.__struct_fields__)


def test_what_is_not_said_is_left_to_the_tier() -> None:
    assert {getattr(AskedNumbers(), name) for name in NUMBERS} == {None}
