"""What each trainer is given is what it reads: by its own code where it is here, else by the rules it documents."""

import json
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from kilnmark.lab.dataset.errors import DatasetChanged, LayoutUnwritable
from kilnmark.lab.dataset.layouts import found_dataset
from kilnmark.lab.dataset.written.trainers import WRITERS, Writing, steps_taken, trainers_of, write_for
from kilnmark.lab.run.plan import LoraKind, TrainingPlan
from kilnmark.protocol.picture.catalog import VARIANTS
from tests.lab.dataset.drawn import TRIGGER, dataset, everything, looked, picture

NUMBERS = TrainingPlan(steps=1000, save_every=250, rank=8, learning_rate=2e-4, seed=3)


def _given(
    tmp_path: Path,
    trainer: str,
    base: str = "mini",
    kind: LoraKind = "style",
    caption: str = TRIGGER,
    numbers: TrainingPlan = NUMBERS,
) -> Path:
    folder = tmp_path / "set"
    if not folder.exists():
        dataset(folder, 9, caption)
    examined = looked(folder, kind, base=base, most_pairs=40)
    (path,) = write_for(examined, [trainer], Writing(tmp_path / "out", "ink", numbers, tmp_path / "trained"))
    return path


@pytest.mark.parametrize("base", [name for name, row in VARIANTS.items() if "mflux" in row.trained_as])
def test_mflux_train_reads_its_configuration(tmp_path: Path, base: str) -> None:
    from mflux.models.common.training.state.training_spec import TrainingSpec

    path = _given(tmp_path, "mflux", base)
    config = json.loads(path.read_text())
    spec = TrainingSpec.from_conf(config, str(path), create_output_dir=False)
    assert [(item.image.name, item.prompt) for item in spec.data] == [(f"{n:04}.png", TRIGGER) for n in range(1, 10)]
    assert (spec.training_loop.num_epochs, spec.training_loop.batch_size) == (112, 1)
    assert (spec.seed, spec.max_resolution, spec.is_edit, spec.monitoring) == (3, 64, False, None)
    assert spec.checkpoint.output_path == str(tmp_path / "trained")
    assert {target.rank for target in spec.lora_layers.targets} == {8}
    assert spec.lora_layers.targets


@pytest.mark.parametrize(("steps", "pairs", "taken"), [(1000, 150, 1050), (900, 150, 900), (4, 150, 150)])
def test_mflux_train_ends_after_a_whole_pass(steps: int, pairs: int, taken: int) -> None:
    assert steps_taken("mflux", steps, pairs) == taken
    assert steps_taken("ai-toolkit", steps, pairs) == steps_taken("mflux", steps, 0) == steps


def test_mflux_train_is_told_of_layers_that_the_base_has(tmp_path: Path) -> None:
    from kilnmark.keymaps.names.shapes import load_shapes

    config = json.loads(_given(tmp_path, "mflux").read_text())
    paths = [
        target["module_path"].format(block=block)
        for target in config["lora_layers"]["targets"]
        for block in range(target["blocks"]["start"], target["blocks"]["end"])
    ]
    shapes = load_shapes("mini")
    assert set(paths) <= set(shapes)
    assert {"transformer_blocks.0.attn.to_q", "single_transformer_blocks.5.attn.to_out"} <= set(paths)
    assert not [path for path in paths if shapes[path][1] == 1 or "modulation" in path or "encoder" in path]


@pytest.mark.parametrize(
    ("kind", "caption", "noise"),
    [("style", TRIGGER, "style"), ("subject", f"a photo of {TRIGGER} on the grass", "sigmoid")],
)
def test_mflux_train_learns_each_kind_at_its_noise(tmp_path: Path, kind: LoraKind, caption: str, noise: str) -> None:
    config = json.loads(_given(tmp_path, "mflux", kind=kind, caption=caption).read_text())
    assert config["training_loop"]["timestep_type"] == noise


def test_a_runs_own_entries_stand_over_those_that_are_written(tmp_path: Path) -> None:
    own = {"steps": 4, "optimizer": {"name": "Lion", "lr_warmup_steps": 50}}
    config = json.loads(_given(tmp_path, "mflux", numbers=TrainingPlan(learning_rate=2e-4, own=own)).read_text())
    assert config["optimizer"] == {"name": "Lion", "learning_rate": 2e-4, "lr_warmup_steps": 50}
    assert (config["steps"], config["seed"]) == (4, 42)


def test_a_job_of_ai_toolkit_has_them_in_its_process(tmp_path: Path) -> None:
    numbers = TrainingPlan(trainer="ai-toolkit", own={"train": {"batch_size": 2}})
    job = yaml.safe_load(_given(tmp_path, "ai-toolkit", "dev", numbers=numbers).read_text())
    assert (job["config"]["process"][0]["train"]["batch_size"], job["config"]["name"]) == (2, "ink")


