"""One picture looked at: decoded whole or refused with the reason, and how it stood in its file."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kilnmark.lab.dataset.looking import PictureLook, look_at_all, looked_at
from tests.lab.dataset.drawn import picture


def _look(path: Path) -> PictureLook:
    return looked_at(path.parent, path.name)[0]


def test_a_picture_is_measured_and_a_thumbnail_kept(tmp_path: Path) -> None:
    picture(1, (300, 200)).save(tmp_path / "a.png")
    look, thumbnail = looked_at(tmp_path, "a.png")
    assert (look.problem, look.width, look.height, len(look.tiny)) == (None, 300, 200, 16 * 16 * 3)
    assert thumbnail is not None
    assert thumbnail.size == (128, 85)


def _png(width: int, height: int, data: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no picture of a kind that is read"),
        (b"not a picture", "no picture of a kind that is read"),
        (_png(60_000, 60_000), "more than 50,000,000 pixels"),
        (_png(8_000, 8_000), "more than 50,000,000 pixels"),
        (_png(64, 64, b"\0" * 100), "cannot be read as a picture"),
    ],
    ids=["empty", "text", "bomb", "large", "without its pixels"],
)
def test_what_cannot_be_decoded_says_why(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "a.png").write_bytes(data)
    look = _look(tmp_path / "a.png")
    assert look.problem is not None
    assert said in look.problem


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_picture_cut_short_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    picture(1, (256, 256)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert "cannot be read as a picture" in (_look(path).problem or "")


def test_links_to_nowhere_and_to_themselves_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("nowhere.png")
    (tmp_path / "b.png").symlink_to("b.png")
    assert all(look.problem for look, _ in look_at_all(tmp_path, ["a.png", "b.png"]))


def test_channels_are_told(tmp_path: Path) -> None:
    rgb = picture(1)
    for name, image in {"rgb": rgb, "grey": rgb.convert("L"), "clear": rgb.convert("RGBA")}.items():
        image.save(tmp_path / f"{name}.png")
    rgb.convert("CMYK").save(tmp_path / "inks.jpg")
    Image.fromarray(np.full((32, 32), 40_000, dtype=np.uint16)).save(tmp_path / "deep.png")
    forms = {name: _look(tmp_path / name).form for name in ("rgb.png", "grey.png", "clear.png", "inks.jpg", "deep.png")}
    assert {name: (form.mode, form.deep, form.clear) for name, form in forms.items() if form} == {
        "rgb.png": ("RGB", False, False),
        "grey.png": ("L", False, False),
        "clear.png": ("RGBA", False, True),
        "inks.jpg": ("CMYK", False, False),
        "deep.png": ("I;16", True, False),
    }


def test_sixteen_bits_of_colour_are_told_though_pillow_reads_eight(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)
    rows = (b"\0" + b"\x80\x01" * 6) * 2

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(data)
    form = _look(tmp_path / "a.png").form
    assert form is not None
    assert (form.mode, form.deep) == ("RGB", True)


def test_a_picture_that_exif_turns_is_measured_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(1, (120, 80)).save(tmp_path / "a.jpg", exif=exif)
    look = _look(tmp_path / "a.jpg")
    assert (look.width, look.height) == (80, 120)
    assert look.form is not None
    assert look.form.turned


def test_a_mark_of_exif_that_turns_nothing_is_none(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 0
    picture(1).save(tmp_path / "a.jpg", exif=exif)
    form = _look(tmp_path / "a.jpg").form
    assert form is not None
    assert not form.turned


def test_equal_pixels_are_equal_in_any_file(tmp_path: Path) -> None:
    picture(1).save(tmp_path / "a.png")
    picture(1).save(tmp_path / "a.bmp")
    picture(1, (64, 65)).save(tmp_path / "b.png")
    one, same, other = (_look(tmp_path / name) for name in ("a.png", "a.bmp", "b.png"))
    assert one.pixels == same.pixels != other.pixels
    assert one.sha256 != same.sha256


def test_pictures_are_given_in_their_order_whoever_is_decoded_first(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(12)]
    for number, name in enumerate(names):
        picture(number, (8 + 60 * (number % 2), 8)).save(tmp_path / name)
    assert [look.name for look, _ in look_at_all(tmp_path, names)] == names
