"""Packages that exist for one test: a folder on the path with the metadata that an installer would have left there."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

__all__ = ["ROW", "install"]

ROW = """
from kilnmark.protocol.picture.family import Family, Numbers, Variant

FAMILY = Family(
    name="pinhole",
    title="Pinhole",
    engine="pinhole.engine",
    variants=(
        Variant(
            name="pinhole-one",
            family="pinhole",
            width=64,
            height=64,
            steps=1,
            guidance=0.0,
            guided=False,
            encoders=(),
            shapes="pinhole-one",
            numbers=Numbers(matrices=0, others=1),
        ),
    ),
    data="pinhole",
)
"""


def install(
    folder: Path,
    *,
    row: str = ROW,
    name: str = "pinhole",
    value: str = "pinhole:FAMILY",
    files: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write a package with one module, and its entry point.

    Args:
        folder: What is to be put on the path; made where it is absent.
        row: The source of its `__init__.py`.
        name: Of the package, its distribution and its entry point.
        value: Of the entry point.
        files: Further ones of the package, by their paths below it.
    """
    package, metadata = folder / name, folder / f"{name}-1.0.dist-info"
    package.mkdir(parents=True)
    metadata.mkdir()
    (package / "__init__.py").write_text(row)
    for path, text in files.items():
        (package / path).parent.mkdir(exist_ok=True)
        (package / path).write_text(text)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[kilnmark.families]\n{name} = {value}\n")
    return folder
