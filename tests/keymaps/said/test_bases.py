"""The base that a file says it is for: told, and held against the base that it is read for."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.remap.convert import remap_adapter
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.inspection import Inspection
from tests.keymaps.said.pairs import double_attention

DEV, KLEIN = load_shapes("dev"), load_shapes("flux2-klein-4b")


def inspected(folder: Path, metadata: Mapping[str, str], variant: str = "dev") -> Inspection:
    """A file whose names and widths fit FLUX.1 and FLUX.2-klein alike."""
    path = write_tensors(folder / "a.safetensors", double_attention(), metadata=metadata or None)
    return inspect_file(str(path), load_shapes(variant)).inspection


KLEINS = [
    {"ss_base_model_version": "flux_2_klein_4b"},
    {"modelspec.architecture": "Flux.2-klein-4b/lora"},
    {"modelspec.architecture": "flux2-klein-4b/lora", "modelspec.implementation": "diffusers"},
    {"ss_base_model_version": "flux2_klein_4b", "ss_sd_model_name": "flux1-dev.safetensors"},
    {"ot_config": json.dumps({"model_type": "FLUX_2", "base_model_name": "x"})},
    {PEFT_METADATA: json.dumps({"lora_alpha": 1, "base_model_name_or_path": "black-forest-labs/FLUX.2-klein-4B"})},
]


@pytest.mark.parametrize("metadata", KLEINS)
def test_a_file_that_says_it_is_for_another_family_is_partial_there_and_healthy_at_home(
    tmp_path: Path, metadata: dict[str, str]
) -> None:
    found = inspected(tmp_path, metadata)
    assert found.verdict is Verdict.PARTIAL
    assert "that it is for FLUX.2 (" in found.reason
    assert "and this base is FLUX.1; use it with the model" in found.reason
    assert inspected(tmp_path, metadata, "flux2-klein-4b").verdict is Verdict.ENGAGED


@pytest.mark.parametrize(
    ("metadata", "variant"),
    [
        ({}, "dev"),
        ({"ss_base_model_version": "flux1"}, "dev"),
        ({"ss_base_model_version": "flux1"}, "schnell"),
        ({"ss_base_model_version": "flux.1"}, "dev"),
        ({"ss_base_model_version": "flux.1_kontext"}, "dev"),
        ({"ss_base_model_version": "flux_kontext", "modelspec.architecture": "Flux.1-dev/lora"}, "dev"),
        ({"modelspec.architecture": "flux-1-dev/lora"}, "schnell"),
        ({"modelspec.architecture": "flux-1-schnell/lora"}, "dev"),
        ({"modelspec.architecture": "flux-krea/lora"}, "dev"),
        ({"modelspec.architecture": "flux-dev/lycoris"}, "dev"),
        ({"ot_config": '{"model_type": "FLUX_FILL_DEV_1"}'}, "dev"),
        ({"ss_base_model_version": "a model of mine"}, "dev"),
        ({"modelspec.architecture": "wanderlust/lora"}, "dev"),
        ({"ss_base_model_version": "None"}, "dev"),
        ({"ot_config": "{"}, "dev"),
        ({"ot_config": "[]"}, "dev"),
        ({"model": "dev", "mflux_version": "0.24"}, "dev"),
        ({"modelspec.architecture": "flux-1-dev/lora", "base_model": "Qwen/Qwen-Image"}, "dev"),
        ({PEFT_METADATA: '{"lora_alpha": 1, "base_model_name_or_path": "black-forest-labs/FLUX.1-Krea-dev"}'}, "dev"),
        ({PEFT_METADATA: '{"lora_alpha": 1, "base_model_name_or_path": "/models/flux2/mine"}'}, "dev"),
    ],
)
def test_words_of_the_own_family_or_of_none_accuse_nobody(
    tmp_path: Path, metadata: dict[str, str], variant: str
) -> None:
    found = inspected(tmp_path, metadata, variant)
    assert (found.verdict, "this base is" in found.reason) == (Verdict.ENGAGED, False)


@pytest.mark.parametrize(
    ("word", "title"),
    [
        ("chroma", "Chroma"),
        ("qwen_image", "Qwen-Image"),
        ("QWEN", "Qwen-Image"),
        ("zimage", "Z-Image"),
        ("Z_IMAGE", "Z-Image"),
        ("krea2", "Krea 2"),
        ("lumina2", "Lumina"),
    ],
)
def test_what_trainers_call_families_that_are_alike_is_known(tmp_path: Path, word: str, title: str) -> None:
    found = inspected(tmp_path, {"ss_base_model_version": word})
    assert (found.verdict, f"that it is for {title} (" in found.reason) == (Verdict.PARTIAL, True)


@pytest.mark.parametrize(
    ("word", "title"),
    [
        ("sd_1.5", "Stable Diffusion 1"),
        ("stable-diffusion-v1", "Stable Diffusion 1"),
        ("sdxl_base_v1-0", "SDXL"),
        ("wan_2.2_14b", "Wan"),
        ("wan2.1", "Wan"),
        ("hunyuan-video", "HunyuanVideo or HunyuanImage"),
    ],
)
def test_a_family_whose_files_could_not_fit_is_a_mistake_of_the_trainers_and_told(
    tmp_path: Path, word: str, title: str
) -> None:
    found = inspected(tmp_path, {"ss_base_model_version": word, "software": '{"name": "ai-toolkit"}'})
    assert found.verdict is Verdict.ENGAGED
    assert f"that it is for {title} ('{word}'), and this base is FLUX.1, which its names and widths are" in found.reason


def test_a_name_that_a_person_typed_is_told_and_accuses_nobody(tmp_path: Path) -> None:
    found = inspected(tmp_path, {"ss_sd_model_name": "/models/qwen-image-edit.safetensors"})
    assert found.verdict is Verdict.ENGAGED
    assert found.reason.endswith("which sounds like Qwen-Image, and this base is FLUX.1")


def test_the_report_says_what_it_is_made_for(tmp_path: Path) -> None:
    assert inspected(tmp_path, {}).made_for == ""
    metadata = {"ss_sd_model_name": "flux1-dev.safetensors", "modelspec.architecture": "flux-1-dev/lora"}
    assert inspected(tmp_path, metadata).made_for == "flux-1-dev/lora"
    assert len(inspected(tmp_path, {"base_model": "x" * 5000}).made_for) == 200


def test_a_file_is_remapped_for_the_model_that_it_says(tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "a.safetensors", double_attention(), metadata=KLEINS[0])
    assert remap_adapter(path, tmp_path / "b.safetensors", "kohya").variant == "flux2-klein-4b"
