"""What it costs to know a full-size file: its counts, its hash, its norms, and all of it beside mflux's own loader.

988 keys, 494 targets, rank 16, in diffusers' names.
"""

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from kilnmark.keymaps.adapter import adapter_of, read_adapter
from kilnmark.keymaps.files.safefile import read_file, read_header
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.names.sorting import sort_keys
from kilnmark.keymaps.outline import read_outline
from kilnmark.keymaps.zoo.write import make_adapter
from tests.pairs import pairs_of

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

COUNTS_MS = 20.0
"""Milliseconds of the processor for header, recognition and counts."""
RATIO = 10.0
"""How many times as long mflux's loader must take."""

COLD = """
import sys, time
from kilnmark.keymaps.outline import read_outline
from kilnmark.keymaps.names.shapes import load_shapes
began = time.process_time()
read_outline(sys.argv[1], load_shapes("dev"))
print(1e3 * (time.process_time() - began))
"""


@pytest.fixture(scope="module", params=["F32", "BF16"])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("full") / "full.safetensors"
    make_adapter(path, "diffusers", rank=16, seed=1, dtype=request.param)
    print(f"\n988 keys, rank 16, {request.param}: {path.stat().st_size / 1e6:.0f} MB")
    yield path
    path.unlink()


def milliseconds(action: Callable[[], object], turns: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Median, after one turn that warms the caches."""
    action()
    taken = []
    for _ in range(turns):
        begin = clock()
        action()
        taken.append(1e3 * (clock() - begin))
    return median(taken)


def test_header_recognition_and_counts_take_under_20_ms(full: Path) -> None:
    shapes = load_shapes("dev")
    header = read_header(full)
    parts: dict[str, Callable[[], object]] = {
        "header": lambda: read_header(full),
        "recognition": lambda: sort_keys(header.path, tuple(header.tensors), shapes),
        "header, recognition and counts": lambda: read_outline(full, shapes),
    }
    for words, action in parts.items():
        worked, waited = milliseconds(action, 20, time.process_time), milliseconds(action, 20)
        print(f"{words:<40}{worked:>9.1f} ms, {waited:.1f} on the wall")
    cold = subprocess.run([sys.executable, "-c", COLD, str(full)], capture_output=True, text=True, check=True)
    print(f"{'the first time in a process':<40}{float(cold.stdout):>9.1f} ms; bound when warm {COUNTS_MS:.0f} ms")
    assert read_outline(full, shapes).target_count == 494
    assert worked < COUNTS_MS


def test_hashing_and_norms_apart(full: Path) -> None:
    shapes = load_shapes("dev")
    file = read_file(full)
    hashed = milliseconds(lambda: hashlib.sha256(file.data.data).digest(), 5)
    print(f"{'hashing':<40}{hashed:>9.1f} ms, {file.size / hashed / 1e6:.2f} GB/s")
    print(f"{'reading and hashing, read_file':<40}{milliseconds(lambda: read_file(full).sha256, 5):>9.1f} ms")
    print(f"{'updates and norms, adapter_of':<40}{milliseconds(lambda: adapter_of(file, shapes), 5):>9.1f} ms")


def by_mflux(path: Path) -> tuple[float, int]:
    """Seconds of mflux's loader, its matrices evaluated, and how many of them there are; nothing is baked."""
    import mlx.core as mx
    from mflux.models.common.config import ModelConfig
    from mflux.models.common.lora.mapping.lora_loader import LoRALoader
    from mflux.models.flux.model.flux_transformer.transformer import Transformer
    from mflux.models.flux.weights.flux_lora_mapping import FluxLoRAMapping
    from mlx.utils import tree_flatten

    transformer = Transformer(ModelConfig.dev())
    begin = time.perf_counter()
    with redirect_stdout(StringIO()):
        LoRALoader.load_and_apply_lora(FluxLoRAMapping.get_mapping(), transformer, [str(path)], [1.0], bake_lora=False)
    flat: Any = tree_flatten(transformer.parameters())
    found = [array for name, array in flat if "lora_" in name]
    mx.eval(found)
    return time.perf_counter() - begin, len(found)


class NoHash:
    """Sets apart what hashing costs, which is its own row: mflux's loader hashes nothing."""

    def update(self, data: object) -> None:
        """Take it and do nothing."""

    def hexdigest(self) -> str:
        """A hash in form."""
        return "0" * 64


def test_reading_wholly_into_targets_beside_mfluxs_own_loader(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = load_shapes("dev")
    by_mflux(full)
    taken: dict[str, list[float]] = {"mflux": [], "hashed": [], "plain": []}
    for _ in range(3):
        seconds, matrices = by_mflux(full)
        taken["mflux"].append(1e3 * seconds)
        taken["hashed"].append(milliseconds(lambda: read_adapter(full, shapes), 1))
        with monkeypatch.context() as patch:
            patch.setattr(hashlib, "sha256", lambda *_: NoHash())
            taken["plain"].append(milliseconds(lambda: read_adapter(full, shapes), 1))
    assert matrices == 988
    assert np.isfinite([update.norm for update in pairs_of(read_adapter(full, shapes))]).all()
    theirs, hashed, plain = (median(taken[name]) for name in ("mflux", "hashed", "plain"))
    print(f"{'mflux, neither hashed nor measured':<40}{theirs:>9.1f} ms")
    print(f"{'read_adapter, measured':<40}{plain:>9.1f} ms; mflux takes {theirs / plain:.1f} times as long")
    print(
        f"{'read_adapter, hashed and measured':<40}{hashed:>9.1f} ms; mflux takes {theirs / hashed:.1f} times as long"
    )
    assert theirs >= RATIO * hashed
