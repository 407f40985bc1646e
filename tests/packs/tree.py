"""A tree of packs of mixed quality, and what is wrong with it: 11 genres, 35 worlds, 184 YAML files.

The tree is the same every time. It knows every problem that was planted by file and line, and every entry that can be
used, and knows nothing of what reads it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np

from kilnmark.keymaps.zoo.write import draw_pair, write_tensors
from tests.packs.texts import CREATURES, GENRE_STYLES, HISTORIES, MARK, PORTRAITS, WORLD_STYLES, Text

__all__ = ["Entry", "PacksTree", "Planted", "make_packs_tree"]

GENRES = ("amber", "bramble", "cinder", "delta", "ember", "fathom", "garnet", "hollow", "iris", "juniper", "kelp")
WORLDS = ("north", "south", "east", "west")
WORLD_COUNTS = (4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3)
BROKEN_GENRES = {"cinder": 4, "kelp": 5}
"""Genres whose style cannot be used, and which of `GENRE_STYLES` they have."""
ADAPTER = "loras/brush.safetensors"


@dataclass(frozen=True, slots=True, order=True)
class Planted:
    """A problem: the file, relative to the tree with slashes; the line, from 1; and what it is."""

    file: str
    line: int
    what: str = field(compare=False)


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """An entry that can be painted; the world is empty for the genre's own."""

    genre: str
    world: str
    name: str


@dataclass(slots=True)
class PacksTree:
    """A tree as it was written.

    Attributes:
        root: The folder of genres.
        files: Every YAML file, relative to the root, with slashes.
        planted: Every problem.
        pois, portraits, creatures: Entries that can be painted, per source.
        shadowed: Entries that are sound, but stand in a genre or a world whose style is not.
    """

    root: Path
    files: list[str] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)
    pois: list[Entry] = field(default_factory=list)
    portraits: list[Entry] = field(default_factory=list)
    creatures: list[Entry] = field(default_factory=list)
    shadowed: list[Entry] = field(default_factory=list)

    def problems_of(self, *names: str) -> list[Planted]:
        """The problems in files of these names (`history.yaml`), in order."""
        return sorted(problem for problem in self.planted if problem.file.rsplit("/", 1)[-1] in names)


def make_packs_tree(root: Path) -> PacksTree:
    """Write the tree below `root`, which is made when absent."""
    tree = PacksTree(root)
    deals = _Deals()
    for number, genre in enumerate(GENRES):
        folder = root / genre
        (folder / "loras").mkdir(parents=True)
        _write_adapter(folder / ADAPTER, number)
        broken = genre in BROKEN_GENRES
        style = GENRE_STYLES[BROKEN_GENRES.get(genre, number % 4)]
        _write(tree, folder / "visual_style.yaml", style, genre, ADAPTER)
        _write_sources(tree, folder, (genre, ""), None if broken else deals)
        for world in WORLDS[: WORLD_COUNTS[number]]:
            _write_world(tree, folder, (genre, world), None if broken else deals)
    return tree


def _dealt(texts: Sequence[Text]) -> Iterator[Text]:
    """Two usable texts for every unusable one, without end, each in turn."""
    usable = cycle(text for text in texts if text.usable)
    broken = cycle(text for text in texts if not text.usable)
    while True:
        yield from (next(usable), next(broken), next(usable))


class _Deals:
    """What the next place gets, of each kind of file."""

    def __init__(self) -> None:
        self.styles = _dealt(WORLD_STYLES)
        self.sources = {
            "history": _dealt(HISTORIES),
            "portrait_manifest": _dealt(PORTRAITS),
            "creatures": _dealt(CREATURES),
        }


def _write_world(tree: PacksTree, genre: Path, names: tuple[str, str], deals: _Deals | None) -> None:
    folder = genre / "worlds" / names[1]
    folder.mkdir(parents=True)
    style = WORLD_STYLES[0] if deals is None else next(deals.styles)
    _write(tree, folder / "visual_style.yaml", style, names[1], f"../../{ADAPTER}")
    _write_sources(tree, folder, names, deals if style.usable else None)


def _write_sources(tree: PacksTree, folder: Path, names: tuple[str, str], deals: _Deals | None) -> None:
    """The three sources of a place; those without a usable style are sound, so that one problem hides no other."""
    painted = {"history": tree.pois, "portrait_manifest": tree.portraits, "creatures": tree.creatures}
    sound = {"history": HISTORIES[0], "portrait_manifest": PORTRAITS[0], "creatures": CREATURES[0]}
    title = " ".join(filter(None, names))
    for source, entries in painted.items():
        text = sound[source] if deals is None else next(deals.sources[source])
        _write(tree, folder / f"{source}.yaml", text, title, "")
        found = [Entry(*names, entry.replace("@", title)) for entry in text.names]
        (tree.shadowed if deals is None else entries).extend(found)


def _write(tree: PacksTree, path: Path, text: Text, title: str, adapter: str) -> None:
    file = path.relative_to(tree.root).as_posix()
    raw = text.body if isinstance(text.body, bytes) else text.body.encode()
    lines = raw.replace(b"@", title.encode()).replace(b"~FILE~", adapter.encode()).split(b"\n")
    marked = [line.partition(MARK.encode()) for line in lines]
    tree.files.append(file)
    tree.planted.extend(_planted(file, text, [what for _, _, what in marked]))
    path.write_bytes(b"\n".join(line for line, _, _ in marked))


def _planted(file: str, text: Text, marks: list[bytes]) -> Iterator[Planted]:
    if not text.usable and not any(marks):
        yield Planted(file, 1, "no YAML at all")
    for line, what in enumerate(marks, 1):
        if what:
            yield Planted(file, line, what.strip().decode())


def _write_adapter(path: Path, seed: int) -> None:
    down, up = draw_pair(np.random.default_rng(seed), 3072, 3072, 1, 2e-3)
    layer = "transformer.transformer_blocks.0.attn.to_q"
    write_tensors(path, {f"{layer}.lora_A.weight": down, f"{layer}.lora_B.weight": up}, dtype="BF16")
