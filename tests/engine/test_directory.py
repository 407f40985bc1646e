"""A FLUX.1 directory through mflux's own loader: held, refused when it is not whole, quantized, and painted with."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx import nn
from mlx.utils import tree_flatten
from numpy.typing import NDArray
from PIL import Image

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.flux1.standin import build_standin
from kilnmark.engine.stack.layers import StackedLinear
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.zoo.write import make_adapter
from tests.daemon.conftest import SMALL, Daemon, Wire, running_daemon
from tests.engine.arrays import as_float64, as_numpy
from tests.engine.flux import flux_of
from tests.engine.tiny_flux import write_tiny_flux

pytestmark = pytest.mark.slow

QUANTIZED = ("transformer_blocks.0.attn.to_q", "single_transformer_blocks.0.proj_out")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_flux(tmp_path_factory.mktemp("tiny") / "flux")


@pytest.fixture(scope="module")
def held(directory: Path) -> Base:
    return load_base(str(directory), None)


def test_its_true_blocks_are_held_in_the_computing_precision(held: Base) -> None:
    assert (held.info.target_count, held.info.precision, held.info.quantize) == (20, "float32", None)
    assert held.shapes["transformer_blocks.0.ff.linear1"] == (12288, 3072)
    assert "transformer_blocks.1.ff.linear1" not in held.shapes
    assert {array.dtype for _, array in _arrays(flux_of(held).transformer)} == {mx.float32}


def test_it_is_known_to_read_guidance(held: Base) -> None:
    assert "time_text_embed.guidance_embedder.linear_1" in held.slots


def test_text_encoders_are_cut_to_the_blocks_that_were_saved(held: Base) -> None:
    assert len(flux_of(held).t5_text_encoder.t5_blocks) == 1
    assert len(flux_of(held).clip_text_encoder.text_model.encoder.layers) == 1


def test_the_standin_has_every_attribute_that_mflux_gives_a_loaded_model(held: Base) -> None:
    assert _attributes(build_standin()) == _attributes(flux_of(held))


def _attributes(model: nn.Module) -> set[str]:
    return {name for name in [*model.keys(), *vars(model)] if not name.startswith("_")}


def _arrays(model: nn.Module) -> list[tuple[str, mx.array]]:
    arrays: dict[str, mx.array] = {}
    tree_flatten(model.parameters(), destination=arrays)
    return list(arrays.items())


@contextmanager
def lacking(directory: Path, part: str, name: str) -> Iterator[None]:
    """The directory without one tensor: in the file's header it has a name of the same length that nobody asks for."""
    path = directory / part / "0.safetensors"
    with path.open("r+b") as file:
        header = file.read(8 + int.from_bytes(file.read(8), "little"))
    stranger = name[:-1] + "_"
    changed = header.replace(f'"{name}"'.encode(), f'"{stranger}"'.encode())
    assert changed != header
    try:
        _write_over(path, 8, changed)
        yield
    finally:
        _write_over(path, 8, header)


def _write_over(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        os.pwrite(file.fileno(), data, offset)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("transformer", "single_transformer_blocks.0.attn.to_v.weight"),
        ("transformer", "transformer_blocks.0.attn.to_q.bias"),
        ("text_encoder", "text_model.encoder.layers.0.mlp.fc1.weight"),
        ("text_encoder_2", "t5_blocks.0.attention.SelfAttention.q.weight"),
        ("vae", "decoder.conv_in.conv2d.weight"),
    ],
)
def test_a_directory_that_lacks_a_tensor_is_refused_by_its_name(directory: Path, part: str, name: str) -> None:
    with lacking(directory, part, name), pytest.raises(BaseUnavailable) as caught:
        load_base(str(directory), None)
    assert name in str(caught.value)
    assert str(directory / part) in str(caught.value)


@pytest.fixture(scope="module")
def quantized(directory: Path) -> Base:
    return load_base(str(directory), 8)


