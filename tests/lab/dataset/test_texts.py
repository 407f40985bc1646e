"""Captions' files: whatever an editor makes of one line of UTF-8 is read, and what is no text is said to be none."""

from pathlib import Path

import pytest

from kilnmark.lab.dataset.texts import CAPTION_LIMIT, read_caption


def _read(tmp_path: Path, data: bytes) -> tuple[str, tuple[str, ...], str | None]:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    read = read_caption(path)
    return read.text, read.forms, read.problem


@pytest.mark.parametrize(
    ("data", "text", "forms"),
    [
        (b"zxink", "zxink", ()),
        (b"  zxink \n", "zxink", ()),
        (b"\xef\xbb\xbfzxink", "zxink", ("a byte-order mark",)),
        (b"zxink\r\n", "zxink", ("line ends of Windows",)),
        (b"a dog\r\non grass\r\n", "a dog on grass", ("line ends of Windows", "several lines")),
        (b"a  dog\n\n on\tgrass", "a dog on grass", ("several lines",)),
        ("Zoë".encode(), "Zoë", ()),
        (b"", "", ()),
    ],
)
def test_captions_come_to_one_line(tmp_path: Path, data: bytes, text: str, forms: tuple[str, ...]) -> None:
    assert _read(tmp_path, data) == (text, forms, None)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("zxink".encode("utf-16"), "is UTF-16, not UTF-8"),
        (b"caf\xe9", "is not UTF-8 (byte 3)"),
        (b"zx\x00ink", "holds control characters"),
        (b"x" * (CAPTION_LIMIT + 1), "has more than 1,048,576 bytes"),
    ],
)
def test_what_is_no_text_is_not_guessed_at(tmp_path: Path, data: bytes, problem: str) -> None:
    assert _read(tmp_path, data) == ("", (), problem)


def test_a_caption_of_100_kilobytes_is_read(tmp_path: Path) -> None:
    assert len(_read(tmp_path, b"word " * 20_000)[0]) == 99_999


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    assert read_caption(tmp_path / "a.txt").problem == "No such file or directory"
