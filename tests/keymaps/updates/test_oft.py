"""OFT and BOFT on small layers, against the trainers' own arithmetic in float64; and what is refused."""

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.sorting import sort_keys
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.updates.made import kind_of
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.keymaps.updates.view import View
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.protocol.picture.report import Verdict
from tests.keymaps import rotations

Raw = dict[str, NDArray[np.float32]]
Wide = NDArray[np.float64]
Found = TypeVar("Found")

SHAPES = {f"transformer_blocks.0.attn.to_{letter}": (rows, 24) for letter, rows in zip("qkv", (16, 16, 8), strict=True)}
SHAPES |= {"transformer_blocks.0.attn.to_out.0": (32, 24), "norm_out.linear": (32, 24)}
FUSED = "lora_unet_double_blocks_0_img_attn_qkv"
ALONE = "lora_unet_double_blocks_0_img_attn_proj"
OUTPUT = "lora_unet_final_layer_adaLN_modulation_1"
TURNED_QKV = (slice(0, 16), slice(16, 32), slice(32, 40))


def numbers(*shape: int, seed: int = 0, spread: float = 0.2) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape, np.float32) * np.float32(spread)


class Layer:
    """A weight as a base gives it."""

    def __init__(self, weight: Wide) -> None:
        self.weight = weight
        self.shape = (weight.shape[0], weight.shape[1])

    def row_squares(self) -> Wide:
        squares: Wide = (self.weight**2).sum(axis=1)
        return squares

    def column_squares(self) -> Wide:
        squares: Wide = (self.weight**2).sum(axis=0)
        return squares

    def across(self, matrix: NDArray[np.float32] | Wide) -> Wide:
        found: Wide = self.weight.T @ matrix
        return found

    def times(self, matrix: NDArray[np.float32] | Wide) -> Wide:
        found: Wide = self.weight @ matrix
        return found

    def columns(self, begin: int, end: int) -> NDArray[np.float32]:
        return self.weight[:, begin:end].astype(np.float32)

    def row_grams(self, size: int) -> Wide:
        return np.stack([rows @ rows.T for rows in self.weight.reshape(-1, size, self.shape[1])])

    def column_grams(self, size: int) -> Wide:
        return np.stack([rows @ rows.T for rows in self.weight.T.reshape(-1, size, self.shape[0])])

    def scales(self) -> Wide:
        raise NotImplementedError

    def layer(self, target: str) -> "Layer":
        raise NotImplementedError

    def remembered(self, of: Hashable, found: Callable[[], Found]) -> Found:
        return found()


def read(folder: Path, tensors: Raw) -> Adapter:
    return read_adapter(write_tensors(folder / "a.safetensors", tensors), SHAPES)


def dense(update: AnyUpdate, weight: Wide, scale: float = 1.0) -> Wide:
    """The change by way of the weight's columns, which must be that by way of products."""
    layer = Layer(weight)
    (part,) = update.change_on(layer, scale).parts
    every = part.times(layer, np.eye(weight.shape[1]))
    columns = part.columns(weight.astype(np.float32), 0, weight.shape[1])
    assert np.allclose(every, columns, rtol=1e-4, atol=1e-5)
    return np.asarray(every)


def close(got: Wide, expected: Wide) -> bool:
    return bool(np.linalg.norm(got - expected) <= 2e-6 * np.linalg.norm(expected))


