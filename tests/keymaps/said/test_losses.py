"""What a file says that it was and no longer is: its altered base, its magnitudes, modules that were trained whole."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.protocol.picture.report import Verdict
from tests.keymaps.said.strong import BARE, BESIDE, PACKED, PLAIN, PLAIN_BARE, SHAPES, strength, write


@pytest.mark.parametrize("init", ["pissa", "pissa_niter_16", "olora", "OLoRA", "corda", "loftq", "lora_ga"])
@pytest.mark.parametrize("where", [PACKED, BARE, PLAIN, PLAIN_BARE, BESIDE])
def test_what_belongs_to_an_altered_base_is_refused(tmp_path: Path, init: str, where: str) -> None:
    path, _ = write(tmp_path, where, {"r": 2, "lora_alpha": 2, "init_lora_weights": init})
    with pytest.raises(UnfitAdapter, match="the base it belongs to was altered") as caught:
        read_adapter(path, SHAPES)
    assert init.lower() in caught.value.problem
    assert "path_initial_model_for_weight_conversion" in caught.value.mend


def test_an_altered_base_of_a_part_that_is_not_in_the_file_is_no_matter(tmp_path: Path) -> None:
    config = {"transformer.r": 2, "transformer.lora_alpha": 2, "text_encoder.lora_alpha": 2}
    metadata = {PEFT_METADATA: json.dumps({**config, "text_encoder.init_lora_weights": "pissa"})}
    path, norms = write(tmp_path, PLAIN, {}, metadata=metadata)
    assert strength(read_adapter(path, SHAPES), norms) == pytest.approx(1.0)


@pytest.mark.parametrize("where", [PACKED, PLAIN, BESIDE])
def test_magnitudes_that_were_lost_make_it_partial(tmp_path: Path, where: str) -> None:
    magnitude = {"transformer.proj_out.lora_magnitude_vector": np.ones(6, np.float32)}
    path, _ = write(tmp_path, where, {"r": 2, "lora_alpha": 2, "use_dora": True}, more=magnitude)
    found = inspect_file(str(path), SHAPES).inspection
    assert found.verdict is Verdict.PARTIAL
    assert "says use_dora, but 4 modules have no magnitudes" in found.reason


@pytest.mark.parametrize(
    ("module", "verdict"), [("lycoris.kohya", Verdict.PARTIAL), ("networks.lora_flux", Verdict.ENGAGED)]
)
def test_lycoris_says_so_in_its_own_way_and_others_overlook_it(tmp_path: Path, module: str, verdict: Verdict) -> None:
    metadata = {"ss_network_module": module, "ss_network_args": json.dumps({"dora_wd": "True"})}
    path, _ = write(tmp_path, PLAIN, {}, metadata=metadata)
    assert inspect_file(str(path), SHAPES).inspection.verdict is verdict


def test_a_module_that_alone_has_no_alpha_or_no_magnitudes_lost_them(tmp_path: Path) -> None:
    """Trainers give them to all or to none, so what one lacks was lost on the way."""
    targets = [target for target in SHAPES if target != "proj_out"]
    alphas = {f"transformer.{target}.alpha": np.array(1.0, np.float32) for target in targets}
    stretches = {f"transformer.{target}.lora_magnitude_vector": np.ones(6, np.float32) for target in targets}
    for more, words in ((alphas, "1 module has no alpha, beside others"), (stretches, "1 module has no magnitudes")):
        path, _ = write(tmp_path, PLAIN, {}, more=more)
        found = inspect_file(str(path), SHAPES).inspection
        assert (found.verdict, words in found.reason) == (Verdict.PARTIAL, True)
        assert "'transformer.proj_out.lora_A.weight'" in found.reason
    said = {"r": 2, "lora_alpha": 1}
    path, _ = write(tmp_path, PACKED, said, more=alphas)
    assert inspect_file(str(path), SHAPES).inspection.verdict is Verdict.ENGAGED


def test_a_module_that_was_trained_whole_and_is_not_there_makes_it_partial(tmp_path: Path) -> None:
    config = {"r": 2, "lora_alpha": 2, "modules_to_save": ["x_embedder"]}
    path, _ = write(tmp_path, PACKED, config)
    found = inspect_file(str(path), SHAPES).inspection
    assert (found.verdict, "x_embedder was trained whole" in found.reason) == (Verdict.PARTIAL, True)


@pytest.mark.parametrize(("trained", "verdict"), [(0, Verdict.NOOP), (2, Verdict.PARTIAL), (5, Verdict.ENGAGED)])
def test_magnitudes_beside_matrices_of_zeros_are_those_before_training(
    tmp_path: Path, trained: int, verdict: Verdict
) -> None:
    tensors: dict[str, Any] = {}
    for place, (target, (rows, columns)) in enumerate(SHAPES.items()):
        tensors[f"transformer.{target}.lora_A.weight"] = np.ones((1, columns), np.float32)
        tensors[f"transformer.{target}.lora_B.weight"] = np.full((rows, 1), float(place < trained), np.float32)
        tensors[f"transformer.{target}.lora_magnitude_vector"] = np.ones(rows, np.float32)
    path = write_tensors(tmp_path / "a.safetensors", tensors)
    found = inspect_file(str(path), SHAPES).inspection
    assert (found.verdict, found.applied_target_count) == (verdict, trained if verdict is not Verdict.NOOP else 0)
    assert ("as before the first step of training" in found.reason) is (trained < len(SHAPES))
