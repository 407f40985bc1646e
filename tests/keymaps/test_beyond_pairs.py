"""Biases, whole changes and norms at full depth, every target against float64 arithmetic on the raw tensors."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.updates.kinds.bias import BiasUpdate
from kilnmark.keymaps.updates.kinds.lokr import KroneckerUpdate
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.updates.kinds.norm import NormUpdate
from kilnmark.keymaps.updates.leftovers import VECTORS
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from tests.keymaps.lines.flux1 import flux1_all_bfl, flux1_bfl, flux1_diffusers_core
from tests.keymaps.lines.line import Line
from tests.keymaps.oracle import Raw

DEV = load_shapes("dev")
Z_IMAGE = load_shapes("z-image-turbo")

Wide = NDArray[np.float64]


def written(folder: Path, name: str) -> tuple[Adapter, Raw]:
    (exhibit,) = (exhibit for exhibit in EXHIBITS if exhibit.name == name)
    path = write_exhibit(folder / "exhibit.safetensors", exhibit, dtype="F16")
    return read_adapter(path, DEV), load_file(path)


def bfl_norms(*, single: bool = False) -> Iterator[tuple[str, str]]:
    """Norms in Black Forest Labs' names beside mflux's."""
    for n in range(19):
        for theirs, ours in (("img", "norm_"), ("txt", "norm_added_")):
            for kind in ("query", "key"):
                yield (
                    f"double_blocks.{n}.{theirs}_attn.norm.{kind}_norm",
                    f"transformer_blocks.{n}.attn.{ours}{kind[0]}",
                )
    for n in range(38 if single else 0):
        for kind in ("query", "key"):
            yield f"single_blocks.{n}.norm.{kind}_norm", f"single_transformer_blocks.{n}.attn.norm_{kind[0]}"


def change(update: object, rows: Wide) -> tuple[Wide, Wide]:
    """What an update adds to some inputs `(n, in)` and what it adds to the bias."""
    if isinstance(update, BiasUpdate):
        return np.zeros((len(rows), len(update.bias))), update.bias.astype(float)
    assert isinstance(update, PairUpdate | KroneckerUpdate)
    assert update.bias is not None
    if isinstance(update, PairUpdate):
        thin = rows @ update.down.T.astype(float)
        return update.multiplier * thin @ update.up.T.astype(float), update.bias.astype(float)
    assert update.first.tolist() == [[1.0]]
    (whole,) = update.second
    return rows @ whole.T.astype(float), update.bias.astype(float)


def check(adapter: Adapter, lines: list[Line], truth: Callable[[str, slice, Wide], tuple[Wide, Wide, float]]) -> None:
    """Every target's matrices on some input, its bias, and the norm of both."""
    updates = {update.target: update for update in adapter.updates}
    numbers = np.random.default_rng(0)
    for module, target, begin, end in lines:
        x = numbers.standard_normal((2, DEV[target][1]))
        product, bias, norm = truth(module, slice(begin, end), x)
        got, got_bias = change(updates[target], x)
        assert np.linalg.norm(got - product) <= 1e-6 * np.linalg.norm(product), target
        assert np.linalg.norm(got_bias - bias) <= 1e-6 * np.linalg.norm(bias), target
        assert updates[target].norm == pytest.approx(norm, rel=1e-6)


def size(up: Wide, down: Wide, bias: Wide) -> float:
    return float(np.hypot(np.linalg.norm(np.linalg.qr(up, mode="r") @ down), np.linalg.norm(bias)))


@pytest.mark.parametrize(
    ("name", "prefix", "lines", "keys", "targets"),
    [
        ("bfl-control", "", list(flux1_bfl()), 988, 494 + 76),
        ("diffusers-control", "transformer.", list(flux1_diffusers_core()), 1026 + 152, 342 + 152),
    ],
)
def test_a_pair_with_a_bias_adds_the_bias_times_the_multiplier(
    tmp_path: Path, name: str, prefix: str, lines: list[Line], keys: int, targets: int
) -> None:
    adapter, raw = written(tmp_path, name)
    assert (adapter.kind, adapter.rank) == ("bias+lora+norm", 2)
    assert (adapter.matched_key_count, adapter.total_key_count, adapter.target_count) == (keys, keys, targets)

    def truth(module: str, rows: slice, x: Wide) -> tuple[Wide, Wide, float]:
        down = raw[f"{prefix}{module}.lora_A.weight"].astype(float)
        up = raw[f"{prefix}{module}.lora_B.weight"].astype(float)[rows]
        bias = raw[f"{prefix}{module}.lora_B.bias"].astype(float)[rows]
        return x @ down.T @ up.T, bias, size(up, down, bias)

    check(adapter, lines, truth)


