"""The table of readers: which mflux wants what, at every edge of its ranges."""

import re
from pathlib import Path

import pytest

from kilnmark.keymaps.names.schema import load_conventions
from kilnmark.keymaps.remap.goal import GOALS, parse_reader


@pytest.mark.parametrize(
    ("version", "tiled", "needs_alpha"),
    [
        ("0.3.0", False, True),
        ("0.12.1", False, True),
        ("0.13.0", True, False),
        ("0.13", True, False),
        ("0.18.1", True, False),
        ("0.19.0", False, False),
        ("0.24.0", False, False),
        ("1.0.0", False, False),
    ],
)
def test_a_version_has_its_habits(version: str, tiled: bool, needs_alpha: bool) -> None:
    reader = parse_reader(f"mflux=={version}")
    assert (reader.name, reader.tiled, reader.needs_alpha) == (f"mflux=={version}", tiled, needs_alpha)


@pytest.mark.parametrize("text", ["mflux==0.2.1", "mflux==0.0.9"])
def test_a_version_that_reads_no_kohya_names_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"since 0\.3\.0"):
        parse_reader(text)


@pytest.mark.parametrize(
    "text", ["", "mflux", "mflux=0.24.0", "mflux>=0.24.0", "mflux==0.24.0rc1", "comfyui==1.0", "mflux==٣.٤"]
)
def test_what_is_no_reader_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"mflux==0\.24\.0"):
        parse_reader(text)


def test_every_goal_is_a_convention() -> None:
    assert set(GOALS) <= load_conventions().keys()


def test_the_page_says_what_the_table_says() -> None:
    page = (Path(__file__).parents[3] / "docs" / "remap.md").read_text()
    rows = re.findall(
        r"^\| mflux ([0-9.]+) (?:to ([0-9.]+)|and later) \| `(mflux==[0-9.]+)` \| (.*)$", page, re.MULTILINE
    )
    assert len(rows) == 3
    for first, last, example, habits in rows:
        told = ("cut into" in habits, "must be there" in habits)
        for text in (f"mflux=={first}", f"mflux=={last or '99.0.0'}", example):
            reader = parse_reader(text)
            assert (reader.tiled, reader.needs_alpha) == told, text
