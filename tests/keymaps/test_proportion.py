"""Updates held to a typical base: against sizes computed by hand in float64, and with bases that differ from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.proportion import (
    LOST_RATIO,
    OVERWHELMING_RATIO,
    USUAL_RATIO,
    VANISHING_RATIO,
    before_a_base,
    loudest_of,
    proportion_of,
    root_mean_square,
)
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.inspection import Inspection

Raw = dict[str, NDArray[np.float32]]

DEV = load_shapes("dev")
Q, FF, NORM = (f"transformer.transformer_blocks.0.{name}" for name in ("attn.to_q", "ff.net.0.proj", "attn.norm_q"))
WEIGHTS = {Q: np.sqrt(3072), FF: np.sqrt(12288), NORM: np.sqrt(128)}
"""Frobenius norms of layers that give what they are given: each row has length 1, each scale is 1."""


def pair(name: str, size: float) -> Raw:
    """An update of rank 1 and of a Frobenius norm."""
    rows, columns = (12288 if name == FF else 3072), 3072
    down, up = np.full((1, columns), columns**-0.5), np.full((rows, 1), size * rows**-0.5)
    return {f"{name}.lora_A.weight": down.astype(np.float32), f"{name}.lora_B.weight": up.astype(np.float32)}


def norm(size: float) -> Raw:
    return {f"{NORM}.diff": np.full(128, size * 128**-0.5, np.float32)}


def written(folder: Path, tensors: Raw) -> Path:
    return write_tensors(folder / "a.safetensors", tensors)


def read(folder: Path, tensors: Raw) -> Adapter:
    return read_adapter(written(folder, tensors), DEV)


def inspected(folder: Path, tensors: Raw) -> Inspection:
    return inspect_file(str(written(folder, tensors)), DEV).inspection


def test_the_ratio_is_that_of_all_updates_to_all_their_layers(tmp_path: Path) -> None:
    adapter = read(tmp_path, pair(Q, 3.0) | pair(FF, 4.0) | norm(0.5))
    truth = np.sqrt(9 + 16 + 0.25) / np.sqrt(3072 + 12288 + 128)
    found = proportion_of(adapter, DEV, -2.0)
    assert found.ratio == pytest.approx(2 * truth, rel=1e-6)
    assert found.vanished == ()


def test_what_only_a_base_can_tell_has_no_part_in_it(tmp_path: Path) -> None:
    magnitudes = {f"{FF}.lora_magnitude_vector": np.ones(12288, np.float32)}
    adapter = read(tmp_path, pair(Q, 3.0) | pair(FF, 4.0) | magnitudes)
    assert proportion_of(adapter, DEV).ratio == pytest.approx(3 / np.sqrt(3072), rel=1e-6)
    scales = {f"{NORM}.weight": np.full(128, 3.0, np.float32)}
    assert proportion_of(read(tmp_path, scales), DEV) == (None, (), ("", 0.0))
    assert proportion_of(read(tmp_path, pair(Q, 1e-20) | scales), DEV) == (
        None,
        ("transformer_blocks.0.attn.to_q",),
        ("", 0.0),
    )


def test_the_size_an_element_is_that_of_the_whole_matrix(tmp_path: Path) -> None:
    found = inspected(tmp_path, pair(Q, 3.0) | pair(FF, 4.0))
    assert [target.rms for target in found.targets] == [pytest.approx(3 / 3072), pytest.approx(4 / 6144)]
    assert found.rms == pytest.approx(5 / np.sqrt(3072 * (3072 + 12288)))
    assert found.typical_ratio == pytest.approx(5 / np.sqrt(3072 + 12288))
    adapter = read(tmp_path, {f"{NORM}.weight": np.ones(128, np.float32)})
    assert root_mean_square(adapter.updates[0], DEV) is None
    assert inspected(tmp_path, {f"{NORM}.weight": np.ones(128, np.float32)}).rms is None


@pytest.mark.parametrize("size", [1e-30, 1e-37])
def test_what_no_base_would_feel_is_caught_without_one(tmp_path: Path, size: float) -> None:
    found = inspected(tmp_path, pair(Q, size) | pair(FF, size))
    assert (found.verdict, found.applied_target_count) == (Verdict.NOOP, 0)
    assert "too small to survive on any base; train or export it again" in found.reason


def test_one_lost_layer_among_live_ones_is_caught_and_named(tmp_path: Path) -> None:
    found = inspected(tmp_path, pair(Q, 1e-12) | pair(FF, 4.0))
    assert (found.verdict, found.applied_target_count) == (Verdict.PARTIAL, 1)
    assert "1 of 2 updates are too small to change a weight, first 'transformer_blocks.0.attn.to_q'" in found.reason


@pytest.mark.parametrize("factor", [1 / 29, 1.0, 29.0])
@pytest.mark.parametrize("name", [Q, NORM])
def test_a_verdict_holds_on_every_base_within_the_margin(tmp_path: Path, name: str, factor: float) -> None:
    """What is lost here is lost where weights are a thirtieth, and what lives there is never accused here."""
    weight = WEIGHTS[name] * factor
    live = LOST_RATIO * weight * 1.01
    lone = norm(live) if name == NORM else pair(name, live)
    assert proportion_of(read(tmp_path, lone), DEV).vanished == ()
    dead = LOST_RATIO * WEIGHTS[name] / 30 * 0.99
    lone = norm(dead) if name == NORM else pair(name, dead)
    assert len(proportion_of(read(tmp_path, lone), DEV).vanished) == 1
    assert dead < LOST_RATIO * weight


@pytest.mark.parametrize("strength", [1e-3, 1e-2, 0.1, 1.0, 10.0])
def test_a_thousandth_to_ten_times_the_usual_strength_is_never_accused(tmp_path: Path, strength: float) -> None:
    for ratio in (1e-3, USUAL_RATIO, 0.2):
        found = inspected(tmp_path, pair(Q, ratio * strength * WEIGHTS[Q]))
        assert found.verdict is Verdict.ENGAGED
        assert (found.usual_scale is not None) == (ratio * strength > 3 * OVERWHELMING_RATIO)


def test_far_too_strong_is_told_with_the_scale_of_usual_strength(tmp_path: Path) -> None:
    found = inspected(tmp_path, pair(Q, 10 * WEIGHTS[Q]))
    assert found.verdict is Verdict.ENGAGED
    assert found.usual_scale == pytest.approx(USUAL_RATIO / 10)
    assert "10 times the size of a typical base's weights" in found.reason
    assert "at scale 0.005 it would be of usual strength" in found.reason


def test_the_bounds_before_a_base_leave_room_for_how_bases_differ() -> None:
    limits = before_a_base()
    assert limits.vanishing_ratio == pytest.approx(VANISHING_RATIO / 30)
    assert limits.overwhelming_ratio == pytest.approx(3 * OVERWHELMING_RATIO)
    assert (limits.unchanged_divergence, limits.invisible_divergence) == (0.0, 0.0)


def test_a_zoo_adapter_is_of_trained_strength(tmp_path: Path) -> None:
    adapter = read_adapter(make_adapter(tmp_path / "a.safetensors", "kohya", blocks=1), DEV)
    ratio = proportion_of(adapter, DEV).ratio
    assert ratio is not None
    assert 1e-3 < ratio < 0.2
    assert proportion_of(replace(adapter, updates=()), DEV) == (None, (), ("", 0.0))


LAYERS = ["to_q", "to_k", "to_v", "to_out.0"]


def four(*sizes: float) -> Raw:
    tensors: Raw = {}
    for name, size in zip(LAYERS, sizes, strict=True):
        tensors |= pair(f"transformer.transformer_blocks.0.attn.{name}", size * np.sqrt(3072))
    return tensors


def test_one_layer_far_too_strong_among_usual_ones_is_named_and_no_scale_is_suggested(tmp_path: Path) -> None:
    found = inspected(tmp_path, four(0.05, 0.05, 2.9, 0.05))
    assert found.typical_ratio == pytest.approx(2.9 / 2, rel=1e-2)
    assert found.verdict is Verdict.ENGAGED
    assert found.usual_scale is not None
    assert (
        "far too strong in one layer: nearly all of its change is in 'transformer_blocks.0.attn.to_v'" in found.reason
    )
    assert "look at that layer's alpha" in found.reason


@pytest.mark.parametrize("sizes", [(0.05, 0.05, 1.4, 0.05), (1.45, 1.45, 1.45, 1.45), (0.0501, 0.05, 0.05, 0.05)])
def test_a_layer_within_the_bound_or_like_the_others_is_not_named(tmp_path: Path, sizes: tuple[float, ...]) -> None:
    assert "strong" not in inspected(tmp_path, four(*sizes)).reason


def test_the_loudest_layer_is_the_one_with_nearly_all_of_the_change() -> None:
    assert loudest_of(["a", "b", "c", "d"], [1.0, 9.0, 1.0, 1.0], [1.0, 3.0, 1.0, 1.0]) == ("b", 3.0)
    assert loudest_of(["a", "b", "c", "d"], [1.0, 5.0, 1.0, 1.0], [1.0] * 4) == ("", 0.0)
    assert loudest_of(["a", "b", "c"], [1.0, 90.0, 1.0], [1.0] * 3) == ("", 0.0)
    assert loudest_of(["a", "b", "c", "d"], [0.0] * 4, [1.0] * 4) == ("", 0.0)
    assert loudest_of(["a", "b", "c", "d"], [0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 0.0]) == ("", 0.0)
