"""Training by mflux's classes around `mini`: what is written, gone on with, ended by a signal, and refused."""

import json
import os
import signal
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mflux.models.common.training.dataset.dataset import Dataset
from mflux.models.common.training.state.training_spec import TrainingSpec
from mflux.models.common.training.trainer import TrainingTrainer
from mflux.utils.exceptions import StopTrainingException
from PIL import Image
from safetensors.numpy import load

from kilnmark.engine.families.flux2.schooling import StepsTold, StoppableBatches, WholeCheckpoints
from kilnmark.engine.families.flux2.training import TrainingRefused, main, read_spec
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.names.shapes import load_shapes

TARGETS = [
    {"module_path": "single_transformer_blocks.{block}.attn.to_out", "blocks": {"start": 4, "end": 6}, "rank": 2}
]
MODULES = [f"single_transformer_blocks.{block}.attn.to_out" for block in (4, 5)]


def write_dataset(folder: Path, count: int = 2) -> Path:
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (32, 32), (200, 40 * number, 90)).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text("kilnprint\n")
    return folder


def configured(folder: Path, **changes: Any) -> Path:
    """A configuration in a folder, with some of its entries changed; the dataset is made where there is none."""
    if not (folder / "data").exists():
        write_dataset(folder / "data")
    config: dict[str, Any] = {
        "model": "mini",
        "data": "data",
        "seed": 3,
        "steps": 4,
        "training_loop": {"num_epochs": 1, "batch_size": 1},
        "optimizer": {"name": "AdamW", "learning_rate": 1e-2},
        "checkpoint": {"save_frequency": 1, "output_path": str(folder / "trained")},
        "lora_layers": {"targets": TARGETS},
    }
    path = folder / "config.json"
    path.write_text(json.dumps(config | changes))
    return path


def adapter_in(checkpoint: Path) -> Mapping[str, np.ndarray]:
    with zipfile.ZipFile(checkpoint) as whole:
        (name,) = [name for name in whole.namelist() if name.endswith("_adapter.safetensors")]
        return load(whole.read(name))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two checkpoints, one a step."""
    folder = tmp_path_factory.mktemp("training")
    assert main(["--config", str(configured(folder, low_ram=True))]) == 0
    return folder / "trained" / "checkpoints"


def test_checkpoints_appear_under_mfluxs_names_and_nothing_else_does(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == ["0000001_checkpoint.zip", "0000002_checkpoint.zip"]
    assert sorted(path.name for path in trained.parents[1].iterdir()) == ["config.json", "data", "trained"]


def test_a_checkpoint_holds_all_that_mflux_goes_on_from(trained: Path) -> None:
    with zipfile.ZipFile(trained / "0000002_checkpoint.zip") as whole:
        names = set(whole.namelist())
        losses = json.loads(whole.read("0000002_loss.json"))["step_loss"]
    kinds = ("optimizer.safetensors", "adapter.safetensors", "iterator.json", "loss.json", "config.json")
    assert names == {f"0000002_{kind}" for kind in kinds} | {"checkpoint.json", "run.json"}
    assert [entry["step"] for entry in losses] == [1, 2]
    assert all(entry["loss"] > 0 for entry in losses)


def test_what_was_trained_is_read_by_the_product_and_does_something(trained: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(trained / "0000002_checkpoint.zip") as whole:
        file = tmp_path / "adapter.safetensors"
        file.write_bytes(whole.read("0000002_adapter.safetensors"))
    adapter = read_adapter(file, load_shapes("mini"))
    assert (adapter.matched_key_count, adapter.total_key_count) == (4, 4)
    assert sorted(update.target for update in adapter.updates) == MODULES
    assert all(np.abs(values).max() > 0 for values in adapter_in(trained / "0000002_checkpoint.zip").values())


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # mflux leaves the files of a checkpoint open
def test_a_training_that_is_gone_on_with_ends_as_one_that_never_stopped(trained: Path) -> None:
    last = trained / "0000002_checkpoint.zip"
    never_stopped = adapter_in(last)
    last.rename(trained.parent / "aside.zip")
    assert main(["--resume", str(trained / "0000001_checkpoint.zip")]) == 0
    for name, values in adapter_in(last).items():
        np.testing.assert_allclose(values, never_stopped[name], rtol=1e-4, atol=1e-6, err_msg=name)


def spec_of(folder: Path, **changes: Any) -> TrainingSpec:
    return read_spec(configured(folder, **changes), None, makes_folder=False)


def test_a_signal_ends_a_training_between_two_steps(tmp_path: Path) -> None:
    steps = StoppableBatches.begun(spec_of(tmp_path), Dataset(["one", "other"]))
    question = TrainingTrainer._step_is_finite
    with StepsTold(WholeCheckpoints(steps, None, None)):
        assert next(steps).data
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(StopTrainingException, match="SIGTERM after step 1"):
            next(steps)
    assert steps.to_dict()["position"] == 1, "the step that was not done is to be done when it goes on"
    assert TrainingTrainer._step_is_finite is question


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"lora_layers": {"targets": [TARGETS[0] | {"alpha": 4}]}},
            "alpha 4 of .* leave it out, or make it the rank, 2",
        ),
        ({"lora_layers": {}}, "must include lora_layers.targets"),
        ({"steps": 0}, "timestep_high"),
        ({"data": "nowhere"}, "nowhere"),
        ({"seed": 1, "optimizer": {"name": "AdamW"}}, "learning_rate"),
    ],
)
def test_what_is_configured_wrongly_is_refused_before_anything_is_loaded(
    tmp_path: Path, changes: Mapping[str, Any], told: str
) -> None:
    with pytest.raises(TrainingRefused, match=told):
        spec_of(tmp_path, **changes)


def test_pairs_of_pictures_are_refused(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", 1)
    (data / "0.png").rename(data / "0_out.png")
    (data / "0.txt").rename(data / "0_in.txt")
    Image.new("RGB", (32, 32)).save(data / "0_in.png")
    with pytest.raises(TrainingRefused, match="mflux-train alone"):
        spec_of(tmp_path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": "dev"}, "dev is dev, which is no FLUX.2-klein"),
        ({"model_path": "/nowhere"}, "/nowhere"),
        ({"lora_layers": {"targets": [{"module_path": "blocks.of.none", "rank": 2}]}}, "no attribute 'blocks'"),
    ],
)
def test_what_cannot_be_trained_ends_with_a_sentence(
    tmp_path: Path, changes: Mapping[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(configured(tmp_path, **changes))]) == 1
    said = capsys.readouterr().err
    assert said.startswith("training was refused: ")
    assert told in said


def test_a_dry_run_leaves_nothing(tmp_path: Path) -> None:
    assert main(["--config", str(configured(tmp_path)), "--dry-run"]) == 0
    assert not (tmp_path / "trained").exists()
