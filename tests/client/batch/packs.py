"""A small folder of packs of two worlds, painted at 64x64 in one step."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from kilnmark.keymaps.zoo.write import make_adapter

__all__ = ["SmallPacks", "make_packs"]


@dataclass(frozen=True)
class SmallPacks:
    """A folder of packs with one genre, `ash`.

    Attributes:
        root: The folder.
        ink: The genre's adapter: of both places of `mire`.
        moss: What `fen` has instead: of its one place.
    """

    root: Path
    ink: Path
    moss: Path

    def write(self, path: str, text: str) -> None:
        """Write one document below the genre."""
        file = self.root / "ash" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))


def make_packs(root: Path, *, base_seed: int) -> SmallPacks:
    """Write the packs. Another base seed makes other pictures, which no daemon has made before."""
    packs = SmallPacks(root, root / "ash/loras/ink.safetensors", root / "ash/worlds/fen/moss.safetensors")
    packs.write("tiers.yaml", "landscape: {width: 64, height: 64, steps: 1, variant: standin}\n")
    packs.write(
        "visual_style.yaml",
        f"""\
        base_seed: {base_seed}
        positive_suffix: on rough paper
        loras:
          - {{name: ink, file: loras/ink.safetensors, scale: 0.8, applies_to: [landscape], trigger: inkwash}}
        """,
    )
    packs.write(
        "worlds/fen/visual_style.yaml",
        """\
        loras:
          exclude: [ink]
          add:
            - {name: moss, file: moss.safetensors, scale: 1, applies_to: [landscape]}
        """,
    )
    packs.write(
        "worlds/fen/history.yaml",
        """\
        chapters:
          - title: Never to be seen
            points_of_interest:
              - name: Reed Gate
                description: A gate of reeds.
        """,
    )
    packs.write(
        "worlds/mire/history.yaml",
        """\
        chapters:
          - title: Never to be seen
            text: Prose that stays out of every prompt.
            points_of_interest:
              - name: Glass Stair
                region: High Fen
                visual_prompt: a stair of glass
                description: Not used.
              - name: Old Kiln
                description: A kiln that never cools.
        """,
    )
    packs.ink.parent.mkdir(parents=True)
    make_adapter(packs.ink, rank=1, blocks=1, seed=1)
    make_adapter(packs.moss, rank=1, blocks=1, seed=2)
    return packs
