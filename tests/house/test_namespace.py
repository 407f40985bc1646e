"""The namespace stays one: a stray `__init__.py` would hide every part but its own."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ["protocol/kilnmark/protocol", "client/kilnmark/client", "daemon/kilnmark/daemon", "daemon/kilnmark/engine"]
PARTS += [
    "keymaps/kilnmark/keymaps",
    "otel/kilnmark/otel",
    "lab/kilnmark/lab",
    "web/kilnmark/web",
    "farm/kilnmark/farm",
]


@pytest.mark.parametrize("folder", sorted({part.split("/")[0] for part in PARTS}))
def test_the_namespace_has_no_init(folder: str) -> None:
    assert (ROOT / folder / "kilnmark").is_dir()
    assert not (ROOT / folder / "__init__.py").exists()
    assert not (ROOT / folder / "kilnmark" / "__init__.py").exists()


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_typed_and_says_what_it_is(part: str) -> None:
    assert (ROOT / part / "py.typed").is_file()
    assert (ROOT / part / "__init__.py").read_text().startswith('"""')


def test_no_part_is_missing_from_the_list() -> None:
    found = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("*/kilnmark/*/__init__.py")}
    assert found == set(PARTS)