def test_own_entries_for_a_trainer_that_reads_no_file_of_choices_are_refused() -> None:
    with pytest.raises(ValidationError, match="own is for trainers with a file of choices, mflux and ai-toolkit"):
        TrainingPlan(trainer="kohya", own={"seed": 1})


def test_mlx_examples_reads_its_list(tmp_path: Path) -> None:
    """As `LocalDataset` of its `flux/flux/datasets.py` does: each line by itself, pictures from the list's folder."""
    caption = f"a photo of {TRIGGER} in Zoë's café, „quoted“"
    path = _given(tmp_path, "mlx-examples", "dev", "subject", caption)
    entries = [json.loads(line) for line in path.read_text(encoding="ascii").split("\n")[:-1]]
    assert [entry["prompt"] for entry in entries] == [caption] * 9
    assert all((path.parent / entry["image"]).is_file() for entry in entries)
    assert path.name == "train.jsonl"
    assert len(found_dataset(path).pictures) == 9


def test_ai_toolkit_reads_its_job(tmp_path: Path) -> None:
    job = yaml.safe_load(_given(tmp_path, "ai-toolkit", "z-image-turbo").read_text())
    (process,) = job["config"]["process"]
    assert (job["job"], job["config"]["name"], process["type"]) == ("extension", "ink", "sd_trainer")
    assert process["network"] == {"type": "lora", "linear": 8, "linear_alpha": 8}
    assert process["model"]["arch"] == "zimage"
    assert process["model"]["assistant_lora_path"].startswith("ostris/")
    assert (process["train"]["steps"], process["train"]["lr"]) == (1000, 2e-4)
    assert process["save"]["max_step_saves_to_keep"] >= 1000 // process["save"]["save_every"]
    (data,) = process["datasets"]
    assert (data["folder_path"], data["resolution"]) == (str(tmp_path / "out/pictures"), [64])
    assert "trigger_word" not in process


def test_an_undistilled_base_needs_no_assistant(tmp_path: Path) -> None:
    job = yaml.safe_load(_given(tmp_path, "ai-toolkit", "z-image").read_text())
    assert "assistant_lora_path" not in job["config"]["process"][0]["model"]


def test_kohya_reads_its_dataset(tmp_path: Path) -> None:
    config = tomllib.loads(_given(tmp_path, "kohya", "dev").read_text())
    (found,) = config["datasets"]
    assert (found["resolution"], found["batch_size"], found["enable_bucket"]) == (64, 1, True)
    assert found["min_bucket_reso"] % found["bucket_reso_steps"] == found["max_bucket_reso"] % 64 == 0
    assert found["min_bucket_reso"] <= found["resolution"] <= found["max_bucket_reso"]
    assert found["subsets"] == [{"image_dir": str(tmp_path / "out/pictures"), "num_repeats": 1}]
    assert config["general"]["caption_extension"] == ".txt"


def test_a_remote_trainer_gets_pictures_beside_their_captions(tmp_path: Path) -> None:
    with zipfile.ZipFile(_given(tmp_path, "remote")) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:4] == ["0001.png", "0001.txt", "0002.png", "0002.txt"]
        assert archive.read("0001.png") == (tmp_path / "set/a00.png").read_bytes()
        assert archive.read("0001.txt") == TRIGGER.encode()


def test_the_same_dataset_comes_to_the_same_zip_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = _given(tmp_path / "one", "remote").read_bytes()
    shutil.copytree(tmp_path / "one/set", tmp_path / "two/set", copy_function=shutil.copyfile)
    assert _given(tmp_path / "two", "remote").read_bytes() == first


def test_a_zip_of_a_picture_that_changed_since_is_not_made(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", 9)
    examined = looked(folder)
    picture(50).save(folder / "a00.png")
    with pytest.raises(DatasetChanged):
        write_for(examined, ["remote"], Writing(tmp_path / "out", "ink", NUMBERS, tmp_path / "trained"))
    assert not list((tmp_path / "out").glob("*pictures.zip*"))


@pytest.mark.parametrize("trainer", WRITERS)
def test_no_writer_changes_the_dataset(tmp_path: Path, trainer: str) -> None:
    folder = dataset(tmp_path / "set", 9)
    before = everything(folder)
    _given(tmp_path, trainer, "z-image" if trainer != "mlx-examples" else "dev")
    assert everything(folder) == before


def test_a_trainer_that_has_nothing_for_a_base_is_refused(tmp_path: Path) -> None:
    assert trainers_of("mini") == ("mflux", "kohya", "remote")
    assert trainers_of("dev") == ("mlx-examples", "ai-toolkit", "kohya", "remote")
    for trainer in set(WRITERS) - set(trainers_of("standin")):
        with pytest.raises(LayoutUnwritable, match="does not train standin"):
            _given(tmp_path, trainer, "standin")
