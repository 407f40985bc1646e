"""How much of an update reaches the output of a base in bf16: our runtime wrappers, and what baking keeps.

The base's products are made as a GPU makes them; what is measured is what becomes of the update beside them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import mlx.core as mx
import numpy as np
import pytest
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.stack.build import Member, build_wrappers
from kilnmark.engine.stack.fast import parts_of
from kilnmark.engine.stack.slots import find_slots
from kilnmark.keymaps.adapter import Adapter
from tests.benchmarks import mflux_rival, ours
from tests.benchmarks.figures import Figure, Headline, tell
from tests.benchmarks.files import AdapterFiles
from tests.engine.arrays import as_float64, as_numpy
from tests.engine.flux import flux_of
from tests.engine.gpu_products import gpu_products, unpacked
from tests.pairs import pairs_of

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1200)]

PART, RANK = "share", 16
TOKENS = 64
"""Seven million numbers on all targets: the standard error of a share is 0.0005."""
STRENGTH, WORDS = 2e-5, "update of 0.1% of the weights"
"""Root mean square of an update's numbers; the base's own have about 0.02."""
FOLDED = "mflux, baked while it quantizes"
BAKED = "mflux, baked on the base"
EXACT, FAST, IN_PARTS = "kilnmark, exact", "kilnmark, fast, layers alone", "kilnmark, fast, summed by what follows"

Numbers = NDArray[np.float64]
Layers = Mapping[str, Callable[[mx.array], mx.array]]


class Target(NamedTuple):
    """What a layer is given, and what it is to make of it.

    Attributes:
        x: The input, bf16.
        bare: What the base's own layer gives.
        wanted: What it is to give: the same without any rounding.
        added: What the update is to add to it, in float64.
    """

    x: mx.array
    bare: Numbers
    wanted: Numbers
    added: Numbers


class Share(NamedTuple):
    """Of an update over all its targets.

    Attributes:
        kept: The measured differences of outputs, projected on the exact ones.
        error: Root mean square of what is wrong with the outputs, beside what is wrong with those of the bare base.
    """

    kept: float
    error: float


@pytest.fixture(scope="module", params=[None, 8, 4])
def half(request: pytest.FixtureRequest, directory: Path) -> Base:
    """Its weights are bf16 in the file, too."""
    base = load_base(str(directory), request.param)
    for module in base.model.roots.values():
        halve(module)
    return base


@pytest.fixture
def path(half: Base, files: AdapterFiles) -> Path:
    return files.get(half.shapes, RANK, 1, strength=STRENGTH)[0]


def halve(module: nn.Module) -> nn.Module:
    return module.apply(lambda array: array.astype(mx.bfloat16) if mx.issubdtype(array.dtype, mx.floating) else array)


def whole(linear: nn.Module) -> NDArray[np.float32]:
    """A layer's weight as its numbers are, `(out, in)`."""
    if not isinstance(linear, nn.QuantizedLinear):
        return as_numpy(linear.weight)
    offsets = linear.biases
    assert offsets is not None
    packing = {"group_size": linear.group_size, "bits": linear.bits}
    return as_numpy(unpacked(linear.weight, scales=linear.scales, biases=offsets, **packing))


def targets(base: Base, adapter: Adapter) -> Iterator[tuple[str, Target]]:
    """One by one, since all of them together would be gigabytes."""
    numbers = np.random.default_rng(5)
    for update in pairs_of(adapter):
        linear = base.slots[update.target].linear
        x = mx.array(numbers.standard_normal((TOKENS, update.down.shape[1]))).astype(mx.bfloat16)
        wanted = (as_numpy(x) @ whole(linear).T).astype(np.float64)
        wanted += as_float64(linear.bias) if "bias" in linear else 0.0
        thin = as_float64(x) @ update.down.astype(np.float64).T
        added = update.multiplier * (thin @ update.up.astype(np.float64).T)
        yield update.target, Target(x, as_float64(linear(x)), wanted, added)


def shares(base: Base, adapter: Adapter, ways: Mapping[str, Layers]) -> dict[str, Share]:
    """Each way's."""
    along, left = (dict.fromkeys(ways, 0.0) for _ in range(2))
    length = own = 0.0
    for path, target in targets(base, adapter):
        length += float((target.added**2).sum())
        own += float(((target.bare - target.wanted) ** 2).sum())
        for who, layers in ways.items():
            found = as_float64(layers[path](target.x))
            along[who] += float(((found - target.bare) * target.added).sum())
            left[who] += float(((found - target.wanted - target.added) ** 2).sum())
    return {who: Share(along[who] / length, (left[who] / own) ** 0.5) for who in ways}


def in_parts(base: Base, stack: Sequence[Member]) -> Layers:
    """As most layers of a forward pass are taken: what follows them adds their two parts in float32."""
    wrappers = build_wrappers(base.slots, stack, shared=base.model.shared_inputs)
    return {path: partial(_summed, wrapper) for path, wrapper in wrappers.items()}


def _summed(layer: nn.Module, x: mx.array) -> mx.array:
    return parts_of(layer, x).total()


def baked(base: Base, path: Path) -> Layers:
    """Its loader on the base as it stands: new layers, which are taken off again."""
    if not base.info.quantize:
        return mflux_rival.baked_layers(base, [path], 1.0)
    mflux_rival.apply(flux_of(base), [path], bake=True)
    layers = {name: slot.current() for name, slot in base.slots.items()}
    mflux_rival.restore(base, {})
    return layers


def folded(base: Base, directory: Path, path: Path) -> Layers:
    """Its own load with an adapter, which bakes before it quantizes."""
    flux = mflux_rival.rebuild(directory, path, quantize=base.info.quantize)
    return {name: slot.linear for name, slot in find_slots(halve(flux.transformer)).items()}


def name_of(base: Base) -> str:
    return f"q{base.info.quantize}" if base.info.quantize else "bf16"


def show(base: Base, who: str, found: Share) -> None:
    name = f"directory, {name_of(base)}"
    tell(Figure(part=PART, base=name, what=f"kept, {WORDS}", who=who, value=found.kept, unit="share"))
    what = f"error beside the base's own rounding, {WORDS}"
    tell(Figure(part=PART, base=name, what=what, who=who, value=found.error, unit="times"))


def test_the_share_of_an_update_that_reaches_the_output(half: Base, directory: Path, path: Path) -> None:
    adapter = ours.read(half, path)
    stack = [Member(adapter, 1.0)]
    ways: dict[str, Callable[[], Layers]] = {
        EXACT: lambda: build_wrappers(half.slots, stack),
        FAST: lambda: build_wrappers(half.slots, stack, shared=half.model.shared_inputs),
        IN_PARTS: lambda: in_parts(half, stack),
        BAKED: lambda: baked(half, path),
    }
    if half.info.quantize:
        ways[FOLDED] = lambda: folded(half, directory, path)
    layers = {who: way() for who, way in ways.items()}
    with gpu_products():
        found = shares(half, adapter, layers)
    for who, each in found.items():
        show(half, who, each)
    worst = max((found[who].kept for who in (EXACT, FAST, IN_PARTS)), key=lambda kept: abs(kept - 1))
    tell(Headline(name=f"share_{name_of(half)}", value=worst))
    assert found[FAST].error < 1.3
    assert max(found[EXACT].error, found[IN_PARTS].error) < 1.01
