"""The pack of a trial: begun by `kilnmark pack init`, its entries written as a person writes them. Nothing is painted
here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter
from scripts.pack_trial.house import House

__all__ = ["GENRE", "Entries", "begin", "give_adapter", "write_dead_genre"]

GENRE: Final = "ink"
DEAD_GENRE: Final = "ash"
_WORLD: Final = "mire"
_THINGS: Final = ("tower", "bridge", "harbour", "castle", "village", "forest", "mill", "well", "gate", "hill")
_WHEN: Final = ("at dawn", "by day", "at dusk", "at night", "in fog", "in rain")
_TIERS: Final = ("landscape", "portrait")
_SMALL: Final = "width: 64, height: 64, steps: 1, guidance: 0.0"
"""So small that no draft has to be: a picture counts."""


@dataclass(frozen=True)
class Entries:
    """How many there are of each."""

    places: int
    people: int

    @property
    def place_names(self) -> list[str]:
        """Each once."""
        return [f"{_THINGS[i % len(_THINGS)].title()} {i + 1}" for i in range(self.places)]

    @property
    def people_names(self) -> list[str]:
        """Each once."""
        return [f"Traveller {i + 1}" for i in range(self.people)]


def begin(house: House, entries: Entries) -> None:
    """A pack by the command, with entries of our own in its documents, and small numbers."""
    _init(house, GENRE)
    places = "".join(
        f"      - name: {name}\n        region: The Shore\n"
        f"        visual_prompt: a {_THINGS[i % len(_THINGS)]} {_WHEN[i // len(_THINGS) % len(_WHEN)]}\n"
        for i, name in enumerate(entries.place_names)
    )
    people = "".join(
        f"  - name: {name}\n    role: a traveller\n    appearance: a traveller near a {_THINGS[i % len(_THINGS)]}\n"
        for i, name in enumerate(entries.people_names)
    )
    history = _world(house, GENRE) / "history.yaml"
    _refill(history, f"chapters:\n  - title: All\n    points_of_interest:\n{places}")
    _refill(_world(house, GENRE) / "portrait_manifest.yaml", f"characters:\n{people}")


def give_adapter(house: House, name: str) -> Path:
    """An adapter of its own for one place, in the document."""
    _adapter(house, _world(house, GENRE) / "loras" / "own.safetensors", dead=False)
    document = _world(house, GENRE) / "history.yaml"
    line = f"      - name: {name}\n"
    text = document.read_text()
    if text.count(line) != 1:
        raise ValueError(f"{document} has not one entry {name!r}")
    own = "        loras: [{name: own, file: loras/own.safetensors, scale: 1.0}]\n"
    document.write_text(text.replace(line, line + own))
    return document


def write_dead_genre(house: House) -> Path:
    """A second genre in the same packs, one of whose adapters is all zeros; its file."""
    _init(house, DEAD_GENRE)
    dead = _adapter(house, house.packs / DEAD_GENRE / "loras" / "wash.safetensors", dead=True)
    style = house.packs / DEAD_GENRE / "visual_style.yaml"
    named = "loras: [{name: wash, file: loras/wash.safetensors, scale: 0.8, applies_to: [landscape]}]"
    style.write_text(style.read_text().replace("\nloras: []\n", f"\n{named}\n"))
    return dead


def _init(house: House, genre: str) -> None:
    words = ("pack", "init", str(house.packs), "--genre", genre, "--world", _WORLD, "--variant", house.variant)
    done = house.run(*words)
    if done.code:
        raise RuntimeError(f"pack init: {done.err}")
    tiers = house.packs / genre / "tiers.yaml"
    lines = [line for line in tiers.read_text().splitlines() if line.partition(":")[0] not in _TIERS]
    lines += [f"{tier}: {{{_SMALL}, variant: {house.variant}}}" for tier in _TIERS]
    tiers.write_text("\n".join(lines) + "\n")


def _world(house: House, genre: str) -> Path:
    return house.packs / genre / "worlds" / _WORLD


def _refill(document: Path, text: str) -> None:
    """Keep the line for editors; the rest is the person's."""
    schema = document.read_text().partition("\n")[0]
    document.write_text(f"{schema}\n{text}")


def _adapter(house: House, path: Path, *, dead: bool) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return make_adapter(path, shapes=load_shapes(house.variant), rank=1, blocks=1, seed=3, strength=0.02, dead=dead)
