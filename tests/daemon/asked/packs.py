"""The packs that the daemon's tests ask for: one genre with two worlds, of adapters of one block."""

from pathlib import Path
from typing import Any

from kilnmark.keymaps.zoo.write import make_adapter

GENRE = """\
positive_suffix: ink on paper
negative_prompt: photo
base_seed: 77
visual_tag_overrides: {old_town: wet cobbles, ferry: {positive_suffix: tarred rope, style_note: no bridge}}
loras:
  - {name: wash, file: loras/wash.safetensors, scale: 0.8, applies_to: [portrait, scene], trigger: inkwash}
  - {name: line, file: loras/line.safetensors, scale: 0.5, applies_to: [portrait]}
"""

WORLD = """\
loras:
  exclude: [line]
  add:
    - {name: moss, file: moss.safetensors, scale: -0.4, applies_to: [portrait], trigger: mossy}
"""

PICTURE = {"width": 64, "height": 64, "steps": 1}


def write_packs(root: Path) -> Path:
    """One genre with a world that changes it, and a world that does not."""
    for folder in ("ink/loras", "ink/worlds/mire", "ink/worlds/bare"):
        (root / folder).mkdir(parents=True)
    (root / "ink" / "visual_style.yaml").write_text(GENRE)
    (root / "ink" / "worlds" / "mire" / "visual_style.yaml").write_text(WORLD)
    for name in ("loras/wash", "loras/line", "worlds/mire/moss"):
        make_adapter(root / "ink" / f"{name}.safetensors", blocks=1, rank=1)
    return root


def asked(**more: object) -> dict[str, Any]:
    return {"prompt": "a ferry", "genre": "ink", "tier": "portrait", **PICTURE, **more}
