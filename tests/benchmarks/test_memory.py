"""Memory over 300 renders with distinct prompts and 30 stacks: the slope a render, with its standard error."""

import gc
import os
import subprocess
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.prompts import PromptCache
from kilnmark.keymaps.zoo.write import make_adapter
from tests.benchmarks.figures import Figure, tell
from tests.benchmarks.loop import BareLoop
from tests.engine.flux import flux_of

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

PART = "memory"
RENDERS, STACKS, SETTLING = 300, 30, 60
"""The first 60 renders fill what is allowed to fill: every stack has been on twice, every cache is at its bound."""
BLOCKS = 2
SIDE = 32
PROMPT_BYTES = 4 << 20
"""A bound of the prompt cache that is reached within the renders that settle."""
NOISE = 1.0
"""KiB a render, where the slope's own error is next to nothing."""
BLOCK = 20
"""Renders averaged into one point, so that the points are nearly independent of each other."""


def resident() -> int:
    """Bytes of this process in memory now."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, check=True, text=True)
    return int(shown.stdout) << 10


def slope(values: NDArray[np.int64]) -> tuple[float, float]:
    """Least-squares slope a render over means of blocks, and its standard error; in the values' unit."""
    points = np.reshape(values, (-1, BLOCK)).mean(axis=1)
    at = np.arange(len(points)) * BLOCK
    fitted, intercept = np.polyfit(at, points, 1)
    left = points - (fitted * at + intercept)
    error = np.sqrt((left @ left) / (len(points) - 2) / ((at - at.mean()) ** 2).sum())
    return float(fitted), float(error)


@pytest.fixture(scope="module")
def small() -> Base:
    """The standin with two blocks of each kind and a small prompt cache, so that 300 renders take a minute."""
    whole = load_base("standin", None)
    flux = flux_of(whole)
    flux.transformer.transformer_blocks = flux.transformer.transformer_blocks[:BLOCKS]
    flux.transformer.single_transformer_blocks = flux.transformer.single_transformer_blocks[:BLOCKS]
    flux.t5_text_encoder.t5_blocks = flux.t5_text_encoder.t5_blocks[:BLOCKS]
    layers = flux.clip_text_encoder.text_model.encoder
    layers.layers = layers.layers[:BLOCKS]
    base = Base(whole.model, whole.variant, whole.info)
    base.prompts = PromptCache(lambda: base.stacker.encoder_key, limit=PROMPT_BYTES)
    return base


def test_memory_over_300_renders(small: Base, tmp_path: Path) -> None:
    files = [make_adapter(tmp_path / f"{n}.safetensors", rank=4, seed=n, blocks=BLOCKS) for n in range(STACKS)]
    loop = BareLoop(small, tmp_path / "pictures")
    rss, active = np.zeros(RENDERS, np.int64), np.zeros(RENDERS, np.int64)
    seen: set[int] = set()
    for turn in range(RENDERS):
        prompt = f"kiln {turn:03d} beside the {turn * 7919 % 1009:04d}th river, clay and ash"
        with Image.open(loop.paint(prompt, 7, 1, SIDE, [files[turn % STACKS]])) as picture:
            seen.add(hash(picture.tobytes()))
        gc.collect()
        rss[turn], active[turn] = resident(), mx.get_active_memory()
    assert len(seen) == RENDERS
    assert small.prompt_bytes > PROMPT_BYTES // 2
    for memory, values in {"resident memory": rss, "MLX active memory": active}.items():
        a_render, error = (round(number / 1024, 3) + 0.0 for number in slope(values[SETTLING:]))
        assert a_render <= 3 * error + NOISE
        what = f"{memory}, slope a render over {RENDERS - SETTLING}"
        base = f"standin, {BLOCKS}+{BLOCKS} blocks"
        tell(Figure(part=PART, base=base, what=what, who="kilnmark", value=a_render, unit="KiB"))
        tell(Figure(part=PART, base=base, what=f"{what}, standard error", who="kilnmark", value=error, unit="KiB"))
