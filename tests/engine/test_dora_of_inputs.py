"""Magnitudes of inputs on a fused module: columns that go through three layers, beside float64 arithmetic by hand."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.stack.layers import FactoredLinear
from kilnmark.engine.stack.slots import find_slots
from kilnmark.engine.stack.stack import Member, Stacker
from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.protocol.picture.report import Verdict
from tests.engine.arrays import as_numpy
from tests.engine.judged import assess
from tests.engine.small_layer import Matrix64, weight

FUSED = "lora_unet_double_blocks_0_img_attn_qkv"
INTO, HEIGHTS = 64, (32, 48, 16)
TARGETS = [f"transformer_blocks.0.attn.to_{letter}" for letter in "qkv"]
SHAPES = dict(zip(TARGETS, ((height, INTO) for height in HEIGHTS), strict=True))
ALPHA, RANK = 2.0, 4


class Holder(nn.Module):
    """A part of a model: what is given, by name."""

    def __init__(self, **parts: object) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        for name, part in parts.items():
            setattr(self, name, part)


def layer(kind: str, height: int, seed: int) -> nn.Module:
    numbers = np.random.default_rng(seed)
    if kind == "factored":
        factors = (mx.array(numbers.standard_normal(shape, np.float32)) for shape in ((INTO, 5), (5, height)))
        return FactoredLinear(*factors, mx.ones((height,)))  # type: ignore[call-arg]
    linear = nn.Linear(INTO, height)
    linear.weight = mx.array(numbers.standard_normal((height, INTO), np.float32))
    linear.bias = mx.array(numbers.standard_normal(height, np.float32))
    return nn.QuantizedLinear.from_linear(linear, group_size=32, bits=4) if kind == "quantized" else linear


def model(kind: str) -> nn.Module:
    heights = enumerate(zip("qkv", HEIGHTS, strict=True))
    layers = {f"to_{letter}": layer(kind, height, place) for place, (letter, height) in heights}
    return Holder(transformer_blocks=[Holder(attn=Holder(**layers))])


@pytest.fixture(scope="module")
def tensors() -> dict[str, NDArray[np.float32]]:
    numbers = np.random.default_rng(1)
    return {
        f"{FUSED}.lora_down.weight": numbers.standard_normal((RANK, INTO), np.float32),
        f"{FUSED}.lora_up.weight": numbers.standard_normal((sum(HEIGHTS), RANK), np.float32),
        f"{FUSED}.alpha": np.asarray(np.float32(ALPHA)),
        f"{FUSED}.dora_scale": numbers.uniform(5, 15, (1, INTO)).astype(np.float32),
    }


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, NDArray[np.float32]]) -> Adapter:
    path = write_tensors(tmp_path_factory.mktemp("inputs") / "a.safetensors", tensors)
    return read_adapter(path, SHAPES)


def changes(whole: Matrix64, tensors: dict[str, NDArray[np.float32]]) -> list[Matrix64]:
    """Of T = W + alpha / rank BA, magnitude T / |T| - W, the norm of each input over the whole module."""
    up, down = (tensors[f"{FUSED}.lora_{side}.weight"].astype(float) for side in ("up", "down"))
    trained = whole + ALPHA / RANK * up @ down
    decomposed = tensors[f"{FUSED}.dora_scale"].astype(float) * trained / np.linalg.norm(trained, axis=0)
    return np.split(decomposed - whole, np.cumsum(HEIGHTS)[:-1])


@pytest.mark.parametrize("kind", ["dense", "factored", "quantized"])
@pytest.mark.parametrize("scale", [1.0, -0.4])
def test_every_layer_of_a_fused_module_is_painted_with_its_rows_of_the_decomposed_weight(
    adapter: Adapter, tensors: dict[str, NDArray[np.float32]], kind: str, scale: float
) -> None:
    slots = find_slots(model(kind))
    weights = [weight(slots[target].linear) for target in TARGETS]
    x = np.random.default_rng(9).standard_normal((5, INTO))
    plain = {target: as_numpy(slots[target].current()(mx.array(x.astype(np.float32)))) for target in TARGETS}
    Stacker(slots).switch([Member(adapter, scale)])
    for target, own, change in zip(TARGETS, weights, changes(np.concatenate(weights), tensors), strict=True):
        got = as_numpy(slots[target].current()(mx.array(x.astype(np.float32)))) - plain[target]
        expected = scale * x @ change.T
        assert np.linalg.norm(got - expected) <= 1e-5 * np.linalg.norm(x @ own.T), target


@pytest.mark.parametrize("kind", ["dense", "factored", "quantized"])
def test_norms_and_the_ratio_are_those_of_the_true_change(
    adapter: Adapter, tensors: dict[str, NDArray[np.float32]], kind: str
) -> None:
    slots = find_slots(model(kind))
    weights = [weight(slots[target].linear) for target in TARGETS]
    true = [np.linalg.norm(change) for change in changes(np.concatenate(weights), tensors)]
    assert [update.norm_on(slots[update.target].numbers) for update in adapter.updates] == pytest.approx(true, rel=1e-5)
    ratio = 0.3 * np.linalg.norm(true) / np.linalg.norm(np.concatenate(weights))
    assert Effect(slots).delta_ratio(Member(adapter, 0.3)) == pytest.approx(ratio, rel=1e-5)


def test_it_is_judged_as_other_dora_is_and_before_training_it_is_a_noop(
    adapter: Adapter, tensors: dict[str, NDArray[np.float32]], tmp_path: Path
) -> None:
    slots = find_slots(model("dense"))
    assert assess(slots, adapter).verdict is Verdict.ENGAGED
    whole = np.concatenate([weight(slots[target].linear) for target in TARGETS])
    begun = tensors | {
        f"{FUSED}.lora_up.weight": np.zeros((sum(HEIGHTS), RANK), np.float32),
        f"{FUSED}.dora_scale": np.linalg.norm(whole, axis=0, keepdims=True).astype(np.float32),
    }
    report = assess(slots, read_adapter(write_tensors(tmp_path / "a.safetensors", begun), SHAPES))
    assert report.verdict is Verdict.NOOP


def test_two_that_undo_each_other_are_found_out(adapter: Adapter) -> None:
    slots = find_slots(model("dense"))
    assert Effect(slots).stack_ratio([Member(adapter, 1.0), Member(adapter, -1.0)]) < 1e-6


def test_a_base_that_is_let_go_is_not_kept_by_its_layers() -> None:
    slots = find_slots(model("dense"))
    numbers = slots[TARGETS[0]].numbers
    assert numbers.layer(TARGETS[1]) is slots[TARGETS[1]].numbers
    del slots
    with pytest.raises(KeyError):
        numbers.layer(TARGETS[1])
