"""The page of the first model: what it says of memory, downloads, licences and tokens is what the catalog has."""

import re
from pathlib import Path

from kilnmark.protocol.picture.catalog import VARIANTS

PAGE = (Path(__file__).parents[2] / "docs" / "first-model.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| (\d+) GB \| `([^`]+)` (?:at (\d) bits|as published) \| (\S+) GB \| (\S+) GB \| (.+), (\w+) \|$", re.MULTILINE
)
BF16 = 2


def test_its_table_is_the_catalogs() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) == 5
    for room, name, bits, takes, fetched, licence, token in rows:
        numbers, row = VARIANTS[name].numbers, VARIANTS[name]
        held = numbers.nbytes(int(bits) if bits else None, BF16) / 1e9
        assert (name, takes) == (name, f"{held:.1f}")
        assert (name, fetched) == (name, f"{numbers.nbytes(None, BF16) / 1e9:.1f}")
        assert (licence, token) == (row.licence, "needed" if row.gated else "none")
        assert held * 1.15 < float(room)
    assert [float(row[0]) for row in rows] == sorted(float(row[0]) for row in rows)