def halves(numbers: Wide, module: str) -> Wide:
    """The output layer has shift before scale there, scale before shift in mflux."""
    return np.concatenate(np.split(numbers, 2)[::-1]) if module.startswith("final_layer.adaLN") else numbers


def test_diff_and_diff_b_are_added_as_they_are(tmp_path: Path) -> None:
    adapter, raw = written(tmp_path, "comfy-extracted")
    assert adapter.kind == "bias+full+lora"
    whole = {key.removesuffix(".diff") for key in raw if key.endswith(".diff")}
    assert whole == {f"diffusion_model.{m}" for m in ("img_in", "final_layer.linear", *INPUTS)}
    assert adapter.matched_key_count == adapter.total_key_count == len(raw) == 912 + 10

    def truth(module: str, rows: slice, x: Wide) -> tuple[Wide, Wide, float]:
        name = f"diffusion_model.{module}"
        bias = halves(raw[f"{name}.diff_b"].astype(float), module)[rows]
        if name in whole:
            diff = halves(raw[f"{name}.diff"].astype(float), module)[rows]
            return x @ diff.T, bias, float(np.hypot(np.linalg.norm(diff), np.linalg.norm(bias)))
        down, up = (raw[f"{name}.lora_{part}.weight"].astype(float) for part in ("down", "up"))
        return x @ down.T @ up[rows].T, bias, size(up[rows], down, bias)

    named = {update.target for update in adapter.updates}
    check(adapter, [line for line in flux1_all_bfl() if line[1] in named], truth)


INPUTS = ("time_in.in_layer", "vector_in.in_layer", "guidance_in.in_layer")


@pytest.mark.parametrize(
    ("name", "replaces"),
    [("bfl-control", True), ("diffusers-control", True), ("lycoris-norms", False), ("ai-toolkit-norms", False)],
)
def test_every_norm_gets_its_own_scales(tmp_path: Path, name: str, replaces: bool) -> None:
    adapter, raw = written(tmp_path, name)
    norms = {update.target: update for update in adapter.updates if isinstance(update, NormUpdate)}
    pairs = dict(bfl_norms(single=name != "bfl-control"))
    assert set(norms) == set(pairs.values())
    for theirs, ours in pairs.items():
        key = {
            "bfl-control": f"{theirs}.scale",
            "diffusers-control": f"transformer.{ours}.weight",
            "lycoris-norms": f"lycoris_{ours.replace('.', '_')}.w_norm",
            "ai-toolkit-norms": f"transformer.{ours}.diff",
        }[name]
        update, scales = norms[ours], raw[key].astype(float)
        assert (update.scales == scales).all()
        assert update.replaces is replaces
        assert update.norm is None if replaces else update.norm == pytest.approx(np.linalg.norm(scales))


@pytest.mark.parametrize(
    ("name", "ignored"), [("zimage-extracted", {}), ("zimage-trained-in-comfyui", {VECTORS: 6 * 34})]
)
def test_z_images_norms_are_changed_as_comfyui_changes_them(tmp_path: Path, name: str, ignored: dict[str, int]) -> None:
    (exhibit,) = (exhibit for exhibit in EXHIBITS if exhibit.name == name)
    path = write_exhibit(tmp_path / "exhibit.safetensors", exhibit, dtype="F16", rank=1)
    adapter, raw = read_adapter(path, Z_IMAGE), load_file(path)
    assert adapter.ignored_keys == ignored
    norms = {update.target: update for update in adapter.updates if isinstance(update, NormUpdate)}
    names = {
        ours: f"diffusion_model.{stack}.{block}.{theirs}.diff"
        for stack, count in (("layers", 30), ("noise_refiner", 2), ("context_refiner", 2))
        for block in range(count)
        for theirs, ours in z_image_norms(f"{stack}.{block}")
    }
    assert set(norms) == (set() if ignored else set(names))
    for target, update in norms.items():
        scales = raw[names[target]].astype(float)
        assert (update.scales == scales).all()
        assert not update.replaces
        assert update.norm == pytest.approx(np.linalg.norm(scales), rel=1e-12)


def z_image_norms(block: str) -> Iterator[tuple[str, str]]:
    """ComfyUI's name within a block (comfy/ldm/lumina/model.py) beside mflux's path."""
    for letter in "qk":
        yield f"attention.{letter}_norm", f"{block}.attention.norm_{letter}"
    for name in ("attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2"):
        yield name, f"{block}.{name}"