BOUND = np.array(0.05, np.float32)
FORMS: dict[str, tuple[Raw, Callable[[Raw, Wide], Wide]]] = {
    "lycoris": ({"oft_blocks": numbers(8, 5, 5)[:, :4, :4]}, lambda raw, w: rotations.lycoris(w, raw["oft_blocks"])),
    "lycoris, held back": (
        {"oft_blocks": numbers(8, 4, 4), "alpha": np.array(0.01, np.float32)},
        lambda raw, w: rotations.lycoris(w, raw["oft_blocks"], 0.01),
    ),
    "lycoris, rescaled": (
        {"oft_blocks": numbers(8, 4, 4), "rescale": 1 + numbers(32, 1, seed=1), "alpha": np.array(0, np.float32)},
        lambda raw, w: rotations.lycoris(w, raw["oft_blocks"], 0.0, raw["rescale"]),
    ),
    "boft": ({"oft_blocks": numbers(4, 8, 4, 4)}, lambda raw, w: rotations.boft(w, raw["oft_blocks"])),
    "boft of fewer stages": ({"oft_blocks": numbers(2, 8, 4, 4)}, lambda raw, w: rotations.boft(w, raw["oft_blocks"])),
    "boft, rescaled and held back": (
        {"oft_blocks": numbers(3, 4, 8, 8), "rescale": 1 + numbers(32, 1, seed=1), "alpha": BOUND},
        lambda raw, w: rotations.boft(w, raw["oft_blocks"], float(BOUND), raw["rescale"]),
    ),
    "sd-scripts, one part": (
        {"oft_blocks.0": numbers(8, 4, 4), "alpha": np.array(0.01, np.float32)},
        lambda raw, w: rotations.sd_scripts(w, [raw["oft_blocks.0"]], 0.01),
    ),
    "peft": ({"oft_R.weight": numbers(6, 6)}, lambda raw, w: rotations.peft(w, raw["oft_R.weight"])),
    "peft, shared": ({"oft_R.weight": numbers(1, 28)}, lambda raw, w: rotations.peft(w, raw["oft_R.weight"])),
    "onetrainer, scaled": (
        {"oft_R.weight": numbers(3, 28), "oft_R.scaled_oft": np.array(1, np.float32)},
        lambda raw, w: rotations.peft(w, raw["oft_R.weight"], scaled=True),
    ),
    "peft 0.13": ({"oft_r": numbers(8, 4, 4)}, lambda raw, w: rotations.peft_0_13(w, raw["oft_r"])),
    "peft 0.13, shared": ({"oft_r": numbers(1, 4, 4)}, lambda raw, w: rotations.peft_0_13(w, raw["oft_r"])),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_weight_becomes_what_its_trainer_makes_of_it(tmp_path: Path, form: str) -> None:
    raw, trained = FORMS[form]
    adapter = read(tmp_path, {f"{ALONE}.{role}": tensor for role, tensor in raw.items()})
    (update,) = adapter.updates
    weight = numbers(32, 24, seed=9, spread=1.0).astype(float)
    change = trained(raw, weight) - weight
    assert (adapter.kind, update.norm, update.is_zero) == ("oft", None, False)
    assert adapter.matched_key_count == len(raw)
    assert close(dense(update, weight), change)
    assert close(dense(update, weight, -0.3), -0.3 * change)
    assert update.norm_on(Layer(weight)) == pytest.approx(np.linalg.norm(change), rel=1e-6)
    assert update.rank >= np.linalg.matrix_rank(change)


@pytest.mark.parametrize("spread", [1e-3, 1e-6])
def test_a_small_rotation_is_as_exact_as_a_large_one(tmp_path: Path, spread: float) -> None:
    raw = {f"{ALONE}.oft_blocks": numbers(8, 4, 4, spread=spread)}
    (update,) = read(tmp_path, raw).updates
    weight = numbers(32, 24, seed=9, spread=1.0).astype(float)
    skew = [block - block.T for block in raw[f"{ALONE}.oft_blocks"].astype(float)]
    exact = [(2 * np.linalg.inv(np.eye(4) - each) @ each).T @ weight[4 * n : 4 * n + 4] for n, each in enumerate(skew)]
    assert close(dense(update, weight), np.concatenate(exact))


def test_the_parts_of_a_fused_module_are_its_targets(tmp_path: Path) -> None:
    parts = [numbers(4, size, size, seed=size) for size in (4, 4, 2)]
    raw = {f"oft_unet_{FUSED.removeprefix('lora_unet_')}.oft_blocks.{n}": part for n, part in enumerate(parts)}
    raw[f"oft_unet_{FUSED.removeprefix('lora_unet_')}.alpha"] = np.array(0.02, np.float32)
    adapter = read(tmp_path, raw)
    assert (adapter.convention, adapter.target_count, adapter.matched_key_count) == ("kohya", 3, 4)
    weight = numbers(40, 24, seed=3, spread=1.0).astype(float)
    change = rotations.sd_scripts(weight, parts, float(np.float32(0.02))) - weight
    for update, rows in zip(adapter.updates, TURNED_QKV, strict=True):
        assert close(dense(update, weight[rows]), change[rows])


@pytest.mark.parametrize("form", ["diag", "boft"])
def test_blocks_of_a_fused_module_are_parted_where_its_targets_are(tmp_path: Path, form: str) -> None:
    blocks = numbers(10, 4, 4) if form == "diag" else numbers(2, 10, 4, 4)
    rescale = 1 + numbers(40, 1, seed=1)
    raw = {f"{FUSED}.oft_blocks": blocks, f"{FUSED}.rescale": rescale, f"{FUSED}.alpha": np.array(0.02, np.float32)}
    weight = numbers(40, 24, seed=3, spread=1.0).astype(float)
    trained = rotations.lycoris if form == "diag" else rotations.boft
    change = trained(weight, blocks, float(np.float32(0.02)), rescale) - weight
    for update, rows in zip(read(tmp_path, raw).updates, TURNED_QKV, strict=True):
        assert close(dense(update, weight[rows]), change[rows])


def test_the_targets_of_a_fused_module_share_its_input(tmp_path: Path) -> None:
    raw = {f"{FUSED}.oft_R.weight": numbers(6, 6)}
    weight = numbers(40, 24, seed=3, spread=1.0).astype(float)
    change = rotations.peft(weight, raw[f"{FUSED}.oft_R.weight"]) - weight
    for update, rows in zip(read(tmp_path, raw).updates, TURNED_QKV, strict=True):
        assert close(dense(update, weight[rows]), change[rows])


def test_halves_that_change_places_take_their_blocks_along(tmp_path: Path) -> None:
    blocks = numbers(8, 4, 4)
    (update,) = read(tmp_path, {f"{OUTPUT}.oft_blocks": blocks}).updates
    weight = numbers(32, 24, seed=3, spread=1.0).astype(float)
    theirs = np.concatenate([weight[16:], weight[:16]])
    change = rotations.lycoris(theirs, blocks) - theirs
    assert close(dense(update, weight), np.concatenate([change[16:], change[:16]]))


def test_a_rotation_and_a_pair_overlap_exactly(tmp_path: Path) -> None:
    (turn,) = read(tmp_path, {f"{ALONE}.oft_R.weight": numbers(6, 6)}).updates
    down, up = numbers(2, 24, seed=5), numbers(32, 2, seed=6)
    pair = PairUpdate("transformer_blocks.0.attn.to_out.0", down, up, 0.5, 1.0)
    weight = numbers(32, 24, seed=9, spread=1.0).astype(float)
    layer = Layer(weight)
    expected = float(np.sum(dense(turn, weight) * (0.5 * up.astype(float) @ down)))
    assert turn.change_on(layer).inner(pair.change_on(layer), layer) == pytest.approx(expected, rel=1e-6)


def test_blocks_of_zeros_change_nothing_and_say_so(tmp_path: Path) -> None:
    for raw in ({"oft_blocks": np.zeros((8, 4, 4), "f4")}, {"oft_R.weight": np.zeros((6, 6), "f4")}):
        (update,) = read(tmp_path, {f"{ALONE}.{role}": tensor for role, tensor in raw.items()}).updates
        assert (update.norm, update.is_zero) == (0.0, True)
    rescaled = {"oft_blocks": np.zeros((8, 4, 4), "f4"), "rescale": 1 + numbers(32)}
    (update,) = read(tmp_path, {f"{ALONE}.{role}": tensor for role, tensor in rescaled.items()}).updates
    assert not update.is_zero


def test_a_change_of_the_bias_may_stand_beside(tmp_path: Path) -> None:
    bias = numbers(32)
    adapter = read(tmp_path, {f"{ALONE}.oft_blocks": numbers(8, 4, 4), f"{ALONE}.diff_b": bias})
    (update,) = adapter.updates
    assert (adapter.kind, update.norm) == ("bias+oft", None)
    assert np.array_equal(update.bias, bias)  # type: ignore[arg-type]  # there is one


def test_without_a_base_nothing_is_said_of_its_norm(tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "a.safetensors", {f"{ALONE}.oft_blocks": numbers(8, 4, 4)})
    inspection = inspect_file(str(path), SHAPES).inspection
    assert (inspection.verdict, inspection.kind) == (Verdict.ENGAGED, "oft")
    assert [target.norm for target in inspection.targets] == [None]


def test_the_report_says_what_is_taken_for_granted(tmp_path: Path) -> None:
    packed = {f"{ALONE}.oft_R.weight": numbers(6, 6)}
    (note,) = read(tmp_path, packed).notes
    assert "five terms of the Cayley-Neumann series" in note
    path = write_tensors(tmp_path / "b.safetensors", packed, metadata={"ot_revision": "1"})
    assert not read_adapter(path, SHAPES).notes
    (note,) = read(tmp_path, {f"{ALONE}.oft_blocks": numbers(4, 8, 4, 4)}).notes
    assert "every stage of BOFT" in note


WHOLE = {"oft_blocks": numbers(8, 4, 4)}
REFUSED: dict[str, tuple[str, Raw, str, str]] = {
    "half the blocks": (ALONE, {"oft_blocks": numbers(4, 4, 4)}, "oft_blocks", "turns 16 rows, but the model needs 32"),
    "half the packed ones": (
        ALONE,
        {"oft_R.weight": numbers(3, 6)},
        "oft_R.weight",
        "turns 12 inputs, but .* takes 24",
    ),
    "no square": (ALONE, {"oft_blocks": numbers(8, 4, 3)}, "oft_blocks", r"must hold square blocks.*\[8, 4, 3\]"),
    "no blocks": (ALONE, {"oft_blocks": numbers(32, 4)}, "oft_blocks", r"must hold square blocks.*\[32, 4\]"),
    "no triangle": (ALONE, {"oft_R.weight": numbers(6, 5)}, "oft_R.weight", "numbers above the diagonals"),
    "too many stages": (ALONE, {"oft_blocks": numbers(5, 8, 4, 4)}, "oft_blocks", "5 stages, which 8 blocks"),
    "not finite": (ALONE, {"oft_blocks": np.full((8, 4, 4), np.nan, "f4")}, "oft_blocks", "not finite"),
    "alpha not finite": (ALONE, WHOLE | {"alpha": np.array(np.inf, "f4")}, "alpha", "alpha is inf"),
    "too large": (ALONE, {"oft_R.weight": np.full((6, 6), 1e30, "f4")}, "oft_R.weight", "beyond the range"),
    "rows of two layers": (FUSED, {"oft_blocks": numbers(2, 20, 20)}, "oft_blocks", "turns 20 rows at a time"),
    "butterflies too wide": (FUSED, {"oft_blocks": numbers(3, 4, 10, 10)}, "oft_blocks", "turns 40 rows at a time"),
    "a part is missing": (
        FUSED,
        {"oft_blocks.0": numbers(4, 4, 4), "oft_blocks.2": numbers(4, 2, 2)},
        "oft_blocks.0",
        "the oft_blocks_1 matrix",
    ),
    "the last part is missing": (
        FUSED,
        {"oft_blocks.0": numbers(4, 4, 4), "oft_blocks.1": numbers(4, 4, 4)},
        "oft_blocks.1",
        "the last of 2 parts, but .* 3 layers",
    ),
    "a part of another size": (
        FUSED,
        {f"oft_blocks.{n}": numbers(4, 4, 4) for n in range(3)},
        "oft_blocks.2",
        "turns 16 rows, but .*to_v has 8",
    ),
    "two forms": (ALONE, WHOLE | {"oft_R.weight": numbers(6, 6)}, "oft_R.weight", "another kind of update"),
    "beside a pair": (
        ALONE,
        WHOLE | {"lora_down.weight": numbers(1, 24)},
        "lora_down.weight",
        "another kind of update",
    ),
    "magnitudes": (ALONE, WHOLE | {"dora_scale": numbers(32, 1)}, "dora_scale", "gives magnitudes to a oft update"),
    "rescale beside packed ones": (
        ALONE,
        {"oft_R.weight": numbers(6, 6), "rescale": numbers(32)},
        "rescale",
        "not defined",
    ),
    "rescale of another size": (ALONE, WHOLE | {"rescale": numbers(31)}, "rescale", "a number for each of 32 rows"),
    "rescale alone": (
        ALONE,
        {"rescale": numbers(32)},
        "rescale",
        "the oft_blocks_0 matrix that belongs to it is missing",
    ),
    "PEFT's BOFT": (ALONE, {"boft_R": numbers(1, 6, 4, 4)}, "boft_R", "is part of a PEFT BOFT update"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_applied_exactly_is_refused_by_key(tmp_path: Path, name: str) -> None:
    module, raw, ending, words = REFUSED[name]
    tensors = {f"{module}.{role}": tensor for role, tensor in raw.items()}
    with pytest.raises(UnfitAdapter, match=words) as caught:
        read(tmp_path, tensors)
    assert caught.value.key == f"{module}.{ending}"
    assert caught.value.mend


@pytest.mark.parametrize("count", [1, 2, 4])
def test_parts_of_another_number_do_not_fit_a_model_that_is_only_asked_whether_they_do(
    tmp_path: Path, count: int
) -> None:
    parts = {f"{FUSED}.oft_blocks.{n}": numbers(4, 4, 4) for n in range(count)}
    file = read_file(write_tensors(tmp_path / "a.safetensors", parts))
    (module,) = sort_keys(file.path, tuple(file.tensors), SHAPES).modules
    view = View(file, module, SHAPES)
    assert kind_of(view.roles).misfit(view) is not None
