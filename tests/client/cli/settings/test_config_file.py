"""Lines of keys in a TOML file."""

from pathlib import Path

import pytest

from kilnmark.client.cli.settings.config_file import UnreadableConfig, read_config

TEXT = '''# a comment = 1

one = 1
many = [
  "two = 2",
]
words = """
three = 3
"""
"quoted" = 4  # tail
dotted.key = 5

[table]
one = 6

[ table . deeper ]
'''


def test_each_key_has_the_line_that_it_begins_at(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(TEXT)
    lines = {"one": 3, "many": 4, "words": 7, "quoted": 10, "dotted": 11, "table": 13}
    found = read_config(path)
    assert found.lines == lines
    assert set(found.values) == set(lines)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_an_empty_file_and_one_of_comments_have_no_keys(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(f"{ending}# nothing{ending}".encode())
    assert (read_config(path).values, read_config(path).lines) == ({}, {})


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\u2029"])
def test_only_newlines_end_a_line(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(f"# a{separator}b\none = 'c{separator}d'\ntwo = 2\n", encoding="utf-8")
    assert read_config(path).lines == {"one": 2, "two": 3}


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(UnreadableConfig, match="not UTF-8"):
        read_config(path)
