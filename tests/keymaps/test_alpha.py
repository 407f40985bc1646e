"""Alpha, wherever it stands."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.alpha import PEFT_METADATA
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.write import write_tensors

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
    return {update.target: update.multiplier for update in adapter.updates}


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
        ('{"lora_alpha": null}', "no finite number"),
        ('{"lora_alpha": true}', "no finite number"),
        ('{"lora_alpha": NaN}', "no finite number"),
        (f'{{"lora_alpha": {10**400}}}', "too large"),
        ('{"lora_alpha": 1, "use_rslora": "yes"}', "use_rslora is no truth value"),
        ('{"lora_alpha": 1, "alpha_pattern": [1]}', "alpha_pattern is no object"),
        ('{"lora_alpha": 1, "alpha_pattern": {"a": "b"}}', "no finite number"),
        ('{"lora_alpha": 1, "alpha_pattern": {"(a+)+$": 1}}', "is a regular expression"),
        ('{"lora_alpha": 1, "alpha_pattern": {"": 1}}', "is a regular expression"),
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
