"""Every table of module names there is: those of the product, and those of families that are installed beside it.

What may stand in one is `schema`'s part.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from kilnmark.keymaps.documents import texts_of
from kilnmark.keymaps.names.schema import Convention, NameTable, Rows, parse_table
from kilnmark.keymaps.names.shapes import data_packages, patterns_of
from kilnmark.protocol.picture.catalog import FAMILIES, UnusableFamily
from kilnmark.protocol.picture.family import Family

__all__ = ["load_tables", "tables_of"]

_OF_PATHS = ("diffusers", "peft")
"""The conventions that take a model's module paths as they are."""


@cache
def load_tables() -> Mapping[str, NameTable]:
    """Every table by name.

    A family that brings shapes and no table is read by its own module paths.

    Raises:
        UnusableFamily: Two tables have one name.
    """
    folders = [files(package) / "layers" for package in data_packages()]
    tables = [parse_table(text) for folder in folders if folder.is_dir() for text in texts_of(folder)]
    bare = [family for family in FAMILIES.values() if not (files(family.data) / "layers").is_dir()]
    found: dict[str, NameTable] = {}
    for table in (*tables, *(table for family in bare for table in _own_paths(family))):
        if table.name in found:
            raise UnusableFamily(f"two tables of names are called {table.name!r}; rename one")
        found[table.name] = table
    return found


def tables_of(convention: Convention) -> list[NameTable]:
    """The tables whose modules a convention has: in its own order, and then those that ask for it."""
    tables = load_tables()
    asking = [table for table in tables.values() if convention.name in table.conventions]
    return [*(tables[name] for name in convention.tables), *asking]


def _own_paths(family: Family) -> Iterator[NameTable]:
    for shapes in dict.fromkeys(variant.shapes for variant in family.variants):
        yield NameTable(
            name=f"{family.name}-{shapes}",
            description=f"The module paths of {family.title} as they are.",
            variant=shapes,
            source=family.engine,
            conventions=_OF_PATHS,
            modules={pattern: Rows(targets=(pattern,)) for pattern in patterns_of(shapes)},
        )
