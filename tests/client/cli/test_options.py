"""`--lora PATH[:SCALE]`, `--base`, `--base-memory`, and when `--json` counts."""

from pathlib import Path

import click
import pytest

from kilnmark.client.cli.options import (
    ScaledPath,
    given_picture,
    named_base,
    nbytes,
    scaled_path,
    seconds,
    wants_json,
)


@pytest.mark.parametrize(
    ("value", "path", "scale"),
    [
        ("a.safetensors", "a.safetensors", 1.0),
        ("a.safetensors:0.5", "a.safetensors", 0.5),
        ("a.safetensors:-1e-1", "a.safetensors", -0.1),
        ("dir:with/a.safetensors", "dir:with/a.safetensors", 1.0),
        ("dir:0.5/a.safetensors:2", "dir:0.5/a.safetensors", 2.0),
        ("a:b:c", "a:b:c", 1.0),
        ("a:", "a:", 1.0),
    ],
)
def test_the_last_colon_cuts_when_a_number_follows(value: str, path: str, scale: float) -> None:
    assert scaled_path(value) == ScaledPath(path, scale)


def test_a_file_of_the_whole_name_wins(tmp_path: Path) -> None:
    odd = tmp_path / "a:0.5"
    assert scaled_path(str(odd)) == ScaledPath(str(tmp_path / "a"), 0.5)
    odd.touch()
    assert scaled_path(str(odd)) == ScaledPath(str(odd), 1.0)


@pytest.mark.parametrize(
    ("value", "scale", "blocks"),
    [
        ("a:0.8,double=0.3,single.20-37=1", 0.8, {"double": 0.3, "single.20-37": 1.0}),
        ("a:double=0", 1.0, {"double": 0.0}),
        ("a:-1,clip.3=-0.5", -1.0, {"clip.3": -0.5}),
    ],
)
def test_scales_of_blocks_stand_behind_that_of_the_rest(value: str, scale: float, blocks: dict[str, float]) -> None:
    assert scaled_path(value) == ScaledPath("a", scale, blocks)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a:0.8,double", "'double' is no scale of some blocks"),
        ("a:0.8,double=x", "give BLOCKS=SCALE"),
        ("a:double=1,double=1", "stands twice"),
        ("a:double=1,double.3=0.5", "claim the same blocks"),
        ("a:1,do-uble=1", "is no pattern of blocks"),
    ],
)
def test_scales_of_blocks_that_cannot_be_meant_are_refused(value: str, words: str) -> None:
    with pytest.raises(click.BadParameter, match=words):
        scaled_path(value)


def test_an_equals_sign_in_a_folder_is_none_of_a_scale() -> None:
    assert scaled_path("/a:b=1/c.safetensors") == ScaledPath("/a:b=1/c.safetensors", 1.0)


@pytest.mark.parametrize("value", ["", ":0.5"])
def test_a_scale_without_a_file_is_refused(value: str) -> None:
    with pytest.raises(click.BadParameter, match="names no file"):
        scaled_path(value)


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon"])
def test_a_bound_must_be_a_number_of_seconds(value: str) -> None:
    with pytest.raises(click.BadParameter, match="above zero"):
        seconds(value)


def test_a_base_is_a_name_of_the_catalog_a_directory_or_a_name_for_one(tmp_path: Path) -> None:
    place = str(tmp_path)
    assert named_base("schnell") == ("schnell", "schnell")
    assert named_base(place) == (place, place)
    assert named_base(f"dev={place}") == ("dev", place)
    assert named_base("dev=standin") == ("dev", "standin")


def test_a_directory_with_an_equals_sign_is_one(tmp_path: Path) -> None:
    odd = tmp_path / "a=b"
    odd.mkdir()
    assert named_base(str(odd)) == (str(odd), str(odd))


@pytest.mark.parametrize("value", ["", "flux-9", "=standin", "dev=", "dev=/nowhere/at-all"])
def test_a_base_without_a_place_is_refused(value: str) -> None:
    with pytest.raises(click.BadParameter, match="directory"):
        named_base(value)


@pytest.mark.parametrize(
    ("value", "size"),
    [("1", 1), ("24GB", 24 * 10**9), ("1.5 GiB", 3 << 29), ("500mb", 500 * 10**6), ("2MiB", 2 << 20), ("7B", 7)],
)
def test_a_size_is_bytes_or_a_number_with_its_unit(value: str, size: int) -> None:
    assert nbytes(value) == size


@pytest.mark.parametrize("value", ["", "GB", "-1GB", "1TB", "1BG", "nan", "inf", "1e400"])
def test_what_is_no_size_is_refused(value: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size"):
        nbytes(value)


def test_json_after_the_end_of_options_is_a_prompt() -> None:
    assert wants_json(["render", "--json", "x"])
    assert not wants_json(["render", "--", "--json"])


def test_a_picture_is_sent_by_its_path_or_whole(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"whole")
    assert given_picture("a.png", inline=False) == "a.png"
    assert given_picture(str(tmp_path / "a.png"), inline=True) == b"whole"
    with pytest.raises(click.BadParameter, match=r"gone\.png' cannot be read: No such file"):
        given_picture(str(tmp_path / "gone.png"), inline=True)
