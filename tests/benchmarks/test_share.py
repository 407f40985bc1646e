"""How much of an update reaches the output of a quantized base: our runtime wrappers, and what baking keeps."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import mlx.core as mx
import numpy as np
import pytest
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.stack.slots import find_slots
from kilnmark.keymaps.adapter import Adapter
from tests.benchmarks import mflux_rival, ours
from tests.benchmarks.figures import Figure, tell
from tests.benchmarks.files import AdapterFiles
from tests.engine.flux import flux_of
from tests.pairs import pairs_of

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

PART, RANK, ROWS = "share", 16, 4
STRENGTH, WORDS = 2e-5, "update of 0.1% of the weights"
"""Root mean square of an update's numbers; the base's own have about 0.02."""
FOLDED = "mflux, baked while it quantizes"
BAKED = "mflux, baked on the quantized base"


class Share(NamedTuple):
    """Of the exact difference of outputs: what of it was kept, and how large the error is beside it."""

    kept: float
    error: float


@pytest.fixture(scope="module", params=[8, 4])
def quantized(request: pytest.FixtureRequest, directory: Path) -> Base:
    return load_base(str(directory), request.param)


@pytest.fixture
def path(quantized: Base, files: AdapterFiles) -> Path:
    return files.get(quantized.shapes, RANK, 1, strength=STRENGTH)[0]


def inputs(columns: int) -> NDArray[np.float32]:
    return np.random.default_rng(5).standard_normal((ROWS, columns)).astype(np.float32)


def exact(adapter: Adapter) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """What each update adds to its target's output, in float64."""
    for update in pairs_of(adapter):
        thin = inputs(update.down.shape[1]).astype(np.float64) @ update.down.astype(np.float64).T
        yield update.target, update.multiplier * (thin @ update.up.astype(np.float64).T)


def share(adapter: Adapter, with_it: Mapping[str, nn.Module], without: Mapping[str, nn.Module]) -> Share:
    """The measured differences over all targets, projected on the exact ones."""
    along = length = left = 0.0
    for target, wanted in exact(adapter):
        x = mx.array(inputs(without[target].weight.shape[-1] * 32 // without[target].bits))
        found = np.array(with_it[target](x), np.float64) - np.array(without[target](x), np.float64)
        along += float((found * wanted).sum())
        length += float((wanted * wanted).sum())
        left += float(((found - wanted) ** 2).sum())
    return Share(along / length, (left / length) ** 0.5)


def show(base: Base, who: str, found: Share) -> None:
    name = f"directory, q{base.info.quantize}"
    tell(Figure(part=PART, base=name, what=f"kept, {WORDS}", who=who, value=found.kept, unit="share"))
    tell(Figure(part=PART, base=name, what=f"error, {WORDS}", who=who, value=found.error, unit="share"))


def bare(base: Base) -> dict[str, nn.Module]:
    return {path: slot.linear for path, slot in base.slots.items()}


def baked(base: Base, path: Path) -> dict[str, nn.Module]:
    """Its loader on the quantized base as it stands: new layers, which are taken off again."""
    mflux_rival.apply(flux_of(base), [path], bake=True)
    layers = {name: slot.current() for name, slot in base.slots.items()}
    mflux_rival.restore(base, {})
    return layers


def folded(base: Base, directory: Path, path: Path) -> dict[str, nn.Module]:
    """Its own load with an adapter, which bakes before it quantizes."""
    flux = mflux_rival.rebuild(directory, path, quantize=base.info.quantize)
    return {name: slot.linear for name, slot in find_slots(flux.transformer).items()}


def test_the_share_of_an_update_that_reaches_the_output(quantized: Base, directory: Path, path: Path) -> None:
    adapter = ours.read(quantized, path)
    ways: dict[str, Callable[[], Mapping[str, nn.Module]]] = {
        "kilnmark": lambda: ours.layers_of(quantized, [adapter], 1.0),
        BAKED: lambda: baked(quantized, path),
        FOLDED: lambda: folded(quantized, directory, path),
    }
    for who, way in ways.items():
        found = share(adapter, way(), bare(quantized))
        show(quantized, who, found)
        if who == "kilnmark":
            assert abs(found.kept - 1) < 1e-3
            assert found.error < 1e-2
