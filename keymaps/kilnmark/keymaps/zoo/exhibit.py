"""One file of the zoo: what is in it, who writes such files, what a right reader says of it; and how it is written.

Which exhibits there are is known to the modules of `exhibits/`, a theme each.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.names.shapes import Shapes, load_shapes
from kilnmark.keymaps.zoo.recipes import Recipe, tensors_of
from kilnmark.keymaps.zoo.write import StoredAs, Tensors, write_tensors
from kilnmark.protocol.picture.report import Verdict

__all__ = ["Change", "Exhibit", "write_exhibit"]

Change = Callable[[Tensors], Tensors]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One file of the zoo.

    Attributes:
        name: Its trainer, exporter or defect.
        recipes: What is in it; two for a file that mixes two conventions.
        variant: The model it is tried on.
        made_for: The model it is made for; empty for the same.
        verdict: What a right reader says of it at scale 1.
        flaw: What is wrong with its tensors.
        damage: What is wrong with its bytes.
        change: What its trainer makes of the recipes' tensors that no recipe says: other names, copies, further ones.
        metadata: Entries of its header, beside those that every exhibit has.
        file: The name it must have, with its ending; empty for any.
        beside: Files that stand beside it, by name, `{stem}` for its own without ending; their text.
        writer: Who writes such files: a key of `writers.yaml`. Empty for what nobody writes on purpose.
        source: Where it is known from: `owner/repository@commit file`, `owner/repository#number` of a report, or what
            else can be looked up; several are parted by `; `.
        tried: What is particular about it, a few words without full stop.
    """

    name: str
    recipes: tuple[Recipe, ...]
    variant: str = "dev"
    made_for: str = ""
    verdict: Verdict = Verdict.ENGAGED
    flaw: Change | None = None
    damage: Callable[[bytes], bytes] | None = None
    change: Change | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)
    writer: str = ""
    source: str = ""
    tried: str = ""


def write_exhibit(
    path: AnyPath,
    exhibit: Exhibit,
    *,
    shapes: Shapes | None = None,
    rank: int = 2,
    blocks: int | None = None,
    seed: int = 0,
    dtype: StoredAs = "F32",
) -> Path:
    """Write one file, and what stands beside it.

    Args:
        path: Where to; an existing file is replaced. An exhibit that must have a name of its own gets that instead.
        exhibit: One of `EXHIBITS`.
        shapes: The linear layers that its recipes are for; None means those of the model it is made for.
        rank: Of every update; of every block of a block-diagonal one.
        blocks: Only the first so many blocks of each type; None means all.
        seed: Of the random numbers.
        dtype: How the matrices are stored.

    Returns:
        The path of the file.
    """
    goal = Path(path)
    goal = goal.with_name(exhibit.file) if exhibit.file else goal
    shapes = load_shapes(exhibit.made_for or exhibit.variant) if shapes is None else shapes
    tensors = _tensors(exhibit, shapes, rank, blocks, np.random.default_rng([seed, zlib.crc32(exhibit.name.encode())]))
    metadata = {"format": "pt", "kilnmark": f"{exhibit.name} of the zoo: random weights, not trained"}
    written = write_tensors(goal, tensors, metadata={**metadata, **exhibit.metadata}, dtype=dtype)
    if exhibit.damage:
        written.write_bytes(exhibit.damage(written.read_bytes()))
    for name, text in exhibit.beside.items():
        written.with_name(name.replace("{stem}", written.stem)).write_text(text, encoding="utf-8")
    return written


def _tensors(exhibit: Exhibit, shapes: Shapes, rank: int, blocks: int | None, numbers: np.random.Generator) -> Tensors:
    tensors: Tensors = dict(
        pair for recipe in exhibit.recipes for pair in tensors_of(recipe, shapes, rank, blocks, numbers)
    )
    for change in (exhibit.change, exhibit.flaw):
        tensors = change(tensors) if change else tensors
    return tensors
