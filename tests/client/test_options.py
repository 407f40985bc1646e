"""`--lora PATH[:SCALE]`, and when `--json` counts."""

from pathlib import Path

import click
import pytest

from kilnmark.client.options import scaled_path, seconds, wants_json


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
    assert scaled_path(value) == (path, scale)


def test_a_file_of_the_whole_name_wins(tmp_path: Path) -> None:
    odd = tmp_path / "a:0.5"
    assert scaled_path(str(odd)) == (str(tmp_path / "a"), 0.5)
    odd.touch()
    assert scaled_path(str(odd)) == (str(odd), 1.0)


@pytest.mark.parametrize("value", ["", ":0.5"])
def test_a_scale_without_a_file_is_refused(value: str) -> None:
    with pytest.raises(click.BadParameter, match="names no file"):
        scaled_path(value)


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon"])
def test_a_bound_must_be_a_number_of_seconds(value: str) -> None:
    with pytest.raises(click.BadParameter, match="above zero"):
        seconds(value)


def test_json_after_the_end_of_options_is_a_prompt() -> None:
    assert wants_json(["render", "--json", "x"])
    assert not wants_json(["render", "--", "--json"])
