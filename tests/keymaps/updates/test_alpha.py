"""Alpha, wherever it stands."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.updates.kinds.lokr import KroneckerUpdate
from kilnmark.keymaps.zoo.write import write_tensors
from tests.pairs import pairs_of

SHAPES = {"transformer_blocks.0.attn.to_q": (6, 8), "proj_out": (6, 8), "single_transformer_blocks.0.proj_out": (6, 8)}
LAYERS = {
    "transformer_blocks.0.attn.to_q": "transformer.transformer_blocks.0.attn.to_q",
    "proj_out": "transformer.proj_out",
    "single_transformer_blocks.0.proj_out": "transformer.single_transformer_blocks.0.proj_out",
}
RANK = 4


def multipliers(
    folder: Path, *, config: object = None, tensors: Mapping[str, float] | None = None, text: str | None = None
) -> dict[str, float]:
    """Of a diffusers file of rank 4 with this config in its metadata and these tensors of one number."""
    ones = {f"{name}.lora_A.weight": np.ones((RANK, 8), np.float32) for name in LAYERS.values()}
    ones |= {f"{name}.lora_B.weight": np.ones((6, RANK), np.float32) for name in LAYERS.values()}
    ones |= {name: np.array(value, np.float32) for name, value in (tensors or {}).items()}
    said = text if text is not None else None if config is None else json.dumps(config)
    metadata = {} if said is None else {PEFT_METADATA: said}
    adapter = read_adapter(write_tensors(folder / "a.safetensors", ones, metadata=metadata), SHAPES)
    return {update.target: update.multiplier for update in pairs_of(adapter)}


def test_without_any_alpha_it_is_the_rank(tmp_path: Path) -> None:
    assert set(multipliers(tmp_path).values()) == {1.0}


def test_an_alpha_tensor_is_divided_by_the_rank(tmp_path: Path) -> None:
    found = multipliers(tmp_path, tensors={"transformer.proj_out.alpha": 2.0})
    assert found == {
        "transformer_blocks.0.attn.to_q": 1.0,
        "proj_out": 0.5,
        "single_transformer_blocks.0.proj_out": 1.0,
    }


def test_a_tensor_goes_before_the_metadata(tmp_path: Path) -> None:
    found = multipliers(tmp_path, config={"lora_alpha": 8}, tensors={"transformer.proj_out.alpha": 2.0})
    assert (found["proj_out"], found["transformer_blocks.0.attn.to_q"]) == (0.5, 2.0)


@pytest.mark.parametrize("prefix", ["transformer.", ""])
def test_the_config_counts_with_and_without_the_components_name(tmp_path: Path, prefix: str) -> None:
    found = multipliers(tmp_path, config={f"{prefix}lora_alpha": 8, f"{prefix}r": 99, f"{prefix}bias": "none"})
    assert set(found.values()) == {2.0}


def test_the_config_of_another_component_does_not_count(tmp_path: Path) -> None:
    assert set(multipliers(tmp_path, config={"text_encoder.lora_alpha": 8}).values()) == {1.0}


def test_rslora_divides_by_the_root_of_the_rank(tmp_path: Path) -> None:
    config = {"transformer.lora_alpha": 3.0, "transformer.use_rslora": True}
    assert multipliers(tmp_path, config=config)["proj_out"] == pytest.approx(3.0 / math.sqrt(RANK))


def test_a_pattern_fits_the_end_of_a_name_word_by_word(tmp_path: Path) -> None:
    config = {"transformer.lora_alpha": 4, "transformer.alpha_pattern": {"to_q": 1, "out": 99}}
    assert multipliers(tmp_path, config=config) == {
        "transformer_blocks.0.attn.to_q": 0.25,
        "proj_out": 1.0,
        "single_transformer_blocks.0.proj_out": 1.0,
    }


def test_the_first_pattern_that_fits_decides(tmp_path: Path) -> None:
    patterns = {"proj_out": 2, "single_transformer_blocks.0.proj_out": 8}
    config = {"transformer.lora_alpha": 4, "transformer.alpha_pattern": patterns}
    assert multipliers(tmp_path, config=config)["single_transformer_blocks.0.proj_out"] == 0.5


def test_a_pattern_tied_to_the_beginning_fits_the_whole_name_only(tmp_path: Path) -> None:
    config = {"transformer.lora_alpha": 4, "transformer.alpha_pattern": {"^proj_out": 2}}
    found = multipliers(tmp_path, config=config)
    assert (found["proj_out"], found["single_transformer_blocks.0.proj_out"]) == (0.5, 1.0)


def test_an_escaped_dot_is_a_dot(tmp_path: Path) -> None:
    config = {"transformer.lora_alpha": 4, "transformer.alpha_pattern": {r"attn\.to_q": 2}}
    assert multipliers(tmp_path, config=config)["transformer_blocks.0.attn.to_q"] == 0.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be understood"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "cannot be understood"),
        ('{"transformer.r": 4}', "transformer.lora_alpha is missing"),
        ('{"lora_alpha": null}', "lora_alpha is missing"),
        ('{"lora_alpha": true}', "no finite number"),
        ('{"lora_alpha": NaN}', "no finite number"),
        (f'{{"lora_alpha": {10**400}}}', "too large"),
        ('{"lora_alpha": 1, "use_rslora": "yes"}', "use_rslora is no truth value"),
        ('{"lora_alpha": 1, "alpha_pattern": [1]}', "alpha_pattern is no object"),
        ('{"lora_alpha": 1, "alpha_pattern": {"a": "b"}}', "no finite number"),
        (r'{"lora_alpha": 1, "alpha_pattern": {"(a)\\1": 1}}', "is a regular expression that cannot be matched"),
        ('{"lora_alpha": 1, "alpha_pattern": {"(?<=a)b": 1}}', "looks around"),
    ],
)
def test_a_config_that_cannot_be_understood_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UnfitAdapter, match=words) as caught:
        multipliers(tmp_path, text=text)
    assert "save the adapter again" in caught.value.mend


@pytest.mark.parametrize("alpha", [math.nan, math.inf])
def test_an_alpha_that_is_not_finite_is_refused_by_key(tmp_path: Path, alpha: float) -> None:
    with pytest.raises(UnfitAdapter, match=r"alpha is (nan|inf)") as caught:
        multipliers(tmp_path, tensors={"transformer.proj_out.alpha": alpha})
    assert caught.value.key == "transformer.proj_out.alpha"


def flattened(folder: Path, prefix: str, alpha: float, **roles: tuple[int, int]) -> Adapter:
    """One module in names without dots; the sizes of its matrices, and its alpha."""
    module = (
        f"{prefix}transformer_blocks_0_attn_to_q" if prefix != "lora_unet_" else "lora_unet_double_blocks_0_img_mlp_0"
    )
    shapes = {"transformer_blocks.0.attn.to_q": (6, 8), "transformer_blocks.0.ff.linear1": (6, 8)}
    sizes = roles or {"lora_down.weight": (RANK, 8), "lora_up.weight": (6, RANK)}
    tensors = {f"{module}.{role}": np.ones(size, np.float32) for role, size in sizes.items()}
    tensors[f"{module}.alpha"] = np.array(alpha, np.float32)
    return read_adapter(write_tensors(folder / "a.safetensors", tensors), shapes)


@pytest.mark.parametrize(("prefix", "convention"), [("lora_unet_", "kohya"), ("lycoris_", "lycoris")])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_an_alpha_of_zero_is_the_rank_where_the_trainer_takes_it_for_that_and_the_report_says_so(
    tmp_path: Path, prefix: str, convention: str, zero: float
) -> None:
    adapter = flattened(tmp_path, prefix, zero)
    assert (adapter.convention, [update.multiplier for update in pairs_of(adapter)]) == (convention, [1.0])
    [note] = adapter.notes
    assert note.startswith("alpha is 0 in 1 module, applied at alpha = rank as the trainer does")
    assert note.endswith("ComfyUI would apply nothing there")


def test_an_alpha_next_to_zero_is_taken_at_its_word(tmp_path: Path) -> None:
    adapter = flattened(tmp_path, "lora_unet_", 1e-20)
    assert pairs_of(adapter)[0].multiplier == pytest.approx(1e-20 / RANK)
    assert adapter.notes == ()


def test_an_alpha_of_zero_makes_a_zero_update_where_no_trainer_says_otherwise(tmp_path: Path) -> None:
    adapter = flattened(tmp_path, "lora_transformer_", 0.0)
    assert (adapter.convention, [update.is_zero for update in adapter.updates]) == ("onetrainer", [True])
    assert adapter.notes == ()


def test_an_alpha_of_zero_that_counts_for_nothing_is_not_told(tmp_path: Path) -> None:
    whole = flattened(tmp_path, "lycoris_", 0.0, lokr_w1=(3, 4), lokr_w2=(2, 2))
    assert isinstance(whole.updates[0], KroneckerUpdate)
    assert (whole.updates[0].multiplier, whole.notes) == (1.0, ())
    factored = flattened(tmp_path, "lycoris_", 0.0, lokr_w1=(3, 4), lokr_w2_a=(2, 1), lokr_w2_b=(1, 2))
    assert isinstance(factored.updates[0], KroneckerUpdate)
    assert (factored.updates[0].multiplier, len(factored.notes)) == (1.0, 1)


def test_a_part_of_the_model_without_alpha_beside_one_with_it_is_told(tmp_path: Path) -> None:
    """Two files may have been joined, or the only alpha of a part lost."""
    names = {
        "lora_unet_single_blocks_0_linear2": (3072, 15360),
        "lora_te1_text_model_encoder_layers_0_mlp_fc1": (3072, 768),
    }
    tensors = {
        f"{name}.lora_{half}.weight": np.ones(shape, np.float32)
        for name, (out, into) in names.items()
        for half, shape in (("down", (2, into)), ("up", (out, 2)))
    }
    alphas = {f"{name}.alpha": np.array(1, np.float32) for name in names}
    _, encoder = alphas
    for more, told in (({}, False), (alphas, False), ({encoder: alphas[encoder]}, True)):
        save_file({**tensors, **more}, tmp_path / "a.safetensors")
        notes = "; ".join(read_adapter(tmp_path / "a.safetensors", load_shapes("dev")).notes)
        assert (
            "'lora_unet_single_blocks_0_linear2.lora_down.weight', where every module of another part" in notes
        ) is told