@pytest.fixture(scope="module")
def adapter(held: Base, tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    path = tmp_path_factory.mktemp("adapters") / "fitting.safetensors"
    return read_adapter(make_adapter(path, shapes=held.shapes, rank=4, seed=1), held.shapes)


@pytest.mark.parametrize("target", QUANTIZED)
def test_a_stack_on_quantized_layers_keeps_its_whole_update(quantized: Base, adapter: Adapter, target: str) -> None:
    slot = quantized.slots[target]
    assert isinstance(slot.linear, nn.QuantizedLinear)
    stacker = quantized.stacker
    stacker.switch([Member(adapter, 0.8)])
    wrapper = slot.current()
    assert isinstance(wrapper, StackedLinear)
    x = np.random.default_rng(5).standard_normal((2, slot.shape[1])).astype(np.float32)
    added = as_float64(wrapper(mx.array(x))) - as_float64(slot.linear(mx.array(x)))
    stacker.switch([])
    (update,) = (update for update in adapter.updates if update.target == target)
    assert isinstance(update, PairUpdate)
    delta = 0.8 * update.multiplier * (update.up.astype(np.float64) @ update.down.astype(np.float64))
    exact = x.astype(np.float64) @ delta.T
    assert np.linalg.norm(added - exact) / np.linalg.norm(exact) < 1e-4


def test_taking_a_stack_off_leaves_the_packed_weights_bit_for_bit(quantized: Base, adapter: Adapter) -> None:
    before = {target: _packed(quantized, target) for target in QUANTIZED}
    stacker = quantized.stacker
    stacker.switch([Member(adapter, 1.0)])
    stacker.switch([])
    assert all(slot.current() is slot.linear for slot in quantized.slots.values())
    for target in QUANTIZED:
        for now, was in zip(_packed(quantized, target), before[target], strict=True):
            assert np.array_equal(now, was)


def _packed(base: Base, target: str) -> list[NDArray[np.generic]]:
    linear = base.slots[target].current()
    return [as_numpy(linear.weight), as_numpy(linear.scales), as_numpy(linear.biases)]


def test_quantizing_makes_another_base_of_the_same_directory(held: Base, quantized: Base) -> None:
    assert quantized.info.quantize == 8
    assert quantized.info.fingerprint != held.info.fingerprint
    assert quantized.shapes == held.shapes


@pytest.fixture(scope="module")
def daemon(directory: Path) -> Iterator[Daemon]:
    with running_daemon(variant=str(directory)) as running:
        yield running.warm()


@pytest.fixture
def wire(daemon: Daemon) -> Iterator[Wire]:
    with daemon.wire() as wire:
        yield wire


def pixels(result: dict[str, Any]) -> NDArray[np.float64]:
    with Image.open(result["image_path"]) as picture:
        return np.asarray(picture, dtype=np.float64)


def with_adapter(path: Path) -> dict[str, Any]:
    return {**SMALL, "lora_paths": [str(path)], "lora_scales": [1.0]}


def test_an_adapter_of_its_shapes_moves_the_pixels_and_leaves_it_as_it_was(
    daemon: Daemon, wire: Wire, held: Base
) -> None:
    fitting = make_adapter(daemon.loras / "fitting.safetensors", shapes=held.shapes, rank=4, strength=5e-3)
    before = pixels(wire.result("render", SMALL))
    styled = wire.result("render", with_adapter(fitting))
    after = pixels(wire.result("render", SMALL))
    (report,) = styled["loras"]
    assert (report["verdict"], report["matched_key_count"], report["total_key_count"]) == ("engaged", 40, 40)
    assert report["applied_target_count"] == report["target_count"] == 20
    assert np.abs(pixels(styled) - before).mean() > 0.5
    assert np.array_equal(before, after)


def test_an_adapter_of_the_whole_model_is_refused_with_the_model_it_was_made_for(daemon: Daemon, wire: Wire) -> None:
    whole = make_adapter(daemon.loras / "whole.safetensors", rank=1)
    error = wire.error("render", with_adapter(whole))
    assert error["code"] == -32007
    (report,) = error["data"]["detail"]["loras"]
    assert report["verdict"] == "refused"
    assert "948 of 988 keys" in report["reason"]
    assert "looks made for dev" in report["reason"]


def test_the_daemon_tells_which_directory_it_holds(daemon: Daemon, directory: Path, held: Base) -> None:
    base = daemon.status()["base"]
    assert (base["variant"], base["target_count"]) == (str(directory), 20)
    assert base["fingerprint"] == held.info.fingerprint


def test_the_bias_that_older_mflux_left_out_is_not_missed(directory: Path) -> None:
    with lacking(directory, "transformer", "norm_out.linear.bias"):
        base = load_base(str(directory), None)
    assert float(flux_of(base).transformer.norm_out.linear.bias.square().sum().item()) == 0.0
