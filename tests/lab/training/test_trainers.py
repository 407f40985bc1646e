"""The table of trainers: each row's command as it is run, its checkpoints' names, and a writer of datasets for each."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kilnmark.lab.dataset.written.trainers import WRITERS
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import DatasetPlan, RunPlan, TrainingPlan
from kilnmark.lab.training.commands import started_in, whole_command
from kilnmark.lab.training.errors import TrainerUnusable
from kilnmark.lab.training.trainers import TRAINERS, trainer_of

DATA, CONFIG, OUTPUT = Path("/r/data"), Path("/r/config"), Path("/r/out")


def plan(trainer: str, base: str = "dev", **training: Any) -> RunPlan:
    chosen = TrainingPlan(trainer=trainer, steps=600, save_every=50, rank=8, **training)
    return RunPlan(
        name="ink", kind="style", trigger="zxink", base=base, dataset=DatasetPlan(path="../set"), training=chosen
    )


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Iterator[Run]:
    new_run(tmp_path / "run", plan("mflux"))
    for name in ("mlx/flux", "toolkit"):
        (tmp_path / name).mkdir(parents=True)
    with open_run(tmp_path / "run") as run:
        yield run


def command_of(run: Run, chosen: RunPlan, resume: Path | None = None) -> tuple[str, ...]:
    run.plan = chosen
    trainer = trainer_of(chosen)
    return whole_command(run, trainer, config=CONFIG, data=DATA, output=OUTPUT, resume=resume)


def test_a_dataset_is_written_for_every_trainer() -> None:
    assert set(TRAINERS) == set(WRITERS)


def test_mflux_is_begun_and_gone_on_with(run: Run) -> None:
    program, *words = command_of(run, plan("mflux", "flux2-klein-4b"))
    assert (Path(program).name, words) == ("mflux-train", ["--config", "/r/config"])
    assert command_of(run, plan("mflux", "flux2-klein-4b"), Path("/r/c.zip"))[1:] == ("--resume", "/r/c.zip")


def test_mini_has_a_program_of_our_own(run: Run) -> None:
    module = ("-P", "-m", "kilnmark.engine.families.flux2.training")
    assert command_of(run, plan("mflux", "mini")) == (sys.executable, *module, "--config", "/r/config")
    assert command_of(run, plan("mflux", "mini"), Path("/c.zip")) == (sys.executable, *module, "--resume", "/c.zip")


def test_mlx_examples_is_given_all_numbers(run: Run) -> None:
    chosen = plan("mlx-examples", checkout="../mlx")
    text = " ".join(command_of(run, chosen))
    assert text == (
        f"{sys.executable} dreambooth.py --model dev --iterations 600 --checkpoint-every 50 --progress-every 50 "
        "--lora-rank 8 --learning-rate 0.0001 --progress-prompt zxink --output-dir /r/out /r/data"
    )
    assert started_in(run, trainer_of(chosen)) == run.folder.parent / "mlx" / "flux"


def test_ai_toolkit_is_started_in_its_checkout(run: Run) -> None:
    chosen = plan("ai-toolkit", checkout="../toolkit")
    assert command_of(run, chosen) == (sys.executable, "run.py", "/r/config")
    assert started_in(run, trainer_of(chosen)) == run.folder.parent / "toolkit"


def test_a_command_of_ones_own_takes_the_place_of_the_usual(run: Run) -> None:
    own = ("{python}", "x.py", "--rank={rank}", "{resume}", "{name}.safetensors")
    chosen = plan("kohya", checkout="../toolkit", command=own)
    assert command_of(run, chosen) == (sys.executable, "x.py", "--rank=8", "ink.safetensors")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (plan("nobody"), "none of that name; choose one of mflux, mlx-examples, ai-toolkit, kohya, remote"),
        (plan("mflux", "klein"), "'klein' is no variant"),
        (plan("remote"), r"write a section \[training.remote\]"),
        (plan("ai-toolkit"), r"give \[training\] checkout"),
        (plan("kohya", checkout="."), r"give \[training\] command"),
    ],
)
def test_what_does_not_go_together_is_told(chosen: RunPlan, said: str) -> None:
    with pytest.raises(TrainerUnusable, match=said):
        trainer_of(chosen)


def test_a_checkout_that_is_not_there_is_told(run: Run) -> None:
    with pytest.raises(TrainerUnusable, match=r"there is no folder .*nowhere; correct \[training\] checkout"):
        command_of(run, plan("ai-toolkit", checkout="../nowhere"))


@pytest.mark.parametrize(
    ("trainer", "name", "step"),
    [
        ("mflux", "checkpoints/0000200_checkpoint.zip", 200),
        ("mlx-examples", "0000200_adapters.safetensors", 200),
        ("ai-toolkit", "ink/ink_000000200.safetensors", 200),
        ("kohya", "ink-step00000200.safetensors", 200),
        ("mflux", "preview/0000200.png", None),
        ("ai-toolkit", "ink/optimizer.pt", None),
        ("kohya", "ink-step00000200-state/model.safetensors", None),
    ],
)
def test_checkpoints_are_known_by_their_names(trainer: str, name: str, step: int | None) -> None:
    found = [matched for pattern in TRAINERS[trainer].checkpoints if (matched := pattern.fullmatch(name))]
    assert [int(matched["step"]) for matched in found] == ([] if step is None else [step])
