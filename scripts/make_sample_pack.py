"""Writes the adapters of the sample pack in `genre_packs/`: small files in real conventions, with random weights.

Run it after a change here: `python -m scripts.make_sample_pack [FOLDER]`. The same code gives the same bytes. The
adapters are fakes and say so in their metadata: they change a handful of layers, enough to be seen in every picture.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.zoo.write import draw_pair, write_tensors

__all__ = ["PACKS", "SAMPLES", "Sample", "write_samples"]

PACKS = Path(__file__).parent.parent / "genre_packs"
WIDTH = 3072
"""Rows and columns of every layer used here; those of FLUX.1's attention."""
METADATA = {"format": "pt", "kilnmark": "random weights, not trained"}
SUFFIXES: Mapping[str, tuple[str, str]] = {
    "diffusers": ("lora_A.weight", "lora_B.weight"),
    "kohya": ("lora_down.weight", "lora_up.weight"),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One adapter of the pack.

    Attributes:
        file: Relative to the folder of packs.
        convention: How its keys are named.
        modules: Layers it changes, as the convention names them.
        seed: Of its numbers.
        rank: Of every update.
        strength: Root mean square of the numbers of an update; a base's own weights have about 0.02.
    """

    file: str
    convention: Literal["diffusers", "kohya"]
    modules: tuple[str, ...]
    seed: int
    rank: int = 1
    strength: float = 0.01


def _diffusers(*modules: str) -> tuple[str, ...]:
    return tuple(f"transformer.{module}" for module in modules)


def _kohya(*blocks: int) -> tuple[str, ...]:
    return tuple(f"lora_unet_double_blocks_{block}_img_attn_proj" for block in blocks)


SAMPLES = (
    Sample(
        "weatherwright/loras/gouache.safetensors",
        "diffusers",
        _diffusers(
            "transformer_blocks.0.attn.to_v",
            "transformer_blocks.18.attn.to_out.0",
            "single_transformer_blocks.0.attn.to_v",
            "single_transformer_blocks.37.attn.to_v",
        ),
        seed=11,
    ),
    Sample("weatherwright/loras/weathered-faces.safetensors", "kohya", _kohya(2, 9, 16), seed=12),
    Sample("weatherwright/loras/chart-ink.safetensors", "kohya", _kohya(0, 6, 12, 18), seed=13),
    Sample(
        "weatherwright/worlds/carding_moor/loras/felted.safetensors",
        "diffusers",
        _diffusers("transformer_blocks.4.attn.to_v", "single_transformer_blocks.30.attn.to_v"),
        seed=14,
        rank=2,
    ),
    Sample(
        "weatherwright/worlds/brine_exchange/loras/glasslight.safetensors",
        "diffusers",
        _diffusers(
            "transformer_blocks.10.attn.to_out.0",
            "single_transformer_blocks.8.attn.to_q",
            "single_transformer_blocks.20.attn.to_v",
            "single_transformer_blocks.36.attn.to_v",
        ),
        seed=15,
    ),
)


def write_samples(packs: Path) -> list[Path]:
    """Write every adapter below the folder of packs, over what is there.

    Returns:
        Their paths.
    """
    paths = [packs / sample.file for sample in SAMPLES]
    for path, sample in zip(paths, SAMPLES, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(path, dict(_tensors(sample)), metadata=METADATA, dtype="BF16")
    return paths


def _tensors(sample: Sample) -> Iterator[tuple[str, Matrix]]:
    numbers = np.random.default_rng(sample.seed)
    down_key, up_key = SUFFIXES[sample.convention]
    for module in sample.modules:
        down, up = draw_pair(numbers, WIDTH, WIDTH, sample.rank, sample.strength)
        yield f"{module}.{down_key}", down
        yield f"{module}.{up_key}", up
        if sample.convention == "kohya":
            yield f"{module}.alpha", np.asarray(np.float32(sample.rank))


if __name__ == "__main__":
    for written in write_samples(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKS):
        print(f"{written}: {written.stat().st_size} bytes")
