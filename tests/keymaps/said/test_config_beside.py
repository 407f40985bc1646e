"""Whose a config is that lies beside a file: the file's, another's, or nobody's who can tell."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.beside import CONFIG
from kilnmark.keymaps.zoo.write import write_tensors
from tests.keymaps.said.strong import BESIDE, BESIDE_IT, PLAIN, SHAPES, strength, write


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"r": 2, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}, "names none of the file's layers"),
        ({"r": 2, "lora_alpha": 8, "target_modules": r"model\.layers\..*"}, "names none of the file's layers"),
        ({"r": 2, "alpha": 8, "peft_type": "LOHA"}, "is that of a LOHA"),
    ],
)
def test_a_config_of_another_adapter_changes_no_strength(tmp_path: Path, config: dict[str, Any], words: str) -> None:
    path, norms = write(tmp_path, BESIDE, config)
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(1.0)
    assert [words in note for note in adapter.notes] == [True]


@pytest.mark.parametrize("targets", ["all-linear", r".*\.(to_q|to_k)", r"(?=a)unclear", ["attn.to_q"], None])
def test_a_config_that_names_some_of_the_layers_is_the_files(tmp_path: Path, targets: object) -> None:
    path, norms = write(tmp_path, BESIDE, {"r": 2, "lora_alpha": 8, "target_modules": targets})
    assert strength(read_adapter(path, SHAPES), norms) == pytest.approx(4.0)


NAMED = ["attn.to_q", "to_k", "proj_out"]


@pytest.mark.parametrize("targets", [NAMED, "all-linear", r".*\.(to_q|to_k|proj_out)|proj_out"])
def test_under_another_name_a_config_must_fit_wholly_and_is_told(tmp_path: Path, targets: object) -> None:
    path, norms = write(tmp_path, BESIDE, {"r": 2, "lora_alpha": 8, "target_modules": targets}, name="ink")
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(4.0)
    [note] = adapter.notes
    assert note.startswith(f"{BESIDE_IT} is taken for its own")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"r": 4, "target_modules": NAMED}, "says rank 4 where the tensors have 2"),
        ({"r": 2, "target_modules": ["to_q", "to_k"]}, "does not name proj_out"),
        ({"r": 2, "target_modules": [*NAMED, "to_v"]}, "names 'to_v', which is not in the file"),
        ({"r": 2}, "does not name proj_out"),
        ({"target_modules": NAMED}, "says rank None where the tensors have 2"),
    ],
)
def test_under_another_name_what_does_not_fit_is_another_files(
    tmp_path: Path, config: dict[str, Any], words: str
) -> None:
    path, norms = write(tmp_path, BESIDE, {"lora_alpha": 8, **config}, name="ink")
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(1.0)
    [note] = adapter.notes
    assert words in note
    assert note.endswith("so that it is another file's, and is not used")


@pytest.mark.parametrize("text", ["{", "[]", '{"r": 2}', '{"lora_alpha": "x"}', "[" * 100_000])
def test_a_config_that_cannot_be_understood_refuses_pefts_own_file_and_is_told_of_others(
    tmp_path: Path, text: str
) -> None:
    path, _ = write(tmp_path, PLAIN, {})
    (tmp_path / CONFIG).write_text(text)
    with pytest.raises(UnfitAdapter, match=f"{re.escape(BESIDE_IT)} cannot be understood"):
        read_adapter(path, SHAPES)
    [note] = read_adapter(path.rename(tmp_path / "ink.safetensors"), SHAPES).notes
    assert "cannot be understood" in note


def test_pefts_own_file_without_its_config_says_that_alpha_is_unknown(tmp_path: Path) -> None:
    pair = {"lora_A": np.ones((2, 8), np.float32), "lora_B": np.ones((6, 2), np.float32)}
    tensors = {f"base_model.model.proj_out.{role}.weight": matrix for role, matrix in pair.items()}
    path = write_tensors(tmp_path / "adapter_model.safetensors", tensors)
    assert read_adapter(path, SHAPES).notes == (
        "PEFT says alpha in adapter_config.json, which is not beside the file: it is taken for the rank",
    )
    (tmp_path / CONFIG).write_text('{"r": 2, "lora_alpha": 2}')
    assert read_adapter(path, SHAPES).notes == ()


def test_one_expression_for_all_targets_is_read_once(tmp_path: Path) -> None:
    targets = r"(?:.*?(?:transformer|single_transformer)?.*?(?:blocks|layers)?.*?(?:attn|proj_out)?.*?){5}.*"
    path, norms = write(tmp_path, BESIDE, {"r": 2, "lora_alpha": 8, "target_modules": targets})
    assert strength(read_adapter(path, SHAPES), norms) == pytest.approx(4.0)


@pytest.mark.parametrize(
    "targets", [[f"transformer.{name}" for name in SHAPES], r"transformer\.(.*_blocks\..*|proj_out)", list(SHAPES)]
)
@pytest.mark.parametrize("name", ["adapter_model", "ink"])
def test_targets_may_begin_with_the_part_of_the_model(tmp_path: Path, targets: object, name: str) -> None:
    """As where a trainer wraps a model of which the transformer is one part."""
    path, norms = write(tmp_path, BESIDE, {"r": 2, "lora_alpha": 6, "target_modules": targets}, name=name)
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(3.0)
    assert adapter.strength_from == {"config": len(SHAPES)}


def test_a_config_of_pefts_own_file_that_names_some_of_its_layers_holds_for_all_and_says_so(tmp_path: Path) -> None:
    path, norms = write(tmp_path, BESIDE, {"r": 2, "lora_alpha": 6, "target_modules": ["to_q", "to_k"]})
    adapter = read_adapter(path, SHAPES)
    assert strength(adapter, norms) == pytest.approx(3.0)
    assert adapter.notes == (f"{BESIDE_IT} does not name 2 of the 5 modules, and is taken for them too",)
