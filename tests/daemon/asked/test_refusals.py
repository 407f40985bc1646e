"""What is wrong with files and documents, as what is wrong with a request."""

import pytest

from kilnmark.daemon.asked.refusals import as_asked
from kilnmark.keymaps.errors import MissingFile
from kilnmark.protocol.content.problems import Problem, UnknownName, UnusableContent
from kilnmark.protocol.wire.errors import AdapterRefused, InvalidParams

PROBLEM = Problem(file="g/visual_style.yaml", line=3, entry="loras", message="is odd; mend it")


def test_an_unknown_name_names_the_field_it_came_in_by() -> None:
    with (
        pytest.raises(InvalidParams, match=r"'fenn' is no genre here - at `genre`; did you mean 'fen'\?"),
        as_asked(),
    ):
        raise UnknownName("genre", "fenn", ["fen"], "packs")


def test_unusable_content_carries_its_problems_as_facts() -> None:
    with (
        pytest.raises(InvalidParams, match=r"at `genre`; g/visual_style.yaml:3: loras: is odd") as raised,
        as_asked(),
    ):
        raise UnusableContent([PROBLEM])
    assert raised.value.detail == {"problems": [PROBLEM]}


def test_a_refused_file_is_a_refused_adapter() -> None:
    with pytest.raises(AdapterRefused, match="/a: there is none; give one"), as_asked():
        raise MissingFile("/a", "there is none", "give one")


def test_anything_else_passes() -> None:
    with pytest.raises(KeyError), as_asked():
        raise KeyError
