"""Files looked at without a base: what is listed, what is found in each, and what is told of a refused one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import load_file

from kilnmark.client.cli.views.inspection import show_inspection
from kilnmark.keymaps.errors import UnsafeFile
from kilnmark.keymaps.inspection import adapter_files, inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from kilnmark.protocol.picture.report import Verdict

DEV = load_shapes("dev")
QKV = "lora_unet_double_blocks_0_img_attn_qkv"


@contextmanager
def unlistable(folder: Path) -> Iterator[None]:
    """One folder that this user may not list; a mode of zero would not stop the superuser."""
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path) == str(folder):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    with mock.patch("os.scandir", refuse):
        yield


def pair(module: str, rank: int = 2, rows: int = 9216) -> dict[str, Any]:
    numbers = np.random.default_rng(7)
    return {
        f"{module}.lora_down.weight": numbers.standard_normal((rank, 3072), np.float32),
        f"{module}.lora_up.weight": numbers.standard_normal((rows, rank), np.float32),
    }


def test_a_file_stands_for_itself_whatever_it_is_called(tmp_path: Path) -> None:
    assert adapter_files(str(tmp_path / "absent.bin")) == [str(tmp_path / "absent.bin")]


def test_a_folder_stands_for_every_adapter_below_it_sorted(tmp_path: Path) -> None:
    for name in ("b/z.safetensors", "b/a.safetensors", "a.SafeTensors", "c/d/e.safetensors", "notes.txt", "f.ckpt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = [str(Path(str(found)).relative_to(tmp_path)) for found in adapter_files(str(tmp_path))]
    assert names == ["a.SafeTensors", "b/a.safetensors", "b/z.safetensors", "c/d/e.safetensors"]


def test_a_linked_folder_is_entered_once_also_when_it_leads_back(tmp_path: Path) -> None:
    shelf, loras = tmp_path / "shelf", tmp_path / "loras"
    shelf.mkdir()
    loras.mkdir()
    (shelf / "a.safetensors").touch()
    (loras / "linked").symlink_to(shelf)
    (shelf / "back").symlink_to(loras)
    assert adapter_files(str(loras)) == [str(loras / "linked" / "a.safetensors")]


def test_a_folder_that_cannot_be_listed_is_told_and_the_rest_is_found(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "a.safetensors").touch()
    with unlistable(tmp_path / "locked"):
        found, refused = adapter_files(str(tmp_path))
    assert found == str(tmp_path / "a.safetensors")
    assert isinstance(refused, UnsafeFile)
    inspection = inspect_file(refused, DEV).inspection
    assert (inspection.verdict, inspection.path) == (Verdict.REFUSED, str(tmp_path / "locked"))
    assert "Permission denied" in inspection.reason


def test_a_healthy_file_has_the_counts_of_a_report_and_is_engaged(tmp_path: Path) -> None:
    inspected = inspect_file(str(make_adapter(tmp_path / "a.safetensors", rank=3, blocks=1)), DEV)
    found = inspected.inspection
    assert (found.verdict, found.convention, found.kind, found.rank) == (Verdict.ENGAGED, "diffusers", "lora", 3)
    assert (found.total_key_count, found.matched_key_count) == (40, 40)
    assert (found.target_count, found.applied_target_count, len(found.targets)) == (20, 20, 20)
    assert (inspected.share, inspected.ranks) == (1.0, {3: 20})


def test_norm_is_the_frobenius_norm_at_scale_1_and_shape_is_the_layers(tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "a.safetensors", "kohya", rank=2, blocks=1, alpha=1.0)
    tensors = {name: tensor.astype(np.float64) for name, tensor in load_file(path).items()}
    whole = 0.5 * tensors[f"{QKV}.lora_up.weight"] @ tensors[f"{QKV}.lora_down.weight"]
    targets = {target.path: target for target in inspect_file(str(path), DEV).inspection.targets}
    for place, name in enumerate(("to_q", "to_k", "to_v")):
        target = targets[f"transformer_blocks.0.attn.{name}"]
        rows = whole[place * 3072 : (place + 1) * 3072]
        assert target.shape == (3072, 3072)
        assert target.norm == pytest.approx(np.linalg.norm(rows), rel=1e-5)


def test_scales_that_replace_a_norms_own_have_no_norm_without_a_base(tmp_path: Path) -> None:
    name = "double_blocks.0.img_attn.norm.query_norm"
    replaced, added = (
        write_tensors(tmp_path / f"{suffix}.safetensors", {f"{name}.{suffix}": np.ones(128, np.float32)})
        for suffix in ("scale", "w_norm")
    )
    inspected = inspect_file(str(replaced), DEV)
    (target,) = msgspec.json.decode(msgspec.json.encode(inspected.inspection))["targets"]
    assert target == {"path": "transformer_blocks.0.attn.norm_q", "shape": [128, 1], "norm": None, "rms": None}
    out = Console(file=StringIO(), width=200)
    show_inspection(out, inspected, "dev", with_targets=True)
    show_inspection(out, inspect_file(str(added), DEV), "dev", with_targets=True)
    lines = [line.split() for line in out.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert ["kind", "norm"] in lines
    assert ["transformer_blocks.0.attn.norm_q", "128", "1", "-", "-"] in lines
    assert ["transformer_blocks.0.attn.norm_q", "128", "1", "11.31", "1"] in lines


def test_a_dead_file_changes_nothing_and_says_why(tmp_path: Path) -> None:
    found = inspect_file(str(make_adapter(tmp_path / "a.safetensors", blocks=1, dead=True)), DEV).inspection
    assert (found.verdict, found.target_count, found.applied_target_count) == (Verdict.NOOP, 20, 0)
    assert "zero" in found.reason
    assert {target.norm for target in found.targets} == {0.0}


def test_how_sure_the_convention_is_counts_every_key(tmp_path: Path) -> None:
    tensors = pair(QKV) | {"velvet": np.ones((2, 2), np.float32), "satin": np.ones((2, 2), np.float32)}
    inspected = inspect_file(str(write_tensors(tmp_path / "a.safetensors", tensors)), DEV)
    found = inspected.inspection
    assert (found.verdict, found.convention, inspected.share) == (Verdict.PARTIAL, "kohya", 0.5)
    assert (found.unmatched_keys.count, set(found.unmatched_keys.first)) == (2, {"velvet", "satin"})


def test_layers_of_several_ranks_are_told_apart(tmp_path: Path) -> None:
    tensors = pair(QKV, rank=2) | pair("lora_unet_double_blocks_0_img_attn_proj", rank=5, rows=3072)
    inspected = inspect_file(str(write_tensors(tmp_path / "a.safetensors", tensors)), DEV)
    assert (inspected.inspection.rank, inspected.ranks) == (5, {2: 3, 5: 1})


def test_what_was_learnt_of_a_refused_file_is_told(tmp_path: Path) -> None:
    tensors = pair(QKV)
    tensors.pop(f"{QKV}.lora_up.weight")
    path = write_tensors(tmp_path / "a.safetensors", tensors, metadata={"ss_steps": "9"})
    found = inspect_file(str(path), DEV).inspection
    assert (found.verdict, found.convention, found.total_key_count) == (Verdict.REFUSED, "kohya", 1)
    assert len(found.sha256) == 64
    assert found.metadata.training_steps == 9
    assert (found.targets, found.applied_target_count) == ((), 0)
    assert "the up matrix that belongs to it is missing" in found.reason


def test_a_file_that_cannot_be_read_is_refused_under_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = inspect_file("absent.safetensors", DEV).inspection
    assert (found.verdict, found.path) == (Verdict.REFUSED, str(tmp_path / "absent.safetensors"))
    assert (found.sha256, found.total_key_count, found.metadata.entry_count) == ("", 0, 0)


def test_a_file_name_that_is_no_text_is_spelled_out(tmp_path: Path) -> None:
    found = inspect_file(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.safetensors"), DEV).inspection
    assert found.path.endswith("/\\udcff.safetensors")
    assert "/\\udcff.safetensors: " in found.reason
    assert b"\\\\udcff" in msgspec.json.encode(found)


def test_a_layer_that_only_one_variant_has_engages_in_no_other(tmp_path: Path) -> None:
    guidance = {
        "lora_unet_guidance_in_in_layer.lora_down.weight": np.ones((2, 256), np.float32),
        "lora_unet_guidance_in_in_layer.lora_up.weight": np.ones((3072, 2), np.float32),
    }
    path = str(write_tensors(tmp_path / "a.safetensors", guidance))
    assert inspect_file(path, DEV).inspection.verdict is Verdict.ENGAGED
    assert inspect_file(path, load_shapes("schnell")).inspection.verdict is not Verdict.ENGAGED


def test_unknown_names_are_held_beside_the_nearest_convention_and_the_reason_says_so(tmp_path: Path) -> None:
    tensors = pair("lora_flux_double_blocks_0_img_attn_qkv")
    inspection = inspect_file(str(write_tensors(tmp_path / "a.safetensors", tensors)), load_shapes("dev")).inspection
    assert inspection.nearest
    assert (inspection.nearest.convention, inspection.nearest.key_count) == ("kohya", len(tensors))
    assert inspection.reason.endswith(str(inspection.nearest))


def test_a_file_refused_for_half_of_its_names_shows_what_those_are_like(tmp_path: Path) -> None:
    tensors = pair("lora_unet_double_blocks_0_img_attn_qkv")
    renamed = {name.replace("lora_up", "lora_upp"): tensor for name, tensor in tensors.items()}
    inspection = inspect_file(str(write_tensors(tmp_path / "a.safetensors", renamed)), load_shapes("dev")).inspection
    assert inspection.verdict is Verdict.REFUSED
    assert inspection.nearest
    assert inspection.nearest.differences[0].what == "end in '.lora_upp.weight' in place of '.lora_up.weight'"


def test_a_healthy_file_is_near_to_nothing_else(tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "a.safetensors", rank=1, blocks=1)
    assert inspect_file(str(path), load_shapes("dev")).inspection.nearest is None
