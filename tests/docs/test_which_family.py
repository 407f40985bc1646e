"""The pages that tell of families: their tables say what the catalog has of every model, and leave none out."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from kilnmark.protocol.picture.catalog import VARIANTS, family_of
from kilnmark.protocol.picture.family import Variant

DOCS = Path(__file__).parents[2] / "docs"
GUIDE, FAMILIES = (DOCS / name for name in ("which-family.md", "families.md"))
SECTIONS = ("By the memory that there is", "By licence", "What one picture takes")
HELD_BITS = (None, 8, 6, 4)
BF16, FLOAT32 = 2, 4

Row = tuple[tuple[str, ...], tuple[str, ...]]
"""The models of a table's row, and its other cells."""

SHIPPED = {name: row for name, row in VARIANTS.items() if not row.made_up}


def rows(text: str) -> list[Row]:
    """Of the first table."""
    lines = (line for line in text.splitlines() if line.startswith("| `"))
    cells = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in lines)
    return [(tuple(re.findall(r"`([^`]+)`", first)), tuple(others)) for first, *others in cells]


def section(title: str) -> list[Row]:
    return rows(GUIDE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0])


def families() -> list[Row]:
    return rows(FAMILIES.read_text(encoding="utf-8").split("\n## ")[0])


def size(nbytes: int) -> str:
    return f"{nbytes / 1e9:.1f} GB" if nbytes >= 1e9 else f"{nbytes / 1e6:.0f} MB"


def most(names: Iterable[str], bits: int | None, number_bytes: int) -> str:
    return size(max(VARIANTS[name].numbers.nbytes(bits, number_bytes) for name in names))


def memory(names: tuple[str, ...]) -> Iterator[str]:
    """What the catalog counts; of several models the largest, so that nobody is promised too little."""
    kept = all(VARIANTS[name].keeps_its_form for name in names)
    yield from ("-" if bits and kept else most(names, bits, BF16) for bits in HELD_BITS)
    yield most(names, None, FLOAT32)


def passes(row: Variant) -> int:
    """A step's: FLUX.1 reads its guidance as a number, others compute a second pass, or only if asked to."""
    return 2 if row.guided and not row.needs_negative and family_of(row).name != "flux1" else 1


def yes(it_is: bool) -> str:
    return "yes" if it_is else "no"


@pytest.mark.parametrize("title", SECTIONS)
def test_every_model_has_one_row(title: str) -> None:
    assert sorted(name for names, _ in section(title) for name in names) == sorted(SHIPPED)


def test_what_memory_is_told_of_is_what_the_catalog_counts() -> None:
    told = section(SECTIONS[0])
    assert told == [(names, tuple(memory(names))) for names, _ in told]


def test_licences_are_those_of_the_catalog() -> None:
    told = [(SHIPPED[name], cells) for names, cells in section(SECTIONS[1]) for name in names]
    assert [row.name for row, cells in told if cells[0] != row.licence] == []
    assert [row.name for row, cells in told if cells[1].partition(":")[0] != yes(row.gated)] == []


def test_a_pictures_passes_are_its_steps_times_those_of_a_step() -> None:
    for names, cells in section(SECTIONS[2]):
        for row in map(SHIPPED.__getitem__, names):
            steps, a_step = row.steps, passes(row)
            assert (row.name, *cells) == (row.name, str(steps), str(a_step), str(steps * a_step))


def test_the_table_of_families_is_the_catalogs() -> None:
    told = families()
    assert sorted(name for names, _ in told for name in names) == sorted(SHIPPED)
    for names, (steps, guidance, negative, start, numerics, _) in told:
        models = [SHIPPED[name] for name in names]
        took = [f"{row.guidance:g}" if row.guided else "no" for row in models]
        assert (names, guidance) == (names, ", ".join(dict.fromkeys(took)))
        for row in models:
            known = str(row.steps), yes(row.negative_prompt), yes(row.init_image)
            assert (row.name, steps, negative, start) == (row.name, *known)
            assert re.findall(r"`([^`]+)`", numerics) == list(family_of(row).numerics), row.name
